// Derived from src/async/pipeline.ts by tools/derive_sync.ts. Change that file, then run: deno task derive
/** Pipelines of connections that block. */
import type { CallContext } from "../connection/call_context.ts";
import * as pipelineCalls from "../connection/pipeline_calls.ts";
import type { SyncLink } from "../run/sync_link.ts";
import type { PipelineState } from "../features/pipeline.ts";
import { type Mapped, OPTIONS_OF, type Params, type Row, type TypeOptions } from "../connection/call_options.ts";
import { itemOf, Ticket } from "../api/pipeline_ticket.ts";
import { collectors } from "../rows/collector_factories.ts";
import type { Statement } from "./statement_executor.ts";
import type { CallOptions, RowOptions } from "../connection/call_options.ts";

/**
 * Statements that are sent together and whose results are claimed in the order in which they were
 * added; made by `pipeline()`.
 *
 * `sync()` sends them and ends a group: outside of a transaction, the server executes all of a group or
 * none. Claiming an unsent statement sends it, with a sync. After a failure, the rest of the group
 * fails with `PipelineAborted`; the next group is not affected.
 *
 * At most about 1 MiB of unclaimed results is held; after that, the remaining statements are sent as
 * results are claimed.
 */
export class Pipeline implements Disposable {
  readonly #context: CallContext;
  readonly #link: SyncLink;
  readonly #state: PipelineState;

  /** Internal: see {@linkcode Pipeline}. */
  constructor(context: CallContext, link: SyncLink, state: PipelineState) {
    this.#context = context;
    this.#link = link;
    this.#state = state;
  }

  /** The number of unclaimed results. */
  get pendingCount(): number {
    return this.#state.pendingCount;
  }

  /** Whether the next result to claim belongs to a group that has failed. */
  get aborted(): boolean {
    return this.#state.aborted;
  }

  /**
   * Adds a statement; nothing is sent yet.
   *
   * The parameters of a string that was not executed before are sent as text whose type the server
   * infers: arrays and plain objects have no such text, and need a prepared statement.
   *
   * @throws {EncodeError} If a value cannot be sent; the pipeline is then unchanged.
   */
  exec<R = Row>(
    stmt: Statement,
    params?: Params | TypeOptions,
    options?: TypeOptions,
  ): Ticket<R> {
    const item = pipelineCalls.addToPipeline(this.#context, this.#state, stmt, params, options);
    return new Ticket<R>(item, this.#state);
  }

  /** Sends the added statements and ends the group (Sync). */
  sync(options?: CallOptions): void {
    return this.#link.run(
      pipelineCalls.pipelineStep(this.#context, this.#state, "sync the pipeline", options, () => this.#state.sync()),
    );
  }

  /** Sends the added statements and requests their results (Flush), without ending the group. */
  flush(options?: CallOptions): void {
    return this.#link.run(
      pipelineCalls.pipelineStep(this.#context, this.#state, "flush the pipeline", options, () => this.#state.flush()),
    );
  }

  /**
   * Returns the rows of the next statement. Tickets must be claimed in order.
   *
   * @throws {ServerError} If the server refused the statement or, for the last one of a group, its sync.
   * @throws {PipelineAborted} If an earlier statement of the group failed; its error is the `cause`.
   * @throws {UsageError} If other tickets come first; the pipeline is then unchanged.
   */
  claim<R, T = R>(ticket: Ticket<R>, options?: Mapped<RowOptions, T>): T[] {
    return this.#link.run(
      pipelineCalls.claim(
        this.#context,
        this.#state,
        () => itemOf(ticket, this.#state),
        options,
        collectors.allRows<T>,
        OPTIONS_OF.typedRows,
      ),
    );
  }

  /** The same as {@linkcode claim}. */
  claimCollect<R, T = R>(ticket: Ticket<R>, options?: Mapped<RowOptions, T>): T[] {
    return this.claim(ticket, options);
  }

  /** The same as {@linkcode claim}, but returns the first row or `null`. */
  claimOne<R, T = R>(ticket: Ticket<R>, options?: Mapped<RowOptions, T>): T | null {
    return this.#link.run(
      pipelineCalls.claim(
        this.#context,
        this.#state,
        () => itemOf(ticket, this.#state),
        options,
        collectors.firstRow<T>,
        OPTIONS_OF.typedRows,
      ),
    );
  }

  /** The same as {@linkcode claim}, but returns the number of affected rows. */
  claimDrop(ticket: Ticket<unknown>, options?: CallOptions): number {
    return this.#link.run(
      pipelineCalls.claim(
        this.#context,
        this.#state,
        () => itemOf(ticket, this.#state),
        options,
        collectors.affected,
        OPTIONS_OF.nothing,
      ),
    );
  }

  /**
   * Sends unsent statements, drops unclaimed results, and ends the pipeline. Idempotent.
   *
   * @throws {ServerError} If a sync failed and no claim has thrown its error. Errors of unclaimed statements are dropped.
   */
  close(): void {
    return this.#link.run(pipelineCalls.closePipeline(this.#context, this.#state));
  }

  /** The same as {@linkcode close}. */
  [Symbol.dispose](): void {
    return this.close();
  }
}
