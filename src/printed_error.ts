/**
 * What the console shows of a server's error, in psql's order: the message, the place in the SQL text, detail and hint.
 * Then the stack, and the other fields.
 */
import type { Inspect } from "./inspection.ts";
import { printable } from "./printed.ts";

/** The parts of the error that are shown before its stack. */
export interface ShownError extends Error {
  readonly excerpt: string | undefined;
  readonly detail?: string | undefined;
  readonly hint?: string | undefined;
}

/** The error as text. */
export function printedError(error: ShownError, inspect: Inspect): string {
  const { name, message, excerpt, detail, hint, cause } = error;
  const header = `${name}: ${printable(message)}`;
  const lines = [
    header,
    ...(excerpt === undefined ? [] : [excerpt]),
    ...(detail === undefined ? [] : [`DETAIL: ${printable(detail)}`]),
    ...(hint === undefined ? [] : [`HINT: ${printable(hint)}`]),
  ];
  const fields = Object.entries(error).filter(([field]) => field !== "detail" && field !== "hint");
  if (cause !== undefined) fields.push(["[cause]", cause]);
  const members = fields.map(([field, value]) => `  ${field}: ${inspect(value).replaceAll("\n", "\n  ")},\n`);
  return `${lines.join("\n")}${frames(error, header)} {\n${members.join("")}}`;
}

/** The stack without the message. */
function frames({ stack = "" }: Error, header: string): string {
  if (stack.startsWith(header)) return stack.slice(header.length).trimEnd();
  const first = stack.search(/\n\s+at /);
  return first === -1 ? "" : stack.slice(first).trimEnd();
}
