/** pg's `lib/utils`, which query classes of other packages use. */
import { escapeIdentifier, escapeLiteral } from "./escape.ts";
import { type Prepared, prepareValue, prepareValues } from "./prepare_value.ts";
import type { QueryConfig } from "./interfaces.ts";
import type { QueryCallback } from "./query.ts";

/** The functions. */
export interface Utils {
  /** Converts the value of a parameter to the one that is sent. A program may replace this function. */
  prepareValue: (value: unknown) => Prepared;
  /** The configuration that the arguments of `query` are. */
  readonly normalizeQueryConfig: (
    config: string | QueryConfig,
    values?: unknown,
    callback?: QueryCallback,
  ) => Partial<QueryConfig>;
  /** As {@linkcode escapeIdentifier} of the module. */
  readonly escapeIdentifier: typeof escapeIdentifier;
  /** As {@linkcode escapeLiteral} of the module. */
  readonly escapeLiteral: typeof escapeLiteral;
}

/** The functions, as one object. */
export const utils: Utils = {
  prepareValue,
  normalizeQueryConfig(config, values, callback) {
    const own: Record<string, unknown> = typeof config === "string"
      ? { text: config }
      : Object.create(Object.getPrototypeOf(config), Object.getOwnPropertyDescriptors(config));
    if (typeof values === "function") own.callback = values;
    else if (values) own.values = values;
    if (callback) own.callback = callback;
    return own as Partial<QueryConfig>;
  },
  escapeIdentifier,
  escapeLiteral,
};

/** What is sent for all values of a query. */
export function preparedForQuery(values: readonly unknown[]): Prepared[] {
  const { prepareValue: prepare } = utils;
  return prepare === prepareValue ? prepareValues(values) : Array.from(values, (value) => prepareValue(prepare(value)));
}
