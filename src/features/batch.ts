/** One statement with many sets of parameters: all of them, or none. */
import { PyroError, UsageError } from "../errors.ts";
import { ExecuteSets } from "../protocol/execute_sets.ts";
import { Commit } from "../protocol/end_transaction.ts";
import { barrier, type ExclusiveOperation, type Op, type PendingRequest, settle, submit } from "../protocol/request.ts";
import { EndExclusive } from "../protocol/portal_requests.ts";
import { Prepared } from "../protocol/prepared.ts";
import { SimpleQuery } from "../protocol/simple_query.ts";
import { AffectedRows } from "../rows/collectors.ts";
import { Effect } from "../sql/statement.ts";
import { argumentError } from "../revoked.ts";
import { snapshotOf } from "../rows/snapshot.ts";
import type { Context } from "../statements/context.ts";
import { resolveStatement, type StatementSource } from "../statements/statement_source.ts";
import { releaseSavepoint, rollBackToSavepoint, setSavepoint } from "../sql/savepoint.ts";
import type { SourceReader } from "./source_reader.ts";
import { invalidateIfStale, isStale } from "../statements/stale.ts";
import { markUnexecuted } from "../statements/unexecuted.ts";

/** A set of parameters. */
type Values = readonly unknown[];

/**
 * Executes a statement for each set of parameters, and returns the sum of affected rows. With `chunk`, that many sets
 * are committed at a time.
 */
export function* executeBatch(
  source: StatementSource,
  sets: SourceReader<Values>,
  chunk: number | undefined,
  context: Context,
): Op<number> {
  const { session, invalidation } = context;
  let effects: number = Effect.None;
  let change = 0;
  const batch = new Batch(source, sets, chunk ?? Infinity, context);
  try {
    yield* barrier();
    const nested = session.transactionStatus !== "idle";
    if (nested && chunk !== undefined) {
      throw new UsageError("Cannot commit in chunks: a transaction is open, which commits everything or nothing");
    }
    const statement = yield* resolveStatement(source, context);
    if (statement.isCopy) throw new UsageError("Cannot run COPY in a batch: use copyIn() or copyRows()");
    session.beginExclusive(batch.exclusive);
    effects = statement.effects;
    change = invalidation.begin(effects, context);
    while (yield* batch.group(statement, nested));
    return batch.affected;
  } catch (error) {
    if (chunk === undefined) throw error;
    // A retry would execute committed sets twice.
    if (batch.committed > 0 && error instanceof PyroError) {
      Object.defineProperty(error, "safeToRetry", { value: false });
    }
    throw annotateError(error, { committed: batch.committed });
  } finally {
    session.endExclusive(batch.exclusive);
    invalidation.end(effects, change, batch.committed > 0, context);
    yield* sets.close();
  }
}

/** The sets of one call, and its progress. */
class Batch {
  readonly exclusive: ExclusiveOperation = { name: "execBatch", isSingleCall: true };
  affected = 0;
  /** How many sets were committed. */
  committed = 0;
  readonly #source: StatementSource;
  readonly #sets: SourceReader<Values>;
  readonly #groupSize: number;
  readonly #context: Context;
  #takenCount = 0;

  constructor(source: StatementSource, sets: SourceReader<Values>, groupSize: number, context: Context) {
    this.#source = source;
    this.#sets = sets;
    this.#groupSize = groupSize;
    this.#context = context;
  }

  /** Executes one group of sets, in a transaction or in a savepoint. False if no more sets follow. */
  *group(statement: Prepared, nested: boolean): Op<boolean> {
    let sets = yield* this.#take();
    if (sets.length === 0) return false;
    const parts: Part[] = [];
    let parses = statement.name === "";
    const begun = yield* submit(nested ? this.#query(setSavepoint(SAVEPOINT)) : this.#begin());
    let end: PendingRequest<unknown>;
    try {
      for (let isLast = false; !isLast;) {
        const first = this.#takenCount - sets.length;
        // Reads ahead, because only the last part ends with Sync.
        const more = yield* this.#take();
        isLast = more.length === 0;
        const request = new ExecuteSets(statement, parses, sets, isLast ? "explicit" : "deferred", this.exclusive);
        parts.push({ request, first, pending: yield* this.#submitPart(statement, request, first) });
        parses = false;
        // The end of the transaction is sent in the same write as the last part.
        if (isLast) break;
        yield { do: "room", bytes: MAX_WAITING };
        yield* this.#settleWhere(statement, parts, ({ pending }) => {
          return pending.settled || pending.refused || parts.length > MAX_PARTS;
        });
        sets = more;
      }
      end = nested
        ? yield* submit(this.#query(releaseSavepoint(SAVEPOINT)))
        : yield* submit(new Commit(this.#context.session, this.exclusive));
    } catch (error) {
      // If the caller gave up before anything was sent, there is nothing to undo.
      if (!begun.withdrawn) yield* this.#undoGroup(parts, nested);
      throw error;
    }
    try {
      yield* settle(begun);
      yield* this.#settleWhere(statement, parts, () => true);
      yield* settle(end);
    } catch (error) {
      if (begun.withdrawn) throw error;
      // The COMMIT of a failed transaction rolls it back, unless the COMMIT itself was cancelled.
      yield* awaitEnd(end);
      if (this.#context.session.transactionStatus === "failed") yield* this.#rollBack(nested);
      throw error;
    }
    this.committed = this.#takenCount;
    return this.#takenCount % this.#groupSize === 0;
  }

  *#submitPart(statement: Prepared, request: ExecuteSets, first: number): Op<PendingRequest<number>> {
    try {
      return yield* submit(request);
    } catch (error) {
      this.#invalidate(error, statement);
      throw annotateError(error, { index: first + request.position });
    }
  }

  /** Takes more sets out of the source; none at the end of the group. */
  *#take(): Op<Values[]> {
    const sets: Values[] = [];
    const left = this.#groupSize === Infinity ? Infinity : this.#groupSize - (this.#takenCount - this.committed);
    const wanted = Math.min(SETS_AT_ONCE, left);
    try {
      while (sets.length < wanted) {
        const next = yield* this.#sets.next();
        if (next === undefined) break;
        if (!Array.isArray(next.value)) throw new UsageError("Cannot bind a set of parameters: it must be an array");
        // A copy, because a source may reuse its array and the objects in it.
        sets.push(snapshotOf(next.value));
        this.#takenCount++;
      }
    } catch (error) {
      const hasThrown = this.#sets.hasThrown(error);
      const reason = hasThrown ? error : argumentError(error, "execute the batch");
      const isOwn = reason instanceof UsageError || hasThrown;
      throw isOwn ? annotateError(reason, { index: this.#takenCount }) : reason;
    }
    return sets;
  }

  #invalidate(error: unknown, statement: Prepared): void {
    invalidateIfStale(error, statement, this.#source, this.#context);
    // Earlier sets were executed, but are rolled back too.
    if (isStale(error) && this.committed === 0) markUnexecuted(error);
  }

  /** Settles the first parts, as long as `isSuch` holds for them. */
  *#settleWhere(statement: Prepared, parts: Part[], isSuch: (part: Part) => boolean): Op<void> {
    for (let part = parts[0]; part !== undefined && isSuch(part); part = parts[0]) {
      try {
        this.affected += yield* settle(part.pending);
      } catch (error) {
        if (!part.request.bound) this.#invalidate(error, statement);
        throw annotateError(error, { index: part.first + part.request.position });
      }
      parts.shift();
    }
  }

  /** Rolls back a group that failed before its end was submitted. */
  *#undoGroup(parts: readonly Part[], nested: boolean): Op<void> {
    if (this.#context.session.lost !== undefined) return;
    if (parts.length > 0 || !nested) yield* submit(new EndExclusive(this.exclusive));
    yield* this.#rollBack(nested);
  }

  *#rollBack(nested: boolean): Op<void> {
    if (this.#context.session.lost !== undefined) return;
    yield* awaitEnd(yield* submit(this.#query(nested ? rollBackToSavepoint(SAVEPOINT) : "ROLLBACK")));
  }

  /** BEGIN under the same Sync as the sets: if a cancel request makes it fail, the server skips them. */
  #begin(): ExecuteSets {
    const statement = new Prepared("", "BEGIN", [], undefined, this.#context.registry);
    return new ExecuteSets(statement, true, [[]], "deferred", this.exclusive);
  }

  #query(sql: string): SimpleQuery<number> {
    return new SimpleQuery(sql, new AffectedRows(), this.#context.registry, this.exclusive);
  }
}

/** The sets of one submitted request, and the index of the first. */
interface Part {
  readonly request: ExecuteSets;
  readonly first: number;
  readonly pending: PendingRequest<number>;
}

/** Waits until a request is settled, and ignores its error. */
function* awaitEnd(pending: PendingRequest<unknown>): Op<void> {
  try {
    yield* settle(pending);
  } catch {
    // An earlier error is reported instead.
  }
}

/** Adds the position in the batch to an error. Other thrown values stay as they are. */
export function annotateError(error: unknown, notes: { index: number } | { committed: number }): unknown {
  if (error instanceof Error && Object.isExtensible(error)) {
    for (const [name, value] of Object.entries(notes)) {
      Object.defineProperty(error, name, { value, enumerable: true, configurable: true });
    }
  }
  return error;
}

const SAVEPOINT = "pyro_batch";
/** How many sets make one request. */
const SETS_AT_ONCE = 128;
/** How many requests may be without a reply. There are always a few, because the server buffers its replies. */
const MAX_PARTS = 64;
/** How many bytes may wait to be sent before more sets are taken. */
const MAX_WAITING = 0x4_0000;
