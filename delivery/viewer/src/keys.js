// The keyboard. Letters choose tools, digits windows; everything can be done without a mouse.
import { TOOLS } from "./tools.js";

export const HELP = [
  ["↑ ↓ ← →", "what the tool does: scroll, window, zoom, move, aim"], ["Shift + arrow", "ten times as far"],
  ["Page up, Page down, Home, End", "scroll, whatever the tool"], ...TOOLS.map(([, key, words]) => [key.toUpperCase(), words]),
  ["Enter", "set a point of a measurement"], ["Delete", "remove the last measurement"], ["0", "the picture's own window"],
  ["1 to 9", "a window by name"], ["+ −", "zoom"], ["1:1 is O", "every pixel of the picture on one of the screen"],
  ["I", "invert"], ["R", "rotate"], ["F", "flip"], ["G", "overlays and shutter away, and back"], ["X", "reset"], ["Space", "play and stop"], ["< >", "slower, faster"],
  ["D", "two series side by side"], ["K", "scroll both together"], ["[ ]", "previous, next series"], ["Tab", "to the other picture and the buttons"],
  ["N", "notes and report"], ["T", "DICOM header"], ["?", "this help"],
];

const ARROWS = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };

export function listen(viewer) {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, select, textarea")) return;
    if (event.target.matches("button") && (event.key === "Enter" || event.key === " ")) return;
    if (event.target.closest(".panel, .strip") && ARROWS[event.key]) return;
    if (act(viewer, event)) event.preventDefault();
  });
}

function act(viewer, { key, shiftKey }) {
  const { pane, hand } = viewer;
  if (ARROWS[key]) return done(hand.arrow(...ARROWS[key], shiftKey));
  const tool = TOOLS.find(([, letter]) => letter === key.toLowerCase());
  if (tool) return done(viewer.choose(tool[0]));
  if (/^\d$/.test(key)) return done(viewer.preset(Number(key)));
  const one = {
    PageUp: () => viewer.scroll(pane, -10), PageDown: () => viewer.scroll(pane, 10),
    Home: () => pane.go(0), End: () => pane.go(Infinity), Enter: () => hand.enter(),
    Delete: () => hand.remove(), Backspace: () => hand.remove(), Escape: () => viewer.close(),
    "+": () => pane.magnify(1.25), "=": () => pane.magnify(1.25), "-": () => pane.magnify(0.8), o: () => pane.actual(),
    i: () => viewer.invert(), r: () => viewer.rotate(), f: () => viewer.flip(), g: () => viewer.uncover(), x: () => pane.reset(),
    " ": () => viewer.play(), "<": () => viewer.faster(0.8), ">": () => viewer.faster(1.25),
    d: () => viewer.split(), k: () => viewer.tie(), "[": () => viewer.series(-1), "]": () => viewer.series(1),
    n: () => viewer.panel("notes"), t: () => viewer.panel("tags"), "?": () => viewer.panel("help"),
  }[key.length === 1 ? key.toLowerCase() : key];
  return one ? done(one()) : false;
}

const done = () => true;
