/**
 * Dropping prepared statements.
 *
 * Source: PostgreSQL manual, "Frontend/Backend Protocol", section "Extended Query": closing a
 * statement that does not exist is no error.
 */
import { Backend, Target } from "../wire/codes.ts";
import { close, sync } from "../wire/frontend.ts";
import type { Inbox } from "../wire/inbox.ts";
import type { Outbox } from "../wire/outbox.ts";
import type { Exchange, Script } from "./request.ts";

/** Close of any number of statements. */
export class CloseStatements implements Exchange<void> {
  readonly action = "close the statement";
  readonly ends = "sync";
  readonly #names: readonly string[];

  constructor(names: readonly string[]) {
    this.#names = names;
  }

  request(out: Outbox): void {
    for (const name of this.#names) close(out, Target.Statement, name);
    sync(out);
  }

  *reply(inbox: Inbox): Script<void> {
    for (let left = this.#names.length; left > 0; left--) {
      while (!inbox.next()) yield "read";
      inbox.expect(Backend.CloseComplete, this.action);
    }
    while (!inbox.next()) yield "read";
    inbox.expect(Backend.ReadyForQuery, this.action);
  }
}
