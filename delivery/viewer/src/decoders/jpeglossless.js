import { Decoder } from "jpeg-lossless-decoder-js";

globalThis.carrierbag("JPEGLL", (stream, { Cells }) => {
  const data = stream.slice();
  return new Cells(new Decoder().decompress(data.buffer, 0, data.length));
});
