/**
 * The errors of pyro: a class for each kind of failure.
 *
 * The server refused: {@linkcode ServerError}. The connection failed: {@linkcode ConnectionError},
 * {@linkcode TimeoutError}. Server and client disagree: {@linkcode ProtocolError}. The call is wrong:
 * {@linkcode UsageError}, {@linkcode EncodeError}. A value could not be read: {@linkcode DecodeError}.
 * A statement was skipped because one before it failed: {@linkcode PipelineAborted}.
 */
import { excerptOf } from "./excerpt.ts";
import { printAs } from "./inspection.ts";
import { isPrintable, printEscaped } from "./printed.ts";
import { printedError } from "./printed_error.ts";
import { raiseStackLimit, restoreStackLimit } from "./stack.ts";

export { keepStack, stackFromHere } from "./stack.ts";

/** The options of the constructors of pyro's errors. */
export interface PyroErrorOptions extends ErrorOptions {
  /** See {@linkcode PyroError.connectionLost}. */
  connectionLost?: boolean;
  /** See {@linkcode PyroError.safeToRetry}. */
  safeToRetry?: boolean;
  /** See {@linkcode PyroError.outcome}. */
  outcome?: TimeoutOutcome | undefined;
}

/**
 * The base class of all errors of pyro.
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
  /** Whether the connection is lost: its later calls fail too. */
  readonly connectionLost: boolean;
  /**
   * Whether the same call may succeed later, and had no effect: nothing was sent, the server refused the
   * connection for now (53300, 57P03), the connection was busy, or the server rolled back the whole
   * transaction because of a conflict with another (40001, 40P01). False for wrong arguments.
   */
  readonly safeToRetry: boolean;
  /**
   * Of `execBatch` and `copyRows`: the index of the set of parameters, or of the row, that failed, from 0; absent if
   * none in particular failed.
   */
  declare readonly index?: number;
  /** Of `execBatch` with chunks: how many sets were committed before. */
  declare readonly committed?: number;
  /**
   * Whether the call took effect, if that is in doubt. Absent if it is certain that nothing was committed.
   *
   * `"not sent"`: nothing was sent.
   *
   * `"unknown"`: the call may have taken effect. Either the connection was lost while the reply to a COMMIT, or to a
   * statement outside of a transaction, was outstanding; or the server no longer waited for its synchronous standby,
   * so that a failover can lose the commit; or the server itself does not know (40003, 08007).
   */
  declare readonly outcome?: TimeoutOutcome;

  /** Internal, as are all constructors of pyro's errors. */
  constructor(message: string, options?: PyroErrorOptions) {
    const limit = raiseStackLimit();
    // A property `cause` of undefined would be printed.
    super(message, options?.cause === undefined ? undefined : { cause: options.cause });
    restoreStackLimit(limit);
    this.connectionLost = options?.connectionLost ?? false;
    this.safeToRetry = options?.safeToRetry ?? false;
    if (options?.outcome !== undefined) this.outcome = options.outcome;
    if (!isPrintable(message)) printEscaped(this, message);
  }
}

/**
 * The fields of an error or a notice, as the server sent them. Absent fields are undefined.
 *
 * Source: PostgreSQL manual, "Error and Notice Message Fields".
 */
export interface ServerFields {
  /** `ERROR`, `FATAL` or `PANIC`; in a notice `WARNING`, `NOTICE`, `DEBUG`, `INFO` or `LOG`. Never translated. */
  readonly severity: string;
  /** The SQLSTATE, five characters; {@linkcode SqlState} has the names. */
  readonly code: string;
  /** The primary message, one line, in the server's language. */
  readonly message: string;
  /** More about the problem. May quote values of rows. */
  readonly detail?: string | undefined;
  /** A suggestion what to do about the problem; pyro's if the text has a placeholder such as `?`. */
  readonly hint?: string | undefined;
  /** Where in the SQL text the problem is: in characters, from 1. */
  readonly position?: number | undefined;
  /** The position in {@linkcode ServerFields.internalQuery}. */
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
 * The console shows the message, the {@linkcode ServerError.excerpt}, detail and hint, and then the stack and the
 * other fields.
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
      outcome: isUnreplicated(fields) || UNKNOWN_OUTCOMES.includes(fields.code) ? "unknown" : undefined,
    });
    for (const name of FIELDS) {
      const value = fields[name];
      // An absent field is a property too, since Bun's errors have their own `line` and `column`. It is not printed.
      Object.defineProperty(this, name, { ...PROPERTY, value, enumerable: value !== undefined });
    }
    Object.defineProperty(this, "query", { value: options?.query, enumerable: false });
  }

  /**
   * The line of the SQL text with a caret below the position of the error, as psql shows it. If the error is in a
   * statement of a function, it is a line of that statement. Undefined if the server reports no position. A long line
   * is cut. The excerpt contains the literals of the line, so it is not enumerable and not in the error's JSON.
   *
   * @example
   * ```ts
   * import { Conn, ServerError } from "@x/pyro";
   * import assert from "node:assert/strict";
   *
   * await using conn = await Conn.connect("pg://");
   * const error = await conn.query("select 1\nfrom persn").catch((error) => error);
   * assert.ok(error instanceof ServerError);
   * assert.equal(error.excerpt, "LINE 2: from persn\n             ^");
   * ```
   */
  get excerpt(): string | undefined {
    const { position, query, internalPosition, internalQuery } = this;
    if (position !== undefined) return query === undefined ? undefined : excerptOf(query, position);
    if (internalPosition === undefined || internalQuery === undefined) return undefined;
    return excerptOf(internalQuery, internalPosition);
  }

  static {
    this.prototype.name = "ServerError";
    printAs<ServerError>(this.prototype, printedError);
  }
}

/** "Statement completion unknown" (CockroachDB, if it does not know what became of a commit), "transaction resolution unknown". */
const UNKNOWN_OUTCOMES: readonly string[] = ["40003", "08007"];

/**
 * Whether it is the warning of a server that has committed and no longer waits for its synchronous standby, because of a
 * cancel request or because the server stops.
 *
 * Source: PostgreSQL, src/backend/replication/syncrep.c. The message is translated, and has no SQLSTATE of its own.
 */
export function isUnreplicated({ severity, routine }: Pick<ServerFields, "severity" | "routine">): boolean {
  return severity === "WARNING" && routine === "SyncRepWaitForLSN";
}

/** Whether a server or a pooler has no room for another session for now. PgBouncer has no SQLSTATE for this. */
export function isServerFull({ code, message }: Pick<ServerFields, "code" | "message">): boolean {
  return code === "53300" || (code === "08P01" && message.startsWith("no more connections allowed"));
}

/**
 * The connection cannot be made, was lost, or was closed. `cause` is the reason. If several addresses were tried, it
 * is an `AggregateError` with a reason for each.
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
  /**
   * The operating system's code, if it was a socket or a host name that failed: `ECONNREFUSED`, `ECONNRESET`,
   * `ENOTFOUND`, `ETIMEDOUT`, …, the same on all runtimes. The SQLSTATE, if the server has said why it ends the
   * connection: `57P01`. The code of `node:tls`, if the server's certificate cannot be trusted:
   * `DEPTH_ZERO_SELF_SIGNED_CERT`, `CERT_HAS_EXPIRED`, `ERR_TLS_CERT_ALTNAME_INVALID`, …. If several addresses were
   * tried, that of the first.
   */
  declare readonly code?: string;

  /** A connection that is lost, unless the options say otherwise. */
  constructor(message: string, options?: PyroErrorOptions & { code?: string | undefined }) {
    super(message, { connectionLost: true, ...options });
    const code = options?.code ?? codeOf(options?.cause);
    if (code !== undefined) this.code = code;
  }

  static {
    this.prototype.name = "ConnectionError";
  }
}

/** The code of an error, or of the first of several. */
function codeOf(error: unknown): string | undefined {
  if (error instanceof ConnectionError || error instanceof ServerError) return error.code;
  return error instanceof AggregateError ? codeOf(error.errors[0]) : undefined;
}

/** For a connection that cannot be made with these options: no connection was lost, and retrying does not help. */
export const NOT_RETRYABLE: PyroErrorOptions = { connectionLost: false };

/** The outcome of a call; see {@linkcode TimeoutError.outcome} and {@linkcode PyroError.outcome}. */
export type TimeoutOutcome = "not sent" | "cancelled" | "unknown";

/** The call did not complete within its `timeout`. The connection stays usable, unless `connectionLost` is true. */
export class TimeoutError extends PyroError {
  /**
   * `"not sent"`: the call was not sent. `"cancelled"`: the server confirmed that it has stopped the statement.
   * `"unknown"`: the statement may have been executed, or may still be.
   */
  declare readonly outcome: TimeoutOutcome;

  /** An error for a call of that outcome. */
  constructor(message: string, options: PyroErrorOptions & { outcome: TimeoutOutcome }) {
    super(message, { safeToRetry: options.outcome === "not sent", ...options });
  }

  static {
    this.prototype.name = "TimeoutError";
  }
}

/** A statement of a pipeline was not executed, because an earlier one of its group failed; `cause` is that failure. */
export class PipelineAborted extends PyroError {
  static {
    this.prototype.name = "PipelineAborted";
  }
}

/**
 * The server violated the protocol: a bug on either side, another kind of server, or an attack. The
 * connection is closed.
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
 * The call is wrong: an unknown option, a malformed URL, a finished transaction, two rows instead of
 * one.
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

/** A parameter cannot be sent as its type. The message has the parameter's number, the type and the value's kind. */
export class EncodeError extends PyroError {
  static {
    this.prototype.name = "EncodeError";
  }
}

/**
 * A value from the server cannot be read as its type. The message has the column and the type; the
 * connection stays usable.
 */
export class DecodeError extends PyroError {
  static {
    this.prototype.name = "DecodeError";
  }
}

/** Whether the same statement, or connecting, may succeed later, and had no effect. */
function isTransient(fields: ServerFields): boolean {
  const { severity, code } = fields;
  return isConflict(fields) || (severity === "FATAL" && (code === CANNOT_CONNECT_NOW || isServerFull(fields)));
}

/** Whether a transaction was rolled back because of a conflict with another; Redshift has an error 1023 for this. */
export function isConflict({ code, message }: Pick<ServerFields, "code" | "message">): boolean {
  return CONFLICT_CODES.includes(code) || (code === "XX000" && message === "1023");
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
