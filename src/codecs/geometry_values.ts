/** The values of the geometric types, as users see them. */

/**
 * A value of PostgreSQL's `point`: a point in the plane. Coordinates have no unit. As in all geometric
 * types, they may be NaN, infinite or a negative zero; in a parameter, anything but a number is an
 * `EncodeError`.
 *
 * Source: PostgreSQL manual, "Geometric Types", section "Points".
 *
 * @example
 * ```ts
 * import { Conn, type Point } from "@x/pyro";
 * import assert from "node:assert/strict";
 *
 * await using conn = await Conn.connect("pg://");
 * const place: Point = { x: 1.5, y: -2 };
 * assert.deepEqual(await conn.execValue("select $1::point + point '(1,1)'", [place]), { x: 2.5, y: -1 });
 * ```
 */
export interface Point {
  /** The horizontal coordinate. */
  readonly x: number;
  /** The vertical coordinate. */
  readonly y: number;
}

/**
 * A value of PostgreSQL's `line`: the infinite line of all points with `a·x + b·y + c = 0`. The server
 * refuses a line whose `a` and `b` are both zero.
 *
 * Source: PostgreSQL manual, "Geometric Types", section "Lines".
 *
 * @example
 * ```ts
 * import { Conn, type Line } from "@x/pyro";
 * import assert from "node:assert/strict";
 *
 * await using conn = await Conn.connect("pg://");
 * const diagonal: Line = { a: 1, b: -1, c: 0 };
 * assert.equal(await conn.execValue("select $1::line <-> point '(3,3)'", [diagonal]), 0);
 * ```
 */
export interface Line {
  /** The factor of x. */
  readonly a: number;
  /** The factor of y. */
  readonly b: number;
  /** The constant term. */
  readonly c: number;
}

/**
 * A value of PostgreSQL's `lseg`: the part of a line between two points, which keep their order.
 *
 * Source: PostgreSQL manual, "Geometric Types", section "Line Segments".
 *
 * @example
 * ```ts
 * import { Conn, type LineSegment } from "@x/pyro";
 * import assert from "node:assert/strict";
 *
 * await using conn = await Conn.connect("pg://");
 * const segment: LineSegment = { start: { x: 0, y: 0 }, end: { x: 3, y: 4 } };
 * assert.equal(await conn.execValue("select @-@ $1::lseg", [segment]), 5);
 * ```
 */
export interface LineSegment {
  /** The first end point. */
  readonly start: Point;
  /** The second end point. */
  readonly end: Point;
}

/**
 * A value of PostgreSQL's `box`: a rectangle with sides along the axes. A parameter may have any two opposite
 * corners: the server makes the upper right and the lower left corner of them.
 *
 * Source: PostgreSQL manual, "Geometric Types", section "Boxes".
 *
 * @example
 * ```ts
 * import { type Box, Conn } from "@x/pyro";
 * import assert from "node:assert/strict";
 *
 * await using conn = await Conn.connect("pg://");
 * const box: Box = { high: { x: 0, y: 2 }, low: { x: 1, y: 0 } };
 * assert.deepEqual(await conn.execValue("select $1::box", [box]), { high: { x: 1, y: 2 }, low: { x: 0, y: 0 } });
 * ```
 */
export interface Box {
  /** The upper right corner. */
  readonly high: Point;
  /** The lower left corner. */
  readonly low: Point;
}

/**
 * A value of PostgreSQL's `path`: points joined by segments. A parameter without points is an
 * `EncodeError`.
 *
 * Source: PostgreSQL manual, "Geometric Types", section "Paths".
 *
 * @example
 * ```ts
 * import { Conn, type Path } from "@x/pyro";
 * import assert from "node:assert/strict";
 *
 * await using conn = await Conn.connect("pg://");
 * const path: Path = { closed: false, points: [{ x: 0, y: 0 }, { x: 3, y: 4 }] };
 * assert.deepEqual(await conn.execValue("select pclose($1::path)", [path]), { ...path, closed: true });
 * ```
 */
export interface Path {
  /** Whether a segment joins the last point and the first. */
  readonly closed: boolean;
  /** The points in their order, at least one. */
  readonly points: readonly Point[];
}

/**
 * A value of PostgreSQL's `polygon`: the area inside a closed path. A parameter without points is an
 * `EncodeError`.
 *
 * Source: PostgreSQL manual, "Geometric Types", section "Polygons".
 *
 * @example
 * ```ts
 * import { Conn, type Polygon } from "@x/pyro";
 * import assert from "node:assert/strict";
 *
 * await using conn = await Conn.connect("pg://");
 * const triangle: Polygon = { points: [{ x: 0, y: 0 }, { x: 4, y: 0 }, { x: 0, y: 4 }] };
 * assert.equal(await conn.execValue("select $1::polygon @> point '(1,1)'", [triangle]), true);
 * ```
 */
export interface Polygon {
  /** The corners in their order, at least one. */
  readonly points: readonly Point[];
}

/**
 * A value of PostgreSQL's `circle`. The server computes circles with a negative radius, but does not
 * accept them: such a parameter is an `EncodeError`.
 *
 * Source: PostgreSQL manual, "Geometric Types", section "Circles".
 *
 * @example
 * ```ts
 * import { type Circle, Conn } from "@x/pyro";
 * import assert from "node:assert/strict";
 *
 * await using conn = await Conn.connect("pg://");
 * const circle: Circle = { center: { x: 1, y: 2 }, radius: 3 };
 * assert.equal(await conn.execValue("select diameter($1::circle)", [circle]), 6);
 * ```
 */
export interface Circle {
  /** The center. */
  readonly center: Point;
  /** The radius, in the unit of the coordinates. */
  readonly radius: number;
}
