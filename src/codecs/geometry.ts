/**
 * point, line, lseg, box, path, polygon and circle, as plain objects of numbers.
 *
 * Source: PostgreSQL manual, "Geometric Types". Binary formats: those of `point_send`, `line_send` and
 * so on: every number is a float8, in the order of the text; a path begins with whether it is closed
 * and the count of its points, a polygon with that count.
 */
import type { Outbox } from "../wire/outbox.ts";
import { BadValue, type Codec, expectLength, wrongKind } from "./codec.ts";
import { ShapeText } from "./geometry_text.ts";
import type { Box, Circle, Line, LineSegment, Path, Point, Polygon } from "./geometry_values.ts";
import { originalOf } from "./instance.ts";
import { floatText } from "./number.ts";

/** point as {@linkcode Point}. */
export const point: Codec = shape<Point>({
  name: "point",
  decode(view, start, end) {
    expectLength(start, end, POINT);
    return pointAt(view, start);
  },
  read: (text) => text.point(),
  checked: (value) => checkedPoint(value, ""),
  write: writePoint,
  print: pointText,
});

/** line as {@linkcode Line}. */
export const line: Codec = shape<Line>({
  name: "line",
  decode(view, start, end) {
    expectLength(start, end, 3 * FLOAT);
    return { a: view.getFloat64(start), b: view.getFloat64(start + FLOAT), c: view.getFloat64(start + 2 * FLOAT) };
  },
  read(text) {
    const a = text.skip("{").number();
    const b = text.skip(",").number();
    const c = text.skip(",").number();
    text.skip("}");
    return { a, b, c };
  },
  checked(value) {
    const { a, b, c } = members(value, "a line ({ a, b, c })");
    return { a: number(a, "a"), b: number(b, "b"), c: number(c, "c") };
  },
  write(out, { a, b, c }) {
    out.float64(a);
    out.float64(b);
    out.float64(c);
  },
  print: ({ a, b, c }) => `{${floatText(a)},${floatText(b)},${floatText(c)}}`,
});

/** lseg as {@linkcode LineSegment}. */
export const lseg: Codec = shape<LineSegment>({
  name: "lseg",
  decode(view, start, end) {
    expectLength(start, end, 2 * POINT);
    return { start: pointAt(view, start), end: pointAt(view, start + POINT) };
  },
  read(text) {
    const start = text.skip("[").point();
    const end = text.skip(",").point();
    text.skip("]");
    return { start, end };
  },
  checked(value) {
    const { start, end } = members(value, "a line segment ({ start, end })");
    return { start: checkedPoint(start, " for start"), end: checkedPoint(end, " for end") };
  },
  write(out, { start, end }) {
    writePoint(out, start);
    writePoint(out, end);
  },
  print: ({ start, end }) => `[${pointText(start)},${pointText(end)}]`,
});

/** box as {@linkcode Box}. */
export const box: Codec = shape<Box>({
  name: "box",
  delimiter: ";",
  decode(view, start, end) {
    expectLength(start, end, 2 * POINT);
    return { high: pointAt(view, start), low: pointAt(view, start + POINT) };
  },
  read(text) {
    const high = text.point();
    const low = text.skip(",").point();
    return { high, low };
  },
  checked(value) {
    const { high, low } = members(value, "a box ({ high, low })");
    return { high: checkedPoint(high, " for high"), low: checkedPoint(low, " for low") };
  },
  write(out, { high, low }) {
    writePoint(out, high);
    writePoint(out, low);
  },
  print: ({ high, low }) => `${pointText(high)},${pointText(low)}`,
});

/** path as {@linkcode Path}. */
export const path: Codec = shape<Path>({
  name: "path",
  decode(view, start, end) {
    if (end - start < 5) throw new BadValue("it is shorter than a path's header");
    const closed = view.getUint8(start);
    if (closed > 1) throw new BadValue("it is neither open nor closed");
    return { closed: closed === 1, points: pointsAt(view, start + 1, end) };
  },
  read(text) {
    const closed = !text.startsWith("[");
    const points = text.skip(closed ? "(" : "[").points();
    text.skip(closed ? ")" : "]");
    return { closed, points };
  },
  checked(value) {
    const { closed, points } = members(value, "a path ({ closed, points })");
    if (typeof closed !== "boolean") throw wrongKind(closed, "a boolean for closed");
    return { closed, points: checkedPoints(points) };
  },
  write(out, { closed, points }) {
    out.byte(closed ? 1 : 0);
    writePoints(out, points);
  },
  print: ({ closed, points }) => closed ? `(${pointsText(points)})` : `[${pointsText(points)}]`,
});

/** polygon as {@linkcode Polygon}. */
export const polygon: Codec = shape<Polygon>({
  name: "polygon",
  decode(view, start, end) {
    if (end - start < 4) throw new BadValue("it is shorter than a polygon's header");
    return { points: pointsAt(view, start, end) };
  },
  read(text) {
    const points = text.skip("(").points();
    text.skip(")");
    return { points };
  },
  checked: (value) => ({ points: checkedPoints(members(value, "a polygon ({ points })").points) }),
  write: (out, { points }) => writePoints(out, points),
  print: ({ points }) => `(${pointsText(points)})`,
});

/** circle as {@linkcode Circle}. */
export const circle: Codec = shape<Circle>({
  name: "circle",
  decode(view, start, end) {
    expectLength(start, end, POINT + FLOAT);
    return { center: pointAt(view, start), radius: view.getFloat64(start + POINT) };
  },
  read(text) {
    const center = text.skip("<").point();
    const radius = text.skip(",").number();
    text.skip(">");
    return { center, radius };
  },
  checked(value) {
    const { center, radius } = members(value, "a circle ({ center, radius })");
    const circle = { center: checkedPoint(center, " for center"), radius: number(radius, "radius") };
    if (circle.radius < 0) throw new BadValue("the radius is negative");
    return circle;
  },
  write(out, { center, radius }) {
    writePoint(out, center);
    out.float64(radius);
  },
  print: ({ center, radius }) => `<${pointText(center)},${floatText(radius)}>`,
});

/** The differences between geometric types. */
interface Shape<Value> {
  readonly name: string;
  readonly delimiter?: string;
  decode(view: DataView, start: number, end: number): Value;
  read(text: ShapeText): Value;
  /** A copy of a parameter, checked. */
  checked(value: unknown): Value;
  write(out: Outbox, value: Value): void;
  print(value: Value): string;
}

function shape<Value>(shape: Shape<Value>): Codec {
  return {
    name: shape.name,
    binary: true,
    ...(shape.delimiter === undefined ? {} : { delimiter: shape.delimiter }),
    decode: (source, start, end) => shape.decode(source.view, start, end),
    parse(text) {
      const reader = new ShapeText(text, shape.name);
      const value = shape.read(reader);
      reader.end();
      return value;
    },
    encode(out, value) {
      shape.write(out, shape.checked(value));
      return true;
    },
    text: (value) => shape.print(shape.checked(value)),
  };
}

// Binary.

function pointAt(view: DataView, at: number): Point {
  return { x: view.getFloat64(at), y: view.getFloat64(at + FLOAT) };
}

function pointsAt(view: DataView, start: number, end: number): Point[] {
  const count = view.getUint32(start);
  if (count === 0) throw new BadValue("it has no points");
  expectLength(start + 4, end, count * POINT);
  const points: Point[] = [];
  for (let at = start + 4; at < end; at += POINT) points.push(pointAt(view, at));
  return points;
}

function writePoint(out: Outbox, { x, y }: Point): void {
  out.float64(x);
  out.float64(y);
}

function writePoints(out: Outbox, points: readonly Point[]): void {
  out.int32(points.length);
  for (const point of points) writePoint(out, point);
}

// Text.

function pointText({ x, y }: Point): string {
  return `(${floatText(x)},${floatText(y)})`;
}

function pointsText(points: readonly Point[]): string {
  return points.map(pointText).join(",");
}

// Parameters.

function members(given: unknown, accepted: string): Readonly<Record<string, unknown>> {
  const value = originalOf(given);
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw wrongKind(value, accepted);
  return value as Readonly<Record<string, unknown>>;
}

function number(value: unknown, member: string): number {
  if (typeof value !== "number") throw wrongKind(value, `a number for ${member}`);
  return value;
}

function checkedPoint(value: unknown, place: string): Point {
  const { x, y } = members(value, `a point ({ x, y })${place}`);
  return { x: number(x, "x"), y: number(y, "y") };
}

function checkedPoints(value: unknown): Point[] {
  if (!Array.isArray(value)) throw wrongKind(value, "an array of points");
  if (value.length === 0) throw new BadValue("there must be at least one point");
  return Array.from(value, (point: unknown) => checkedPoint(point, ""));
}

/** The sizes in bytes of a float8 and of two. */
const FLOAT = 8;
const POINT = 2 * FLOAT;
