/** Threads that own the sockets of blocking connections: they serve one connection after the other, and say why when they fail. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { builtin } from "../../src/builtin.ts";
import type { SyncTransport } from "../../src/transport/transport.ts";
import { dialWorker } from "../../src/transport/worker.ts";
import { COMMANDS, LAYOUT, STATES, WORDS } from "../../src/transport/worker_memory.ts";
import { startPeer } from "../support/network/peer.ts";
import { test } from "../support/suite/test.ts";

/** A limit that no failure below is to wait for: the test would be ended before. */
const LONG = 3_600_000;

function endpoint(port: number): Parameters<typeof dialWorker>[0] {
  return { kind: "tcp", host: "127.0.0.1", port, keepAlive: false };
}

/** The text of a body that waits, and does something when it is to dial. */
function whenDialling(action: string): string {
  return `({ memory, control, ring, report, fail }) => {
    Atomics.store(control, ${WORDS.state}, ${STATES.idle});
    ring();
    const timer = setInterval(() => {
      if (Atomics.load(control, ${WORDS.state}) !== ${STATES.dialling}) return;
      clearInterval(timer);
      ${action}
    }, 1);
  }`;
}

/** What a worker runs that is to fail. */
const FAILURES: readonly (readonly [name: string, main: string, message: RegExp])[] = [
  [
    "throws at its start",
    `() => { throw new Error("nothing works here"); }`,
    /^the worker thread for the socket cannot start: nothing works here$/,
  ],
  [
    "throws what is no error",
    `() => { throw "a word"; }`,
    /^the worker thread for the socket cannot start: a word$/,
  ],
  ["ends at its start", "() => process.exit()", /^the worker thread for the socket cannot start/],
  [
    "fails when it is to dial",
    whenDialling(`fail(new Error("this cannot be dialled"));`),
    /^this cannot be dialled$/,
  ],
  ["ends when it is to dial", whenDialling("process.exit();"), /^the worker thread that owns the socket has ended$/],
  [
    "says nothing more",
    whenDialling("setInterval(() => {}, 1_000_000);"),
    /^the worker thread that owns the socket is gone$/,
  ],
];

for (const [name, main, message] of FAILURES) {
  test(`worker: why it fails is said at once, when it ${name}`, () => {
    assert.throws(() => dialWorker(endpoint(1), LONG, main), (error) => {
      assert.match((error as Error).message, message);
      return true;
    });
  });
}

/**
 * The text of a body that reports the end of a connection (`end`) right behind its encryption. When the main thread looks
 * at the report of that, the first bytes of the next one, `written`, are in its place.
 */
function endingWhenEncrypted(written: string, end: string): string {
  return whenDialling(`
    report(${STATES.open}, { addresses: { local: { host: "::1", port: 1 }, remote: { host: "::1", port: 2 } } });
    const attending = setInterval(() => {
      if (Atomics.exchange(control, ${WORDS.command}, 0) !== ${COMMANDS.startTls}) return;
      clearInterval(attending);
      const bytes = new TextEncoder().encode(${JSON.stringify(written)});
      new Uint8Array(memory, ${LAYOUT.report}).set(bytes);
      if (bytes.length === 2) Atomics.store(control, ${WORDS.reportLength}, 2);
      Atomics.store(control, ${WORDS.state}, ${STATES.encrypted});
      ring();
      setTimeout(() => ${end}, 50);
    }, 1);`);
}

/** The ways in which the worker reports that a connection has ended. */
const ENDS: readonly (readonly [name: string, main: string, message: RegExp])[] = [
  ["ends", endingWhenEncrypted("{}", `report(${STATES.ended}, {})`), /^the server closed the connection$/],
  ["fails", endingWhenEncrypted(`{"error":"c`, `fail(new Error("connection reset"))`), /^connection reset$/],
];

for (const [name, main, message] of ENDS) {
  test(`worker: a connection that ${name} while its encryption is reported says why`, () => {
    const transport = dialWorker(endpoint(1), LONG, main);
    assert.throws(() => transport.startTls({}, LONG), (error) => {
      assert.match((error as Error).message, message);
      return true;
    });
    transport.close();
  });
}

/** Waits for bytes, and reads them. */
function readSome(transport: SyncTransport, into: Uint8Array<ArrayBuffer>): number {
  for (;;) {
    const count = transport.read(into);
    if (count >= 0) return count;
    assert.ok(transport.wait(false, LONG));
  }
}

test("worker: what follows the first read in clear text is read when it is waited for", async () => {
  const bytes = new Uint8Array(100_000).fill(7);
  await using peer = await startPeer({ greeting: Uint8Array.of(1), reply: bytes, then: "silence" });
  const transport = dialWorker(endpoint(peer.port), LONG);
  const into = new Uint8Array(0x1_0000);
  transport.write(Uint8Array.of(1));
  assert.deepEqual([readSome(transport, into), into[0]], [1, 1]);
  transport.write(Uint8Array.of(1));
  let count = 0;
  while (count < bytes.length) count += readSome(transport, into);
  assert.equal(count, bytes.length);
  transport.close();
  assert.throws(() => transport.read(into), /the connection is closed/);
});

test("worker: a thread that served a connection serves the next, which hears nothing of the first", async () => {
  await using loud = await startPeer({ greeting: new Uint8Array(50_000).fill(1), then: "silence" });
  await using quiet = await startPeer({ greeting: Uint8Array.of(2), then: "silence" });
  const into = new Uint8Array(8);
  for (let round = 0; round < 20; round++) {
    const first = dialWorker(endpoint(loud.port), LONG);
    first.write(Uint8Array.of(1));
    assert.ok(readSome(first, into) > 0);
    first.close();
    const second = dialWorker(endpoint(quiet.port), LONG);
    second.write(Uint8Array.of(1));
    assert.deepEqual([readSome(second, into), into[0]], [1, 2]);
    assert.equal(second.read(into), -1);
    second.close();
  }
});

test("worker: one thread serves many connections at a time, and each has its own bytes", async () => {
  await using peer = await startPeer({ echo: true, then: "silence" });
  const first = dialWorker(endpoint(peer.port), LONG);
  const threads = threadCount();
  const transports = [first, ...Array.from({ length: 24 }, () => dialWorker(endpoint(peer.port), LONG))];
  assert.ok(threadCount() < threads + 12, "another connection starts no thread");
  const into = new Uint8Array(8);
  for (let round = 1; round <= 3; round++) {
    for (const [i, transport] of transports.entries()) transport.write(Uint8Array.of(i, round));
    for (const [i, transport] of transports.entries()) {
      assert.deepEqual([readSome(transport, into), into[0], into[1]], [2, i, round]);
    }
    // Those that stay do not notice that another one is closed.
    transports.pop()!.close();
  }
  for (const transport of transports) transport.close();
});

test("worker: a thread that waits for room to send is woken when there is room", async () => {
  await using peer = await startPeer({ then: "silence" });
  const transport = dialWorker(endpoint(peer.port), LONG);
  const bytes = new Uint8Array(1 << 18);
  let waits = 0;
  for (let left = 1 << 24; left > 0;) {
    const count = transport.write(bytes.subarray(0, Math.min(left, bytes.length)));
    left -= count;
    if (count > 0) continue;
    waits++;
    assert.ok(transport.wait(true, 30_000), `no room with ${left} bytes left`);
  }
  assert.ok(waits > 0, "the bytes fill what can be sent at once");
  transport.close();
});

test("worker: queries in a row, with pauses between some, are all answered", async () => {
  await using peer = await startPeer({ echo: true, then: "silence" });
  const transport = dialWorker(endpoint(peer.port), LONG);
  const into = new Uint8Array(8);
  const pause = new Int32Array(new SharedArrayBuffer(4));
  for (let i = 0; i < 400; i++) {
    // Longer than the worker watches for the next query, for some of them.
    if (i % 40 < 10) Atomics.wait(pause, 0, 0, i % 4);
    transport.write(Uint8Array.of(i % 256));
    assert.deepEqual([readSome(transport, into), into[0]], [1, i % 256]);
  }
  transport.close();
});

test("worker: a connection that is given up before the thread knows of it leaves the thread for others", async () => {
  await using peer = await startPeer({ then: "silence" });
  // Those that earlier tests have left are in use.
  const others = Array.from({ length: 40 }, () => dialWorker(endpoint(peer.port), LONG));
  dialWorker(endpoint(peer.port), LONG).close();
  const { workerThreads } = builtin;
  let started = 0;
  Object.defineProperty(builtin, "workerThreads", { get: () => (started++, workerThreads), configurable: true });
  for (let i = 0; i < 4; i++) {
    try {
      // The thread may be quick enough.
      dialWorker(endpoint(peer.port), 0).close();
    } catch (error) {
      assert.match(String(error), /^Error: connection timed out$/);
    }
  }
  const tooLong = { ...endpoint(peer.port), host: "h".repeat(0x1_0000) };
  for (let i = 0; i < 4; i++) assert.throws(() => dialWorker(tooLong, LONG), /the name of the host.* is too long$/);
  dialWorker(endpoint(peer.port), LONG).close();
  assert.equal(started, 0);
  for (const other of others) other.close();
});

test("worker: a connection that is refused disturbs no other", async () => {
  await using peer = await startPeer({ echo: true, then: "silence" });
  const transport = dialWorker(endpoint(peer.port), LONG);
  assert.throws(() => dialWorker(endpoint(1), LONG), /refused/i);
  transport.write(Uint8Array.of(5));
  const into = new Uint8Array(8);
  assert.deepEqual([readSome(transport, into), into[0]], [1, 5]);
  transport.close();
});

/** The number of threads of this process. */
function threadCount(): number {
  return Number(/^Threads:\s+(\d+)$/m.exec(readFileSync("/proc/self/status", "utf8"))![1]);
}
