/**
 * How many columns of a terminal a text takes, so that what stands below it can be aligned.
 *
 * Source: Unicode Standard Annex #11, "East Asian Width".
 */

/** The number of columns; the text has no control characters. */
export function columnsOf(text: string): number {
  if (ASCII.test(text)) return text.length;
  let columns = 0;
  // An emoji of several code points is as wide as one.
  for (const character of text.replace(EMOJI, "\u3000")) {
    if (!INVISIBLE.test(character)) columns += WIDE.test(character) ? 2 : 1;
  }
  return columns;
}

/** The beginning of the text that has at most that many columns; a text that is cut ends in `…`. */
export function cutToColumns(text: string, most: number): string {
  if (columnsOf(text) <= most) return text;
  let kept = "";
  let columns = 0;
  for (const character of text) {
    columns += columnsOf(character);
    if (columns > most - 1) break;
    kept += character;
  }
  return `${kept}…`;
}

// deno-lint-ignore no-control-regex
const ASCII = /^[\x00-\x7f]*$/;
const EMOJI = /\p{RGI_Emoji}/gv;
const INVISIBLE = /^[\p{Mn}\p{Me}\p{Cf}]$/u;
const WIDE =
  /^[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u3000\u{1f300}-\u{1f64f}\u{1f680}-\u{1f6ff}\u{1f900}-\u{1f9ff}\u{20000}-\u{3fffd}]$/u;
