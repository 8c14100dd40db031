/** Inboxes with bytes from a server, for tests of code that reads messages. */
import assert from "node:assert/strict";
import { Inbox } from "../../../src/wire/inbox.ts";

/** The type and the body of each asynchronous message. */
export type Taken = { readonly code: string; readonly body: Uint8Array }[];

/** An inbox that may receive large messages, and notes the asynchronous ones. */
export function recording(): { inbox: Inbox; taken: Taken } {
  const taken: Taken = [];
  const inbox = new Inbox((inbox) => taken.push({ code: String.fromCharCode(inbox.code), body: inbox.rest() }));
  inbox.trust();
  return { inbox, taken };
}

/** Gives bytes to an inbox as a transport does, at most `chunk` at a time. Calls `received` after each chunk. */
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
