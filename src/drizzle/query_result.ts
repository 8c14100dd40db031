/** The result of a query that Drizzle does not map: of `db.execute`, or of a change without `returning`. */
import type { PgQueryResultHKT } from "drizzle-orm/pg-core";
import type { Result } from "../rows/collectors.ts";

/** A result, with node-postgres' names of what it has: `rows`, `rowCount` and `command`. */
export interface PyroQueryResult<Row = Record<string, unknown>> extends Omit<Result<Row>, "command"> {
  /** The first word of the command tag, as `CREATE` for `CREATE TABLE`; null if there was no statement. */
  readonly command: string | null;
  /** The number of rows that were changed or selected; null if the command has none. */
  readonly rowCount: number | null;
}

/** Tells Drizzle's types that results are {@linkcode PyroQueryResult}s. */
export interface PyroQueryResultHKT extends PgQueryResultHKT {
  /** The result of a query for rows of the type `row`. */
  type: PyroQueryResult<this["row"] extends Record<string, unknown> ? this["row"] : Record<string, unknown>>;
}

/** The result as Drizzle's callers get it. */
export function queryResult<Row>({ rows, columns, command, affected, count }: Result<Row>): PyroQueryResult<Row> {
  return { rows, columns, command: command.split(" ", 1)[0] || null, affected, count, rowCount: count };
}
