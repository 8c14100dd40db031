/** The values that Drizzle's columns expect of a driver. */
import type { TextParser } from "../codecs/column_codecs.ts";
import { asText, pgTypes } from "../node_postgres/types.ts";

/**
 * The parser of a type: the values are node-postgres', but dates, times and what else Drizzle's columns read by
 * themselves are texts, as the server writes them in the session's time zone.
 */
export function drizzleTypes(typeOid: number): TextParser | undefined {
  return READ_BY_COLUMNS.has(typeOid) ? asText : pgTypes(typeOid);
}

/** date, timestamp, timestamptz and interval, their arrays, and arrays of numeric. */
const READ_BY_COLUMNS: ReadonlySet<number> = new Set([1082, 1114, 1184, 1186, 1182, 1115, 1185, 1187, 1231]);
