/**
 * The simple query: a string of any number of statements, results in text format.
 *
 * Source: PostgreSQL manual, "Frontend/Backend Protocol", section "Simple Query".
 */
import type { ServerFields } from "../errors.ts";
import { Description } from "../rows/description.ts";
import type { ColumnCodecs } from "../codecs/column_codecs.ts";
import { ownCodecs } from "../codecs/registry.ts";
import { rowDescription } from "../wire/backend.ts";
import { Backend } from "../wire/codes.ts";
import { query } from "../wire/frontend.ts";
import type { Inbox } from "../wire/inbox.ts";
import type { Outbox } from "../wire/outbox.ts";
import type { ExclusiveOperation, Failure, ReplyReader, Request } from "./request.ts";
import { mapCopyInError, misplacedCopyOut, refuseCopyIn } from "./misplaced_copy.ts";
import { SimpleReplyGrammar } from "./simple_reply.ts";
import { FirstRow, type ResultCollector } from "../rows/collectors.ts";

/** A question of pyro's own, whose answer is one row. The user's options do not change its values. */
export function question(sql: string): SimpleQuery<unknown> {
  return new SimpleQuery(sql, new FirstRow("array", true), ownCodecs);
}

/** Runs all statements of a string. */
export class SimpleQuery<T> implements Request<T> {
  readonly action = "run the query";
  readonly syncMode = "implicit";
  readonly sql: string;
  readonly exclusive: ExclusiveOperation | undefined;
  readonly #collector: ResultCollector<T>;
  readonly #codecs: ColumnCodecs;

  constructor(sql: string, collector: ResultCollector<T>, codecs: ColumnCodecs, exclusive?: ExclusiveOperation) {
    this.sql = sql;
    this.exclusive = exclusive;
    this.#collector = collector;
    this.#codecs = codecs;
  }

  encode(out: Outbox): void {
    query(out, this.sql);
  }

  *reply(inbox: Inbox, out: Outbox): ReplyReader<T> {
    const collector = this.#collector;
    const grammar = new SimpleReplyGrammar(this.action);
    for (;;) {
      while (!inbox.next()) yield "read";
      // The collector itself refuses rows that were not announced.
      if (inbox.code === Backend.DataRow) {
        collector.row(inbox);
        continue;
      }
      grammar.step(inbox);
      switch (inbox.code) {
        case Backend.RowDescription: {
          const { columns, formats } = rowDescription(inbox);
          collector.begin(new Description(columns, formats, this.#codecs));
          break;
        }
        case Backend.CommandComplete:
          collector.complete(inbox);
          break;
        case Backend.EmptyQueryResponse:
          collector.empty();
          break;
        case Backend.CopyInResponse:
          refuseCopyIn(out);
          break;
        case Backend.CopyOutResponse:
          collector.fail(misplacedCopyOut());
          break;
        case Backend.ReadyForQuery:
          return collector.result();
      }
    }
  }

  mapError(fields: ServerFields): Failure | undefined {
    return mapCopyInError(fields);
  }
}
