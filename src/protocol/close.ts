/**
 * Dropping prepared statements.
 *
 * Source: PostgreSQL manual, "Frontend/Backend Protocol", section "Extended Query": closing a
 * statement that does not exist is no error.
 */
import { Backend, DescribeTarget } from "../wire/codes.ts";
import { close, sync } from "../wire/frontend.ts";
import type { Inbox } from "../wire/inbox.ts";
import type { Outbox } from "../wire/outbox.ts";
import type { ReplyReader, Request } from "./request.ts";

/** Close of any number of statements. */
export class CloseStatements implements Request<void> {
  readonly action = "close the statement";
  readonly syncMode = "explicit";
  readonly #names: readonly string[];

  constructor(names: readonly string[]) {
    this.#names = names;
  }

  encode(out: Outbox): void {
    for (const name of this.#names) close(out, DescribeTarget.Statement, name);
    sync(out);
  }

  *reply(inbox: Inbox): ReplyReader<void> {
    for (let left = this.#names.length; left > 0; left--) {
      while (!inbox.next()) yield "read";
      inbox.expect(Backend.CloseComplete, this.action);
    }
    while (!inbox.next()) yield "read";
    inbox.expect(Backend.ReadyForQuery, this.action);
  }
}
