/** Some rows of six columns. */
import { isPerson, KEYS, setup } from "./people.ts";
import type { Workload } from "./workload.ts";

/** The workload of that many rows. */
export function select(rows: number): Workload {
  return {
    title: () => `Select of ${rows === 1 ? "a row" : `${rows} rows`} of 6 columns`,
    // More than a core's time slice of rows is no question of latency any more.
    pinned: rows < 1000,
    warmUp: 2,
    base: "libpq",
    transports: ["unix"],
    setup,
    statement: () => selecting(rows),
    check: (i, result) => Array.isArray(result) && result.length === rows && isPerson(result.at(-1), after(i) + rows),
  };
}

/** Its statement; the parameter is {@linkcode after}. */
export function selecting(rows: number): string {
  return `select id, name, age, email, score, description from bench where id > $1 order by id limit ${rows}`;
}

/** The key before the first row of an operation. */
export function after(i: number): number {
  return i * 37 % (KEYS - 1000);
}
