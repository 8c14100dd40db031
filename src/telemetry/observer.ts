/** Publishes the calls of one connection on the tracing channel, and writes them to the log. */
import type { Link } from "../connect/handshake.ts";
import type { LogFields } from "../options/logger.ts";
import type { Span } from "../protocol/request.ts";
import type { ResultCollector } from "../rows/collectors.ts";
import type { ConnectionInfo, QueryEvent, Writable } from "./events.ts";
import { errorFields, kindOfValue, type Log, shownValue } from "./log.ts";
import { redactedSql } from "../sql/redaction.ts";
import { ChannelSpan, queries } from "./channels.ts";

/** Makes the spans of a connection's calls. */
export class Observer {
  readonly log: Log | undefined;
  readonly #link: Link;
  readonly #sessionNames: SessionNames;
  #info: ConnectionInfo | undefined = undefined;

  constructor(link: Link, sessionNames: SessionNames, log?: Log) {
    this.#link = link;
    this.#sessionNames = sessionNames;
    this.log = log;
  }

  /** Whether calls are traced or logged. */
  get isEnabled(): boolean {
    return queries.hasSubscribers || this.log?.observesCalls === true;
  }

  /** The connection. */
  get info(): ConnectionInfo {
    return this.#info ??= infoOf(this.#link, this.#sessionNames);
  }

  /** The span of one call. */
  callSpan(operation: string, sql?: string, parameters?: readonly unknown[], batchSize?: number): CallSpan {
    const event = this.#event(operation, sql, parameters?.length, batchSize);
    return new CallSpan(event, this.#link.awaits, this.log, parameters);
  }

  /** The span of an operation of several calls. */
  operationSpan(operation: string, sql?: string, parameters?: readonly unknown[]): OperationSpan {
    const event = this.#event(operation, sql, parameters?.length, undefined);
    return new OperationSpan(new CallSpan(event, true, this.log, parameters));
  }

  #event(
    operation: string,
    sql: string | undefined,
    parameterCount: number | undefined,
    batchSize: number | undefined,
  ): Writable<QueryEvent> {
    return {
      operation,
      sql,
      parameterCount,
      batchSize,
      connection: this.info,
      affected: undefined,
      rows: undefined,
      duration: undefined,
      error: undefined,
    };
  }
}

/** The span of a call. */
export class CallSpan implements Span {
  readonly event: Writable<QueryEvent>;
  readonly #trace: ChannelSpan<QueryEvent>;
  readonly #log: Log | undefined;
  readonly #parameters: readonly unknown[] | undefined;
  #collector: ResultCollector<unknown> | undefined = undefined;

  constructor(
    event: Writable<QueryEvent>,
    awaits: boolean,
    log: Log | undefined,
    parameters: readonly unknown[] | undefined,
  ) {
    this.event = event;
    this.#trace = new ChannelSpan(queries, event, awaits);
    this.#log = log?.observesCalls ? log : undefined;
    this.#parameters = this.#log && parameters;
  }

  /** Sets the collector that gets the server's reply. */
  watch(collector: ResultCollector<unknown>): void {
    collector.readsTags = true;
    this.#collector = collector;
  }

  start<T>(work: () => T): T {
    return this.#trace.start(work);
  }

  succeed(value: unknown): void {
    const { event } = this;
    if (this.#collector !== undefined) event.affected = this.#collector.lastAffected;
    if (COUNTING.includes(event.operation)) event.affected = value as number;
    if (LISTING.includes(event.operation)) event.rows ??= countOf(value);
    this.#trace.succeed();
    this.#write();
  }

  fail(error: unknown): void {
    this.#trace.fail(error);
    this.#write();
  }

  #write(): void {
    const log = this.#log;
    if (log === undefined) return;
    const { operation, duration = 0, error } = this.event;
    if (log.debugs) log.debug(error === undefined ? "called" : "call failed", this.#fields(log.showsValues));
    if (duration >= log.slow && !LASTING.includes(operation)) {
      const types = this.#parameters?.length ? { parameterTypes: this.#parameters.map(kindOfValue) } : {};
      log.warnOfSlow("slow call", { ...this.#fields(log.showsValues), ...types });
    }
  }

  /** What is written of the call; values and literals only if `showsValues`, and never beside passwords. */
  #fields(showsValues: boolean): LogFields {
    const { operation, sql, parameterCount, batchSize, connection, affected, rows, duration, error } = this.event;
    const isSecret = sql !== undefined && /passw/i.test(sql);
    const given = {
      operation,
      sql: sql && (showsValues && !isSecret ? sql : redactedSql(sql)),
      parameterCount,
      parameters: showsValues && !isSecret && this.#parameters?.length ? this.#parameters.map(shownValue) : undefined,
      batchSize,
      affected,
      rows,
      connection: connection.id,
      duration,
      ...(error === undefined ? {} : errorFields(error)),
    };
    return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  }
}

/** The span of a stream or pipeline: it begins with the first of its calls, and ends with the last. */
export class OperationSpan {
  readonly #span: CallSpan;
  #state: "new" | "open" | "over" = "new";
  #failure: { readonly error: unknown } | undefined = undefined;

  constructor(span: CallSpan) {
    this.#span = span;
  }

  /** Counts one more statement. */
  addStatement(): void {
    this.#span.event.batchSize = (this.#span.event.batchSize ?? 0) + 1;
  }

  /**
   * The span of one of its calls: of any, of one that returns undefined at the end of the data, or of
   * the one that closes it.
   */
  childSpan(kind: "any" | "read" | "close"): Span {
    return {
      start: <T>(work: () => T): T => {
        // Closing an operation that has sent nothing sends nothing.
        if (this.#state !== "new" || (kind === "close" && !this.#span.event.batchSize)) return work();
        this.#state = "open";
        return this.#span.start(work);
      },
      succeed: (value) => {
        const { event } = this.#span;
        if (LISTING.includes(event.operation)) event.rows = (event.rows ?? 0) + (countOf(value) ?? 0);
        if (kind === "close" || (kind === "read" && value === undefined)) this.#end();
      },
      fail: (error) => {
        this.#failure ??= { error };
        if (kind === "close") this.#end();
      },
    };
  }

  #end(): void {
    const wasOpen = this.#state === "open";
    this.#state = "over";
    if (!wasOpen) return;
    if (this.#failure === undefined) this.#span.succeed(undefined);
    else this.#span.fail(this.#failure.error);
  }
}

/** The names in a connection's startup message. */
export interface SessionNames {
  readonly database: string;
  readonly user: string;
}

function infoOf({ session, name, endpoint, addresses, tls }: Link, { database, user }: SessionNames): ConnectionInfo {
  const isTcp = endpoint.kind === "tcp";
  return Object.freeze({
    id: session.key?.processId ?? 0,
    transport: name ?? endpoint.kind,
    serverAddress: isTcp ? endpoint.host : endpoint.path,
    serverPort: isTcp ? endpoint.port : undefined,
    peerAddress: isTcp ? addresses?.remote.host : endpoint.path,
    peerPort: isTcp ? addresses?.remote.port : undefined,
    database,
    user,
    tls: tls !== undefined,
  });
}

/** The number of rows that the caller gets. */
function countOf(value: unknown): number | undefined {
  const rows = Array.isArray(value) ? value : (value as { rows?: unknown } | undefined)?.rows;
  return Array.isArray(rows) ? rows.length : undefined;
}

/** Operations that return the number of affected rows. */
const COUNTING: readonly string[] = ["execBatch", "copyIn", "copyRows"];
/** Operations that take as long as the caller's function, or until the caller has taken all rows. */
const LASTING: readonly string[] = ["tx", "execIter", "stream", "copyOut", "pipeline", "listen"];
/** Operations that return a list of rows. */
const LISTING: readonly string[] = ["query", "exec", "run", "fetch", "stream"];
