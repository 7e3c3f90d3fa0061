// One picture on the screen: which frame, how it is windowed, where it lies. The canvas has the picture's own pixels (or
// fewer, when it is shown smaller) and is laid by a CSS transform; what is written over it stands in an SVG.
import { h, s } from "./dom.js";
import { pixelsOf, ready } from "./frames.js";
import { modality, presetFor, tableOf, windowOf } from "./grey.js";
import { covered, painted, reduced } from "./pixels.js";
import { words } from "./measure.js";
import { directions, nameOf } from "./study.js";

const SLOW = 200;
const PIXELATED = 3;
const BAR = [1, 2, 5, 10, 20, 50, 100, 200];

export class Pane {
  constructor(number, changed) {
    this.changed = changed;
    this.canvas = h("canvas", { class: "picture", "aria-hidden": "true" });
    this.drawing = s("svg", { class: "drawing", "aria-hidden": "true" });
    this.corners = Object.fromEntries(["tl", "tr", "bl", "br"].map((at) => [at, h("div", { class: `corner ${at}` })]));
    this.message = h("div", { class: "message", role: "status" });
    this.element = h("section", { class: "pane", tabindex: "0", "aria-label": `Picture ${number}`, "data-pane": number },
      this.canvas, this.drawing, ...Object.values(this.corners), this.message);
    this.ghost = null; // the keyboard's place for the next point of a measurement
    new ResizeObserver(() => this.redraw()).observe(this.element);
  }

  open(series, index = 0) {
    this.series = series;
    this.frames = series.frames;
    this.index = Math.min(index, this.frames.length - 1);
    this.shown = undefined;
    this.drafted = null;
    this.reset();
  }

  /** As the picture came: own window, whole, upright. */
  reset() {
    Object.assign(this, { bare: false, voi: null, inverted: false, zoom: 1, pan: [0, 0], turns: 0, flipped: false });
    this.redraw();
  }

  get frame() {
    return this.frames?.[this.index];
  }

  /** To a frame of the series; beyond its ends nothing happens. */
  go(index) {
    const to = Math.max(0, Math.min(this.frames.length - 1, index));
    if (to === this.index) return;
    this.index = to;
    this.drafted = null;
    this.redraw();
  }

  redraw() {
    if (!this.series || this.scheduled) return;
    this.scheduled = requestAnimationFrame(() => {
      this.scheduled = 0;
      this.draw();
    });
  }

  draw() {
    const frame = this.frame;
    const pixels = ready(frame);
    if (pixels) {
      this.say("");
      this.paint(frame, pixels);
      this.ahead();
      return;
    }
    clearTimeout(this.patience);
    this.patience = setTimeout(() => this.frame === frame && !ready(frame) && this.say("Loading…"), SLOW);
    pixelsOf(frame).then(
      () => this.frame === frame && this.redraw(),
      (error) => this.frame === frame && this.fail(frame, error),
    );
  }

  fail(frame, error) {
    clearTimeout(this.patience);
    this.shown = { frame };
    this.canvas.hidden = true;
    this.drawing.replaceChildren();
    this.letter(frame);
    this.say(error?.message || "It cannot be shown.");
  }

  say(text) {
    clearTimeout(this.patience);
    this.message.textContent = text;
    this.message.hidden = !text;
  }

  /** The neighbours are decoded while somebody looks. */
  ahead() {
    for (const step of [1, -1, 2, 3, 4]) {
      const next = this.frames[this.index + step];
      if (next && !ready(next)) pixelsOf(next).catch(() => {});
    }
  }

  paint(frame, pixels) {
    this.shown = { frame, pixels };
    this.canvas.hidden = false;
    const scale = this.scale() * devicePixelRatio;
    const small = this.smaller(pixels, Math.floor(pixels.columns / (this.size[1] * scale)));
    this.fill(frame, small);
    const matrix = this.matrix().scale(this.size[1] / small.columns, this.size[0] / small.rows);
    this.canvas.style.transform = matrix.toString();
    this.canvas.classList.toggle("pixelated", (scale * this.size[1]) / small.columns > PIXELATED);
    this.letter(frame);
    this.sketch(frame);
    this.changed(this);
  }

  smaller(pixels, k) {
    if (pixels.bitmap || k <= 1) return pixels;
    if (this.reduced?.of !== pixels || this.reduced.k !== k) this.reduced = { of: pixels, k, pixels: reduced(pixels, k) };
    return this.reduced.pixels;
  }

  fill(frame, pixels) {
    const { rows, columns } = pixels;
    if (this.canvas.width !== columns || this.canvas.height !== rows) {
      Object.assign(this.canvas, { width: columns, height: rows });
      this.image = null;
    }
    const context = this.canvas.getContext("2d");
    if (pixels.bitmap) {
      context.drawImage(pixels.bitmap, 0, 0);
      return;
    }
    this.image ??= context.createImageData(columns, rows);
    painted(pixels, tableOf(frame.about.grey, pixels, this.window, this.inverted), this.image);
    if (!this.bare) covered(this.image, pixels.masks);
    context.putImageData(this.image, 0, 0);
  }

  /** Rows and columns of the whole frame. */
  get size() {
    return this.frame.about?.size ?? [1, 1];
  }

  get window() {
    return this.voi ?? this.frame.about?.grey?.voi;
  }

  /** Another window for all of the series; without a function it keeps the one it has. */
  setWindow(centre, width) {
    if (!this.frame.about?.grey) return;
    const kind = this.window.function ?? "LINEAR";
    this.voi = { centre, width: Math.max(kind === "LINEAR" ? 1 : 1e-3, width), function: kind };
    this.redraw();
  }

  preset(one) {
    if (!this.frame.about?.grey) return;
    this.voi = one && presetFor(this.frame.about.grey, one);
    this.redraw();
  }

  /** CSS pixels for one column of the whole frame. */
  scale() {
    const { clientWidth: width, clientHeight: height } = this.element;
    const [rows, columns] = this.size;
    const high = rows * (this.frame.about?.aspect ?? 1);
    const [across, down] = this.turns % 2 ? [high, columns] : [columns, high];
    return Math.max(1e-4, Math.min(width / across, height / down) * this.zoom);
  }

  /** Every column of the frame on one pixel of the screen. */
  actual() {
    this.zoom = this.zoom / (this.scale() * devicePixelRatio);
    this.pan = [0, 0];
    this.redraw();
  }

  /** From columns and rows of the whole frame to CSS pixels in the pane. */
  matrix() {
    const { clientWidth: width, clientHeight: height } = this.element;
    const scale = this.scale();
    const [rows, columns] = this.size;
    return new DOMMatrix()
      .translate(width / 2 + this.pan[0], height / 2 + this.pan[1])
      .scale(this.flipped ? -1 : 1, 1).rotate(90 * this.turns)
      .scale(scale, scale * (this.frame.about?.aspect ?? 1))
      .translate(-columns / 2, -rows / 2);
  }

  /** The place in the frame under a place in the pane. */
  place(x, y) {
    const point = new DOMPoint(x, y).matrixTransform(this.matrix().inverse());
    return [point.x, point.y];
  }

  /** Larger or smaller, with the same place of the frame under (x, y). */
  magnify(factor, x = this.element.clientWidth / 2, y = this.element.clientHeight / 2) {
    const zoom = Math.max(0.2, Math.min(40, this.zoom * factor));
    const by = zoom / this.zoom;
    const middle = [this.element.clientWidth / 2, this.element.clientHeight / 2];
    this.pan = [x, y].map((at, i) => (this.pan[i] + middle[i] - at) * by + at - middle[i]);
    this.zoom = zoom;
    this.redraw();
  }

  move(dx, dy) {
    this.pan = [this.pan[0] + dx, this.pan[1] + dy];
    this.redraw();
  }

  letter(frame) {
    const { about } = frame;
    const lines = (at, ...texts) => this.corners[at].replaceChildren(...texts.filter(Boolean).map((text) => h("div", {}, text)));
    const voi = this.window && windowOf(this.window);
    lines("tl", this.series.title, frame.instance.label || this.series.description);
    lines("tr", this.frames.length > 1 && `${this.index + 1} / ${this.frames.length}`, nameOf(frame));
    lines("bl", voi && `W ${short(voi.width)} C ${short(voi.centre)}${this.voi || !this.window.entries ? "" : " (curve)"}`,
      `${Math.round(this.scale() * devicePixelRatio * 100)} %`);
    lines("br", about?.lossy, quality(frame, this.shown?.pixels));
  }

  sketch(frame) {
    const matrix = this.matrix();
    const at = ([x, y]) => { const p = new DOMPoint(x, y).matrixTransform(matrix); return [p.x, p.y]; };
    const marks = [...frame.marks, ...(this.drafted ? [this.drafted] : [])];
    const wide = this.element.clientWidth;
    const drawn = marks.flatMap((mark) => drawnMark(mark.points.map(at), words(mark.kind, padded(mark), frame.about), wide));
    this.drawing.replaceChildren(...this.compass(frame), ...this.bar(frame), ...drawn, ...this.crosshair());
  }

  crosshair() {
    if (!this.ghost) return [];
    const [x, y] = this.ghost;
    return [s("path", { class: "ghost", d: `M${x - 12},${y}H${x + 12}M${x},${y - 12}V${y + 12}` })];
  }

  /** Letters at the edges that say where right, left, head and feet are. */
  compass(frame) {
    const known = directions(frame);
    if (!known) return [];
    const { clientWidth: width, clientHeight: height } = this.element;
    const places = [[width - 14, height / 2], [width / 2, height - 10], [14, height / 2], [width / 2, 18]];
    const turned = known.map((_, i) => known[this.edge(i)]);
    return turned.map((text, i) => s("text", { class: "compass", x: places[i][0], y: places[i][1] }, text));
  }

  /** Which edge of the frame lies at edge `i` of the pane (right, bottom, left, top). */
  edge(i) {
    const mirrored = this.flipped && i % 2 === 0 ? (i + 2) % 4 : i;
    return (((mirrored - this.turns) % 4) + 4) % 4;
  }

  bar({ about }) {
    if (!about?.spacing) return [];
    const perMm = this.scale() / about.spacing[1];
    const mm = BAR.findLast((one) => one * perMm < this.element.clientWidth / 4);
    if (!mm) return [];
    const x = (this.element.clientWidth - mm * perMm) / 2, y = this.element.clientHeight - 26;
    const label = [mm >= 10 ? `${mm / 10} cm` : `${mm} mm`, about.plane].filter(Boolean).join(" ");
    return [s("path", { class: "bar", d: `M${x},${y - 5}v5h${mm * perMm}v-5` }),
      s("text", { class: "bar", x: x + (mm * perMm) / 2, y: y - 8 }, label)];
  }

  /** Value of the picture under a place in the pane, in words. */
  probe(x, y) {
    const { frame, pixels } = this.shown ?? {};
    if (!pixels?.cells) return "";
    const [column, row] = this.place(x, y).map((at, i) => Math.floor((at * [pixels.columns, pixels.rows][i]) / this.size[1 - i]));
    if (column < 0 || row < 0 || column >= pixels.columns || row >= pixels.rows) return "";
    const stored = pixels.base + pixels.step * pixels.cells[row * pixels.columns + column];
    return `${short(modality(stored, frame.about.grey.modality))}${this.series.modality === "CT" ? " HU" : " (value)"}`;
  }
}

const short = (value) => String(+value.toPrecision(4));
const padded = ({ kind, points }) => (kind === "angle" && points.length < 3 ? [...points, points.at(-1)] : points);

function drawnMark(points, text, wide) {
  const [x, y] = points.at(-1);
  const left = x + 9 * text.length > wide; // there is no room at its right
  const line = points.map(([px, py]) => `${px},${py}`).join(" ");
  const ends = points.map(([px, py]) => s("circle", { class: "mark", cx: px, cy: py, r: 3 }));
  return [s("polyline", { class: "mark shade", points: line }), s("polyline", { class: "mark", points: line }), ...ends,
    s("text", { class: "mark", x: left ? x - 8 : x + 8, y: y - 8, "text-anchor": left ? "end" : "start" }, text)];
}

/** What is seen is not always all there is: say so. */
function quality(frame, pixels) {
  if (!pixels || !frame.about || (frame.instance.dropped && !pixels.lacking)) return "";
  const [rows, columns] = frame.about.size;
  if (frame.about.coding === "jpeg") return "Picture, not for measuring grey values";
  const coarse = frame.about.step > 1 && Number.isInteger(frame.about.step) ? `, values ± ${frame.about.step >> 1}` : "";
  if (pixels.rows >= rows && !coarse) return "";
  return `Quick look ${pixels.columns} × ${pixels.rows} of ${columns} × ${rows}${coarse}`;
}
