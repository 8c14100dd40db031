/** All rows of a table, as objects. */
import { isPerson, setup } from "./people.ts";
import type { Workload } from "./workload.ts";

/** Its statement. */
export const ROWS = "select id, name, age, email, score, description from bench";

export const rows: Workload = {
  title: ({ rows }) => `A row of 6 columns (of ${rows}, as objects)`,
  units: ({ rows }) => rows,
  pinned: false,
  base: "libpq",
  transports: ["unix"],
  setup,
  statement: () => ROWS,
  check: (_, result, { rows }) => Array.isArray(result) && result.length === rows && isPerson(result.at(-1)),
};
