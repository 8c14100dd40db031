/** Shows the messages that a session is about to send. */
import type { Session } from "../../../src/protocol/session.ts";

/** The types of the unsent messages: "PBDES". The startup message has none and counts as "0". */
export function sentCodes(session: Session): string {
  return sentMessages(session).map(({ code }) => code).join("");
}

/** The unsent messages; bodies have a character for each byte. */
export function sentMessages(session: Pick<Session, "outbox">): { code: string; body: string }[] {
  const bytes = session.outbox.pending();
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const messages: { code: string; body: string }[] = [];
  for (let at = 0; at < bytes.length;) {
    const typed = bytes[at] !== 0;
    const start = typed ? at + 1 : at;
    const end = start + view.getInt32(start);
    const body = Array.from(bytes.subarray(start + 4, end), (byte) => String.fromCharCode(byte)).join("");
    messages.push({ code: typed ? String.fromCharCode(bytes[at]!) : "0", body });
    at = end;
  }
  return messages;
}
