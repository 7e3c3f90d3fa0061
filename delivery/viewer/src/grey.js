// The greyscale pipeline of PS3.3 C.11, as rendering/window.py has it: stored value -> modality -> window -> level.

/** For every cell of `pixels` the pixel to paint: 0xAABBGGRR. `voi` may replace the picture's own. */
export function tableOf(grey, pixels, voi, turned) {
  const table = new Uint32Array(pixels.max + 1);
  const inverted = grey.inverted !== turned;
  for (let cell = 0; cell <= pixels.max; cell++) {
    const stored = pixels.base + pixels.step * cell;
    let level = Math.floor(brightness(modality(stored, grey.modality), voi) * 255 + 0.5);
    if (inverted) level = 255 - level;
    if (grey.padding && stored >= grey.padding[0] && stored <= grey.padding[1]) level = 0;
    table[cell] = 0xff000000 | (level * 0x010101);
  }
  return table;
}

/** Stored to modality values, e.g. Hounsfield units. */
export function modality(stored, step) {
  return step.entries ? lookUp(stored, step) : stored * step.slope + step.intercept;
}

function lookUp(value, lut) {
  const place = Math.min(Math.max(Math.trunc(value) - lut.first, 0), lut.entries.length - 1);
  return lut.entries[place];
}

function brightness(value, voi) {
  if (voi.entries) return Math.min(lookUp(rint(value), voi) / (2 ** voi.bits - 1), 1);
  if (voi.function === "SIGMOID") return 1 / (1 + Math.exp((-4 * (value - voi.centre)) / voi.width));
  if (voi.function === "LINEAR") return ramp(value, voi.centre - 0.5, voi.width - 1);
  return ramp(value, voi.centre, voi.width);
}

function ramp(value, centre, width) {
  if (width <= 0) return value > centre ? 1 : 0;
  return Math.min(Math.max((value - centre) / width + 0.5, 0), 1);
}

function rint(value) {
  const rounded = Math.round(value);
  return Math.abs(value % 1) === 0.5 && rounded % 2 ? rounded - 1 : rounded;
}

/** { centre, width } of any voi. */
export function windowOf(voi) {
  if (!voi.entries) return { centre: voi.centre, width: voi.width };
  return { centre: voi.first + (voi.entries.length - 1) / 2, width: voi.entries.length - 1 };
}

/** A preset for a picture: a window, or a part of the picture's own (rendering/presets.py). */
export function presetFor(grey, preset) {
  if ("width" in preset) return { function: "LINEAR", ...preset };
  const own = windowOf(grey.voi);
  const [low, high] = grey.inverted ? [1 - preset.high, 1 - preset.low] : [preset.low, preset.high];
  const width = (high - low) * own.width;
  const centre = own.centre - own.width / 2 + low * own.width + width / 2;
  return { centre, width, function: grey.voi.entries ? "LINEAR_EXACT" : grey.voi.function };
}
