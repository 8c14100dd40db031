/**
 * The types whose binary format is a version byte and their text: jsonpath, ltree, lquery, ltxtquery.
 *
 * Source: PostgreSQL manual, "jsonpath Type" and "ltree"; the binary format is that of
 * `jsonpath_send`, `ltree_send`, `lquery_send` and `ltxtq_send`, all in their version 1.
 */
import { BadValue, type Codec } from "./codec.ts";
import { ANY_TEXT, printed } from "./text.ts";

/** A type whose value is its text, with a version byte before it in binary; a parameter is a string, sent as text. */
export function versioned(name: string): Codec {
  return printed(name, ANY_TEXT, (source, start, end) => {
    if (start === end || source.bytes[start] !== 1) throw new BadValue(`its format is not version 1 of ${name}`);
    return source.bytes.utf8Slice(start + 1, end);
  });
}
