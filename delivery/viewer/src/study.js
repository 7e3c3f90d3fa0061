// The study as STUDY.JS tells it, with series as lists of frames.

export function arranged(told) {
  for (const series of told.series) {
    series.frames = series.instances.flatMap((instance) => framesOf(instance));
    series.cut = series.frames.length;
  }
  return told;
}

function framesOf(instance) {
  if (!instance.frames.length) return [{ instance, index: 0, marks: [] }];
  return instance.frames.map((about, index) => ({ instance, index, about, marks: [] }));
}

/** E.g. "Image 12", "Image 3, frame 7 of 20". */
export function nameOf({ instance, index }) {
  const number = instance.number === null ? "Image" : `Image ${instance.number}`;
  return instance.frames.length > 1 ? `${number}, frame ${index + 1} of ${instance.frames.length}` : number;
}

export const instancesOf = (study) => study.series.flatMap((series) => series.instances);

/** Letters of the patient's directions at right, bottom, left and top of the frame as it is stored (PS3.3 C.7.6.2). */
export function directions({ about }) {
  if (!about?.directions) return undefined;
  const [right, down] = about.directions;
  return [right, down, opposite(right), opposite(down)];
}

const opposite = (words) => [...words].map((letter) => ({ L: "R", R: "L", A: "P", P: "A", H: "F", F: "H" })[letter] ?? "").join("");
