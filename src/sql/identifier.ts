/**
 * Quotes the names of tables, columns and channels: one rule for all of them.
 *
 * Source: PostgreSQL manual, "Identifiers and Key Words".
 */
import { UsageError } from "../errors.ts";

/** The name in quotes. For a malformed name, the error's message is "Cannot", `action` and the reason. */
export function quotedIdentifier(name: unknown, action: string): string {
  return `"${checkedIdentifier(name, action).replaceAll('"', '""')}"`;
}

/** The name, checked. The server truncates longer names, so two of them could become the same. */
export function checkedIdentifier(name: unknown, action: string): string {
  if (typeof name !== "string") {
    throw refused(action, `it must be a string, not ${name === null ? "null" : typeof name}`);
  }
  if (name === "") throw refused(action, "it must not be empty");
  if (name.includes("\0")) throw refused(action, "it contains a NUL character, which PostgreSQL cannot store");
  if (!name.isWellFormed()) throw refused(action, "it contains a lone surrogate, which UTF-8 cannot express");
  const { length } = new TextEncoder().encode(name);
  if (length > MAX_BYTES) throw refused(action, `it has ${length} bytes in UTF-8, and must have at most ${MAX_BYTES}`);
  return name;
}

function refused(action: string, fault: string): UsageError {
  return new UsageError(`Cannot ${action}: ${fault}`);
}

/** NAMEDATALEN - 1, with the default NAMEDATALEN. */
const MAX_BYTES = 63;
