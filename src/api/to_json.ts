/** Makes JSON text of rows. */
import { Buffer } from "node:buffer";

/**
 * Makes JSON text of rows, or of any value of a result: bigints become numbers if those are exact,
 * otherwise strings; bytea becomes base64; dates and times their ISO text; NaN and the infinities
 * strings, as with PostgreSQL's `to_json`.
 *
 * @example
 * ```ts
 * import { Conn, toJson } from "@x/pyro";
 * import assert from "node:assert/strict";
 *
 * await using conn = await Conn.connect("pg://");
 * const rows = await conn.query("select 1::int8 as id, 'abc'::bytea as data, '2000-01-01'::date as day");
 * assert.equal(toJson(rows), '[{"id":1,"data":"YWJj","day":"2000-01-01"}]');
 * ```
 */
export function toJson(value: unknown): string {
  return JSON.stringify(value, (_key, member: unknown) => {
    switch (typeof member) {
      case "bigint":
        return BigInt(Number(member)) === member && Number.isSafeInteger(Number(member))
          ? Number(member)
          : String(member);
      case "number":
        return Number.isFinite(member) ? member : String(member);
      case "object":
        return member instanceof Uint8Array ? Buffer.from(member).toString("base64") : member;
      default:
        return member;
    }
  });
}
