// The Cornerstone builds of CharLS, OpenJPEG and OpenJPH share one interface.

/** A function from a codestream and the pixel module to cells. */
export function wasmDecoder(start, wasmBinary, name) {
  let library;
  return async (stream, module) => {
    library ??= start({ wasmBinary });
    const decoder = new (await library)[name]();
    try {
      decoder.getEncodedBuffer(stream.length).set(stream);
      decoder.decode();
      const info = decoder.getFrameInfo();
      if (info.width !== module.columns || info.height !== module.rows) throw new Error("Its codestream has another size than its header.");
      const bytes = decoder.getDecodedBuffer().slice();
      const Cells = info.bitsPerSample > 8 ? Uint16Array : Uint8Array;
      return new Cells(bytes.buffer, 0, info.width * info.height * info.componentCount);
    } catch (error) {
      // What C++ throws arrives as a number.
      throw error instanceof Error ? error : new Error("Its compressed picture is damaged.");
    } finally {
      decoder.delete();
    }
  };
}
