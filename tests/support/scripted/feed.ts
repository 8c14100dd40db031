/**
 * Feeds replies to a session in every way in which a network can deliver them: whole, byte by byte, and
 * with the next reply right behind.
 */
import assert from "node:assert/strict";
import type { Failure, PendingRequest, Request } from "../../../src/protocol/request.ts";
import { Ping } from "../../../src/protocol/ping.ts";
import { Session, type SessionEvent } from "../../../src/protocol/session.ts";
import { concat, readyForQuery } from "./backend.ts";

/** The outcome of a request. */
export interface Outcome<T> {
  readonly value: T | undefined;
  readonly failure: Failure | undefined;
  readonly session: Session;
  /** The request's sync mode. */
  readonly syncMode: Request<T>["syncMode"];
}

/** Gives bytes to a session, at most `chunk` at a time, as a driver does. */
export function feed(session: Session, bytes: Uint8Array, chunk: number = Infinity): void {
  for (let at = 0; at < bytes.length && session.lost === undefined;) {
    const room = session.inbox.reserve();
    const count = Math.min(room.length, bytes.length - at, chunk);
    room.set(bytes.subarray(at, at + count));
    session.inbox.commit(count);
    at += count;
    session.advance();
  }
}

/** Runs a request against a reply in every way, checks that the outcome is always the same, and returns it. */
export function reply<T>(make: (session: Session) => Request<T>, bytes: Uint8Array): Outcome<T> {
  const whole = run(make, bytes, Infinity, false);
  for (const [chunk, behind] of [[1, false], [3, false], [Infinity, true], [1, true]] as const) {
    // After an open group, nothing is sent until it has been answered.
    if (behind && whole.syncMode === "deferred") continue;
    const other = run(make, bytes, chunk, behind);
    assert.deepEqual(other.value, whole.value, `fed in chunks of ${chunk}, next reply behind: ${behind}`);
    assert.deepEqual(comparable(other.failure), comparable(whole.failure));
    assert.equal(other.session.lost?.message, whole.session.lost?.message);
  }
  return whole;
}

function run<T>(
  make: (session: Session) => Request<T>,
  bytes: Uint8Array,
  chunk: number,
  behind: boolean,
): Outcome<T> {
  const session = new Session();
  const pending = session.submit(make(session));
  let next: PendingRequest<void> | undefined;
  if (behind) {
    next = session.submit(new Ping());
    bytes = concat(bytes, readyForQuery());
  }
  feed(session, bytes, chunk);
  assert.ok(pending.settled, "the request is settled");
  if (session.lost === undefined) {
    assert.ok(session.idle, "nothing is left to do");
    assert.equal(session.inbox.buffered, 0, "all bytes are used up");
  }
  if (next !== undefined) {
    assert.ok(next.settled, "the next request is settled too");
    assert.equal(next.failure === undefined, session.lost === undefined);
  }
  return { value: pending.value, failure: pending.failure, session, syncMode: pending.request.syncMode };
}

/** Failures without the errors' stacks. */
function comparable(failure: Failure | undefined): unknown {
  if (failure?.kind === "unusable") {
    return { kind: failure.kind, name: failure.error.name, message: failure.error.message };
  }
  if (failure?.kind === "lost") return { kind: failure.kind, message: failure.cause.message };
  return failure;
}

/** The events of a session since the last call. */
export function takeEvents(session: Session): SessionEvent[] {
  const events: SessionEvent[] = [];
  for (let event = session.takeEvent(); event !== undefined; event = session.takeEvent()) events.push(event);
  return events;
}
