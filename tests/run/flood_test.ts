/** Limits of time while every read is filled to the last byte, so that nothing is ever waited for. */
import assert from "node:assert/strict";
import { OPTIONS_OF } from "../../src/connection/call_options.ts";
import * as statementCalls from "../../src/connection/statement_calls.ts";
import { now } from "../../src/runtime/clock.ts";
import { connectSync } from "../../src/run/connect_sync.ts";
import { SyncLink } from "../../src/run/sync_link.ts";
import { ConnectionError, TimeoutError } from "../../src/errors.ts";
import { dial, type Handshake, run } from "../../src/connect/handshake.ts";
import type { Connected } from "../../src/connect/upgrade.ts";
import { perform } from "../../src/protocol/request.ts";
import { Ping } from "../../src/protocol/ping.ts";
import { collectors } from "../../src/rows/collector_factories.ts";
import {
  commandComplete,
  concat,
  dataRow,
  parameterStatus,
  readyForQuery,
  rowDescription,
} from "../support/scripted/backend.ts";
import { connected, SyncDials } from "../support/scripted/dialers.ts";
import { callContextOf, SOCKET } from "../support/scripted/links.ts";
import { endpoint, ManualSync } from "../support/scripted/manual_transports.ts";
import { test } from "../support/suite/test.ts";

/** Milliseconds that calls are given, and after which they would be answered: long enough to tell the two apart. */
const LIMIT = 20;
const FLOOD = 2000;

/** Says one thing again and again, and answers when time is over. */
class Filling extends ManualSync {
  readonly #message: Uint8Array;
  readonly #end: Uint8Array;
  readonly #over: number = now() + FLOOD;
  #at = 0;
  isOver = false;

  constructor(beginning: Uint8Array, message: Uint8Array, end: Uint8Array) {
    super();
    this.arrive(beginning);
    this.#message = message;
    this.#end = end;
  }

  override read(into: Uint8Array<ArrayBuffer>): number {
    const count = super.read(into);
    if (count > 0 || this.isOver) return count;
    if (now() > this.#over) {
      this.isOver = true;
      this.arrive(this.#message.slice(this.#at), this.#end);
      return super.read(into);
    }
    for (let filled = 0; filled < into.length;) {
      const piece = this.#message.subarray(this.#at, this.#at + into.length - filled);
      into.set(piece, filled);
      filled += piece.length;
      this.#at = (this.#at + piece.length) % this.#message.length;
    }
    return into.length;
  }

  override wait(): boolean {
    return true;
  }
}

test("a blocking call's timeout holds while every read is filled", () => {
  const end = concat(commandComplete("SELECT 1"), readyForQuery());
  const transport = new Filling(rowDescription({ a: 25 }), dataRow("x".repeat(5000)), end);
  const link = new SyncLink(transport, SOCKET);
  const context = callContextOf(link);
  assert.throws(
    () =>
      link.run(statementCalls.query(context, "select", { timeout: LIMIT }, collectors.affected, OPTIONS_OF.nothing)),
    TimeoutError,
  );
  assert.equal(transport.isOver, false);
});

test("a blocking handshake's limit holds while every read is filled", () => {
  const transport = new Filling(new Uint8Array(), parameterStatus("a", "x".repeat(5000)), readyForQuery());
  const handshake = function* (): Handshake<Connected> {
    const link = yield* dial(endpoint("a"), false, Infinity);
    yield* run(link, perform(new Ping()), now() + LIMIT);
    return connected(link);
  };
  assert.throws(() => connectSync(handshake(), new SyncDials(transport)), (error) => {
    return error instanceof ConnectionError && error.message === "timed out";
  });
  assert.equal(transport.isOver, false);
});

test("a blocking wait for what the server says ends while every read is filled", () => {
  const transport = new Filling(new Uint8Array(), parameterStatus("a", "x".repeat(5000)), new Uint8Array());
  const link = new SyncLink(transport, SOCKET);
  const by = now() + LIMIT;
  while (link.awaitEvent(by));
  assert.equal(transport.isOver, false);
});
