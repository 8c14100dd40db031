// Derived from src/async/transaction.ts by tools/derive_sync.ts. Change that file, then run: deno task derive
/** Transactions of connections that block. */
import { CallContext } from "../connection/call_context.ts";
import * as portalCalls from "../connection/portal_calls.ts";
import * as transactionCalls from "../connection/transaction_calls.ts";
import type { SyncLink } from "../run/sync_link.ts";
import type { Cursor } from "../features/cursor.ts";
import type { TransactionState } from "../features/transaction.ts";
import type { CallOptions, Mapped, Params, PortalOptions } from "../connection/call_options.ts";
import { Executor } from "./executor.ts";
import { Portal } from "./portal.ts";
import type { Statement } from "./statement_executor.ts";

/**
 * A transaction, made by `Conn.begin` or `Conn.tx`. One that is made by a transaction is nested in it (a savepoint).
 * A transaction is rolled back if it is disposed of before it was committed. After its end, its methods fail with a
 * `UsageError`.
 *
 * @example A part that may fail
 * ```ts
 * import { Conn, ServerError } from "@x/pyro/sync";
 * import assert from "node:assert/strict";
 *
 * using conn = new Conn("pg://");
 * const sum = conn.tx((tx) => {
 *   tx.queryDrop("create temporary table t (n int check (n > 0)); insert into t values (1)");
 *   assert.throws(() => tx.tx((inner) => inner.execDrop("insert into t values (-1)")), ServerError);
 *   return tx.execValue("select sum(n) from t");
 * });
 * assert.equal(sum, 1n);
 * ```
 */
export class Transaction extends Executor implements Disposable {
  readonly #context: CallContext;
  readonly #link: SyncLink;

  /** Internal: `Conn.begin` and `Conn.tx` make transactions. */
  constructor(context: CallContext, link: SyncLink) {
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
  commit(options?: CallOptions): void {
    return this.#link.run(transactionCalls.commit(this.#context, options));
  }

  /** Rolls back. */
  rollback(options?: CallOptions): void {
    return this.#link.run(transactionCalls.rollback(this.#context, options));
  }

  /**
   * Opens a portal: a statement that is being executed, whose rows are fetched in parts. Until the transaction ends,
   * several portals can be open, and other calls can be made between their fetches. The options `rows`, `nest` and
   * `as` are the defaults of all fetches.
   *
   * @example
   * ```ts
   * import { Conn } from "@x/pyro/sync";
   * import assert from "node:assert/strict";
   *
   * using conn = new Conn("pg://");
   * using tx = conn.begin();
   * using up = tx.execPortal("select generate_series(1, 3) as n");
   * using down = tx.execPortal("select generate_series(3, 1, -1) as n");
   * assert.deepEqual((up.fetch(1)).rows, [{ n: 1 }]);
   * assert.deepEqual((down.fetch(2)).rows, [{ n: 3 }, { n: 2 }]);
   * assert.deepEqual(up.fetch(0), { rows: [{ n: 2 }, { n: 3 }], hasMore: false });
   * ```
   */
  execPortal(
    stmt: Statement,
    params?: Params | Mapped<PortalOptions, unknown>,
    options?: Mapped<PortalOptions, unknown>,
  ): Portal {
    const make = (cursor: Cursor): Portal => new Portal(this.#context, this.#link, cursor);
    return this.#link.run(portalCalls.execPortal(this.#context, stmt, params, options, make));
  }

  /** Rolls back, unless the transaction has ended. */
  [Symbol.dispose](): void {
    return this.#link.run(transactionCalls.rollbackUnlessFinished(this.#context));
  }
}

/** Makes transactions on a connection. */
export function transactionOf(context: CallContext, link: SyncLink): (state: TransactionState) => Transaction {
  return (state) => new Transaction(new CallContext(context.state, state, context.lease), link);
}
