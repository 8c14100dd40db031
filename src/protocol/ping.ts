/** A round trip and nothing else: an empty group of the extended protocol. */
import { Backend } from "../wire/codes.ts";
import { sync } from "../wire/frontend.ts";
import type { Inbox } from "../wire/inbox.ts";
import type { Outbox } from "../wire/outbox.ts";
import type { ReplyReader, Request } from "./request.ts";

/** Sync and its ReadyForQuery; works in a failed transaction too. */
export class Ping implements Request<void> {
  readonly action = "ping";
  readonly syncMode = "explicit";

  encode(out: Outbox): void {
    sync(out);
  }

  *reply(inbox: Inbox): ReplyReader<void> {
    while (!inbox.next()) yield "read";
    inbox.expect(Backend.ReadyForQuery, this.action);
  }
}
