import start from "@cornerstonejs/codec-charls/decodewasmjs";
import wasm from "@cornerstonejs/codec-charls/decodewasm";
import { wasmDecoder } from "./wasm.js";

globalThis.carrierbag("JPEGLS", wasmDecoder(start, wasm, "JpegLSDecoder"));
