/**
 * COPY TO STDOUT, delivered as fast as the consumer takes it.
 *
 * Source: PostgreSQL manual, "Frontend/Backend Protocol", section "COPY Operations".
 */
import { type ServerFields, UsageError } from "../errors.ts";
import { Backend } from "../wire/codes.ts";
import { query } from "../wire/frontend.ts";
import type { Inbox } from "../wire/inbox.ts";
import type { Outbox } from "../wire/outbox.ts";
import { Condition, type ExclusiveOperation, type Failure, type ReplyReader, type Request } from "./request.ts";
import { mapCopyInError, refuseCopyIn } from "./misplaced_copy.ts";
import { SimpleReplyGrammar } from "./simple_reply.ts";

/** Starts a COPY, and collects its data in chunks, each on request. */
export class CopyOut implements Request<void> {
  readonly action = "copy out";
  readonly syncMode = "implicit";
  readonly sql: string;
  readonly exclusive: ExclusiveOperation;
  /** Met when the requested chunk has arrived, or the data has ended. */
  chunkArrived: Condition = new Condition();
  #isWanted = false;
  #isDropping = false;
  #chunk: Uint8Array<ArrayBuffer> = EMPTY;
  #length = 0;

  constructor(sql: string, exclusive: ExclusiveOperation) {
    this.sql = sql;
    this.exclusive = exclusive;
  }

  encode(out: Outbox): void {
    query(out, this.sql);
  }

  *reply(inbox: Inbox, out: Outbox): ReplyReader<void> {
    const grammar = new SimpleReplyGrammar(this.action);
    let copied = false;
    for (;;) {
      while (!this.#isWanted) yield "paused";
      if (!inbox.next()) {
        if (this.#length > 0 && !inbox.refused) this.#deliver();
        else yield "read";
        continue;
      }
      grammar.step(inbox);
      switch (inbox.code) {
        case Backend.CopyOutResponse:
          copied = true;
          break;
        case Backend.CopyData:
          this.#add(inbox);
          break;
        case Backend.CopyInResponse:
          refuseCopyIn(out);
          break;
        case Backend.CopyDone:
          if (this.#length > 0) this.#deliver();
          break;
        case Backend.ReadyForQuery:
          if (copied) return;
          throw new UsageError("Cannot copy out: the statement must be COPY … TO STDOUT");
      }
    }
  }

  mapError(fields: ServerFields): Failure | undefined {
    return mapCopyInError(fields);
  }

  /** Requests a chunk. */
  requestChunk(): void {
    this.chunkArrived = new Condition();
    this.#isWanted = true;
  }

  /** The chunk that has arrived; undefined if the data ended before it. */
  takeChunk(): Uint8Array<ArrayBuffer> | undefined {
    const chunk = this.#length > 0 ? this.#chunk.subarray(0, this.#length) : undefined;
    this.#chunk = EMPTY;
    this.#length = 0;
    return chunk;
  }

  /** Drops the rest of the data. */
  drop(): void {
    this.#isDropping = true;
    this.#isWanted = true;
    this.#length = 0;
  }

  /** Copies a message out of the inbox, which may move before the consumer asks for the chunk. */
  #add({ bytes, pos, limit, buffered }: Inbox): void {
    if (this.#isDropping) return;
    const size = limit - pos;
    if (this.#length + size > this.#chunk.length) {
      const expected = Math.min(this.#length + size + buffered, CHUNK);
      const grown = new Uint8Array(Math.max(this.#chunk.length * 2, this.#length + size, expected));
      grown.set(this.#chunk.subarray(0, this.#length));
      this.#chunk = grown;
    }
    this.#chunk.set(bytes.subarray(pos, limit), this.#length);
    this.#length += size;
    if (this.#length >= CHUNK) this.#deliver();
  }

  #deliver(): void {
    this.#isWanted = this.#isDropping;
    this.chunkArrived.meet();
  }
}

const EMPTY: Uint8Array<ArrayBuffer> = new Uint8Array();
/** A chunk is delivered when it has this many bytes, or when no more data has arrived yet. */
const CHUNK = 0x1_0000;
