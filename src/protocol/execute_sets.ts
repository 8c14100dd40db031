/**
 * One statement with many sets of parameters: Bind and Execute for each, and one Sync.
 *
 * Source: PostgreSQL manual, "Frontend/Backend Protocol", section "Pipelining".
 */
import type { ServerFields } from "../errors.ts";
import { bind } from "../rows/bind.ts";
import { affectedRows } from "../wire/backend.ts";
import { Backend } from "../wire/codes.ts";
import { execute, parse, sync } from "../wire/frontend.ts";
import type { Inbox } from "../wire/inbox.ts";
import type { Outbox } from "../wire/outbox.ts";
import type { ExclusiveOperation, Failure, ReplyReader, Request } from "./request.ts";
import { mapCopyInError, refuseCopyIn } from "./misplaced_copy.ts";
import type { Prepared } from "./prepared.ts";

/** Executes a statement once per set; the value is the sum of affected rows. */
export class ExecuteSets implements Request<number> {
  readonly action = "execute the statement";
  readonly syncMode: "explicit" | "deferred";
  readonly exclusive: ExclusiveOperation;
  /** The index of the set that is being encoded, or whose reply is next. */
  position = 0;
  /** Whether the current set is bound. Only an error before that can mean that the statement is stale. */
  bound = false;
  readonly #statement: Prepared;
  readonly #parses: boolean;
  readonly #sets: readonly (readonly unknown[])[];

  /** `parses` must be true in the first request of an unnamed statement. */
  constructor(
    statement: Prepared,
    parses: boolean,
    sets: readonly (readonly unknown[])[],
    syncMode: "explicit" | "deferred",
    exclusive: ExclusiveOperation,
  ) {
    this.#statement = statement;
    this.#parses = parses;
    this.#sets = sets;
    this.syncMode = syncMode;
    this.exclusive = exclusive;
  }

  get sql(): string {
    return this.#statement.sql;
  }

  encode(out: Outbox): void {
    const { name, sql, parameterTypes, parameterCodecs, resultFormats } = this.#statement;
    if (this.#parses) parse(out, "", sql, parameterTypes);
    for (const [index, values] of this.#sets.entries()) {
      this.position = index;
      bind(out, "", name, parameterCodecs, values, resultFormats, sql);
      execute(out, "", 0);
    }
    this.position = 0;
    if (this.syncMode === "explicit") sync(out);
  }

  *reply(inbox: Inbox, out: Outbox): ReplyReader<number> {
    let affected = 0;
    if (this.#parses) {
      while (!inbox.next()) yield "read";
      inbox.expect(Backend.ParseComplete, this.action);
    }
    while (this.position < this.#sets.length) {
      this.bound = false;
      while (!inbox.next()) yield "read";
      inbox.expect(Backend.BindComplete, this.action);
      this.bound = true;
      let hasRows = false;
      for (let completed = false; !completed;) {
        while (!inbox.next()) yield "read";
        switch (inbox.code) {
          case Backend.DataRow:
            hasRows = true;
            break;
          case Backend.CommandComplete:
            affected += affectedRows(inbox);
            completed = true;
            break;
          case Backend.EmptyQueryResponse:
            if (hasRows) throw inbox.unexpected(this.action);
            completed = true;
            break;
          case Backend.CopyInResponse:
            refuseCopyIn(out);
            // The server can answer that with an error only.
            while (!inbox.next()) yield "read";
            throw inbox.unexpected(this.action);
          default:
            throw inbox.unexpected(this.action);
        }
      }
      this.position++;
    }
    if (this.syncMode === "explicit") {
      while (!inbox.next()) yield "read";
      inbox.expect(Backend.ReadyForQuery, this.action);
    }
    return affected;
  }

  mapError(fields: ServerFields): Failure | undefined {
    return mapCopyInError(fields);
  }
}
