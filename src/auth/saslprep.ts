/**
 * SASLprep: prepares a password before it is hashed, so that the same characters typed on different
 * systems give the same bytes.
 *
 * As in libpq and the server, a password that SASLprep does not allow is used as it is.
 *
 * Source: RFC 4013, over RFC 3454.
 */
import {
  LEFT_TO_RIGHT,
  MAPPED_TO_NOTHING,
  NON_ASCII_SPACE,
  PROHIBITED,
  type Ranges,
  RIGHT_TO_LEFT,
  UNASSIGNED,
} from "./stringprep.ts";

/** The password in the form that both sides hash. */
export function saslprep(password: string): string {
  // Printable ASCII is never changed or refused.
  if (/^[\x20-\x7e]*$/.test(password)) return password;
  let mapped = "";
  for (const character of password) {
    const point = character.codePointAt(0)!;
    if (within(NON_ASCII_SPACE, point)) mapped += " ";
    else if (!within(MAPPED_TO_NOTHING, point)) mapped += character;
  }
  // As in libpq and the server, the check precedes normalization.
  return allowed(mapped) ? mapped.normalize("NFKC") : password;
}

function allowed(text: string): boolean {
  const points = Array.from(text, (character) => character.codePointAt(0)!);
  if (points.length === 0) return false;
  if (points.some((point) => within(PROHIBITED, point) || within(UNASSIGNED, point))) return false;
  if (!points.some((point) => within(RIGHT_TO_LEFT, point))) return true;
  return !points.some((point) => within(LEFT_TO_RIGHT, point)) &&
    within(RIGHT_TO_LEFT, points[0]!) && within(RIGHT_TO_LEFT, points.at(-1)!);
}

function within(table: Ranges, point: number): boolean {
  const ranges = table();
  let low = 0;
  let high = ranges.length / 2 - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    if (point < ranges[2 * middle]!) high = middle - 1;
    else if (point > ranges[2 * middle + 1]!) low = middle + 1;
    else return true;
  }
  return false;
}
