/**
 * COPY: data and rows into tables, and data out of them.
 *
 * Source: PostgreSQL manual, "COPY" (the formats), and "COPY Operations" in the chapter on the protocol.
 */
import { EncodeError, ServerError, UsageError } from "../errors.ts";
import { CopyIn } from "../protocol/copy_in.ts";
import { CopyOut } from "../protocol/copy_out.ts";
import {
  barrier,
  continueSubmitting,
  type ExclusiveOperation,
  type Op,
  type PendingRequest,
  settle,
  submit,
} from "../protocol/request.ts";
import { SimpleQuery } from "../protocol/simple_query.ts";
import { AffectedRows } from "../rows/collectors.ts";
import { SqlState } from "../sqlstate.ts";
import { annotateError } from "./batch.ts";
import type { Context } from "../statements/context.ts";
import { CopyRows } from "../rows/copy_format.ts";
import { effectsOf, succeeded } from "../statements/invalidation.ts";
import { releaseSavepoint, rollBackToSavepoint, setSavepoint } from "../sql/savepoint.ts";
import type { SourceReader } from "./source_reader.ts";
import { describeQuery } from "../statements/prepare.ts";
import { invalidateAttributes } from "../statements/stale.ts";
import { isDetached } from "../wire/bytes.ts";

/** Data for COPY: bytes as they are, text in UTF-8. */
export type CopyData = Uint8Array | string;

/** Gets how many bytes of data, or rows, were copied so far. */
export type OnProgress = (progress: { readonly bytes: number | undefined; readonly rows: number | undefined }) => void;

/** Sends a source's data to a COPY FROM STDIN, and returns the number of rows copied. */
export function* copyIn(
  sql: string,
  source: SourceReader<CopyData>,
  context: Context,
  onProgress?: OnProgress,
): Op<number> {
  let bytes = 0;
  return yield* feed(sql, context, source, function* (request, pending) {
    const text = new TextEncoder();
    for (;;) {
      const next = yield* source.next(pending);
      if (next === undefined || pending.refused || pending.settled) return;
      const data = typeof next.value === "string" ? text.encode(checked(next.value)) : next.value;
      if (!(data instanceof Uint8Array)) throw new UsageError("Cannot copy in: the data must be Uint8Array or string");
      if (isDetached(data)) {
        throw new UsageError("Cannot copy in: the data must still have its memory, which was transferred");
      }
      for (let at = 0; at < data.length && !pending.refused && !pending.settled; at += MAX_MESSAGE) {
        const piece = data.subarray(at, at + MAX_MESSAGE);
        request.send(piece);
        yield { do: "room", bytes: MAX_WAITING };
        bytes += piece.length;
        onProgress?.({ bytes, rows: undefined });
      }
    }
  });
}

/** Copies rows into a table's columns, and returns their number. */
export function* copyRows(
  table: string,
  columns: readonly string[],
  quoted: string,
  source: SourceReader<unknown>,
  context: Context,
  onProgress?: OnProgress,
): Op<number> {
  try {
    return yield* describeAndCopy(table, columns, quoted, source, context, onProgress);
  } finally {
    yield* source.close();
  }
}

/** Describes the columns first, because rows are encoded by their types. */
function* describeAndCopy(
  table: string,
  columns: readonly string[],
  quoted: string,
  source: SourceReader<unknown>,
  context: Context,
  onProgress: OnProgress | undefined,
): Op<number> {
  yield* barrier();
  const { description, typeOids } = yield* describeQuery(`select ${quoted} from ${table}`, context);
  const codecs = description!.columns.map((column) => context.registry.columnCodec(column));
  const encoder = new CopyRows(columns, codecs);
  const sql = `copy ${table} (${quoted}) from stdin (format ${encoder.format})`;
  return yield* feed(sql, context, source, function* (request, pending) {
    let next = yield* awaitNext(source, 0, pending);
    let bytes = 0;
    let index = 0;
    for (; next !== undefined && !pending.refused && !pending.settled; index++) {
      try {
        encoder.add(next.value);
      } catch (error) {
        throw annotateError(error, { index });
      }
      if (encoder.size > PIECE) {
        bytes += encoder.size;
        request.send(encoder.take());
        yield { do: "room", bytes: MAX_WAITING };
        onProgress?.({ bytes, rows: index + 1 });
      }
      next = source.isSynchronous ? takeNext(source, index + 1) : yield* awaitNext(source, index + 1, pending);
    }
    if (pending.refused || pending.settled) return;
    encoder.end();
    bytes += encoder.size;
    request.send(encoder.take());
    yield { do: "room", bytes: MAX_WAITING };
    onProgress?.({ bytes, rows: index });
  }, typeOids);
}

/** The row with that index; undefined at the end. */
function* awaitNext(
  source: SourceReader<unknown>,
  index: number,
  unless?: PendingRequest<unknown>,
): Op<{ readonly value: unknown } | undefined> {
  try {
    return yield* source.next(unless);
  } catch (error) {
    throw withIndex(source, error, index);
  }
}

/** As {@linkcode awaitNext}, for a synchronous source: it needs no generator for each row. */
function takeNext(source: SourceReader<unknown>, index: number): { readonly value: unknown } | undefined {
  try {
    return source.take();
  } catch (error) {
    throw withIndex(source, error, index);
  }
}

/** The error, with the row's index if the source has thrown it. */
function withIndex(source: SourceReader<unknown>, error: unknown, index: number): unknown {
  return source.hasThrown(error) ? annotateError(error, { index }) : error;
}

/**
 * Starts a COPY FROM STDIN, sends its data, and ends it. An error on this side fails the COPY on the server. `types`
 * are the types of its columns, if they were described.
 */
function* feed(
  sql: string,
  context: Context,
  source: SourceReader<unknown>,
  send: (request: CopyIn, pending: PendingRequest<number>) => Op<void>,
  types: readonly number[] = [],
): Op<number> {
  const { session, invalidation } = context;
  const exclusive: ExclusiveOperation = { name: "a copy", isSingleCall: true };
  const request = new CopyIn(sql, exclusive);
  const effects = effectsOf(sql, context);
  let change = 0;
  let pending: PendingRequest<number> | undefined;
  try {
    session.beginExclusive(exclusive);
    change = invalidation.begin(effects, context);
    pending = yield* submit(request);
    yield { do: "await", condition: request.started, pending };
    if (pending.settled || pending.refused) return yield* settle(pending);
    try {
      yield* send(request, pending);
    } catch (error) {
      if (session.lost !== undefined) throw error;
      if (!pending.settled && !pending.refused) request.abort(REASON);
      try {
        yield* settle(pending);
      } catch {
        // The server reports only the failure that was requested.
      }
      throw error;
    }
    if (!pending.settled && !pending.refused) request.finish();
    return yield* settle(pending);
  } catch (error) {
    invalidateAttributes(error, types, context);
    throw error;
  } finally {
    session.endExclusive(exclusive);
    invalidation.end(effects, change, succeeded(pending), context);
    yield* source.close();
  }
}

/** The data of a COPY TO STDOUT, chunk by chunk. */
export class CopyOutSource {
  readonly #sql: string;
  readonly #context: Context;
  #request: CopyOut | undefined = undefined;
  #pending: PendingRequest<void> | undefined = undefined;
  /** The request that sets the savepoint, in a transaction. */
  #savepoint: PendingRequest<number> | undefined = undefined;
  readonly #effects: number;
  #change = 0;
  #ended = false;

  constructor(sql: string, context: Context) {
    this.#sql = sql;
    this.#context = context;
    this.#effects = effectsOf(sql, context);
  }

  /** Whether it was neither started nor closed. */
  get isNew(): boolean {
    return this.#request === undefined && !this.#ended;
  }

  /** Whether the server has begun it, and it has not ended. */
  get isOpen(): boolean {
    return this.#pending !== undefined && !this.#ended;
  }

  /** The next chunk, undefined at the end. */
  *next(): Op<Uint8Array<ArrayBuffer> | undefined> {
    if (this.#ended) return undefined;
    const request = this.#request ??= yield* this.#start();
    const pending = this.#pending!;
    request.requestChunk();
    yield { do: "await", condition: request.chunkArrived, pending };
    const chunk = request.takeChunk();
    if (chunk !== undefined && pending.failure === undefined) return chunk;
    try {
      yield* settle(pending);
    } catch (error) {
      // A caller that gives up must not fail the transaction.
      const wasCancelled = error instanceof ServerError && error.code === SqlState.QueryCanceled;
      if (wasCancelled) yield* this.#end(request, rollBackToSavepoint(SAVEPOINT));
      else this.#finish(request);
      throw error;
    }
    yield* this.#end(request, releaseSavepoint(SAVEPOINT));
    return undefined;
  }

  /** Makes new calls wait for the close that follows. */
  announceClose(): void {
    if (this.#request !== undefined) this.#context.session.admission.announceEnd(this.#request.exclusive);
  }

  /** Drops the rest of the data, and cancels the COPY. */
  *close(): Op<void> {
    const request = this.#request;
    const pending = this.#pending;
    if (this.#ended || request === undefined || pending === undefined) {
      this.#ended = true;
      return;
    }
    request.drop();
    if (!pending.settled && !pending.withdrawn) yield { do: "cancel" };
    try {
      if (!pending.withdrawn) yield* settle(pending);
    } catch {
      // The COPY was cancelled.
    }
    // The cancelled COPY has failed the transaction; the savepoint restores it.
    yield* this.#end(request, rollBackToSavepoint(SAVEPOINT));
  }

  *#start(): Op<CopyOut> {
    const { session } = this.#context;
    yield* barrier();
    const request = new CopyOut(this.#sql, { name: "copyOut", close: () => this.close() });
    session.beginExclusive(request.exclusive);
    try {
      // A cancelled COPY must not fail the transaction.
      if (session.transactionStatus === "active") {
        this.#savepoint = yield* this.#query(setSavepoint(SAVEPOINT), request.exclusive);
      }
      this.#change = this.#context.invalidation.begin(this.#effects, this.#context);
      this.#pending = yield* submit(request);
    } catch (error) {
      this.#finish(request);
      throw error;
    }
    return request;
  }

  /** Releases or rolls back the savepoint, and ends the exclusive operation. */
  *#end(request: CopyOut, sql: string): Op<void> {
    try {
      // If the caller gave up before anything was sent, there is no savepoint.
      if (this.#savepoint === undefined || this.#savepoint.withdrawn) return;
      if (this.#context.session.lost !== undefined) return;
      yield* continueSubmitting();
      yield* settle(yield* this.#query(sql, request.exclusive));
    } finally {
      this.#finish(request);
    }
  }

  /** Lets other calls submit again, and invalidates what the COPY has changed. */
  #finish({ exclusive }: CopyOut): void {
    this.#ended = true;
    this.#context.session.endExclusive(exclusive);
    this.#context.invalidation.end(this.#effects, this.#change, succeeded(this.#pending), this.#context);
  }

  *#query(sql: string, exclusive: ExclusiveOperation): Op<PendingRequest<number>> {
    return yield* submit(new SimpleQuery(sql, new AffectedRows(), this.#context.registry, exclusive));
  }
}

function checked(text: string): string {
  if (text.isWellFormed()) return text;
  throw new EncodeError("Cannot copy in: a string contains a lone surrogate, which UTF-8 cannot express");
}

const SAVEPOINT = "pyro_copy";
const REASON = "pyro: the data could not be completed";
/** Bytes in one message. */
const MAX_MESSAGE = 0x1_0000;
/** Encoded rows are sent when they have more than this many bytes. */
const PIECE = 0x4000;
/** How many bytes may be unsent before more data is taken. */
const MAX_WAITING = 0x4_0000;
