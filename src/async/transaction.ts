/** Transactions of connections that await. */
import { CallContext } from "../connection/call_context.ts";
import * as portalCalls from "../connection/portal_calls.ts";
import * as transactionCalls from "../connection/transaction_calls.ts";
import type { AsyncLink } from "../run/async_link.ts";
import type { Cursor } from "../features/cursor.ts";
import type { TransactionState } from "../features/transaction.ts";
import type { Mapped, Params } from "../connection/call_options.ts";
import { Executor } from "./executor.ts";
import type { CallOptions, PortalOptions } from "./options.ts";
import { Portal } from "./portal.ts";
import type { Statement } from "./statement_executor.ts";

/**
 * A transaction, made by `Conn.begin` or `Conn.tx`. One that is made by a transaction is nested in it (a savepoint).
 * A transaction is rolled back if it is disposed of before it was committed. After its end, its methods fail with a
 * `UsageError`.
 *
 * @example A part that may fail
 * ```ts
 * import { Conn, ServerError } from "@x/pyro";
 * import assert from "node:assert/strict";
 *
 * await using conn = await Conn.connect("pg://");
 * const sum = await conn.tx(async (tx) => {
 *   await tx.queryDrop("create temporary table t (n int check (n > 0)); insert into t values (1)");
 *   await assert.rejects(tx.tx((inner) => inner.execDrop("insert into t values (-1)")), ServerError);
 *   return await tx.execValue("select sum(n) from t");
 * });
 * assert.equal(sum, 1n);
 * ```
 */
export class Transaction extends Executor implements AsyncDisposable {
  readonly #context: CallContext;
  readonly #link: AsyncLink;

  /** Internal: `Conn.begin` and `Conn.tx` make transactions. */
  constructor(context: CallContext, link: AsyncLink) {
    super(context, link, transactionOf(context, link));
    this.#context = context;
    this.#link = link;
  }

  /** Whether the transaction was committed or rolled back, or the connection is closed or lost. */
  override get closed(): boolean {
    return this.#context.transaction!.finished || super.closed;
  }

  /**
   * Commits. The transaction has then ended, even if the server refuses.
   *
   * @throws {ServerError} If the server refuses, such as for a deferred constraint; 40000, with the
   *   first failure as its cause, if a statement has failed before.
   */
  commit(options?: CallOptions): Promise<void> {
    return this.#link.run(transactionCalls.commit(this.#context, options));
  }

  /** Rolls back. */
  rollback(options?: CallOptions): Promise<void> {
    return this.#link.run(transactionCalls.rollback(this.#context, options));
  }

  /**
   * Opens a portal: a statement that is being executed, whose rows are fetched in parts. Until the transaction ends,
   * several portals can be open, and other calls can be made between their fetches. The options `rows`, `nest` and
   * `as` are the defaults of all fetches.
   *
   * @example
   * ```ts
   * import { Conn } from "@x/pyro";
   * import assert from "node:assert/strict";
   *
   * await using conn = await Conn.connect("pg://");
   * await using tx = await conn.begin();
   * await using up = await tx.execPortal("select generate_series(1, 3) as n");
   * await using down = await tx.execPortal("select generate_series(3, 1, -1) as n");
   * assert.deepEqual((await up.fetch(1)).rows, [{ n: 1 }]);
   * assert.deepEqual((await down.fetch(2)).rows, [{ n: 3 }, { n: 2 }]);
   * assert.deepEqual(await up.fetch(0), { rows: [{ n: 2 }, { n: 3 }], hasMore: false });
   * ```
   */
  execPortal(
    stmt: Statement,
    params?: Params | Mapped<PortalOptions, unknown>,
    options?: Mapped<PortalOptions, unknown>,
  ): Promise<Portal> {
    const make = (cursor: Cursor): Portal => new Portal(this.#context, this.#link, cursor);
    return this.#link.run(portalCalls.execPortal(this.#context, stmt, params, options, make));
  }

  /** Rolls back, unless the transaction has ended. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.#link.run(transactionCalls.rollbackUnlessFinished(this.#context));
  }
}

/** Makes transactions on a connection. */
export function transactionOf(context: CallContext, link: AsyncLink): (state: TransactionState) => Transaction {
  return (state) => new Transaction(new CallContext(context.state, state, context.lease), link);
}
