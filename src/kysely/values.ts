/** Which values rows have, and how parameters are sent. */
import type { QueryOptions } from "../async/options.ts";
import { pgParameters } from "../node_postgres/parameters.ts";
import { pgTypes } from "../node_postgres/types.ts";
import type { PyroDialectConfig } from "./dialect.ts";

/** What a dialect's option `types` means. */
export interface Values {
  /** The options of every call: one object, since row readers are kept for its parsers. */
  readonly options: QueryOptions | undefined;
  /** The parameters of a call as they are given to pyro. */
  readonly parameters: (values: readonly unknown[]) => readonly unknown[];
}

/** The values that `types` chooses. */
export function valuesOf(types: PyroDialectConfig["types"] = "pg"): Values {
  if (types === "pyro") return { options: undefined, parameters: (values) => values };
  return { options: { types: types === "pg" ? pgTypes : types }, parameters: pgParameters };
}
