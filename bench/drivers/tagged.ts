/** Queries for drivers that take them as templates. */

/** Rows, with how many were affected. */
export type Rows = Record<string, unknown>[] & { readonly count: number };

/** The function of such a driver. */
export type Tag = (strings: TemplateStringsArray, ...values: unknown[]) => PromiseLike<Rows>;

/** The template that somebody would write for `sql`, whose $1, $2 … come in this order, as a function of the values. */
export function tagged<Query>(
  tag: (strings: TemplateStringsArray, ...values: unknown[]) => Query,
  sql: string,
): (...values: unknown[]) => Query {
  const parts = sql.split(/\$\d+/);
  // As in templates, which Bun insists on, `raw` is not enumerable.
  const strings = Object.defineProperty(parts, "raw", { value: parts }) as string[] & TemplateStringsArray;
  return (...values) => tag(strings, ...values);
}
