/**
 * Pipelines: statements sent together, whose results are taken one after the other.
 *
 * A statement is encoded at once, and sent with the next Sync or Flush. A reply is read when it is claimed. The
 * connection buffers unclaimed replies up to a limit, and then stops reading.
 */
import { Fifo } from "../backlog.ts";
import { PipelineAborted, UsageError } from "../errors.ts";
import { barrier, type ExclusiveOperation, type Op, settle, submit } from "../protocol/request.ts";
import { errorOf, lostError } from "../protocol/failure.ts";
import { NewStatement } from "../protocol/extended_query.ts";
import { PipelinedExecution, type PipelinedPlan } from "../protocol/pipelined.ts";
import { EndExclusive } from "../protocol/portal_requests.ts";
import { Prepared } from "../protocol/prepared.ts";
import { RawReply } from "../protocol/raw_reply.ts";
import { AffectedRows, AllRows, type ResultCollector } from "../rows/collectors.ts";
import { Effect, effectsOfStatement } from "../sql/statement.ts";
import type { ColumnTypes } from "../codecs/column_codecs.ts";
import { ownCodecs } from "../codecs/registry.ts";
import { hasUntypedText } from "../rows/untyped.ts";
import { Outbox } from "../wire/outbox.ts";
import { PipelineItem, SyncGroup } from "./sync_group.ts";
import type { TransactionState } from "./transaction_state.ts";
import type { Context } from "../statements/context.ts";
import { succeeded } from "../statements/invalidation.ts";
import { needsPreparing, type StatementSource } from "../statements/statement_source.ts";
import { invalidateIfStale, invalidateStatement } from "../statements/stale.ts";
import { type CatalogAnswer, type CatalogQuery, completeRows, failedAnswer } from "../statements/type_lookup.ts";

/** A pipeline, and its state. */
export class PipelineState {
  readonly exclusive: ExclusiveOperation = { name: "a pipeline", outlivesCalls: true, close: () => this.close() };
  /** The number of unclaimed results. */
  pendingCount = 0;
  readonly #context: Context;
  readonly #transaction: TransactionState | undefined;
  /** Requests that were encoded and not yet submitted. */
  readonly #scratch = new Outbox();
  #unsubmittedCount = 0;
  /** Whether a request was submitted that has no Sync after it. */
  #isUnsynced = false;
  #hasSubmitted = false;
  /** Groups that are not fully claimed. New items are added to the last. */
  #groups = new Fifo<SyncGroup>();
  /**
   * Groups that are not fully submitted. They have their own list, so that the number of unclaimed groups does not
   * slow down sending.
   */
  #unsubmittedGroups = new Fifo<SyncGroup>();
  /** The number of groups so far. */
  #groupCount = 0;
  /** The number of statements so far. */
  #itemCount = 0;
  /** As in {@linkcode StatementCache}, without those that its own statements make when they are prepared. */
  #changes: number;
  /** Statements that became doubtful in this pipeline, which keeps using them as they are. */
  readonly #doubtfulStatements = new Set<Prepared>();
  /** Whether it is to be closed: it accepts no more calls, but those made before go on. */
  #isEnding = false;
  #closed = false;
  /** Whether a call has thrown that the connection is lost. */
  #isLossReported = false;
  /** Whether a caller has given up a call of this pipeline. */
  isAbandoned = false;

  /** Its statements are executed in that transaction, or not at all. */
  constructor(context: Context, transaction?: TransactionState) {
    this.#context = context;
    this.#transaction = transaction;
    this.#changes = context.statements.changes;
    context.session.admission.reserveExclusive(this.exclusive);
    this.#open();
  }

  /** Whether the next item belongs to a group that has failed. */
  get aborted(): boolean {
    return this.#groups.first!.error !== undefined;
  }

  /** Adds a statement, without sending it. */
  add(source: StatementSource, values: readonly unknown[], types?: ColumnTypes): PipelineItem {
    this.#check("execute the statement");
    const { registry, statements, invalidation } = this.#context;
    const group = this.#groups.last!;
    const plan = this.#planOf(source, values, group);
    const { effects } = plan;
    let execution: PipelinedExecution;
    try {
      execution = new PipelinedExecution(plan, values, this.exclusive, registry, this.#scratch, types);
    } catch (error) {
      if (plan instanceof NewStatement) statements.endPreparing(plan.sql, plan.slot, false);
      else if (plan instanceof Prepared) this.#markDoubtful(error, plan, source);
      throw error;
    }
    if (plan instanceof NewStatement) group.parsed.set(plan.sql, execution);
    // A statement that is added later must be parsed again.
    if ((effects & (Effect.Redefines | Effect.DropsStatements)) !== 0) group.parsed.clear();
    const change = effects === Effect.None ? 0 : invalidation.begin(effects, this.#context);
    const item = new PipelineItem(execution, source, change, this.#itemCount++);
    group.items.push(item);
    group.unsubmitted.push(item);
    this.pendingCount++;
    this.#unsubmittedCount++;
    return item;
  }

  /** Ends the group. The returned op sends everything up to its Sync. */
  sync(): Op<void> {
    this.#check("sync the pipeline");
    return this.#sync();
  }

  #sync(): Op<void> {
    const group = this.#groups.last!;
    group.ended = true;
    // Outside of a transaction, the Sync ends an implicit one, which may undo changes.
    group.change = this.#context.invalidation.begin(Effect.Ends, this.#context);
    this.#open();
    return this.#send(group);
  }

  /** Leaves the group open. The returned op sends everything up to here, and makes the server answer at once. */
  flush(): Op<void> {
    this.#check("flush the pipeline");
    const group = this.#groups.last!;
    const last = group.items.last;
    if (last !== undefined) last.execution.flushes = true;
    return this.#send(group);
  }

  /** The result of the next statement. */
  *claim<T>(item: PipelineItem, collector: ResultCollector<T>): Op<T> {
    if (this.#closed) throw closedError("claim the result");
    if (item.claimed) throw new UsageError("Cannot claim the result: it was claimed before");
    if (this.#next !== item) {
      throw new UsageError("Cannot claim the result: out of order, those of earlier statements come first");
    }
    for (let first = this.#groups.first!; first.items.length === 0; first = this.#groups.first!) {
      yield* this.#finishGroup(first);
    }
    const group = this.#groups.first!;
    // The server answers only at a Sync or Flush.
    const isAnswered = group.sync !== undefined || item.position <= group.flushedTo || group.error !== undefined;
    if (!isAnswered) yield* group.ended ? this.#send(group) : this.#sync();
    this.#dequeue(group);
    try {
      return yield* this.#takeResult(item, group, collector);
    } catch (error) {
      this.#isLossReported ||= this.#context.session.lost !== undefined;
      throw error;
    } finally {
      if (group.items.length === 0 && this.#groups.first === group) yield* this.#finishGroup(group);
    }
  }

  /**
   * Accepts no more calls. The returned op reads the unclaimed results, and ends the exclusive operation. It throws an
   * error that a Sync reported and no claim has thrown.
   */
  close(): Op<void> {
    this.#isEnding = true;
    return this.#close();
  }

  *#close(): Op<void> {
    if (this.#closed) return;
    const { session } = this.#context;
    let problem: { readonly error: unknown } | undefined;
    // A caller that has given up knows that the outcome is unknown.
    const isLossNews = this.pendingCount > 0 && !this.#isLossReported && !this.isAbandoned;
    try {
      try {
        if (session.lost === undefined && (this.#isUnsynced || this.#unsubmittedCount > 0)) yield* this.#sync();
      } catch (error) {
        if (this.#hasSubmitted) throw error;
        problem = { error };
      }
      for (const group of [...this.#groups]) {
        for (let item = group.items.first; item !== undefined; item = group.items.first) {
          this.#dequeue(group);
          try {
            yield* this.#takeResult(item, group, new AffectedRows());
          } catch {
            // The caller has not claimed the statement.
          }
        }
        try {
          yield* this.#finishGroup(group);
        } catch (error) {
          problem ??= { error };
        }
      }
    } finally {
      this.#closed = true;
      session.endExclusive(this.exclusive);
    }
    // The outcome of unclaimed statements is unknown.
    if (isLossNews && session.lost !== undefined) throw lostError("close the pipeline", session.lost, true);
    if (problem !== undefined) throw problem.error;
  }

  /** Opens a group for the statements that are added from now on. */
  #open(): void {
    const group = new SyncGroup(this.#groupCount++);
    this.#groups.push(group);
    this.#unsubmittedGroups.push(group);
  }

  /** The item that must be claimed next. */
  get #next(): PipelineItem | undefined {
    for (const { items } of this.#groups) if (items.length > 0) return items.first;
    return undefined;
  }

  #check(action: string): void {
    if (this.#isEnding) throw closedError(action);
  }

  #planOf(source: StatementSource, values: readonly unknown[], group: SyncGroup): PipelinedPlan {
    const { statements } = this.#context;
    const sql = typeof source === "string" ? source : source.prepared.sql;
    const statement = typeof source === "string" ? statements.get(sql) : source.prepared;
    const same = statement === undefined ? group.parsed.get(sql) : undefined;
    const effects = statement?.effects ?? same?.effects ?? effectsOfStatement(sql);
    if ((effects & Effect.Copies) !== 0) {
      throw new UsageError("Cannot run COPY in a pipeline: use copyIn() or copyOut()");
    }
    if ((effects & Effect.Varies) !== 0) return this.#newStatement(sql, effects);
    // If the statement is doubtful, the server decides the types of its parameters, as far as the values allow it.
    if (statement?.isDoubtful && !this.#doubtfulStatements.has(statement) && values.every(hasUntypedText)) {
      return this.#newStatement(sql, effects, true);
    }
    if (statement !== undefined) return this.#current(statement, source);
    if (same !== undefined && same.name !== "") return same;
    return this.#newStatement(sql, effects);
  }

  #newStatement(sql: string, effects: number, isUnnamed: boolean = false): NewStatement {
    const { statements } = this.#context;
    const before = statements.changes;
    const slot = isUnnamed ? { ...statements.newSlot(sql), name: "" } : statements.beginPreparing(sql, effects);
    this.#changes += statements.changes - before;
    return new NewStatement(sql, slot, effects, (statement) => statements.add(statement));
  }

  /** Marks a statement as doubtful, because a value did not fit. */
  #markDoubtful(error: unknown, statement: Prepared, source: StatementSource): void {
    const { statements } = this.#context;
    const known = typeof source === "string" ? statements.get(source) : source.prepared;
    if (known !== undefined && !known.isDoubtful) this.#doubtfulStatements.add(known);
    invalidateIfStale(error, statement, source, this.#context);
  }

  /** The statement with the codecs that its types have now; unnamed if it must be parsed again. */
  #current(statement: Prepared, source: StatementSource): Prepared {
    const { registry, statements } = this.#context;
    if (typeof source !== "string" && needsPreparing(source, statements)) return statement.renewed(registry, "");
    return statement.isCurrent(registry) ? statement : statement.renewed(registry);
  }

  /** Submits the statements of all groups up to this one, with their Syncs, and sends them. */
  *#send(last: SyncGroup): Op<void> {
    try {
      yield* this.#submit(last);
    } catch (error) {
      const { lost } = this.#context.session;
      this.#isLossReported ||= lost !== undefined;
      // Statements that were sent before may have been executed.
      throw lost !== undefined && this.#hasSubmitted ? lostError("sync the pipeline", lost, true) : error;
    }
    yield { do: "room", bytes: 0 };
  }

  *#submit(last: SyncGroup): Op<void> {
    const { session, statements } = this.#context;
    if (!session.admission.isExclusiveTo(this.exclusive)) {
      yield* barrier();
      // A rollback that was under way when the pipeline was opened does not close it.
      this.#transaction?.check("sync the pipeline");
      if (this.#closed) throw closedError("sync the pipeline");
      session.beginExclusive(this.exclusive);
      if (statements.changes !== this.#changes) {
        for (const group of this.#unsubmittedGroups) group.parseMissing(statements);
      }
    }
    for (let group = this.#unsubmittedGroups.first; group !== undefined && group.position <= last.position;) {
      while (group.error === undefined && group.unsubmitted.length > 0) {
        const item: PipelineItem = group.unsubmitted.first!;
        item.pending = yield* submit(item.execution);
        group.unsubmitted.shift();
        this.#isUnsynced = this.#hasSubmitted = true;
        this.#unsubmittedCount--;
        if (item.execution.flushes) group.flushedTo = item.position;
      }
      if (!group.ended) break;
      // If a group failed before it had a Sync, the session has sent one.
      if (group.error === undefined || this.#isUnsynced) {
        group.sync = yield* submit(new EndExclusive(this.exclusive));
        this.#isUnsynced = false;
      }
      this.#unsubmittedGroups.shift();
      group = this.#unsubmittedGroups.first;
    }
    if (this.#unsubmittedCount === 0) this.#scratch.rewind(0);
  }

  /** Removes the first item of a group. */
  #dequeue(group: SyncGroup): void {
    const item = group.items.shift()!;
    item.claimed = true;
    this.pendingCount--;
    if (item.pending === undefined && group.error !== undefined) this.#unsubmittedCount--;
  }

  /** The result of an item that was removed from its group. */
  *#takeResult<T>(item: PipelineItem, group: SyncGroup, collector: ResultCollector<T>): Op<T> {
    const { pending, execution, raw } = item;
    const { statements, invalidation } = this.#context;
    try {
      if (pending === undefined) throw new PipelineAborted(SKIPPED_MESSAGE, { cause: group.error });
      if (raw === undefined) execution.claim(collector);
      yield* settle(pending);
      raw?.replay(collector);
    } finally {
      const failure = pending?.failure;
      if (failure !== undefined && failure.kind !== "unusable" && group.error === undefined) {
        group.error = errorOf(failure, execution);
        // Its changes may be rolled back.
        if (!group.ended) group.change = this.#context.invalidation.begin(Effect.Ends, this.#context);
        // If no Sync followed the statement, the session has sent one.
        if (group.sync === undefined) this.#isUnsynced = false;
        if (!execution.bound) invalidateIfStale(group.error, execution.statement, item.source, this.#context);
      }
      if (execution.changed && execution.statement !== undefined) {
        invalidateStatement(execution.statement, item.source, this.#context);
      }
      const isDone = succeeded(pending);
      if (execution.effects !== Effect.None) invalidation.end(execution.effects, item.change, isDone, this.#context);
      if (execution.slot !== undefined) statements.endPreparing(execution.sql, execution.slot, isDone);
    }
    if (!collector.isIncomplete) return collector.result();
    return yield* completeRows(collector, this.#context, (query) => this.#askCatalog(query));
  }

  /** Ends a group whose results are all taken: settles its Sync, if there is one. */
  *#finishGroup(group: SyncGroup): Op<void> {
    // More statements may be added to an open group, unless it has failed.
    if (!group.ended && group.error === undefined) return;
    this.#groups.shift();
    if (this.#unsubmittedGroups.first === group) this.#unsubmittedGroups.shift();
    if (!group.ended) this.#open();
    try {
      if (group.sync !== undefined) yield* settle(group.sync);
    } catch (error) {
      if (group.error === undefined) throw error;
    } finally {
      this.#context.invalidation.end(Effect.Ends, group.change, false, this.#context);
    }
  }

  /** Runs a catalog query. Its reply comes after all others, so those are read and kept first. */
  *#askCatalog(query: CatalogQuery): Op<CatalogAnswer> {
    for (const item of [...this.#groups].flatMap(({ items }) => [...items])) {
      if (item.pending === undefined || item.raw !== undefined) continue;
      item.raw = new RawReply();
      item.execution.claim(item.raw);
    }
    // If the query fails, the server also undoes the statements without a Sync after them.
    const isAmongOthers = this.#isUnsynced;
    for (let isFirst = true;; isFirst = false) {
      try {
        return { rows: yield* this.#queryCatalog(query) };
      } catch (error) {
        // An earlier statement of the group has failed, so the server skipped the query. The group is over now: try
        // again.
        if (isFirst && error instanceof PipelineAborted) continue;
        const isFailed = this.#context.session.transactionStatus === "failed";
        return failedAnswer(error, isFailed || (isFirst && isAmongOthers));
      }
    }
  }

  *#queryCatalog({ sql, lists }: CatalogQuery): Op<unknown[]> {
    const plan = new NewStatement(sql, { name: "", evicted: [], generation: 0 }, Effect.None, () => {});
    const values = lists.map(({ items }) => `{${items}}`);
    const query = new PipelinedExecution(plan, values, this.exclusive, ownCodecs, new Outbox());
    const rows = new AllRows("array");
    query.flushes = true;
    query.claim(rows);
    this.#isUnsynced = true;
    yield* settle(yield* submit(query));
    return rows.result();
  }
}

function closedError(action: string): UsageError {
  return new UsageError(`Cannot ${action}: the pipeline is closed`);
}

const SKIPPED_MESSAGE = "Cannot execute the statement: an earlier statement of its group failed";
