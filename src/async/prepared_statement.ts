/** Prepared statements of connections that await. */
import type { CallContext } from "../connection/call_context.ts";
import * as statementCalls from "../connection/statement_calls.ts";
import { closeReference, StatementHandle } from "../statements/prepared_statement.ts";
import type { AsyncLink } from "../run/async_link.ts";
import type { Prepared } from "../protocol/prepared.ts";

/**
 * A statement that the server has parsed, for one connection; made by `Conn.prepare`. Close it when it
 * is no longer needed, best with `await using`.
 *
 * @example
 * ```ts
 * import { Conn } from "@x/pyro";
 * import assert from "node:assert/strict";
 *
 * await using conn = await Conn.connect("pg://");
 * await using double = await conn.prepare("select $1::int4 * 2");
 * assert.equal(await conn.execValue(double, [21]), 42);
 * assert.deepEqual(double.params, [{ typeOid: 23 }]);
 * ```
 */
export class PreparedStatement extends StatementHandle implements AsyncDisposable {
  readonly #context: CallContext;
  readonly #link: AsyncLink;

  /** Internal: `Conn.prepare` makes prepared statements. */
  constructor(context: CallContext, link: AsyncLink, prepared: Prepared) {
    super(context.owner, prepared);
    this.#context = context;
    this.#link = link;
  }

  /** Closes the statement on the server. Idempotent; does nothing once the connection is closed. */
  async close(): Promise<void> {
    const prepared = closeReference(this);
    if (prepared !== undefined) await this.#link.run(statementCalls.closeStatement(this.#context, prepared));
  }

  /** The same as {@linkcode close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
