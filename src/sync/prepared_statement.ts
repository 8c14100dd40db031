// Derived from src/async/prepared_statement.ts by tools/derive_sync.ts. Change that file, then run: deno task derive
/** Prepared statements of connections that block. */
import type { CallContext } from "../connection/call_context.ts";
import * as statementCalls from "../connection/statement_calls.ts";
import { closeReference, StatementHandle } from "../statements/prepared_statement.ts";
import type { SyncLink } from "../run/sync_link.ts";
import type { Prepared } from "../protocol/prepared.ts";

/**
 * A statement that the server has parsed, for one connection; made by `Conn.prepare`. Close it when it
 * is no longer needed, best with `using`.
 *
 * @example
 * ```ts
 * import { Conn } from "@x/pyro/sync";
 * import assert from "node:assert/strict";
 *
 * using conn = new Conn("pg://");
 * using double = conn.prepare("select $1::int4 * 2");
 * assert.equal(conn.execValue(double, [21]), 42);
 * assert.deepEqual(double.params, [{ typeOid: 23 }]);
 * ```
 */
export class PreparedStatement extends StatementHandle implements Disposable {
  readonly #context: CallContext;
  readonly #link: SyncLink;

  /** Internal: `Conn.prepare` makes prepared statements. */
  constructor(context: CallContext, link: SyncLink, prepared: Prepared) {
    super(context.owner, prepared);
    this.#context = context;
    this.#link = link;
  }

  /** Closes the statement on the server. Idempotent; does nothing once the connection is closed. */
  close(): void {
    const prepared = closeReference(this);
    if (prepared !== undefined) this.#link.run(statementCalls.closeStatement(this.#context, prepared));
  }

  /** The same as {@linkcode close}. */
  [Symbol.dispose](): void {
    return this.close();
  }
}
