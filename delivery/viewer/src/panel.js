// The drawer at the side: notes and reports, the header of the frame as a table, the keys.
import { h } from "./dom.js";
import { bytes, inflate, script } from "./store.js";
import { header } from "./dicom.js";
import { read } from "./files.js";
import { HELP } from "./keys.js";
import { rowsOf } from "./tags.js";

export async function panelOf(name, study, frame) {
  if (name === "tags") return tags(frame);
  return name === "help" ? help() : notes(study);
}

function notes({ notes: written, description, date, accession, institution, patient }) {
  const facts = [["Patient", patient.name], ["Patient ID", patient.id], ["NHS number", patient.nhs], ["Born", patient.born],
    ["Sex", patient.sex], ["Examination", description], ["Date", date], ["Accession number", accession], ["Institution", institution]];
  const told = written.map(({ title, text, author, when, source }) => h("article", {},
    h("h3", {}, title), h("p", { class: "byline" }, [author, when, source].filter(Boolean).join(" · ")), h("p", { class: "text" }, text)));
  return [h("h2", {}, "Notes and report"), ...(told.length ? told : [h("p", {}, "Nobody wrote a note for this study.")]),
    h("h2", {}, "Study"), table(facts.filter(([, value]) => value))];
}

function help() {
  return [h("h2", {}, "Keys"), table(HELP), h("p", {},
    "Mouse: wheel scrolls, drag does what the tool does, right button windows, middle button moves, Ctrl and wheel zoom, double click resets. ",
    "Touch: one finger does what the tool does, two fingers zoom and move."),
  h("p", {}, "A large study comes with quick looks. Drop the unpacked folder on the page, or choose it by “Folder”, for every pixel of every image.")];
}

async function tags(frame) {
  const { instance } = frame;
  const names = await script("DICT");
  const data = instance.dropped ? (await read(instance)).data : instance.head && header(await inflate(await bytes(instance.head)), instance.headSyntax);
  if (!data) return [h("h2", {}, "DICOM header"), h("p", {}, "Drop the unpacked folder on the page to see this header.")];
  const rows = rowsOf(data, names);
  const body = table(rows.map(([, name, value, depth]) => [`${"\u2003".repeat(depth)}${name}`, value]), rows.map(([tag]) => tag));
  const filter = h("input", { type: "search", placeholder: "Find", "aria-label": "Find in the header", oninput: () => {
    const wanted = filter.value.toLowerCase();
    for (const row of body.rows) row.hidden = !row.textContent.toLowerCase().includes(wanted) && !row.title.toLowerCase().includes(wanted);
  } });
  return [h("h2", {}, "DICOM header"), filter, body];
}

function table(rows, titles = []) {
  return h("table", {}, h("tbody", {}, ...rows.map(([name, value], i) => h("tr", { title: titles[i] }, h("th", { scope: "row" }, name), h("td", {}, value ?? "")))));
}
