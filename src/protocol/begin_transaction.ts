/**
 * BEGIN. Engines without transactions accept it and stay idle (CrateDB); what followed would be neither atomic nor
 * undone, so that is an error before anything is executed.
 */
import { UsageError } from "../errors.ts";
import { ownCodecs } from "../codecs/registry.ts";
import { AffectedRows } from "../rows/collectors.ts";
import { IDLE, type Inbox } from "../wire/inbox.ts";
import type { Outbox } from "../wire/outbox.ts";
import type { ReplyReader } from "./request.ts";
import { SimpleQuery } from "./simple_query.ts";

/** BEGIN, with its modes. */
export class Begin extends SimpleQuery<number> {
  /** Whether the server has accepted BEGIN, and is idle all the same. */
  wasIgnored = false;

  constructor(sql: string) {
    super(sql, new AffectedRows(), ownCodecs);
  }

  override *reply(inbox: Inbox, out: Outbox): ReplyReader<number> {
    const affected = yield* super.reply(inbox, out);
    this.wasIgnored = inbox.transactionStatus === IDLE;
    if (!this.wasIgnored) return affected;
    throw new UsageError(
      "Cannot begin a transaction: the server has no transactions; it accepts BEGIN, but begins none",
    );
  }
}
