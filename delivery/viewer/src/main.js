// The page: series at the side, one or two pictures, tools, a drawer.
import { h } from "./dom.js";
import { script } from "./store.js";
import { arranged, instancesOf, nameOf } from "./study.js";
import { windowOf } from "./grey.js";
import { listen } from "./keys.js";
import { matched } from "./files.js";
import { Pane } from "./pane.js";
import { Hand, TOOLS } from "./tools.js";
import { panelOf } from "./panel.js";

const SPEED = 12, SLOWEST = 1, FASTEST = 60;

class Viewer {
  constructor(study) {
    this.study = study;
    this.tool = "scroll";
    this.speed = SPEED;
    this.panes = [1, 2].map((number) => new Pane(number, () => this.report()));
    this.hands = this.panes.map((pane) => new Hand(pane, this));
    this.build();
    this.activate(this.panes[0]);
    const first = study.series.find((one) => one.frames.some(({ about }) => about)) ?? study.series[0];
    if (first) this.open(first);
    else this.panel("notes");
    this.choose(first?.frames.length > 1 ? "scroll" : "window");
    listen(this);
  }

  build() {
    const { study } = this;
    this.strip = h("nav", { class: "strip", "aria-label": "Series" }, ...study.series.map((one) => this.card(one)));
    this.bar = h("div", { class: "bar", role: "toolbar", "aria-label": "Tools" }, ...this.buttons());
    this.stage = h("div", { class: "stage" }, ...this.panes.map((pane) => pane.element));
    this.drawer = h("aside", { class: "panel", hidden: true, "aria-label": "Notes, header, help" });
    this.live = h("div", { class: "live", "aria-live": "polite" });
    this.value = h("span", { class: "value" });
    this.panes[1].element.hidden = true;
    this.picker = h("input", { type: "file", webkitdirectory: true, multiple: true, hidden: true, onchange: () => this.take({ files: this.picker.files }) });
    document.body.replaceChildren(this.head(), this.bar, this.strip, this.stage, this.drawer, this.foot(), this.live, this.picker);
    document.body.className = "viewer";
    document.addEventListener("dragover", (event) => event.preventDefault());
    document.addEventListener("drop", (event) => { event.preventDefault(); this.take(event.dataTransfer); });
  }

  head() {
    const { patient, description, date, notes, part: [number, of] } = this.study;
    const warnings = notes.filter(({ warns }) => warns).map(({ title }) => h("strong", { class: "warning" }, title));
    const words = [patient.nhs ? `NHS ${patient.nhs.replace(/(...)(...)(....)/, "$1 $2 $3")}` : patient.id, patient.born && `born ${patient.born}`, patient.sex];
    return h("header", {}, h("h1", {}, patient.name || "No name"), h("span", {}, words.filter(Boolean).join(" · ")),
      h("span", { class: "study" }, [description, date, of > 1 && `part ${number} of ${of}`].filter(Boolean).join(" · ")), ...warnings);
  }

  foot() {
    return h("footer", {}, h("strong", {}, "Not for primary diagnosis"), this.value);
  }

  card(series) {
    const count = series.frames.length === 1 ? "1 image" : `${series.frames.length} images`;
    const about = [series.title, series.number !== null && `series ${series.number}`].filter(Boolean).join(", ");
    const picture = series.thumbnail ? h("img", { src: `data:image/jpeg;base64,${series.thumbnail}`, alt: "" }) : h("span", { class: "blank" }, series.modality);
    const label = series.frames.length === 1 ? capital(series.frames[0].instance.label) : "";
    return h("button", { class: "card", title: series.description, onclick: () => this.open(series) }, picture,
      h("span", {}, h("b", {}, label || about), h("small", {}, label ? about : [series.description, count].filter(Boolean).join(" · "))));
  }

  buttons() {
    const button = (id, words, key, act) => h("button", { id, title: `${words} (${key})`, onclick: act }, words);
    this.choice = h("select", { "aria-label": "Window", onchange: () => this.preset(Number(this.choice.value)) });
    return [...TOOLS.map(([name, key, words]) => button(name, words, key.toUpperCase(), () => this.choose(name))), this.choice,
      button("invert", "Invert", "I", () => this.invert()), button("rotate", "Rotate", "R", () => this.rotate()),
      button("flip", "Flip", "F", () => this.flip()), button("actual", "1:1", "O", () => this.pane.actual()),
      button("reset", "Reset", "X", () => this.pane.reset()), button("play", "Play", "Space", () => this.play()),
      button("split", "Two", "D", () => this.split()), button("tie", "Together", "K", () => this.tie()),
      button("notes", "Notes", "N", () => this.panel("notes")), button("tags", "Header", "T", () => this.panel("tags")),
      button("folder", "Folder", "choose or drop the unpacked folder for every pixel", () => this.picker.click()), button("help", "Help", "?", () => this.panel("help"))];
  }

  /** Show a series in the active pane. */
  open(series) {
    if (!series) return;
    this.stop();
    this.pane.open(series);
    this.presets();
    [...this.strip.children].forEach((card, i) => {
      const at = this.panes.filter((pane) => pane.series === this.study.series[i] && !pane.element.hidden);
      card.setAttribute("aria-current", at.length > 0);
    });
    this.report();
  }

  series(step) {
    const all = this.study.series;
    this.open(all[(all.indexOf(this.pane.series) + step + all.length) % all.length]);
  }

  presets() {
    const named = this.pane.series?.presets ?? [];
    const entry = ([name], i) => h("option", { value: i + 1 }, `${i + 1} ${name}`);
    this.choice.replaceChildren(h("option", { value: 0 }, "0 as sent"), ...named.map(entry));
  }

  preset(number) {
    const named = this.pane.series.presets;
    if (number > named.length) return;
    this.pane.preset(number ? named[number - 1][1] : null);
    this.choice.value = String(number);
  }

  activate(pane) {
    if (this.pane === pane) return;
    this.pane = pane;
    this.hand = this.hands[this.panes.indexOf(pane)];
    for (const one of this.panes) one.element.classList.toggle("active", one === pane);
    if (pane.series) this.presets();
  }

  choose(tool) {
    this.tool = tool;
    for (const pane of this.panes) Object.assign(pane, { drafted: null, ghost: null }) && pane.redraw();
    for (const [name] of TOOLS) document.getElementById(name).setAttribute("aria-pressed", name === tool);
    this.stage.dataset.tool = tool;
  }

  /** Some pictures on or back; the other pane goes along when they are tied. */
  scroll(pane, steps) {
    if (!steps) return;
    pane.go(pane.index + steps);
    for (const other of this.panes) if (this.tied && other !== pane && !other.element.hidden) other.go(other.index + steps);
  }

  invert() {
    this.pane.inverted = !this.pane.inverted;
    this.pane.redraw();
  }

  /** Overlays and shutter away, and back. */
  uncover() {
    this.pane.bare = !this.pane.bare;
    this.pane.redraw();
  }

  rotate() {
    this.pane.turns = (this.pane.turns + (this.pane.flipped ? 3 : 1)) % 4;
    this.pane.redraw();
  }

  flip() {
    this.pane.flipped = !this.pane.flipped;
    this.pane.redraw();
  }

  /** A second picture beside the first, with the next series. */
  split() {
    const [first, second] = this.panes;
    second.element.hidden = !second.element.hidden;
    this.press("split", !second.element.hidden);
    const next = this.study.series[this.study.series.indexOf(first.series) + 1] ?? first.series;
    this.activate(second.element.hidden ? first : second);
    this.open(second.element.hidden ? first.series : second.series ?? next);
  }

  tie() {
    this.tied = !this.tied;
    this.press("tie", this.tied);
  }

  play() {
    if (this.playing) {
      this.stop();
      return;
    }
    this.press("play", true);
    let due = performance.now();
    const step = (now) => {
      if (now >= due) {
        due = Math.max(due + 1000 / this.speed, now);
        this.pane.go((this.pane.index + 1) % this.pane.frames.length);
      }
      this.playing = requestAnimationFrame(step);
    };
    this.playing = requestAnimationFrame(step);
  }

  stop() {
    cancelAnimationFrame(this.playing);
    this.playing = 0;
    this.press("play", false);
  }

  faster(by) {
    this.speed = Math.min(FASTEST, Math.max(SLOWEST, this.speed * by));
    this.say(`${Math.round(this.speed)} pictures a second`);
  }

  press(id, on) {
    document.getElementById(id)?.setAttribute("aria-pressed", Boolean(on));
  }

  async panel(name) {
    const open = this.shown !== name;
    this.shown = open ? name : "";
    for (const id of ["notes", "tags", "help"]) this.press(id, id === this.shown);
    this.drawer.hidden = !open;
    if (!open) return;
    const close = h("button", { class: "close", "aria-label": "Close", onclick: () => this.panel(name) }, "×");
    const body = await panelOf(name, this.study, this.pane.frame).catch((error) => [h("p", {}, error.message)]);
    if (this.shown !== name) return;
    this.drawer.replaceChildren(close, ...body);
    close.focus();
  }

  close() {
    if (this.shown) this.panel(this.shown);
    else if (this.pane.drafted) this.hand.remove();
  }

  /** DICOM files were dropped or chosen. */
  async take(transfer) {
    const all = instancesOf(this.study);
    this.say("Looking through the folder…");
    const count = await matched(all, transfer);
    this.say(count ? `${count} of ${all.length} images are now shown with every pixel.` : "None of these files belongs to this parcel. Drop the folder that INDEX.HTM lies in.");
    for (const pane of this.panes) pane.redraw();
  }

  say(text) {
    this.value.textContent = text;
    this.live.textContent = text;
  }

  probe(text) {
    this.value.textContent = text;
  }

  /** For those who cannot see it. */
  report() {
    const { pane } = this;
    if (!pane.shown) return;
    const voi = pane.window && windowOf(pane.window);
    pane.element.setAttribute("aria-label", [pane.series.title, nameOf(pane.shown.frame), `${pane.index + 1} of ${pane.frames.length}`,
      voi && `window width ${Math.round(voi.width)}, centre ${Math.round(voi.centre)}`].filter(Boolean).join(", "));
  }
}

const capital = (words) => words.charAt(0).toUpperCase() + words.slice(1);

script("STUDY").then((told) => {
  document.title = `${told.patient.name || "Medical images"}: ${told.description || told.date}`;
  globalThis.viewer = new Viewer(arranged(told));
}, () => {}); // the page says what to do when nothing can be loaded
