/**
 * COPY: data and rows into tables, and data out of them.
 *
 * Source: PostgreSQL manual, "COPY" (the formats), and "COPY Operations" in the chapter on the protocol.
 */
import { EncodeError, ServerError, UsageError } from "../errors.ts";
import { CopyIn } from "../protocol/copy_in.ts";
import { CopyOut } from "../protocol/copy_out.ts";
import { alone, type Conversation, type Op, settle, submit, takeTurn, type Ticket } from "../protocol/request.ts";
import { prepareAt } from "../protocol/prepare.ts";
import { SimpleQuery } from "../protocol/simple_query.ts";
import { Affected } from "../rows/collectors.ts";
import { SqlState } from "../sqlstate.ts";
import { annotated } from "./batch.ts";
import type { Context } from "../statements/context.ts";
import { CopyRows } from "../rows/copy_format.ts";
import { effectsOf, succeeded } from "../statements/invalidation.ts";
import { release, setSavepoint, undo } from "../sql/savepoint.ts";
import type { Reader } from "./source.ts";
import { forgetAttributes } from "../statements/stale.ts";
import { withTypes } from "../statements/type_lookup.ts";
import { isGone } from "../wire/bytes.ts";

/** Data for COPY: bytes as they are, text in UTF-8. */
export type CopyData = Uint8Array | string;

/** Sends a source's data to a COPY FROM STDIN; the number of rows copied. */
export function* copyIn(sql: string, source: Reader<CopyData>, context: Context): Op<number> {
  return yield* feed(sql, context, source, function* (exchange, ticket) {
    const text = new TextEncoder();
    for (;;) {
      const next = yield* source.next(ticket);
      if (next === undefined || ticket.refused || ticket.settled) return;
      const data = typeof next.value === "string" ? text.encode(checked(next.value)) : next.value;
      if (!(data instanceof Uint8Array)) throw new UsageError("Cannot copy in: the data must be Uint8Array or string");
      if (isGone(data)) {
        throw new UsageError("Cannot copy in: the data must still have its memory, which was transferred");
      }
      for (let at = 0; at < data.length && !ticket.refused && !ticket.settled; at += MAX_MESSAGE) {
        exchange.send(data.subarray(at, at + MAX_MESSAGE));
        yield { do: "room", bytes: MAX_WAITING };
      }
    }
  });
}

/** Sends rows to a table's columns; how many. */
export function* copyRows(
  table: string,
  columns: readonly string[],
  quoted: string,
  source: Reader<unknown>,
  context: Context,
): Op<number> {
  try {
    return yield* describeAndCopy(table, columns, quoted, source, context);
  } finally {
    yield* source.close();
  }
}

/** Learns the types of the columns first, so that rows can be encoded. */
function* describeAndCopy(
  table: string,
  columns: readonly string[],
  quoted: string,
  source: Reader<unknown>,
  context: Context,
): Op<number> {
  yield* alone();
  const { registry, statements } = context;
  const place = { ...statements.place(), name: "" };
  const described = yield* settle(yield* submit(prepareAt(place, `select ${quoted} from ${table}`, registry)));
  const { description, typeOids } = yield* withTypes(described, context);
  const codecs = description!.columns.map((column) => registry.columnCodec(column));
  const encoder = new CopyRows(columns, codecs);
  const sql = `copy ${table} (${quoted}) from stdin (format ${encoder.format})`;
  return yield* feed(sql, context, source, function* (exchange, ticket) {
    let next = yield* nextOf(source, 0, ticket);
    for (let index = 0; next !== undefined && !ticket.refused && !ticket.settled; index++) {
      try {
        encoder.add(next.value);
      } catch (error) {
        throw annotated(error, { index });
      }
      if (encoder.size > PIECE) {
        exchange.send(encoder.take());
        yield { do: "room", bytes: MAX_WAITING };
      }
      next = source.isAtHand ? taken(source, index + 1) : yield* nextOf(source, index + 1, ticket);
    }
    if (ticket.refused || ticket.settled) return;
    encoder.end();
    exchange.send(encoder.take());
    yield { do: "room", bytes: MAX_WAITING };
  }, typeOids);
}

/** The row of that index. */
function* nextOf(
  source: Reader<unknown>,
  index: number,
  unless?: Ticket<unknown>,
): Op<{ readonly value: unknown } | undefined> {
  try {
    return yield* source.next(unless);
  } catch (error) {
    throw blamed(source, error, index);
  }
}

/** As {@linkcode nextOf}, without a generator for each row, where there is nothing to wait for. */
function taken(source: Reader<unknown>, index: number): { readonly value: unknown } | undefined {
  try {
    return source.take();
  } catch (error) {
    throw blamed(source, error, index);
  }
}

/** With the row's index, if the source has thrown it. */
function blamed(source: Reader<unknown>, error: unknown, index: number): unknown {
  return source.hasThrown(error) ? annotated(error, { index }) : error;
}

/** Starts a COPY FROM STDIN, has its data sent, and ends it; what fails on this side fails it there. `types` are those of its columns, if they were asked for. */
function* feed(
  sql: string,
  context: Context,
  source: Reader<unknown>,
  send: (exchange: CopyIn, ticket: Ticket<number>) => Op<void>,
  types: readonly number[] = [],
): Op<number> {
  const { session, changes } = context;
  const conversation: Conversation = { name: "a copy", isCall: true };
  const exchange = new CopyIn(sql, conversation);
  const effects = effectsOf(sql, context);
  let change = 0;
  let ticket: Ticket<number> | undefined;
  try {
    session.occupy(conversation);
    change = changes.begin(effects, context);
    ticket = yield* submit(exchange);
    yield { do: "await", signal: exchange.started, ticket };
    if (ticket.settled || ticket.refused) return yield* settle(ticket);
    try {
      yield* send(exchange, ticket);
    } catch (error) {
      if (session.lost !== undefined) throw error;
      if (!ticket.settled && !ticket.refused) exchange.abort(REASON);
      try {
        yield* settle(ticket);
      } catch {
        // The server repeats that it was told to fail.
      }
      throw error;
    }
    if (!ticket.settled && !ticket.refused) exchange.finish();
    return yield* settle(ticket);
  } catch (error) {
    forgetAttributes(error, types, context);
    throw error;
  } finally {
    session.vacate(conversation);
    changes.end(effects, change, succeeded(ticket), context);
    yield* source.close();
  }
}

/** The data of a COPY TO STDOUT, chunk by chunk. */
export class CopySource {
  readonly #sql: string;
  readonly #context: Context;
  #exchange: CopyOut | undefined = undefined;
  #ticket: Ticket<void> | undefined = undefined;
  #savepoint = false;
  readonly #effects: number;
  #change = 0;
  #ended = false;

  constructor(sql: string, context: Context) {
    this.#sql = sql;
    this.#context = context;
    this.#effects = effectsOf(sql, context);
  }

  /** The next chunk, undefined at the end. */
  *next(): Op<Uint8Array<ArrayBuffer> | undefined> {
    if (this.#ended) return undefined;
    const exchange = this.#exchange ??= yield* this.#start();
    const ticket = this.#ticket!;
    exchange.want();
    yield { do: "await", signal: exchange.arrived, ticket };
    const chunk = exchange.take();
    if (chunk !== undefined && ticket.failure === undefined) return chunk;
    try {
      yield* settle(ticket);
    } catch (error) {
      // A caller who gave up has not made the transaction fail.
      const wasCancelled = error instanceof ServerError && error.code === SqlState.QueryCanceled;
      if (wasCancelled) yield* this.#end(exchange, undo(SAVEPOINT));
      else this.#leave(exchange);
      throw error;
    }
    yield* this.#end(exchange, release(SAVEPOINT));
    return undefined;
  }

  /** It is about to be closed: calls that are made from now on wait for that. */
  beginClosing(): void {
    if (this.#exchange !== undefined) this.#context.session.admission.end(this.#exchange.conversation);
  }

  /** No more is wanted: the server is told to stop. */
  *close(): Op<void> {
    const exchange = this.#exchange;
    const ticket = this.#ticket;
    if (this.#ended || exchange === undefined || ticket === undefined) {
      this.#ended = true;
      return;
    }
    exchange.drop();
    if (!ticket.settled && !ticket.withdrawn) yield { do: "cancel" };
    try {
      if (!ticket.withdrawn) yield* settle(ticket);
    } catch {
      // It was told to fail.
    }
    // What has the savepoint failed is undone, so that the transaction goes on.
    yield* this.#end(exchange, undo(SAVEPOINT));
  }

  *#start(): Op<CopyOut> {
    const { session } = this.#context;
    yield* alone();
    const exchange = new CopyOut(this.#sql, { name: "copyOut", close: () => this.close() });
    session.occupy(exchange.conversation);
    try {
      // To be told to stop must not make the transaction fail.
      this.#savepoint = session.transactionStatus === "active";
      if (this.#savepoint) yield* this.#query(setSavepoint(SAVEPOINT), exchange.conversation);
      this.#change = this.#context.changes.begin(this.#effects, this.#context);
      this.#ticket = yield* submit(exchange);
    } catch (error) {
      this.#leave(exchange);
      throw error;
    }
    return exchange;
  }

  /** Takes the savepoint back and gives the connection back. */
  *#end(exchange: CopyOut, sql: string): Op<void> {
    try {
      if (!this.#savepoint || this.#context.session.lost !== undefined) return;
      yield* takeTurn();
      yield* settle(yield* this.#query(sql, exchange.conversation));
    } finally {
      this.#leave(exchange);
    }
  }

  #leave({ conversation }: CopyOut): void {
    this.#ended = true;
    this.#context.session.vacate(conversation);
    this.#context.changes.end(this.#effects, this.#change, succeeded(this.#ticket), this.#context);
  }

  *#query(sql: string, conversation: Conversation): Op<Ticket<number>> {
    return yield* submit(new SimpleQuery(sql, new Affected(), this.#context.registry, conversation));
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
/** Bytes of encoded rows that are sent while more are encoded. */
const PIECE = 0x4000;
/** How many bytes may wait to be sent before more are taken. */
const MAX_WAITING = 0x4_0000;
