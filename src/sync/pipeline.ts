// Derived from src/async/pipeline.ts by tools/derive_sync.ts. Change that file, then run: deno task derive
/** Pipelines of connections that block. */
import type { CallContext } from "../connection/call_context.ts";
import * as pipelineCalls from "../connection/pipeline_calls.ts";
import type { SyncLink } from "../run/sync_link.ts";
import type { PipelineState } from "../features/pipeline.ts";
import type { CallOptions, Params, QueryOptions, Row } from "../connection/call_options.ts";
import { itemOf, Ticket } from "../api/pipeline_ticket.ts";
import { collectors } from "../rows/collector_factories.ts";
import type { Statement } from "./executor.ts";

/**
 * Statements that are sent together and whose results are claimed in the order in which they were
 * added; made by `pipeline()`.
 *
 * `sync()` sends them and ends a group: outside of a transaction, the server executes a group whole or
 * not at all. To claim what was not sent yet sends it, with a sync. After a failure the rest of the
 * group fails with `PipelineAborted`, and the next group is as good as new.
 *
 * At most about 1 MiB of results that nobody has claimed is held; then what is left of the statements
 * is sent as results are claimed.
 */
export class Pipeline implements Disposable {
  readonly #context: CallContext;
  readonly #link: SyncLink;
  readonly #state: PipelineState;

  /** Not for callers: see {@linkcode Pipeline}. */
  constructor(context: CallContext, link: SyncLink, state: PipelineState) {
    this.#context = context;
    this.#link = link;
    this.#state = state;
  }

  /** How many results are still to be claimed. */
  get pendingCount(): number {
    return this.#state.pendingCount;
  }

  /** Whether what is to be claimed next belongs to a group that has failed. */
  get aborted(): boolean {
    return this.#state.aborted;
  }

  /**
   * Adds a statement; nothing is sent yet.
   *
   * A string that was not executed before sends its parameters as text whose type the server infers:
   * arrays and plain objects have none, and need a prepared statement.
   *
   * @throws {EncodeError} If a value cannot be sent; the pipeline is then as before.
   */
  exec<R = Row>(stmt: Statement, params?: Params): Ticket<R> {
    return new Ticket<R>(pipelineCalls.addToPipeline(this.#context, this.#state, stmt, params), this.#state);
  }

  /** Sends what was added and ends the group. */
  sync(options?: CallOptions): void {
    return this.#link.run(
      pipelineCalls.pipelineStep(this.#context, this.#state, "sync the pipeline", options, () => this.#state.sync()),
    );
  }

  /** Sends what was added, to be answered at once, without ending the group. */
  flush(options?: CallOptions): void {
    return this.#link.run(
      pipelineCalls.pipelineStep(this.#context, this.#state, "flush the pipeline", options, () => this.#state.flush()),
    );
  }

  /**
   * The rows of the statement that is next in line.
   *
   * @throws {ServerError} What the server refused: the statement or, for the last one of a group, its sync.
   * @throws {PipelineAborted} If an earlier statement of the group failed, which is the cause.
   * @throws {UsageError} If other tickets come first; nothing is changed then.
   */
  claim<R>(ticket: Ticket<R>, options?: QueryOptions): R[] {
    return this.#link.run(
      pipelineCalls.claim(
        this.#context,
        this.#state,
        () => itemOf(ticket, this.#state),
        options,
        collectors.allRows<R>,
        true,
      ),
    );
  }

  /** The same as {@linkcode claim}. */
  claimCollect<R>(ticket: Ticket<R>, options?: QueryOptions): R[] {
    return this.claim(ticket, options);
  }

  /** The same as {@linkcode claim}, but only the first row, or `null`. */
  claimOne<R>(ticket: Ticket<R>, options?: QueryOptions): R | null {
    return this.#link.run(
      pipelineCalls.claim(
        this.#context,
        this.#state,
        () => itemOf(ticket, this.#state),
        options,
        collectors.firstRow<R>,
        true,
      ),
    );
  }

  /** The same as {@linkcode claim}, but only the number of affected rows. */
  claimDrop(ticket: Ticket<unknown>, options?: CallOptions): number {
    return this.#link.run(
      pipelineCalls.claim(
        this.#context,
        this.#state,
        () => itemOf(ticket, this.#state),
        options,
        collectors.affected,
        false,
      ),
    );
  }

  /**
   * Sends what was not sent, reads what was not claimed, and gives the connection back. Idempotent.
   *
   * @throws {ServerError} What a sync reported, if no claim has thrown it. Errors of statements that nobody claimed are dropped.
   */
  close(): void {
    return this.#link.run(pipelineCalls.closePipeline(this.#context, this.#state));
  }

  /** The same as {@linkcode close}. */
  [Symbol.dispose](): void {
    return this.close();
  }
}
