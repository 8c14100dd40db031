/** A reply that was read before it had a result collector. */
import type { Description } from "../rows/description.ts";
import { copyOf } from "../wire/bytes.ts";
import { Backend } from "../wire/codes.ts";
import { Inbox } from "../wire/inbox.ts";
import { ResultCollector } from "../rows/collectors.ts";

/** Keeps the messages of a reply as they are. */
export class RawReply extends ResultCollector<void> {
  #description: Description | undefined = undefined;
  readonly #messages: Uint8Array[] = [];

  /** Passes the kept messages to a collector. */
  replay(collector: ResultCollector<unknown>): void {
    if (this.#description !== undefined) collector.begin(this.#description);
    if (this.#messages.length === 0) collector.empty();
    const inbox = new Inbox(() => {});
    inbox.trust();
    for (const message of this.#messages) {
      for (let at = 0; at < message.length;) {
        const room = inbox.reserve();
        const part = message.subarray(at, at + room.length);
        room.set(part);
        inbox.commit(part.length);
        at += part.length;
      }
      inbox.next();
      if (inbox.code === Backend.DataRow) collector.row(inbox);
      else collector.complete(inbox);
    }
  }

  #keep(inbox: Inbox): void {
    this.#messages.push(copyOf(inbox.bytes, inbox.pos - HEADER, inbox.limit));
  }

  protected override onBegin(description: Description): void {
    this.#description = description;
  }

  protected override onRow(inbox: Inbox): void {
    this.#keep(inbox);
  }

  protected override onComplete(inbox: Inbox): void {
    this.#keep(inbox);
  }

  protected override value(): void {}
}

/** Bytes before a message's body: its type and length. */
const HEADER = 5;
