/**
 * The log: the lines that a logger gets. They never contain a password or a key, and values only if the options say
 * so.
 */
import { LOG_LEVELS, type LogFields, type LogLevel } from "../options/logger.ts";
import type { Settings } from "../options/settings.ts";
import { callUnheeded } from "../unheeded.ts";

/** Writes lines to a logger, if their level is high enough. */
export class Log {
  readonly #logger: NonNullable<Settings["logger"]>;
  readonly #least: number;
  /** Whether lines of level debug are written. Check it first, since making such a line costs time. */
  readonly debugs: boolean;
  /** Calls that take at least so many milliseconds are reported. */
  readonly slow: number;
  /** Whether values of parameters, and literals in SQL, are written. */
  readonly showsValues: boolean;

  /** The log of the options; undefined if nothing is to be written, so that it costs only a check. */
  static of({ logger, logLevel = "info", slow = 0, logValues = false }: Settings): Log | undefined {
    if (logger !== undefined) return new Log(logger, LOG_LEVELS.indexOf(logLevel), slow, logValues);
    return slow > 0 ? new Log(console, LOG_LEVELS.length, slow, logValues) : undefined;
  }

  /** Internal: see {@linkcode Log.of}. Lines of levels below `least` are dropped. */
  private constructor(
    logger: NonNullable<Settings["logger"]>,
    least: number,
    slow: number,
    showsValues: boolean,
  ) {
    this.#logger = logger;
    this.#least = least;
    this.debugs = least === 0 && typeof logger.debug === "function";
    this.slow = slow > 0 ? slow : Infinity;
    this.showsValues = showsValues;
  }

  /** Whether calls are looked at: to write all of them, or those that are slow. */
  get observesCalls(): boolean {
    return this.debugs || this.slow < Infinity;
  }

  /** Every call, and the steps of connecting. */
  debug(message: string, fields: LogFields): void {
    this.#write("debug", message, fields);
  }

  /** A connection was opened or closed; a pool has a new connection after it had lost all. */
  info(message: string, fields: LogFields): void {
    this.#write("info", message, fields);
  }

  /** Problems: warnings of the server, lost connections, a pool's leaks and failed attempts to reconnect. */
  warn(message: string, fields: LogFields): void {
    this.#write("warn", message, fields);
  }

  /** A slow call, which is reported without a logger too. */
  warnOfSlow(message: string, fields: LogFields): void {
    if (this.#least <= LOG_LEVELS.indexOf("warn") || this.#least === LOG_LEVELS.length) {
      this.#send("warn", message, fields);
    }
  }

  /** Failures that no caller gets. */
  error(message: string, fields: LogFields): void {
    this.#write("error", message, fields);
  }

  #write(level: LogLevel, message: string, fields: LogFields): void {
    if (LOG_LEVELS.indexOf(level) >= this.#least) this.#send(level, message, fields);
  }

  #send(level: LogLevel, message: string, fields: LogFields): void {
    callUnheeded(() => this.#logger[level]?.(`pyro: ${message}`, fields));
  }
}

/** A parameter's value for the log, cut if it is long. */
export function shownValue(value: unknown): unknown {
  if (ArrayBuffer.isView(value)) return `<${value.byteLength} bytes>`;
  if (typeof value === "number" || typeof value === "boolean" || value === null || value === undefined) return value;
  let text = "<no text>";
  try {
    text = String(value);
    if (typeof value === "object" && (Array.isArray(value) || text === "[object Object]")) {
      text = JSON.stringify(value, (_, member: unknown) => typeof member === "bigint" ? String(member) : member) ??
        text;
    }
  } catch {
    // It is shown as far as it has a text.
  }
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
}

/** The kind of a parameter's value, for the log. */
export function kindOfValue(value: unknown): string {
  if (value === null) return "null";
  return typeof value === "object" ? value.constructor?.name ?? "Object" : typeof value;
}

/** The fields that describe an error. The server's message is left out, since it quotes values. */
export function errorFields(error: unknown): LogFields {
  if (!(error instanceof Error)) return { error: typeof error };
  return "code" in error ? { error: error.name, code: error.code } : { error: error.name };
}

/** How many characters of a value are shown. */
const MAX_SHOWN = 100;
