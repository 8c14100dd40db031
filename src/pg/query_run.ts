/** The execution of one query by a client. */
import type { OpenedConnection } from "../async/opened.ts";
import type { Op, Request } from "../protocol/request.ts";
import { perform } from "../protocol/request.ts";
import type { Session } from "../protocol/session.ts";
import { clearTimeout, nextTick, setTimeout } from "./timers.ts";
import { type Connection, isObserved } from "./connection.ts";
import { isTaken, released } from "./connection_stream.ts";
import { pgError } from "./database_error.ts";
import { executeExtended, executeSimple } from "./execute.ts";
import type { CustomTypesConfig, SubmittedQuery } from "./interfaces.ts";
import { outside } from "./outside.ts";
import type { RowChoice } from "./columns.ts";
import type { Plans } from "./plans.ts";
import { isChanged, problemOf, Query, type RunnableQuery } from "./query.ts";
import { QuerySink } from "./query_sink.ts";
import { SubmittedRequest } from "./submitted.ts";
import { preparedForQuery } from "./utils.ts";

/** What a query needs of its client. */
export interface QueryOwner {
  readonly connection: Connection;
  /** Called before the server's error for a query is reported; as in pg, the client is not ready for the next one then. */
  refused(run: QueryRun): void;
  /** Called before the result of a query is reported, or after its error; `status` is that of the transaction. */
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
  start(opened: OpenedConnection, plans: Plans, types: CustomTypesConfig): void {
    const { query } = this;
    const isPlain = query instanceof Query && !isChanged(query) && !isObserved(this.#owner.connection);
    if (isPlain) this.#execute(query, opened, plans, types);
    else this.#submit(query as SubmittedQuery, opened);
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

  #execute(query: Query, { state, link }: OpenedConnection, plans: Plans, types: CustomTypesConfig): void {
    const sink = new QuerySink(query);
    const choice: RowChoice = {
      types,
      isBinary: query.binary || false,
      shape: query._rowMode === "array" ? "array" : "object",
    };
    let op: Op<void>;
    try {
      const problem = problemOf(query, this.#owner.connection);
      if (problem !== undefined) throw problem;
      if (query.requiresPreparation()) {
        const { text: sql, name, values } = query;
        op = executeExtended({ sql, name, values: preparedForQuery(values ?? []) }, sink, choice, plans, state);
      } else op = executeSimple(plans.ofSimpleText(query.text ?? ""), sink, { ...choice, isBinary: false }, state);
    } catch (error) {
      nextTick(() => this.#settleError(error, statusOf(state.session)));
      return;
    }
    const { observer, session } = state;
    const span = observer.isEnabled ? observer.callSpan("query", query.text, query.values?.length) : undefined;
    link.run({ op, deadline: undefined, span }).then(
      () => {
        const { failure } = sink;
        const report = (): void => {
          if (failure !== undefined) this.#report(failure.error);
          else outside(() => query.handleReadyForQuery(this.#owner.connection));
        };
        this.#settle(report, statusOf(session));
      },
      (error) => {
        // The client reports that the connection is lost, once.
        if (session.lost !== undefined) return;
        this.#settleError(sink.failure?.error ?? pgError(error), statusOf(session));
      },
    );
  }

  #submit(query: SubmittedQuery, { state, link }: OpenedConnection): void {
    const { session } = state;
    const { connection } = this.#owner;
    const request = new SubmittedRequest(query, connection, session.outbox, link, {
      refused: () => this.#owner.refused(this),
      ready: (status) => this.#owner.ready(this, status),
    });
    this.#request = request;
    const end = async (error?: unknown): Promise<void> => {
      // The query may not have read all of the reply yet.
      if (isTaken(connection.stream)) await released(connection.stream);
      request.finish(statusOf(session));
      if (session.lost !== undefined && error !== undefined) return;
      if (error === undefined || request.hasFailed) this.#settle(() => {}, statusOf(session));
      else this.#settleError(request.refusal ?? pgError(error), statusOf(session));
    };
    link.run({ op: perform(request as Request<void>), deadline: undefined }).then(() => end(), end);
  }

  #settleError(error: unknown, status: string): void {
    this.#owner.refused(this);
    const isReported = this.#isOver;
    this.#isOver = true;
    if (!isReported) this.#report(error);
    this.#owner.ready(this, status);
    this.#owner.settled(this);
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
