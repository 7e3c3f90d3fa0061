// The Image Pixel module (PS3.3 C.7.6.3), and from cells to stored values (rendering/values.py).

/** What the header says of its pixels. */
export function described(data) {
  const number = (tag, other) => data.uint16(tag) ?? other;
  const real = data.elements.x7fe00008 ? Float32Array : data.elements.x7fe00009 ? Float64Array : undefined;
  const allocated = real ? 8 * real.BYTES_PER_ELEMENT : number("x00280100", 16);
  const stored = number("x00280101", allocated) || allocated;
  return {
    rows: number("x00280010", 0), columns: number("x00280011", 0),
    samples: number("x00280002", 1), photometric: (data.string("x00280004") ?? "").trim(),
    allocated, stored, high: number("x00280102", stored - 1), signed: number("x00280103", 0) === 1,
    planar: number("x00280006", 0) === 1, frames: Math.max(1, data.intString("x00280008") || 1),
    real: Boolean(real), Cells: real ?? { 8: Uint8Array, 16: Uint16Array, 32: Uint32Array }[allocated] ?? refuse(),
  };
}

function refuse() {
  throw new Error("Its pixels have a size that this viewer does not know.");
}

/** Only BitsStored bits up to HighBit count; signed ones in two's complement. */
export function storedValues(cells, { stored, high, signed, real, allocated }) {
  if (real) return cells;
  const bits = 8 * cells.BYTES_PER_ELEMENT;
  const right = allocated === bits && high >= stored ? high + 1 - stored : 0;
  const left = 32 - Math.min(stored, bits);
  const values = new (signed ? Int32Array : Uint32Array)(cells.length);
  for (let i = 0; i < cells.length; i++) {
    const moved = (cells[i] >>> right) << left;
    values[i] = signed ? moved >> left : moved >>> left;
  }
  return values;
}
