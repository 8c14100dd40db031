import assert from "node:assert/strict";
import { type BlockingBytes, ConnectionError, Opts, TimeoutError, UsageError } from "../../mod.ts";
import { Conn } from "../../sync.ts";
import { commandComplete, concat, readyForQuery } from "../support/scripted/backend.ts";
import { WELCOME } from "../support/scripted/plans.ts";
import { refusal } from "../support/suite/refusal.ts";
import { test } from "../support/suite/test.ts";

const target = new Opts("pg://u@h/d?sslmode=disable");

/** A server in memory: what it sends, piece by piece; then nothing. */
function serving(
  replies: readonly Uint8Array[],
  others: Partial<BlockingBytes> = {},
): BlockingBytes & { closed: number } {
  const rest = [...replies];
  let first = new Uint8Array(0);
  const server = {
    closed: 0,
    read(into: Uint8Array): number {
      if (first.length === 0) first = new Uint8Array(rest.shift() ?? []);
      if (first.length === 0) return -1;
      const count = Math.min(first.length, into.length);
      into.set(first.subarray(0, count));
      first = first.slice(count);
      return count;
    },
    write: (bytes: Uint8Array) => bytes.length,
    close: () => void server.closed++,
    ...others,
  };
  return server;
}

function connect(bytes: unknown): Conn {
  return new Conn(target.dial(() => bytes as BlockingBytes));
}

const PONG = concat(commandComplete("SELECT 0"), readyForQuery());

test("custom blocking transport: without wait, it is read until something comes", () => {
  const none = new Uint8Array(0);
  const server = serving([none, WELCOME.slice(0, 3), none, none, WELCOME.slice(3), none, PONG]);
  using conn = connect(server);
  assert.equal(conn.queryDrop("select 1"), 0);
  conn.close();
  conn.close();
  assert.equal(server.closed, 1);
});

test("custom blocking transport: time limits hold, with wait and without", () => {
  const waits: (number | undefined)[] = [];
  const wait = (_writable: boolean, milliseconds: number): boolean => {
    waits.push(milliseconds);
    return false;
  };
  for (const others of [{}, { wait }]) {
    const opts = target.connectTimeout(100).dial(() => serving([], others));
    assert.throws(() => new Conn(opts), /^ConnectionError: Cannot connect to h:5432: timed out$/);
  }
  assert.ok(waits.length > 0 && waits.every((time) => time! > 0 && time! <= 100));
  using conn = connect(serving([WELCOME]));
  assert.throws(() => conn.query("select 1", { timeout: 50 }), TimeoutError);
});

test("custom blocking transport: the end and errors lose the connection", () => {
  const cases: readonly (readonly [read: () => number, words: RegExp])[] = [
    [() => 0, /the server closed the connection/],
    [() => {
      throw new Error("the tunnel collapsed");
    }, /the tunnel collapsed/],
    [() => NaN, /the connection of dial is faulty: read gave NaN, and must give a number of bytes up to \d+, or -1/],
    [() => -2, /read gave -2/],
    [() => 1e9, /read gave 1000000000/],
    [() => undefined as never, /read gave undefined/],
    [() => Object.create(null), /read gave a value of type object without text, and must give/],
    [() => {
      throw Object.create(null);
    }, /: a value of type object without text$/],
  ];
  for (const [read, words] of cases) {
    const server = serving([WELCOME]);
    using conn = connect(server);
    server.read = read;
    const message = refusal(ConnectionError, () => conn.query("select 1"));
    assert.match(message, words);
    assert.equal(conn.closed, true);
    assert.equal(server.closed, 1);
  }
});

test("custom blocking transport: what write says is checked", () => {
  for (const count of [-1, 0.5, 1e9, undefined]) {
    const server = serving([WELCOME]);
    using conn = connect(server);
    server.write = () => count as number;
    assert.match(
      refusal(ConnectionError, () => conn.query("select 1")),
      new RegExp(`the connection of dial is faulty: write gave ${count}, and must give a number of bytes up to \\d+`),
    );
  }
});

test("custom blocking transport: what is no connection is refused", () => {
  const whole = serving([]);
  const cases: readonly (readonly [given: unknown, words: RegExp])[] = [
    [undefined, /^Cannot connect: dial gave undefined, and must give \{ read, write, wait\?, close \}/],
    [
      Promise.resolve(whole),
      /^Cannot connect: dial gave a promise, and for a blocking connection must return at once$/,
    ],
    [{ ...whole, read: undefined }, /^Cannot connect: read of dial's connection is no function; dial must give/],
    [{ ...whole, write: 5 }, /^Cannot connect: write of dial's connection is no function/],
    [{ ...whole, close: null }, /^Cannot connect: close of dial's connection is no function/],
    [{ ...whole, wait: 5 }, /^Cannot connect: wait of dial's connection is no function/],
    [{ ...whole, name: "" }, /^Cannot connect: the name of dial's connection must be/],
    [new TransformStream(), /^Cannot connect: read of dial's connection is no function/],
  ];
  for (const [given, words] of cases) assert.match(refusal(UsageError, () => connect(given)), words);
  // A promise was refused before it could be known what it gives.
  assert.equal(whole.closed, 4);
});

test("custom blocking transport: closing never fails, not even later", async () => {
  const fail = (): never => {
    throw new Error("no");
  };
  for (const close of [fail, () => Promise.reject(new Error("no")) as never]) {
    const conn = connect(serving([WELCOME], { close }));
    conn.close();
    assert.equal(conn.closed, true);
  }
  await new Promise((resolve) => setTimeout(resolve));
});

test("custom blocking transport: functions that return promises are refused", () => {
  for (const name of ["read", "write", "wait"] as const) {
    const server = serving(name === "read" ? [WELCOME] : [], {
      [name]: async () => await Promise.reject(new Error("late")),
    });
    assert.match(
      refusal(ConnectionError, () => connect(server)),
      new RegExp(`the connection of dial is faulty: ${name} gave a promise, and must give`),
    );
  }
});
