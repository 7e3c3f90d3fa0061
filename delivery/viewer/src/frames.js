// Pixels of frames, kept while there is room for them: quick looks from scripts, whole frames from dropped files.
import { bytes, fromBase64, inflate } from "./store.js";
import { unpredicted } from "./pixels.js";
import { wholeFrame } from "./files.js";

const ROOM = matchMedia("(pointer: coarse)").matches ? 120e6 : 400e6; // phones end a page that takes too much
const kept = new Map(); // by key, least recently used first
let used = 0;

/** A frame is { instance, index, about }, with `file` once its DICOM file was dropped. */
export function ready(frame) {
  const pixels = kept.get(keyOf(frame));
  if (pixels instanceof Promise || !pixels) return undefined;
  kept.delete(keyOf(frame));
  kept.set(keyOf(frame), pixels);
  return pixels;
}

/** Its pixels, or an error that says why there are none. */
export async function pixelsOf(frame) {
  const key = keyOf(frame);
  if (!kept.has(key)) {
    const coming = (frame.instance.dropped ? whole(frame) : quickLook(frame)).then(async (pixels) => {
      pixels.masks = await Promise.all((frame.about?.masks ?? []).map(async (mask) => ({ ...mask, bits: await inflate(fromBase64(mask.bits)) })));
      return pixels;
    }).then(
      (pixels) => { keep(key, pixels); return pixels; },
      (error) => { kept.delete(key); throw error; },
    );
    kept.set(key, coming);
  }
  return kept.get(key);
}

function keep(key, pixels) {
  kept.delete(key);
  kept.set(key, pixels);
  used += weight(pixels);
  for (const [old, other] of kept) {
    if (used <= ROOM || old === key) break;
    if (other instanceof Promise) continue;
    kept.delete(old);
    used -= weight(other);
  }
}

const keyOf = (frame) => `${frame.instance.file}/${frame.index}/${frame.instance.dropped ? "whole" : "quick"}`;
const weight = (pixels) => (pixels.bitmap ? pixels.rows * pixels.columns * 4 : pixels.cells.byteLength);

/** From its file; what this viewer cannot decode is still there as a quick look. */
async function whole(frame) {
  if (frame.instance.withdrawn) throw new Error(frame.instance.problem);
  try {
    return await wholeFrame(frame);
  } catch (error) {
    if (!frame.about?.at) throw error;
    return { ...(await quickLook(frame)), lacking: error.message };
  }
}

async function quickLook({ about, instance }) {
  if (!about?.at) throw new Error(instance.problem ?? "No quick look was made. Drop the unpacked folder here to see it.");
  const data = await bytes(about.at);
  if (about.coding === "jpeg") return bitmap(data, "image/jpeg");
  const { rows, columns, base, step } = about;
  return { rows, columns, base, step, ...unpredicted(await inflate(data), rows, columns) };
}

/** A picture in colour, which has no window. */
export async function bitmap(data, type) {
  const image = await createImageBitmap(new Blob([data], { type }));
  return { bitmap: image, rows: image.height, columns: image.width };
}
