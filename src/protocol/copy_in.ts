/**
 * COPY FROM STDIN. It is a simple query, after whose failure the server takes what is still on its
 * way for nothing.
 *
 * Source: PostgreSQL manual, "Frontend/Backend Protocol", section "COPY Operations".
 */
import { UsageError } from "../errors.ts";
import { affectedRows } from "../wire/backend.ts";
import { Backend } from "../wire/codes.ts";
import { copyData, copyDone, copyFail, query } from "../wire/frontend.ts";
import type { Inbox } from "../wire/inbox.ts";
import type { Outbox } from "../wire/outbox.ts";
import { type Conversation, type Exchange, type Script, Signal } from "./request.ts";
import { SimpleReply } from "./simple_reply.ts";

/** Starts a COPY, which then waits for data; the value is the number of rows copied. */
export class CopyIn implements Exchange<number> {
  readonly action = "copy in";
  readonly ends = "query";
  readonly sql: string;
  readonly conversation: Conversation;
  /** Raised when the server waits for data. */
  readonly started: Signal = new Signal();
  #out: Outbox | undefined = undefined;
  readonly #order = new SimpleReply(this.action);

  constructor(sql: string, conversation: Conversation) {
    this.sql = sql;
    this.conversation = conversation;
  }

  request(out: Outbox): void {
    query(out, this.sql);
    this.#out = out;
  }

  *reply(inbox: Inbox, out: Outbox): Script<number> {
    let affected = 0;
    let copiesOut = false;
    for (;;) {
      while (!inbox.next()) yield "read";
      const { isCopied } = this.#order;
      this.#order.step(inbox);
      switch (inbox.code) {
        case Backend.CopyInResponse:
          if (this.started.raised) copyFail(out, "pyro: there is no data for a second COPY");
          else this.started.raise();
          break;
        case Backend.CommandComplete:
          // Other statements of the text, and a COPY TO STDOUT among them, do not count.
          if (isCopied && !copiesOut) affected = affectedRows(inbox);
          copiesOut = false;
          break;
        case Backend.CopyOutResponse:
          copiesOut = true;
          break;
        case Backend.ReadyForQuery:
          if (this.started.raised) return affected;
          throw new UsageError("Cannot copy in: the statement must be COPY â¦ FROM STDIN");
      }
    }
  }

  /** Queues data. Only after {@linkcode CopyIn.started}, and not once the exchange is over. */
  send(data: Uint8Array): void {
    copyData(this.#out!, data);
  }

  /** The data is complete. */
  finish(): void {
    this.#order.copied();
    copyDone(this.#out!);
  }

  /** The data cannot be completed; the server then fails with an error that quotes the reason. */
  abort(reason: string): void {
    copyFail(this.#out!, reason);
  }
}
