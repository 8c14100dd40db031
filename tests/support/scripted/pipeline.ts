/** Runs several requests on one session, answered by one stream of bytes. */
import assert from "node:assert/strict";
import type { Failure, PendingRequest, Request } from "../../../src/protocol/request.ts";
import { Session } from "../../../src/protocol/session.ts";
import { feed } from "./feed.ts";

/** Their outcomes. */
export interface Outcomes {
  readonly session: Session;
  readonly requests: readonly PendingRequest<unknown>[];
  /** An abbreviation of each outcome: "ok", the failure's kind and details, or "waits". */
  readonly words: readonly string[];
}

/** Submits requests at once and feeds the replies: whole, byte by byte and in between, always with the same outcomes. */
export function pipeline(make: (session: Session) => readonly Request<unknown>[], bytes: Uint8Array): Outcomes {
  const whole = run(make, bytes, Infinity);
  for (const chunk of [1, 2, 7]) {
    const other = run(make, bytes, chunk);
    assert.deepEqual(other.words, whole.words, `in chunks of ${chunk}`);
    assert.deepEqual(other.requests.map(({ value }) => value), whole.requests.map(({ value }) => value));
    assert.equal(other.session.lost?.message, whole.session.lost?.message);
    assert.deepEqual([...other.session.outbox.pending()], [...whole.session.outbox.pending()]);
  }
  return whole;
}

function run(make: (session: Session) => readonly Request<unknown>[], bytes: Uint8Array, chunk: number): Outcomes {
  const session = new Session();
  session.inbox.trust();
  const requests = make(session).map((request) => session.submit(request));
  feed(session, bytes, chunk);
  return { session, requests, words: requests.map(wordOf) };
}

function wordOf({ settled, failure }: PendingRequest<unknown>): string {
  return settled ? failureWord(failure) : "waits";
}

function failureWord(failure: Failure | undefined): string {
  if (failure === undefined) return "ok";
  switch (failure.kind) {
    case "server":
      return `server ${failure.fields.code}`;
    case "aborted":
      return `aborted by ${failureWord(failure.by)}`;
    case "lost":
      return `lost ${failure.sent ? "after" : "before"} it was sent`;
    case "malformed":
      return "malformed";
    case "unusable":
      return `unusable ${failure.error.name}`;
  }
}
