/** Inboxes that hold what a server has sent, for tests of whoever reads messages. */
import assert from "node:assert/strict";
import { Inbox } from "../../src/wire/inbox.ts";

/** What was taken out of the stream: the type and the body of each asynchronous message. */
export type Taken = { readonly code: string; readonly body: Uint8Array }[];

/** An inbox that may receive large messages, and notes the asynchronous ones. */
export function recording(): { inbox: Inbox; taken: Taken } {
  const taken: Taken = [];
  const inbox = new Inbox((inbox) => taken.push({ code: String.fromCharCode(inbox.code), body: inbox.rest() }));
  inbox.trust();
  return { inbox, taken };
}

/** Hands over bytes as a transport does, at most `chunk` at a time. `received` is called after each. */
export function receive(
  inbox: Inbox,
  bytes: Uint8Array,
  chunk: number = Infinity,
  received: () => void = () => {},
): void {
  for (let at = 0; at < bytes.length;) {
    const room = inbox.reserve();
    assert.ok(room.length > 0, "there is room to read into");
    const count = Math.min(room.length, bytes.length - at, chunk);
    room.set(bytes.subarray(at, at + count));
    inbox.commit(count);
    at += count;
    received();
  }
}

/** An inbox whose current message is the first of `bytes`. */
export function reading(bytes: Uint8Array): Inbox {
  const { inbox } = recording();
  receive(inbox, bytes);
  assert.ok(inbox.next() || inbox.refused, "a message is there");
  return inbox;
}
