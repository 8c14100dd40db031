/** Portals of connections that await. */
import type { CallContext } from "../connection/call_context.ts";
import * as portalCalls from "../connection/portal_calls.ts";
import type { AsyncLink } from "../run/async_link.ts";
import type { Cursor } from "../features/cursor.ts";
import type { Mapped, PortalRows, Row } from "../connection/call_options.ts";
import { printMembers } from "../inspection.ts";
import { collectors } from "../rows/collector_factories.ts";
import type { Column } from "../wire/backend.ts";
import type { RowOptions } from "./options.ts";

/**
 * A statement that is being executed, whose rows are fetched in parts; made by `Transaction.execPortal` and
 * `execIter`.
 */
export class Portal implements AsyncDisposable {
  readonly #context: CallContext;
  readonly #link: AsyncLink;
  readonly #cursor: Cursor;

  /** Internal: see {@linkcode Portal}. */
  constructor(context: CallContext, link: AsyncLink, cursor: Cursor) {
    this.#context = context;
    this.#link = link;
    this.#cursor = cursor;
  }

  static {
    printMembers<Portal>(this.prototype, ({ done }) => ({ done }));
  }

  /** Whether all rows have been fetched. */
  get done(): boolean {
    return this.#cursor.done;
  }

  /** The columns; empty for a statement that returns no rows. */
  get columns(): readonly Column[] {
    return this.#cursor.columns ?? [];
  }

  /** The command tag without numbers, such as `SELECT`; `undefined` until all rows have been fetched. */
  get command(): string | undefined {
    return this.#cursor.tag?.command;
  }

  /** The number of rows of all fetches, or those affected; `undefined` until all rows have been fetched. */
  get affected(): number | undefined {
    return this.#cursor.tag?.affected;
  }

  /**
   * Fetches the next rows.
   *
   * @param count The maximum number of rows; 0 for all that are left.
   * @throws {UsageError} If the portal is closed, or its transaction has ended.
   */
  fetch<R = Row>(count: number = 0, options?: Mapped<RowOptions, R>): Promise<PortalRows<R>> {
    return this.#link.run(portalCalls.fetch(this.#context, this.#cursor, count, options, collectors.allRows<R>));
  }

  /** Closes the portal; rows that are left are dropped. Idempotent. */
  close(): Promise<void> {
    return this.#link.run(portalCalls.closePortal(this.#context, this.#cursor));
  }

  /** The same as {@linkcode close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
