/**
 * Placeholders of other clients and databases (`?`, `%s`, `:name`), which are syntax errors in PostgreSQL.
 *
 * `?` and `%` are operators too, so only the place of the server's error tells what was meant: the operator lacks an
 * operand there.
 */
import type { ServerFields } from "../errors.ts";
import { indexOfPosition } from "../excerpt.ts";
import { SqlState } from "../sqlstate.ts";

/** The fields of a refusal, with a hint if the text has another placeholder where its syntax is wrong. */
export function withPlaceholderHint(fields: ServerFields, sql: string): ServerFields {
  const { code, hint, position = 0 } = fields;
  if (code !== SqlState.SyntaxError || hint !== undefined) return fields;
  const at = indexOfPosition(sql, position);
  if (at === undefined || !(QUESTION_MARK.test(sql.slice(0, at)) || NAMED.test(sql.slice(at)))) return fields;
  return { ...fields, hint: "The placeholders of parameters are $1, $2, …" };
}

/** The place is behind `?`, which is no part of a longer operator. */
const QUESTION_MARK = /(^|[\s\w$"'(,)[\]])\?\s*$/;
/** The place is at `%s`, `%(name)s` or `:name`. */
const NAMED = /^(%s|%\(\w+\)s|:[A-Za-z_])/;
