import start from "@cornerstonejs/codec-openjph/wasmjs";
import wasm from "@cornerstonejs/codec-openjph/wasm";
import { wasmDecoder } from "./wasm.js";

globalThis.carrierbag("HTJ2K", wasmDecoder(start, wasm, "HTJ2KDecoder"));
