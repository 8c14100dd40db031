/**
 * White space as libpq sees it: C's `isspace` in the C locale. Other white space, such as U+00A0, is text.
 */

/** Whether a character separates words. */
export function isBlank(char: string | undefined): boolean {
  return char !== undefined && char !== "" && BLANKS.includes(char);
}

/** The text without blanks at its ends. */
export function trimBlanks(text: string): string {
  return text.replace(/^[ \t\n\v\f\r]+|[ \t\n\v\f\r]+$/g, "");
}

const BLANKS = " \t\n\v\f\r";
