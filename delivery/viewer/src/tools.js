// What a drag, a wheel, a swipe, a pinch or an arrow key does to a pane, by the tool that is chosen.
import { Draft, NEEDED } from "./measure.js";
import { windowOf } from "./grey.js";

/** Name, key, words. */
export const TOOLS = [
  ["scroll", "s", "Scroll"], ["window", "w", "Window"], ["zoom", "z", "Zoom"], ["pan", "p", "Pan"],
  ["length", "l", "Length"], ["angle", "a", "Angle"],
];
const CLICK = 4; // CSS pixels that a finger may tremble
const STEPS = 24; // of a swipe over the whole pane, for short series

/** A drag of (dx, dy) CSS pixels. */
const DRAGS = {
  scroll(pane, dx, dy, drag) {
    const step = Math.max(2, pane.element.clientHeight / Math.max(STEPS, pane.frames.length));
    pane.go(drag.index + Math.round(drag.total[1] / step));
  },
  window(pane, dx, dy) {
    if (!pane.window) return;
    const { centre, width } = windowOf(pane.window);
    const step = Math.max(width, 1) / 300;
    pane.setWindow(centre + dy * step * (pane.frame.about.grey.inverted !== pane.inverted ? -1 : 1), width + dx * step);
  },
  zoom(pane, dx, dy, drag) {
    pane.magnify(Math.exp(-dy / 150), ...drag.start);
  },
  pan(pane, dx, dy) {
    pane.move(dx, dy);
  },
};

export class Hand {
  constructor(pane, viewer) {
    Object.assign(this, { pane, viewer, pointers: new Map() });
    const on = (name, act) => pane.element.addEventListener(name, act.bind(this), { passive: false });
    on("pointerdown", this.down);
    on("pointermove", this.moved);
    on("pointerup", this.up);
    on("pointercancel", this.up);
    on("wheel", this.wheel);
    on("dblclick", () => pane.reset());
    on("contextmenu", (event) => event.preventDefault());
  }

  at(event) {
    const box = this.pane.element.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  tool(event) {
    if (event.pointerType === "mouse" && event.button === 1) return "pan";
    if (event.pointerType === "mouse" && event.button === 2) return "window";
    return this.viewer.tool;
  }

  down(event) {
    this.viewer.activate(this.pane);
    this.pane.element.setPointerCapture(event.pointerId);
    const at = this.at(event);
    this.pointers.set(event.pointerId, at);
    if (this.pointers.size === 2) this.pinch();
    if (this.pointers.size > 1 || !this.pane.shown?.pixels) return;
    const tool = this.tool(event);
    this.drag = { tool, start: at, total: [0, 0], index: this.pane.index };
    if (NEEDED[tool]) this.point(tool, at);
  }

  /** Two fingers: zoom and move, whatever the tool. What one finger began is taken back. */
  pinch() {
    if (this.drag?.fresh) this.pane.drafted = null;
    this.drag = null;
  }

  point(tool, at) {
    const place = this.pane.place(...at);
    const draft = this.pane.drafted;
    this.drag.fresh = draft?.kind !== tool;
    if (this.drag.fresh) this.pane.drafted = new Draft(tool, place);
    else draft.move(place);
    this.pane.redraw();
  }

  moved(event) {
    const at = this.at(event);
    const before = this.pointers.get(event.pointerId);
    if (!before) {
      this.hover(at);
      return;
    }
    if (this.pointers.size === 2) this.squeeze(event.pointerId, before, at);
    this.pointers.set(event.pointerId, at);
    const { drag } = this;
    if (!drag) return;
    drag.total = [at[0] - drag.start[0], at[1] - drag.start[1]];
    if (NEEDED[drag.tool]) this.hover(at);
    else DRAGS[drag.tool](this.pane, at[0] - before[0], at[1] - before[1], drag);
  }

  hover(at) {
    this.viewer.probe(this.pane.probe(...at));
    if (!this.pane.drafted) return;
    this.pane.drafted.move(this.pane.place(...at));
    this.pane.redraw();
  }

  squeeze(id, before, at) {
    const [, other] = [...this.pointers].find(([key]) => key !== id);
    const middle = (one) => [(one[0] + other[0]) / 2, (one[1] + other[1]) / 2];
    const far = (one) => Math.max(10, Math.hypot(one[0] - other[0], one[1] - other[1]));
    this.pane.magnify(far(at) / far(before), ...middle(before));
    this.pane.move((at[0] - before[0]) / 2, (at[1] - before[1]) / 2);
  }

  up(event) {
    this.pointers.delete(event.pointerId);
    const { drag } = this;
    this.drag = null;
    if (!drag || !NEEDED[drag.tool] || !this.pane.drafted) return;
    const dragged = Math.hypot(...drag.total) > CLICK;
    if (!drag.fresh || dragged) this.fix();
    else this.pane.drafted.waiting = true;
  }

  /** The point under the pointer or the crosshair stays. */
  fix() {
    const { pane } = this;
    if (pane.drafted.fix()) {
      pane.frame.marks.push(pane.drafted);
      pane.drafted = null;
    }
    pane.redraw();
  }

  wheel(event) {
    event.preventDefault();
    this.viewer.activate(this.pane);
    if (event.ctrlKey || this.pane.frames.length === 1) this.pane.magnify(Math.exp(-event.deltaY / 400), ...this.at(event));
    else this.turn(event.deltaMode ? event.deltaY * 40 : event.deltaY);
  }

  /** A notch of a wheel is one picture; a touchpad's small steps add up to one. */
  turn(delta) {
    if (Math.abs(delta) >= 40) this.rest = Math.sign(delta) * 40;
    else this.rest = (this.rest ?? 0) + delta;
    const steps = Math.trunc(this.rest / 40);
    this.rest -= steps * 40;
    this.viewer.scroll(this.pane, steps);
  }

  /** An arrow key. */
  arrow(dx, dy, far) {
    const { pane } = this;
    const size = far ? 10 : 1;
    if (NEEDED[this.viewer.tool]) this.aim(dx * size, dy * size);
    else if (this.viewer.tool === "scroll") this.viewer.scroll(pane, (dy + dx) * size);
    else DRAGS[this.viewer.tool](pane, dx * 10 * size, dy * 10 * size, { start: [pane.element.clientWidth / 2, pane.element.clientHeight / 2] });
  }

  aim(dx, dy) {
    const { pane } = this;
    pane.ghost ??= [pane.element.clientWidth / 2, pane.element.clientHeight / 2];
    pane.ghost = [pane.ghost[0] + dx, pane.ghost[1] + dy];
    this.hover(pane.ghost);
    pane.redraw();
  }

  /** Enter: a point of a measurement, made by the keyboard alone. */
  enter() {
    const { pane } = this;
    if (!NEEDED[this.viewer.tool] || !pane.shown?.pixels) return;
    pane.ghost ??= [pane.element.clientWidth / 2, pane.element.clientHeight / 2];
    if (pane.drafted?.kind === this.viewer.tool) this.fix();
    else pane.drafted = new Draft(this.viewer.tool, pane.place(...pane.ghost));
    pane.redraw();
  }

  /** The newest measurement of the frame, or the one that is being made, goes. */
  remove() {
    const { pane } = this;
    if (pane.drafted) pane.drafted = null;
    else pane.frame.marks.pop();
    pane.redraw();
  }
}
