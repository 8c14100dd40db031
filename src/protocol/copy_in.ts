/**
 * COPY FROM STDIN. It is sent as a simple query: if that fails, the server ignores the copy messages that are still
 * on their way.
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
  /** Met when the server waits for data. */
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
          // Counts only the rows of the COPY FROM STDIN: the text may contain other statements, and a COPY TO STDOUT.
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

  /** Queues data. Must not be called before {@linkcode CopyIn.started} is met, nor after the request is settled. */
  send(data: Uint8Array): void {
    copyData(this.#out!, data);
  }

  /** Ends the data. */
  finish(): void {
    this.#grammar.endCopy();
    copyDone(this.#out!);
  }

  /** Fails the COPY, because the data cannot be completed. The server's error quotes the reason. */
  abort(reason: string): void {
    copyFail(this.#out!, reason);
  }
}
