/**
 * The errors of pyro: few classes, told apart by who has to act.
 *
 * The server said no: {@linkcode ServerError}. The connection failed: {@linkcode ConnectionError},
 * {@linkcode TimeoutError}. Server and client disagree: {@linkcode ProtocolError}. The caller
 * asked for something impossible: {@linkcode UsageError}, {@linkcode EncodeError}. A value could
 * not be read: {@linkcode DecodeError}. A statement was skipped because one before it failed:
 * {@linkcode PipelineAborted}.
 */
import { isPrintable, printEscaped } from "./printed.ts";

/** What the constructors of pyro's errors take besides the message. */
export interface PyroErrorOptions extends ErrorOptions {
  /** See {@linkcode PyroError.connectionLost}. */
  connectionLost?: boolean;
  /** See {@linkcode PyroError.safeToRetry}. */
  safeToRetry?: boolean;
}

/**
 * What all errors of pyro have in common; catch it to catch them all.
 *
 * @example Retry once what is safe to repeat
 * ```ts
 * import { Conn, PyroError } from "@x/pyro";
 * import assert from "node:assert/strict";
 *
 * async function attempt<T>(work: () => Promise<T>): Promise<T> {
 *   try {
 *     return await work();
 *   } catch (error) {
 *     if (error instanceof PyroError && error.safeToRetry) return await work();
 *     throw error;
 *   }
 * }
 *
 * await using conn = await attempt(() => Conn.connect("pg://"));
 * assert.equal(conn.closed, false);
 * ```
 */
export abstract class PyroError extends Error {
  /** Whether the connection is gone: its later calls fail too. */
  readonly connectionLost: boolean;
  /**
   * Whether the same call may succeed later, and nothing was done: nothing was sent, the server refused
   * the connection for now (53300, 57P03), the connection was busy, or the server rolled the whole
   * transaction back because of a conflict with another (40001, 40P01). False for wrong arguments, which
   * time does not make right.
   */
  readonly safeToRetry: boolean;
  /** Of `execBatch` and `copyRows`: which set of parameters or row it was, from 0; absent where it was none in particular. */
  declare readonly index?: number;
  /** Of `execBatch` in chunks: how many sets were committed before. */
  declare readonly committed?: number;

  /** Not for callers, as are all constructors of pyro's errors. */
  constructor(message: string, options?: PyroErrorOptions) {
    // An own `cause` of undefined would be printed.
    super(message, options?.cause === undefined ? undefined : { cause: options.cause });
    this.connectionLost = options?.connectionLost ?? false;
    this.safeToRetry = options?.safeToRetry ?? false;
    if (!isPrintable(message)) printEscaped(this, message);
  }
}

/**
 * The fields of an error or a notice, as the server sent them. Absent ones are undefined.
 *
 * Source: PostgreSQL manual, "Error and Notice Message Fields".
 */
export interface ServerFields {
  /** `ERROR`, `FATAL` or `PANIC`; in a notice `WARNING`, `NOTICE`, `DEBUG`, `INFO` or `LOG`. Never translated. */
  readonly severity: string;
  /** SQLSTATE, five characters; {@linkcode SqlState} has their names. */
  readonly code: string;
  /** The primary message, one line, in the server's language. */
  readonly message: string;
  /** More about the problem. May quote values of rows. */
  readonly detail?: string | undefined;
  /** What to do about it. */
  readonly hint?: string | undefined;
  /** Where in the SQL text the problem is: in characters, from 1. */
  readonly position?: number | undefined;
  /** The same for {@linkcode ServerFields.internalQuery}. */
  readonly internalPosition?: number | undefined;
  /** The statement that the server itself generated, such as one in a PL/pgSQL function. */
  readonly internalQuery?: string | undefined;
  /** The call stack inside the server, innermost first, a line each. */
  readonly where?: string | undefined;
  /** The schema of the object that the error is about. */
  readonly schema?: string | undefined;
  /** The table that the error is about. */
  readonly table?: string | undefined;
  /** The column that the error is about. */
  readonly column?: string | undefined;
  /** The data type that the error is about. */
  readonly dataType?: string | undefined;
  /** The constraint that the error is about. */
  readonly constraint?: string | undefined;
  /** The server's source file that reports it. */
  readonly file?: string | undefined;
  /** The line in that file. */
  readonly line?: number | undefined;
  /** The server's function that reports it. */
  readonly routine?: string | undefined;
}

/**
 * The server refused a statement, or the session.
 *
 * @example Tell a duplicate key from other failures
 * ```ts
 * import { Conn, ServerError, SqlState } from "@x/pyro";
 * import assert from "node:assert/strict";
 *
 * await using conn = await Conn.connect("pg://");
 * await conn.queryDrop("create temporary table person (name text constraint person_name unique)");
 * await conn.execDrop("insert into person values ($1)", ["Ada"]);
 * try {
 *   await conn.execDrop("insert into person values ($1)", ["Ada"]);
 *   assert.fail("the second Ada is refused");
 * } catch (error) {
 *   assert.ok(error instanceof ServerError);
 *   assert.equal(error.code, SqlState.UniqueViolation);
 *   assert.equal(error.constraint, "person_name");
 * }
 * ```
 */
export class ServerError extends PyroError implements ServerFields {
  declare readonly severity: string;
  declare readonly code: string;
  declare readonly detail?: string | undefined;
  declare readonly hint?: string | undefined;
  declare readonly position?: number | undefined;
  declare readonly internalPosition?: number | undefined;
  declare readonly internalQuery?: string | undefined;
  declare readonly where?: string | undefined;
  declare readonly schema?: string | undefined;
  declare readonly table?: string | undefined;
  declare readonly column?: string | undefined;
  declare readonly dataType?: string | undefined;
  declare readonly constraint?: string | undefined;
  declare readonly file?: string | undefined;
  declare readonly line?: number | undefined;
  declare readonly routine?: string | undefined;
  /** The SQL text of the call. Not enumerable, so that it is not logged by accident. */
  declare readonly query: string | undefined;

  /** The error that these fields describe. */
  constructor(fields: ServerFields, options?: ErrorOptions & { query?: string | undefined }) {
    super(fields.message, {
      cause: options?.cause,
      connectionLost: fields.severity === "FATAL" || fields.severity === "PANIC",
      safeToRetry: isTransient(fields) ||
        (options?.cause instanceof ServerError && options.cause.safeToRetry),
    });
    for (const name of FIELDS) {
      const value = fields[name];
      // An absent field is a property too: Bun's errors have a `line` and a `column` of their own. It is not printed.
      Object.defineProperty(this, name, { ...PROPERTY, value, enumerable: value !== undefined });
    }
    Object.defineProperty(this, "query", { value: options?.query, enumerable: false });
  }

  static {
    this.prototype.name = "ServerError";
  }
}

/** Whether a server or a pooler has no room for another session just now. PgBouncer has no SQLSTATE of its own for it. */
export function isServerFull({ code, message }: Pick<ServerFields, "code" | "message">): boolean {
  return code === "53300" || (code === "08P01" && message.startsWith("no more connections allowed"));
}

/**
 * The connection cannot be made, was lost, or was closed. `cause` has the reason; when several
 * addresses were tried, it is an `AggregateError` with a reason each.
 *
 * @example A server that is not there
 * ```ts
 * import { Conn, ConnectionError } from "@x/pyro";
 * import assert from "node:assert/strict";
 *
 * await assert.rejects(
 *   Conn.connect("pg://localhost:1/test"),
 *   (error) => error instanceof ConnectionError && error.safeToRetry,
 * );
 * ```
 */
export class ConnectionError extends PyroError {
  /** A connection that is lost, unless the options say otherwise. */
  constructor(message: string, options?: PyroErrorOptions) {
    super(message, { connectionLost: true, ...options });
  }

  static {
    this.prototype.name = "ConnectionError";
  }
}

/** Of a connection that cannot be made with what was given: it was not lost, and time does not help. */
export const NOT_RETRYABLE: PyroErrorOptions = { connectionLost: false };

/** How much is known about a call that timed out; see {@linkcode TimeoutError.outcome}. */
export type TimeoutOutcome = "not sent" | "cancelled" | "unknown";

/** Something did not happen within the time that the caller gave it. */
export class TimeoutError extends PyroError {
  /**
   * `"not sent"`: the server knows nothing of it. `"cancelled"`: the server confirmed that it
   * stopped. `"unknown"`: it may have been executed, or may yet be.
   */
  readonly outcome: TimeoutOutcome;

  /** A call of that outcome. */
  constructor(message: string, options: PyroErrorOptions & { outcome: TimeoutOutcome }) {
    super(message, { safeToRetry: options.outcome === "not sent", ...options });
    this.outcome = options.outcome;
  }

  static {
    this.prototype.name = "TimeoutError";
  }
}

/** The statement was not executed, because an earlier one of its group failed; `cause` is that failure. */
export class PipelineAborted extends PyroError {
  static {
    this.prototype.name = "PipelineAborted";
  }
}

/**
 * The server sent what the protocol does not allow here: a bug on either side, something that is no
 * PostgreSQL server, or an attack. The connection is closed.
 */
export class ProtocolError extends PyroError {
  /** A connection that is lost, unless the options say otherwise. */
  constructor(message: string, options?: PyroErrorOptions) {
    super(message, { connectionLost: true, ...options });
  }

  static {
    this.prototype.name = "ProtocolError";
  }
}

/**
 * The call itself is wrong: an unknown option, a bad URL, a finished transaction, one row expected
 * and two found.
 *
 * @example A misspelt option
 * ```ts
 * import { Opts, UsageError } from "@x/pyro";
 * import assert from "node:assert/strict";
 *
 * assert.throws(() => new Opts("pg://localhost?sslmode=maybe"), UsageError);
 * ```
 */
export class UsageError extends PyroError {
  static {
    this.prototype.name = "UsageError";
  }
}

/** A parameter cannot be sent as the type that its place has. Names the parameter's number, the type and the value's kind. */
export class EncodeError extends PyroError {
  static {
    this.prototype.name = "EncodeError";
  }
}

/** A value that the server sent cannot be read as its type. Names the column and the type; the connection goes on. */
export class DecodeError extends PyroError {
  static {
    this.prototype.name = "DecodeError";
  }
}

/** Has the error's stack begin where this is called, for one that was made elsewhere. */
export function stackFromHere(error: PyroError): void {
  const { message } = error;
  Error.captureStackTrace(error, stackFromHere);
  if (!isPrintable(message)) printEscaped(error, message);
}

/** Whether the same statement, or connecting, may succeed later, and nothing was done. */
function isTransient(fields: ServerFields): boolean {
  const { severity, code } = fields;
  return CONFLICT_CODES.includes(code) ||
    (severity === "FATAL" && (code === CANNOT_CONNECT_NOW || isServerFull(fields)));
}

/** Serialization failure, deadlock. */
const CONFLICT_CODES: readonly string[] = ["40001", "40P01"];
/** A function can raise this and 53300 too, but only refused connections are fatal. */
const CANNOT_CONNECT_NOW = "57P03";

/** All fields but the message, which every error has. */
const FIELDS = Object.keys(
  {
    severity: true,
    code: true,
    detail: true,
    hint: true,
    position: true,
    internalPosition: true,
    internalQuery: true,
    where: true,
    schema: true,
    table: true,
    column: true,
    dataType: true,
    constraint: true,
    file: true,
    line: true,
    routine: true,
  } satisfies Record<Exclude<keyof ServerFields, "message">, true>,
) as readonly Exclude<keyof ServerFields, "message">[];

const PROPERTY = { writable: true, configurable: true } as const;
