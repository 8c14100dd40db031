/** The log: lines for those that a logger was given for. Nothing in them is a value, a password or a key. */
import { LOG_LEVELS, type LogFields, type LogLevel } from "../options/logger.ts";
import type { Settings } from "../options/settings.ts";

/** Writes to a logger what is important enough. */
export class Log {
  readonly #logger: NonNullable<Settings["logger"]>;
  readonly #least: number;
  /** Whether lines of level debug go anywhere; what they are made of costs something. */
  readonly debugs: boolean;

  /** The log that options ask for; undefined for none, so that a check is all it costs. */
  static of({ logger, logLevel = "info" }: Settings): Log | undefined {
    return logger && new Log(logger, logLevel);
  }

  /** Not for others: see {@linkcode Log.of}. */
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

  /** What somebody should look at: warnings of the server, lost connections, a pool's leaks and failed attempts to reconnect. */
  warn(message: string, fields: LogFields): void {
    this.#write("warn", message, fields);
  }

  /** What failed with no caller to tell. */
  error(message: string, fields: LogFields): void {
    this.#write("error", message, fields);
  }

  /** A logger's failure is no reason for a query to fail. */
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

/** What a log may say of an error: of the server's not its words, which quote values. */
export function errorFields(error: unknown): LogFields {
  if (!(error instanceof Error)) return { error: typeof error };
  return "code" in error ? { error: error.name, code: error.code } : { error: error.name };
}
