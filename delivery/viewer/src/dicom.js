// Headers and pixel data elements, with dicom-parser below.
import * as parser from "dicom-parser";
import { inflate } from "./store.js";

const IMPLICIT = "1.2.840.10008.1.2";
const DEFLATED = "1.2.840.10008.1.2.1.99";
export const BIG_ENDIAN = "1.2.840.10008.1.2.2";
const PIXELS = ["x7fe00010", "x7fe00008", "x7fe00009"];
const PREAMBLE = 132, META = 8192;

/** A whole file: its data set (of dicom-parser), its transfer syntax. */
export async function opened(array) {
  const meta = parser.readPart10Header(array);
  const syntax = meta.string("x00020010");
  if (syntax !== DEFLATED) return { data: parser.parseDicom(array), syntax };
  return { data: bare(await inflate(array.subarray(meta.position)), syntax, false), syntax };
}

/** Media Storage SOP Instance UID (0002,0003) of a file, "" of one that is no DICOM file. */
export async function uidOf(file) {
  try {
    return parser.readPart10Header(new Uint8Array(await file.slice(0, META).arrayBuffer())).string("x00020003") ?? "";
  } catch {
    return "";
  }
}

/** The data set of a header that came in a script: a file's beginning, or a data set alone. */
export function header(array, syntax) {
  try {
    const part10 = String.fromCharCode(...array.subarray(PREAMBLE - 4, PREAMBLE)) === "DICM";
    if (part10) return parser.parseDicom(array, { untilTag: PIXELS[0] });
    return bare(array, syntax, true);
  } catch (error) {
    if (error.dataSet) return error.dataSet; // cut off where it was too long
    throw error;
  }
}

function bare(array, syntax, headerOnly) {
  const order = syntax === BIG_ENDIAN ? parser.bigEndianByteArrayParser : parser.littleEndianByteArrayParser;
  const data = new parser.DataSet(order, array, {});
  const read = syntax === IMPLICIT ? parser.parseDicomDataSetImplicit : parser.parseDicomDataSetExplicit;
  read(data, new parser.ByteStream(order, array, 0), array.length, headerOnly ? { untilTag: PIXELS[0] } : {});
  return data;
}

export const pixelElement = (data) => PIXELS.map((tag) => data.elements[tag]).find(Boolean);

/** One compressed frame, found by the offset table where there is one (PS3.5 A.4). */
export function codestream(data, index, frames) {
  const element = pixelElement(data);
  const fragments = element.fragments ?? [];
  if (frames === 1) return joined(data, element, 0, fragments.length);
  if (fragments.length === frames) return joined(data, element, index, 1);
  const table = element.basicOffsetTable?.length ? element.basicOffsetTable : parser.createJPEGBasicOffsetTable(data, element);
  return parser.readEncapsulatedImageFrame(data, element, index, table);
}

function joined(data, element, first, count) {
  return parser.readEncapsulatedPixelDataFromFragments(data, element, first, count);
}
