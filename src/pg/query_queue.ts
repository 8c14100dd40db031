/** The queries of a client: those that wait, and those that have been sent. */
import { nextTick } from "./timers.ts";
import type { RunnableQuery } from "./query.ts";
import type { QueryRun } from "./query_run.ts";

/** A queue of queries, in the order of the calls. */
export class QueryQueue {
  readonly #waiting: QueryRun[] = [];
  /** One, unless queries are pipelined. */
  readonly #sent: QueryRun[] = [];

  /** The queries that have not been sent. */
  get waiting(): RunnableQuery[] {
    return this.#waiting.map(({ query }) => query);
  }

  /** The query whose outcome comes next. */
  get active(): RunnableQuery | null {
    return this.#sent[0]?.query ?? null;
  }

  /** Whether any query has been sent and has no outcome yet. */
  get isActive(): boolean {
    return this.#sent.length > 0;
  }

  /** Whether any query has no outcome yet. */
  get isBusy(): boolean {
    return this.#sent.length + this.#waiting.length > 0;
  }

  /** Adds a query. */
  push(run: QueryRun): void {
    this.#waiting.push(run);
  }

  /** Takes the query to be sent next. */
  next(): QueryRun | undefined {
    const run = this.#waiting.shift();
    if (run !== undefined) this.#sent.push(run);
    return run;
  }

  /** A query that has been sent has its outcome. */
  remove(run: QueryRun): void {
    const index = this.#sent.indexOf(run);
    if (index >= 0) this.#sent.splice(index, 1);
  }

  /** Takes out the query whose outcome comes next. */
  removeActive(): QueryRun | undefined {
    return this.#sent.shift();
  }

  /** Takes a query out that has not been sent; false if there is none. */
  withdraw(query: RunnableQuery): boolean {
    const index = this.#waiting.findIndex((run) => run.query === query);
    if (index >= 0) this.#waiting.splice(index, 1);
    return index >= 0;
  }

  /** Fails all queries, in the next tick. */
  failAll(error: Error): void {
    const runs = [...this.#sent.splice(0), ...this.#waiting.splice(0)];
    for (const run of runs) nextTick(() => run.fail(error));
  }
}
