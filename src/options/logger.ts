/** The logger that users give to pyro. */
import { UsageError } from "../errors.ts";

/** The importance of a line of the log. Each level includes those behind it. */
export type LogLevel = "debug" | "info" | "warn" | "error";

/** The fields of a line of the log: text, numbers and booleans by name. */
export type LogFields = Readonly<Record<string, unknown>>;

/**
 * Gets the lines of the log: an object with some of these methods, such as `console`. Lines of levels
 * without a method are dropped; errors that a method throws are ignored.
 *
 * @example Every call, to the console
 * ```ts
 * import { Conn, Opts } from "@x/pyro";
 *
 * await using conn = await Conn.connect(new Opts("pg://").logger(console).logLevel("debug"));
 * await conn.query("select 'secret'"); // logs { operation: "query", sql: "select ?", … }
 * ```
 */
export interface Logger {
  /** Every call, and the steps of connecting. */
  debug?(message: string, fields: LogFields): unknown;
  /** Connections that are opened and closed. */
  info?(message: string, fields: LogFields): unknown;
  /** Problems: warnings of the server, lost connections. */
  warn?(message: string, fields: LogFields): unknown;
  /** Failures that no caller gets. */
  error?(message: string, fields: LogFields): unknown;
}

/** All levels, the least important first. */
export const LOG_LEVELS: readonly LogLevel[] = ["debug", "info", "warn", "error"];

/** An object with at least one method of a logger. */
export function checkLogger(value: unknown): Logger {
  const given = value as Partial<Record<LogLevel, unknown>> | null | undefined;
  if (LOG_LEVELS.some((level) => typeof given?.[level] === "function")) return value as Logger;
  throw new UsageError(`Cannot set logger: it must be an object with some of the methods ${LOG_LEVELS.join(", ")}`);
}
