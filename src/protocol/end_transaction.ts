/**
 * The end of a transaction. If the transaction has failed, the server answers COMMIT with ROLLBACK; if there is no
 * transaction, it only warns. Both are errors here.
 */
import { type PyroError, ServerError, UsageError } from "../errors.ts";
import { SqlState } from "../sqlstate.ts";
import { commandTag } from "../wire/backend.ts";
import { Backend } from "../wire/codes.ts";
import { query } from "../wire/frontend.ts";
import type { Inbox } from "../wire/inbox.ts";
import type { Outbox } from "../wire/outbox.ts";
import type { ExclusiveOperation, ReplyReader, Request } from "./request.ts";
import type { Session } from "./session.ts";

/** COMMIT. */
export class Commit implements Request<void> {
  readonly action = "commit";
  readonly syncMode = "implicit";
  readonly sql = "COMMIT";
  readonly exclusive: ExclusiveOperation | undefined;
  readonly #session: Session;

  constructor(session: Session, exclusive?: ExclusiveOperation) {
    this.#session = session;
    this.exclusive = exclusive;
  }

  encode(out: Outbox): void {
    query(out, this.sql);
  }

  *reply(inbox: Inbox): ReplyReader<void> {
    const status = this.#session.transactionStatus;
    const cause = this.#session.transactionError;
    while (!inbox.next()) yield "read";
    inbox.expect(Backend.CommandComplete, this.action);
    const { command } = commandTag(inbox);
    while (!inbox.next()) yield "read";
    inbox.expect(Backend.ReadyForQuery, this.action);
    if (status === "idle") {
      throw new UsageError("Cannot commit: a statement has ended the transaction", { cause });
    }
    if (command === "ROLLBACK") throw rolledBack(cause);
  }
}

/** The error of a COMMIT that rolled back, because a statement had failed. */
export function rolledBack(cause: PyroError | undefined): ServerError {
  return new ServerError({
    severity: "ERROR",
    code: SqlState.TransactionRollback,
    message: "the transaction was rolled back, because a statement in it has failed",
  }, { cause, query: "COMMIT" });
}
