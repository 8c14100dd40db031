/** A connection whose server, cancel requests included, answers as a test says. */
import assert from "node:assert/strict";
import { OPTIONS_OF } from "../../../src/connection/call_options.ts";
import { AsyncLink } from "../../../src/run/async_link.ts";
import { TimeoutError, type TimeoutOutcome } from "../../../src/errors.ts";
import { collectors } from "../../../src/rows/collector_factories.ts";
import type { CallContext } from "../../../src/connection/call_context.ts";
import * as statementCalls from "../../../src/connection/statement_calls.ts";
import { concat, errorResponse, readyForQuery } from "./backend.ts";
import { callContextOf, SOCKET } from "./links.ts";
import { ManualAsync } from "./manual_transports.ts";
import {} from "../suite/test.ts";

/** The answer of a server that has cancelled a query. */
export const CANCELED: Uint8Array = concat(
  errorResponse("57014", "canceling statement due to user request"),
  readyForQuery(),
);

/** A connection to a server whose every answer is the test's, cancel requests included. */
export interface Rig {
  readonly transport: ManualAsync;
  readonly link: AsyncLink;
  readonly context: CallContext;
  /** How many cancel requests have begun. */
  cancels: number;
  /** How the server treats a cancel request. Default: it takes the request at once and does nothing. */
  onCancel: () => Promise<void>;
  value(sql: string, options?: object): Promise<unknown>;
  /** The first letters of all messages that were written. */
  readonly written: string;
}

export function rig({ key = true }: { key?: boolean } = {}): Rig {
  const transport = new ManualAsync();
  const link = new AsyncLink(transport, SOCKET);
  if (key) link.session.key = { processId: 42, secret: new Uint8Array([1, 2, 3, 4]) };
  const context = callContextOf(link);
  const rig: Rig = {
    transport,
    link,
    context,
    cancels: 0,
    onCancel: () => Promise.resolve(),
    value(sql, options) {
      const call = link.run(statementCalls.query(context, sql, options, collectors.firstValue, OPTIONS_OF.nothing));
      // On a busy machine it may fail before the test looks at it.
      call.catch(() => {});
      return call;
    },
    get written() {
      return transport.writes.map(messages).join("");
    },
  };
  link.canceller = () => {
    rig.cancels++;
    return rig.onCancel();
  };
  return rig;
}

/** The letters of the messages in these bytes. */
export function messages(bytes: Uint8Array): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let names = "";
  for (let at = 0; at < bytes.length; at += 1 + view.getInt32(at + 1)) names += String.fromCharCode(bytes[at]!);
  return names;
}

export function timedOut(outcome: TimeoutOutcome): (error: unknown) => true {
  return (error) => {
    assert.ok(error instanceof TimeoutError, String(error));
    assert.equal(error.outcome, outcome);
    assert.equal(error.safeToRetry, outcome === "not sent");
    return true;
  };
}

export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
