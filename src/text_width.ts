/**
 * How many columns of a terminal a text takes, so that what stands below it can be aligned.
 *
 * Source: Unicode Standard Annex #11, "East Asian Width".
 */
import { lazy } from "./lazy.ts";

/** The number of columns; the text has no control characters. */
export function columnsOf(text: string): number {
  if (ASCII.test(text)) return text.length;
  const { graphemes, invisible, wide } = unicode();
  let columns = 0;
  // An emoji of several code points is as wide as one.
  for (const { segment } of graphemes.segment(text)) {
    if (!invisible.test(segment)) columns += wide.test(segment) ? 2 : 1;
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

/** Made of texts when they are needed: engines build the sets of characters of a literal when they read it. */
const unicode = lazy(() => ({
  graphemes: new Intl.Segmenter(),
  invisible: new RegExp(String.raw`^[\p{Mn}\p{Me}\p{Cf}]`, "u"),
  wide: new RegExp(
    String.raw`^[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f` +
      String.raw`\uff00-\uff60\uffe0-\uffe6\u3000\u{1f1e6}-\u{1f1ff}\u{1f300}-\u{1f64f}\u{1f680}-\u{1f6ff}` +
      String.raw`\u{1f900}-\u{1f9ff}\u{20000}-\u{3fffd}]|\ufe0f`,
    "u",
  ),
}));
