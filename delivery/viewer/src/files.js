// The DICOM files themselves, once their folder was dropped or chosen: every pixel of every frame.
import { bitmap } from "./frames.js";
import { BIG_ENDIAN, codestream, opened, pixelElement, uidOf } from "./dicom.js";
import { described, storedValues } from "./cells.js";
import { counted } from "./pixels.js";
import { script } from "./store.js";
import { unrolled } from "./rle.js";

const JPEG = "1.2.840.10008.1.2.4.";
const NATIVE = new Set(["1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.1.99", BIG_ENDIAN]);
const RLE = "1.2.840.10008.1.2.5";
const BASELINE = `${JPEG}50`;
const SOI = 2, RGB_MARKER = [0xff, 0xee, 0, 14, ...new TextEncoder().encode("Adobe"), 0, 100, 0, 0, 0, 0, 0];
const DECODERS = new Map([
  ["JPEGLL", ["57", "70"]], ["JPEGLS", ["80", "81"]], ["JPEG2K", ["90", "91"]], ["HTJ2K", ["201", "202", "203"]],
].flatMap(([name, ends]) => ends.map((end) => [JPEG + end, name])));

let last = { file: undefined, read: undefined };

/** Decode one frame of `frame.instance.dropped` (a File). */
export async function wholeFrame(frame) {
  const { data, syntax } = await read(frame.instance);
  const module = described(data);
  if (!(frame.index < module.frames)) throw new Error("It has fewer frames than expected.");
  if (syntax === BASELINE) return asPixels(await bitmap(marked(codestream(data, frame.index, module.frames), module), "image/jpeg"), module);
  if (!NATIVE.has(syntax)) module.planar = false; // decoders interleave
  const cells = await decoded(data, syntax, module, frame.index);
  if (!frame.about?.grey && module.samples === 1) return coloured(tinted(cells, data, module), { ...module, photometric: "RGB", planar: true, stored: 8 });
  if (module.samples === 3) return coloured(cells, module);
  return counted(storedValues(cells, module), module.rows, module.columns);
}

/** The file's data set, checked to be the instance that it is taken for. */
export async function read(instance) {
  if (last.file !== instance.dropped) last = { file: instance.dropped, read: parsed(instance) };
  return last.read;
}

async function parsed(instance) {
  const found = await opened(new Uint8Array(await instance.dropped.arrayBuffer()));
  const uid = found.data.string("x00080018");
  if (uid && uid !== instance.uid) throw new Error("This file is another image than the parcel's.");
  return found;
}

async function decoded(data, syntax, module, index) {
  if (NATIVE.has(syntax)) return native(data, syntax, module, index);
  const stream = codestream(data, index, module.frames);
  if (syntax === RLE) return unrolled(stream, module);
  const name = DECODERS.get(syntax);
  if (!name) throw new Error("Its compression is not one that this viewer knows.");
  const decode = await script(name);
  return decode(stream, module);
}

function native(data, syntax, module, index) {
  const element = pixelElement(data);
  const count = module.rows * module.columns * module.samples;
  const size = module.allocated / 8;
  const start = element.dataOffset + index * count * size;
  if ((index + 1) * count * size > element.length) throw new Error("Its pixel data is shorter than its header says.");
  const raw = data.byteArray.slice(start, start + 2 * Math.ceil((count * size) / 2));
  if (syntax === BIG_ENDIAN) swap(raw, size === 1 && element.vr === "OW" ? 2 : size);
  return new module.Cells(raw.buffer, 0, count);
}

function swap(raw, size) {
  for (let i = 0; i + size <= raw.length; i += size) raw.subarray(i, i + size).reverse();
}

/** Samples of red, green and blue, or of luminance and colour, as a picture of 8 bits. */
async function coloured(samples, module) {
  const deep = module.stored - 8;
  const cells = deep > 0 ? samples.map((sample) => sample >>> deep) : samples;
  const image = new ImageData(module.columns, module.rows);
  const count = module.rows * module.columns;
  const [pixel, sample] = module.planar ? [1, count] : [3, 1];
  const convert = module.photometric.startsWith("YBR_FULL") ? fromYbr : (a, b, c) => [a, b, c];
  for (let i = 0; i < count; i++) {
    const at = i * pixel;
    image.data.set(convert(cells[at], cells[at + sample], cells[at + 2 * sample]), 4 * i);
    image.data[4 * i + 3] = 255;
  }
  return { bitmap: await createImageBitmap(image), rows: module.rows, columns: module.columns };
}

/** A palette (PS3.3 C.7.6.3.1.5): all red, then all green, then all blue. */
function tinted(cells, data, module) {
  if (module.photometric !== "PALETTE COLOR") throw new Error("Its colours are not ones that this viewer knows.");
  const values = storedValues(cells, module);
  const colours = new Uint8Array(3 * values.length);
  for (const [place, end] of ["1", "2", "3"].entries()) {
    const table = data.elements[`x0028120${end}`];
    if (!table) throw new Error("Its palette is written in a way that this viewer does not know.");
    const [count, first, bits] = [0, 1, 2].map((i) => data.uint16(`x0028110${end}`, i));
    const packed = bits <= 8 && table.length <= (count || 65536) + 1;
    const entry = (i) => (packed ? data.byteArray[table.dataOffset + i] : data.uint16(`x0028120${end}`, i) >> (bits > 8 ? 8 : 0));
    const levels = Uint8Array.from({ length: count || 65536 }, (_, i) => entry(i));
    for (let i = 0; i < values.length; i++) colours[place * values.length + i] = levels[Math.min(Math.max(values[i] - first, 0), levels.length - 1)];
  }
  return colours;
}

const fromYbr = (y, b, r) => [y + 1.402 * (r - 128), y - 0.344136 * (b - 128) - 0.714136 * (r - 128), y + 1.772 * (b - 128)];

/** Only Adobe's marker keeps a browser from a colour transform that the header says was never done. */
function marked(stream, { photometric }) {
  return photometric === "RGB" ? new Blob([stream.subarray(0, SOI), new Uint8Array(RGB_MARKER), stream.subarray(SOI)]) : stream;
}

/** A grey JPEG of 8 bits comes from the browser as a picture: back to values. */
function asPixels(picture, module) {
  if (module.samples === 3) return picture;
  const canvas = new OffscreenCanvas(picture.columns, picture.rows);
  const context = canvas.getContext("2d");
  context.drawImage(picture.bitmap, 0, 0);
  const { data } = context.getImageData(0, 0, picture.columns, picture.rows);
  const cells = new Uint8Array(data.length / 4);
  for (let i = 0; i < cells.length; i++) cells[i] = data[4 * i];
  return counted(storedValues(cells, module), picture.rows, picture.columns);
}

/** Files of a drop (folders are walked) or of a file dialog, by path. */
export async function* dropped(transfer) {
  const entries = [...(transfer.items ?? [])].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.length) yield* [...transfer.files].map((file) => [file.webkitRelativePath || file.name, file]);
  for (const entry of entries) yield* walked(entry);
}

async function* walked(entry) {
  if (entry.isFile) {
    yield [entry.fullPath, await new Promise((resolve, reject) => entry.file(resolve, reject))];
    return;
  }
  const reader = entry.createReader();
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) return;
    for (const one of some) yield* walked(one);
  }
}

/** Give every instance its file, by path (DICOM/S00001/I00001), or by UID when files were chosen one by one. */
export async function matched(instances, transfer) {
  const byPath = new Map(instances.map((one) => [one.file, one]));
  const byUid = new Map(instances.map((one) => [one.uid, one]));
  let count = 0;
  for await (const [path, file] of dropped(transfer)) {
    const instance = byPath.get(path.split("/").slice(-3).join("/")) ?? byUid.get(await uidOf(file));
    if (!instance) continue;
    instance.dropped = file;
    count++;
  }
  return count;
}
