// Lengths and angles. Points are columns and rows of the whole frame, from its upper left corner, as fractions.

export const NEEDED = { length: 2, angle: 3 };
const DEGREES = 180 / Math.PI;

/** E.g. "42.3 mm", "42.3 mm at detector", "118 pixels", "34.5°". */
export function words(kind, points, about) {
  const [a, b, c] = points.map(([x, y]) => scaled(x, y, about));
  if (kind === "length") {
    const length = Math.hypot(b[0] - a[0], b[1] - a[1]);
    if (!about.spacing) return `${length.toFixed(1)} pixels`;
    return [`${length.toFixed(1)} mm`, about.plane].filter(Boolean).join(" ");
  }
  const one = Math.atan2(a[1] - b[1], a[0] - b[0]), other = Math.atan2(c[1] - b[1], c[0] - b[0]);
  const turn = Math.abs(one - other) * DEGREES;
  return `${(turn > 180 ? 360 - turn : turn).toFixed(1)}°`;
}

function scaled(x, y, { spacing, aspect }) {
  const [row, column] = spacing ?? [aspect ?? 1, 1];
  return [x * column, y * row];
}

/** What is being measured with this tool, point by point. */
export class Draft {
  constructor(kind, first) {
    this.kind = kind;
    this.points = [first, first];
  }

  move(point) {
    this.points[this.points.length - 1] = point;
  }

  /** Fix the point under the pointer. Whether the measurement is complete. */
  fix() {
    if (this.points.length === NEEDED[this.kind]) return true;
    this.points.push(this.points.at(-1));
    return false;
  }
}
