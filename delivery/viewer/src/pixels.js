// Grey pixels are { rows, columns, cells, base, step, max }: stored value = base + step * cell, cells of 16 bits.

/** Undo rendering/predict.py: low bytes, then high bytes, of what prediction left over. */
export function unpredicted(planes, rows, columns) {
  const count = rows * columns;
  const cells = new Uint16Array(count);
  let max = 0;
  for (let y = 0, i = 0; y < rows; y++) {
    for (let x = 0; x < columns; x++, i++) {
      const folded = planes[i] | (planes[count + i] << 8);
      const value = (predicted(cells, columns, x, y, i) + ((folded >> 1) ^ -(folded & 1))) & 0xffff;
      cells[i] = value;
      if (value > max) max = value;
    }
  }
  return { cells, max };
}

function predicted(cells, columns, x, y, i) {
  if (y === 0) return x === 0 ? 0 : cells[i - 1];
  if (x === 0) return cells[i - columns];
  const left = cells[i - 1], above = cells[i - columns], corner = cells[i - columns - 1];
  const low = left < above ? left : above, high = left < above ? above : left;
  const sum = left + above - corner;
  return sum < low ? low : sum > high ? high : sum;
}

/** Stored values of any type as grey pixels; those of more than 16 bits lose what no eye sees. */
export function counted(values, rows, columns) {
  let low = Infinity, high = -Infinity;
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  if (!(low <= high)) low = high = 0;
  const whole = !(values instanceof Float32Array || values instanceof Float64Array);
  const step = whole && high - low < 65536 ? 1 : (high - low) / 65535 || 1;
  const cells = new Uint16Array(values.length);
  for (let i = 0; i < cells.length; i++) cells[i] = step === 1 ? values[i] - low : Math.round((values[i] - low) / step);
  return { rows, columns, cells, base: low, step, max: Math.round((high - low) / step) };
}

/** Mean of each k x k block, as rendering/reduce.py does it: for pictures shown smaller than they are. */
export function reduced(pixels, k) {
  const rows = Math.floor(pixels.rows / k), columns = Math.floor(pixels.columns / k);
  if (k <= 1 || !rows || !columns) return pixels;
  const cells = new Uint16Array(rows * columns);
  const sums = new Uint32Array(columns);
  const half = (k * k) >> 1;
  for (let y = 0; y < rows; y++) {
    sums.fill(half);
    for (let line = y * k; line < y * k + k; line++) {
      let from = line * pixels.columns;
      for (let x = 0; x < columns; x++) for (let end = from + k; from < end; from++) sums[x] += pixels.cells[from];
    }
    for (let x = 0; x < columns; x++) cells[y * columns + x] = sums[x] / (k * k);
  }
  return { ...pixels, rows, columns, cells };
}

/** What lies over a picture: a shutter, or the lines and letters of overlays. Thin lines stay when it is made smaller. */
export function covered(image, masks) {
  const words = new Uint32Array(image.data.buffer);
  for (const { rows, columns, level, bits } of masks) {
    const word = 0xff000000 | (level * 0x010101);
    for (let y = 0, i = 0; y < rows; y++) {
      const line = Math.floor((y * image.height) / rows) * image.width;
      for (let x = 0; x < columns; x++, i++) {
        if (bits[i >> 3] & (1 << (i & 7))) words[line + Math.floor((x * image.width) / columns)] = word;
      }
    }
  }
}

/** Levels by table into an ImageData. */
export function painted(pixels, table, image) {
  const words = new Uint32Array(image.data.buffer);
  const { cells } = pixels;
  for (let i = 0; i < cells.length; i++) words[i] = table[cells[i]];
}
