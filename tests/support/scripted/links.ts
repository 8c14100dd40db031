/** Both drivers over scripted servers, so that a test needs one body for both. */
import assert from "node:assert/strict";
import { CallContext } from "../../../src/connection/call_context.ts";
import { ConnectionState } from "../../../src/connection/connection_state.ts";
import { AsyncLink } from "../../../src/run/async_link.ts";
import { SyncLink } from "../../../src/run/sync_link.ts";
import type { TransactionContext } from "../../../src/features/context.ts";
import { Invalidation } from "../../../src/statements/invalidation.ts";
import type { Link } from "../../../src/connect/handshake.ts";
import { StatementCache } from "../../../src/statements/cache.ts";
import { DEFAULT_CHOICES } from "../../../src/options/choices.ts";
import type { Settings } from "../../../src/options/settings.ts";
import type { Call, Op } from "../../../src/protocol/request.ts";
import type { Endpoint } from "../../../src/transport/transport.ts";
import { Registry } from "../../../src/codecs/registry.ts";
import {
  bindComplete,
  commandComplete,
  concat,
  dataRow,
  parameterDescription,
  parseComplete,
  readyForQuery,
  rowDescription,
} from "./backend.ts";
import { type Delivery, ScriptedAsync, ScriptedSync, type Step } from "./scripted_server.ts";
import { test } from "../suite/test.ts";

/** The endpoint of the tests' connections. */
export const SOCKET: Endpoint = { kind: "unix", path: "/tmp/.s.PGSQL.5432" };

/** The codecs of a connection with default options. */
export const registry: Registry = new Registry(DEFAULT_CHOICES);

/** A scripted server that remembers which messages came in one write. */
class RecordingSync extends ScriptedSync {
  readonly writes: string[] = [];

  override write(bytes: Uint8Array): number {
    const before = this.messages.length;
    const count = super.write(bytes);
    this.writes.push(namesSince(this, before));
    return count;
  }
}

class RecordingAsync extends ScriptedAsync {
  readonly writes: string[] = [];

  override async write(bytes: Uint8Array): Promise<number> {
    const before = this.messages.length;
    const count = await super.write(bytes);
    this.writes.push(namesSince(this, before));
    return count;
  }
}

/** A connection to a scripted server. */
export interface Wire {
  readonly driver: "sync" | "async";
  readonly link: SyncLink | AsyncLink;
  readonly server: RecordingSync | RecordingAsync;
  /** Runs a call, or an op as a call without a deadline. The blocking driver has finished when this returns. */
  run<T>(work: Call<T> | Op<T>): Promise<T>;
}

/** A connection to a server that follows these steps. */
export function wire(driver: "sync" | "async", steps: readonly Step[], delivery?: Delivery): Wire {
  if (driver === "sync") {
    const server = new RecordingSync(steps, delivery);
    const link = new SyncLink(server, SOCKET);
    // deno-lint-ignore require-await
    return { driver, link, server, run: async (work) => link.run(callOf(work)) };
  }
  const server = new RecordingAsync(steps, delivery);
  const link = new AsyncLink(server, SOCKET);
  return { driver, link, server, run: (work) => link.run(callOf(work)) };
}

/** Registers a body for both drivers, and runs it with bytes coming one by one, by sevens and all at once. */
export function inBothDrivers(name: string, steps: readonly Step[], body: (wire: Wire) => Promise<void>): void {
  for (const driver of ["sync", "async"] as const) {
    test(`${name} (${driver})`, async () => {
      for (const chunk of [1, 7, Infinity]) {
        const connection = wire(driver, steps, { chunk });
        await body(connection);
        assert.ok(connection.server.finished, `the conversation came to its end, in chunks of ${chunk}`);
      }
    });
  }
}

/** Registers a body for both drivers, all bytes at once: for what each write contains. */
export function inWholeWrites(name: string, steps: readonly Step[], body: (wire: Wire) => Promise<void>): void {
  for (const driver of ["sync", "async"] as const) {
    test(`${name} (${driver})`, async () => {
      const connection = wire(driver, steps);
      await body(connection);
      assert.ok(connection.server.finished, "the conversation came to its end");
    });
  }
}

/** The call context of a connection on this link. */
export function callContextOf(link: SyncLink | AsyncLink, settings: Settings = {}): CallContext {
  const upgrade = { attempted: false, upgraded: false, reason: "it is switched off", tried: [] };
  const state = new ConnectionState(link, upgrade, settings, "token");
  link.onEvent = (event) => state.deliver(event);
  return new CallContext(state);
}

/**
 * The context of the ops on this link. Statements are named p1, p2, …, up to `capacity`; with 0 they
 * have no names.
 */
export function contextOf({ session }: Pick<Link, "session">, capacity: number = 8): TransactionContext {
  return {
    session,
    registry,
    statements: new StatementCache("p", capacity),
    invalidation: new Invalidation(),
    transaction: undefined,
    readsText: true,
  };
}

/** An op as a call without a deadline. */
export function callOf<T>(work: Call<T> | Op<T>): Call<T> {
  return "op" in work ? work : { op: work, deadline: undefined };
}

/** The first zero-terminated string of each message with a name. */
export function namesIn({ server }: Wire, message: "Parse" | "Describe" | "Bind" | "Close"): string[] {
  // In Describe and Close, the target comes first; in Bind the portal, which is always the unnamed one.
  const skipped = message === "Parse" ? 0 : 1;
  return server.messages.filter(({ name }) => name === message).map(({ body }) =>
    new TextDecoder().decode(body.subarray(skipped, body.indexOf(0, skipped)))
  );
}

/** Bytes that no server sends. */
export const GARBAGE: Uint8Array = new Uint8Array([0x07, 0, 0, 0, 4]);

/** The reply to a simple query that returns one number. */
export function number(n: number): Uint8Array {
  return concat(rowDescription({ n: 23 }), dataRow(String(n)), commandComplete("SELECT 1"), readyForQuery());
}

/** The reply to Parse and Describe of a statement with int4 parameters and one int4 column. */
export function learned(parameters: number = 1): Uint8Array {
  return concat(
    parseComplete(),
    parameterDescription(...Array<number>(parameters).fill(23)),
    rowDescription({ n: 23 }),
  );
}

/** The reply to Bind, Execute and Sync of that statement, in the format of a known statement. */
export function rows(...values: number[]): Uint8Array {
  return concat(
    bindComplete(),
    ...values.map((n) => dataRow(int4(n))),
    commandComplete(`SELECT ${values.length}`),
    readyForQuery(),
  );
}

/** The same in the format of a statement that is executed for the first time. */
export function textRows(...values: number[]): Uint8Array {
  return concat(
    bindComplete(),
    ...values.map((n) => dataRow(String(n))),
    commandComplete(`SELECT ${values.length}`),
    readyForQuery(),
  );
}

/** An int4 in binary. */
export function int4(n: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setInt32(0, n);
  return bytes;
}

function namesSince(server: RecordingSync | RecordingAsync, before: number): string {
  return server.messages.slice(before).map(({ name }) => name).join(" ");
}
