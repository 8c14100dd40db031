/** The log: the lines that a logger gets. They never contain a value, a password or a key. */
import { LOG_LEVELS, type LogFields, type LogLevel } from "../options/logger.ts";
import type { Settings } from "../options/settings.ts";

/** Writes lines to a logger, if their level is high enough. */
export class Log {
  readonly #logger: NonNullable<Settings["logger"]>;
  readonly #least: number;
  /** Whether lines of level debug are written. Check it first, since making such a line costs time. */
  readonly debugs: boolean;

  /** The log of the options; undefined without a logger, so that it costs only a check. */
  static of({ logger, logLevel = "info" }: Settings): Log | undefined {
    return logger && new Log(logger, logLevel);
  }

  /** Internal: see {@linkcode Log.of}. */
  private constructor(logger: NonNullable<Settings["logger"]>, level: LogLevel) {
    this.#logger = logger;
    this.#least = LOG_LEVELS.indexOf(level);
    this.debugs = level === "debug" && typeof logger.debug === "function";
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

  /** Failures that no caller gets. */
  error(message: string, fields: LogFields): void {
    this.#write("error", message, fields);
  }

  /** A logger's error must not fail a query. */
  #write(level: LogLevel, message: string, fields: LogFields): void {
    if (LOG_LEVELS.indexOf(level) < this.#least) return;
    try {
      const written: unknown = this.#logger[level]?.(`pyro: ${message}`, fields);
      if (written instanceof Promise) written.catch(() => {});
    } catch {
      // See above.
    }
  }
}

/** The fields that describe an error. The server's message is left out, since it quotes values. */
export function errorFields(error: unknown): LogFields {
  if (!(error instanceof Error)) return { error: typeof error };
  return "code" in error ? { error: error.name, code: error.code } : { error: error.name };
}
