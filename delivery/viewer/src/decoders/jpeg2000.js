import start from "@cornerstonejs/codec-openjpeg/decodewasmjs";
import wasm from "@cornerstonejs/codec-openjpeg/decodewasm";
import { wasmDecoder } from "./wasm.js";

globalThis.carrierbag("JPEG2K", wasmDecoder(start, wasm, "J2KDecoder"));
