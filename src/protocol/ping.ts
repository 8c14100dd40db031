/** A round trip and nothing else: an empty group of the extended protocol. */
import { Backend } from "../wire/codes.ts";
import { sync } from "../wire/frontend.ts";
import type { Inbox } from "../wire/inbox.ts";
import type { Outbox } from "../wire/outbox.ts";
import type { Exchange, Script } from "./request.ts";

/** Sync and its ReadyForQuery; works in a failed transaction too. */
export class Ping implements Exchange<void> {
  readonly action = "ping";
  readonly ends = "sync";

  request(out: Outbox): void {
    sync(out);
  }

  *reply(inbox: Inbox): Script<void> {
    while (!inbox.next()) yield "read";
    inbox.expect(Backend.ReadyForQuery, this.action);
  }
}
