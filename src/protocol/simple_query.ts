/**
 * The simple query: a string of any number of statements, results in text format.
 *
 * Source: PostgreSQL manual, "Frontend/Backend Protocol", section "Simple Query".
 */
import type { ServerFields } from "../errors.ts";
import { Description } from "../rows/description.ts";
import type { Registry } from "../codecs/registry.ts";
import { rowDescription } from "../wire/backend.ts";
import { Backend } from "../wire/codes.ts";
import { query } from "../wire/frontend.ts";
import type { Inbox } from "../wire/inbox.ts";
import type { Outbox } from "../wire/outbox.ts";
import type { Conversation, Exchange, Failure, Script } from "./request.ts";
import { explainCopyIn, misplacedCopyOut, refuseCopyIn } from "./misplaced_copy.ts";
import { SimpleReply } from "./simple_reply.ts";
import type { Sink } from "../rows/collectors.ts";

/** Runs the statements of a string. */
export class SimpleQuery<T> implements Exchange<T> {
  readonly action = "run the query";
  readonly ends = "query";
  readonly sql: string;
  readonly conversation: Conversation | undefined;
  readonly #sink: Sink<T>;
  readonly #registry: Registry;

  constructor(sql: string, sink: Sink<T>, registry: Registry, conversation?: Conversation) {
    this.sql = sql;
    this.conversation = conversation;
    this.#sink = sink;
    this.#registry = registry;
  }

  request(out: Outbox): void {
    query(out, this.sql);
  }

  *reply(inbox: Inbox, out: Outbox): Script<T> {
    const sink = this.#sink;
    const order = new SimpleReply(this.action);
    for (;;) {
      while (!inbox.next()) yield "read";
      // The sink refuses rows that were not announced by itself.
      if (inbox.code === Backend.DataRow) {
        sink.row(inbox);
        continue;
      }
      order.step(inbox);
      switch (inbox.code) {
        case Backend.RowDescription: {
          const { columns, formats } = rowDescription(inbox);
          sink.begin(new Description(columns, formats, this.#registry));
          break;
        }
        case Backend.CommandComplete:
          sink.complete(inbox);
          break;
        case Backend.EmptyQueryResponse:
          sink.empty();
          break;
        case Backend.CopyInResponse:
          refuseCopyIn(out);
          break;
        case Backend.CopyOutResponse:
          sink.fail(misplacedCopyOut());
          break;
        case Backend.ReadyForQuery:
          return sink.result();
      }
    }
  }

  explain(fields: ServerFields): Failure | undefined {
    return explainCopyIn(fields);
  }
}
