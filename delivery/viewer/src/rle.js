// RLE (PS3.5 annex G): a header of 64 bytes, then a segment for each byte of a cell, high byte first.

export function unrolled(stream, { rows, columns, samples, allocated, Cells }) {
  const head = new DataView(stream.buffer, stream.byteOffset, 64);
  const count = rows * columns, size = allocated / 8;
  const raw = new Uint8Array(count * size * samples);
  for (let segment = 0; segment < head.getUint32(0, true); segment++) {
    const sample = Math.floor(segment / size), byte = size - 1 - (segment % size);
    const start = head.getUint32(4 + 4 * segment, true), end = head.getUint32(8 + 4 * segment, true) || stream.length;
    unpacked(stream.subarray(start, end), raw, sample * size + byte, samples * size, count);
  }
  return new Cells(raw.buffer);
}

function unpacked(packed, raw, offset, stride, count) {
  for (let i = 0, done = 0; i < packed.length - 1 && done < count; ) {
    const control = packed[i++];
    if (control === 128) continue;
    const length = control < 128 ? control + 1 : 257 - control;
    for (let k = 0; k < length && done < count; k++, done++) raw[offset + done * stride] = packed[control < 128 ? i + k : i];
    i += control < 128 ? length : 1;
  }
}
