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
import { Condition, type ExclusiveOperation, type ReplyReader, type Request } from "./request.ts";
import { SimpleReplyGrammar } from "./simple_reply.ts";

/** Starts a COPY, which then waits for data; the value is the number of rows copied. */
export class CopyIn implements Request<number> {
  readonly action = "copy in";
  readonly syncMode = "implicit";
  readonly sql: string;
  readonly exclusive: ExclusiveOperation;
  /** Raised when the server waits for data. */
  readonly started: Condition = new Condition();
  #out: Outbox | undefined = undefined;
  readonly #grammar = new SimpleReplyGrammar(this.action);

  constructor(sql: string, exclusive: ExclusiveOperation) {
    this.sql = sql;
    this.exclusive = exclusive;
  }

  encode(out: Outbox): void {
    query(out, this.sql);
    this.#out = out;
  }

  *reply(inbox: Inbox, out: Outbox): ReplyReader<number> {
    let affected = 0;
    let copiesOut = false;
    for (;;) {
      while (!inbox.next()) yield "read";
      const { isCopied } = this.#grammar;
      this.#grammar.step(inbox);
      switch (inbox.code) {
        case Backend.CopyInResponse:
          if (this.started.isMet) copyFail(out, "pyro: there is no data for a second COPY");
          else this.started.meet();
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
          if (this.started.isMet) return affected;
          throw new UsageError("Cannot copy in: the statement must be COPY … FROM STDIN");
      }
    }
  }

  /** Queues data. Only after {@linkcode CopyIn.started}, and not once the request is settled. */
  send(data: Uint8Array): void {
    copyData(this.#out!, data);
  }

  /** The data is complete. */
  finish(): void {
    this.#grammar.endCopy();
    copyDone(this.#out!);
  }

  /** The data cannot be completed; the server then fails with an error that quotes the reason. */
  abort(reason: string): void {
    copyFail(this.#out!, reason);
  }
}
