// A header as rows of text (PS3.5 sections 6 and 7).

const LONGEST = 200, DEEPEST = 6, MOST = 3000;
const NUMBERS = { US: ["uint16", 2], SS: ["int16", 2], UL: ["uint32", 4], SL: ["int32", 4], FL: ["float", 4], FD: ["double", 8] };
const TEXT = new Set(["AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UI", "UR", "UT"]);
// Specific Character Set (0008,0005) as browsers call it. ISO 2022 sets other than the Japanese are superseded in practice.
const CHARSETS = { 100: "latin1", 101: "latin2", 109: "latin3", 110: "latin4", 144: "iso-8859-5", 127: "iso-8859-6", 126: "iso-8859-7",
  138: "iso-8859-8", 148: "windows-1254", 166: "windows-874", 13: "shift_jis", 192: "utf-8", 87: "iso-2022-jp", 149: "euc-kr", 58: "gb18030" };

/** [tag, name, value, depth] of every element. */
export function rowsOf(data, names) {
  return [...walked(data, names, decoderOf(data), 0)].slice(0, MOST);
}

function* walked(data, names, decoder, depth) {
  for (const [key, element] of Object.entries(data.elements)) {
    const tag = key.slice(1);
    const [vr, name] = names[tag] ?? ["UN", "Private or unknown"];
    const label = `(${tag.slice(0, 4)},${tag.slice(4)}) ${element.vr ?? vr}`;
    const items = element.items?.filter((item) => item.dataSet) ?? [];
    yield [label, name, items.length ? `${items.length} ${items.length === 1 ? "item" : "items"}` : valueOf(data, key, element, element.vr ?? vr, decoder), depth];
    if (depth < DEEPEST) for (const item of items) yield* walked(item.dataSet, names, decoderOf(item.dataSet) ?? decoder, depth + 1);
  }
}

function valueOf(data, key, element, vr, decoder) {
  const first = vr.slice(0, 2);
  if (NUMBERS[first]) {
    const [read, size] = NUMBERS[first];
    const count = Math.min(16, Math.floor(element.length / size));
    return Array.from({ length: count }, (_, i) => data[read](key, i)).join(" \\ ") + (element.length / size > count ? " …" : "");
  }
  if (!TEXT.has(first)) return element.length ? `${element.length} bytes` : "";
  const raw = data.byteArray.subarray(element.dataOffset, element.dataOffset + Math.min(element.length, 4 * LONGEST));
  const text = (decoder ?? LATIN).decode(raw).replace(/[\u0000-\u0008\u000e-\u001f]/g, "").trim();
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
}

const LATIN = new TextDecoder("latin1");

function decoderOf(data) {
  const declared = data.string?.("x00080005");
  if (declared === undefined) return undefined;
  const [last] = declared.match(/\d+$/) ?? declared.match(/GB18030|GBK/) ?? [];
  return new TextDecoder(CHARSETS[last] ?? (last?.startsWith("GB") ? "gb18030" : "latin1"));
}
