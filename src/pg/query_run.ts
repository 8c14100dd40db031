/** The execution of one query by a client. */
import type { OpenedConnection } from "../async/opened.ts";
import type { Op, Request } from "../protocol/request.ts";
import { perform } from "../protocol/request.ts";
import type { Session } from "../protocol/session.ts";
import { clearTimeout, nextTick, setTimeout } from "../timers.ts";
import { type Connection, isTaken, released } from "./connection.ts";
import { pgError } from "./database_error.ts";
import { executeExtended, executeSimple } from "./execute.ts";
import type { CustomTypesConfig, SubmittedQuery } from "./interfaces.ts";
import { outside } from "./outside.ts";
import type { RowChoice } from "./columns.ts";
import type { Plans } from "./plans.ts";
import { prepareValues } from "./prepare_value.ts";
import { Query, QuerySink, type RunnableQuery } from "./query.ts";
import { SubmittedRequest } from "./submitted.ts";

/** What a query needs of its client. */
export interface QueryOwner {
  readonly connection: Connection;
  /** Called before the outcome of a query is reported; `status` is that of the transaction. */
  ready(run: QueryRun, status: string): void;
  /** Called when the outcome has been reported. */
  settled(run: QueryRun): void;
  /** Called when the time of a query is over. */
  withdraw(query: RunnableQuery): void;
}

/** A query in the queue of a client, or under way. */
export class QueryRun {
  readonly query: RunnableQuery;
  readonly #owner: QueryOwner;
  #isOver = false;
  /** The request of a query class of another package. */
  #request: SubmittedRequest | undefined = undefined;
  /** Whether the error that was reported is the server's reason to end the connection. */
  isFatal = false;

  constructor(query: RunnableQuery, owner: QueryOwner) {
    this.query = query;
    this.#owner = owner;
  }

  /** Limits the time until the outcome, in milliseconds. The connection still waits for the query's end. */
  limit(timeout: unknown): void {
    const milliseconds = Number(timeout);
    if (!(milliseconds > 0)) return;
    const { query } = this;
    const callback = query.callback ?? ((): void => {});
    const timer = setTimeout(() => {
      const error = new Error("Query read timeout");
      nextTick(() => this.#report(error));
      outside(() => callback(error));
      query.callback = () => {};
      this.#owner.withdraw(query);
    }, milliseconds);
    query.callback = (error: unknown, result?: unknown) => {
      clearTimeout(timer);
      callback(error, result);
    };
  }

  /** Sends the query. */
  start(opened: OpenedConnection, plans: Plans, types: CustomTypesConfig, isBinary: boolean): void {
    const { query } = this;
    if (query instanceof Query) this.#execute(query, opened, plans, types, isBinary);
    else this.#submit(query, opened);
  }

  /** Reports an error, unless the outcome has been reported. */
  fail(error: unknown): void {
    // The connection may end before the server is ready again; the query has got the server's error then.
    if (this.#isOver || this.#request?.hasFailed) return;
    this.#isOver = true;
    this.#report(error);
  }

  #report(error: unknown): void {
    this.isFatal = (error as { readonly severity?: string }).severity === "FATAL";
    const { query } = this;
    outside(() => query.handleError?.(error, this.#owner.connection));
  }

  #execute(
    query: Query,
    { state, link }: OpenedConnection,
    plans: Plans,
    types: CustomTypesConfig,
    isBinary: boolean,
  ): void {
    const sink = new QuerySink(query, types);
    const choice: RowChoice = {
      types,
      isBinary: query.binary || isBinary,
      shape: query._rowMode === "array" ? "array" : "object",
    };
    let op: Op<void>;
    try {
      checkQuery(query, plans);
      if (query.requiresPreparation()) {
        const { text: sql, name, values } = query;
        op = executeExtended({ sql, name, values: prepareValues(values ?? []) }, sink, choice, plans, state);
      } else op = executeSimple(plans.ofSimpleText(query.text ?? ""), sink, { ...choice, isBinary: false }, state);
    } catch (error) {
      nextTick(() => this.#settle(() => this.#report(error), statusOf(state.session)));
      return;
    }
    const { observer, session } = state;
    const span = observer.isEnabled ? observer.callSpan("query", query.text, query.values?.length) : undefined;
    link.run({ op, deadline: undefined, span }).then(
      () => {
        const { failure, results } = sink;
        const report = (): void => failure === undefined ? query._succeed(results) : this.#report(failure.error);
        this.#settle(report, statusOf(session));
      },
      (error) => {
        // The client reports that the connection is lost, once.
        if (session.lost !== undefined) return;
        this.#settle(() => this.#report(sink.failure?.error ?? pgError(error)), statusOf(session));
      },
    );
  }

  #submit(query: SubmittedQuery, { state, link }: OpenedConnection): void {
    const { session } = state;
    const { connection } = this.#owner;
    const request = new SubmittedRequest(query, connection, session.outbox, link);
    this.#request = request;
    const end = async (error?: unknown): Promise<void> => {
      // The query may not have read all of the reply yet.
      if (isTaken(connection.stream)) await released(connection.stream);
      request.finish();
      if (session.lost !== undefined && error !== undefined) return;
      const report = (): void => {
        if (error !== undefined && !request.hasFailed) this.#report(request.refusal ?? pgError(error));
      };
      this.#settle(report, statusOf(session));
    };
    link.run({ op: perform(request as Request<void>), deadline: undefined }).then(() => end(), end);
  }

  #settle(report: () => void, status: string): void {
    this.#owner.ready(this, status);
    if (!this.#isOver) {
      this.#isOver = true;
      report();
    }
    this.#owner.settled(this);
  }
}

/** Why a query cannot be executed, in pg's words; undefined if it can. */
export function problemWith(
  query: RunnableQuery,
  client: { readonly pipeline: boolean; readonly _queryable: boolean; readonly _ending: boolean },
): string | undefined {
  if (client.pipeline) {
    const unsupported = !(query instanceof Query)
      ? "Custom query classes such as pg-cursor and pg-query-stream are"
      : query.rows
      ? "The `rows` option is"
      : undefined;
    if (unsupported !== undefined) return `${unsupported} not supported in pipeline mode`;
  }
  if (!client._queryable) return "Client has encountered a connection error and is not queryable";
  return client._ending ? "Client was closed and is not queryable" : undefined;
}

/** The letter of the transaction's status. */
function statusOf({ inbox }: Session): string {
  return String.fromCharCode(inbox.transactionStatus);
}

/** Throws for a query that cannot be sent, in pg's words. */
function checkQuery({ text, name, values }: Query, plans: Plans): void {
  if (typeof text !== "string" && typeof name !== "string") {
    throw new Error("A query must have either text or a name. Supplying neither is unsupported.");
  }
  const known = name ? plans.textOf(name) : undefined;
  if (text && known && text !== known) {
    throw new Error(`Prepared statements must be unique - '${name}' was used for a different statement`);
  }
  if (values && !Array.isArray(values)) throw new Error("Query values must be an array");
}
