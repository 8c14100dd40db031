import assert from "node:assert/strict";
import {
  type ByteStreams,
  Conn,
  ConnectionError,
  type DialFunction,
  Opts,
  TimeoutError,
  UsageError,
} from "../../mod.ts";
import { customDialer } from "../../src/transport/custom_async.ts";
import type { AsyncTransport } from "../../src/transport/transport.ts";
import { allocate } from "../../src/wire/bytes.ts";
import { noticeResponse } from "../support/scripted/backend.ts";
import { MemoryStreams } from "../support/scripted/memory_streams.ts";
import { WELCOME } from "../support/scripted/plans.ts";
import { test } from "../support/suite/test.ts";

const target = new Opts("pg://u@h/d?sslmode=disable");
const ENDPOINT = { kind: "tcp", host: "h", port: 1, keepAlive: true } as const;

function transportOf(streams: unknown): Promise<AsyncTransport> {
  return customDialer((() => streams) as DialFunction).dial(ENDPOINT, new AbortController().signal);
}

/** A session over a connection in memory. */
async function session(server: MemoryStreams): Promise<Conn> {
  server.push(WELCOME);
  return await Conn.connect(target.dial(() => server.streams));
}

test("custom transport: chunks of any length, and empty ones, which are not the end", async () => {
  const server = new MemoryStreams();
  const transport = await transportOf(server.streams);
  server.push(new Uint8Array(0), new Uint8Array([1, 2, 3, 4, 5]), new Uint8Array(0), new Uint8Array([6]));
  server.end();
  const into = new Uint8Array(2);
  const read: number[] = [];
  for (let count; (count = await transport.read(into)) > 0;) read.push(...into.subarray(0, count));
  assert.deepEqual(read, [1, 2, 3, 4, 5, 6]);
  assert.equal(await transport.read(into), 0);
});

test("custom transport: a chunk is memory of its own, and not longer than 64 kB", async () => {
  const server = new MemoryStreams();
  const transport = await transportOf(server.streams);
  const bytes = allocate(100_000).fill(7);
  const count = await transport.write(bytes);
  bytes.fill(0);
  assert.equal(count, 0x1_0000);
  assert.equal(Object.getPrototypeOf(server.written[0]!), Uint8Array.prototype);
  assert.equal(server.written[0]!.length, count);
  assert.ok(server.written[0]!.every((byte) => byte === 7));
  // Nor does it matter if its memory is taken away.
  structuredClone(server.written[0]!, { transfer: [server.written[0]!.buffer as ArrayBuffer] });
  assert.equal(bytes.length, 100_000);
});

test("custom transport: closing ends both streams and the connection, once", async () => {
  const server = new MemoryStreams();
  const transport = await transportOf(server.streams);
  const reading = transport.read(new Uint8Array(1));
  transport.close();
  transport.close();
  assert.equal(await reading, 0);
  await new Promise((resolve) => setTimeout(resolve));
  assert.deepEqual(server.events.toSorted(), ["cancelled", "closed", "ended"]);
});

test("custom transport: closing aborts what was not written", async () => {
  const held = Promise.withResolvers<void>();
  const server = new MemoryStreams(() => held.promise);
  const transport = await transportOf(server.streams);
  const writing = transport.write(new Uint8Array(1));
  transport.close();
  held.resolve();
  await writing;
  await new Promise((resolve) => setTimeout(resolve));
  assert.ok(server.events.includes("aborted"));
});

test("custom transport: closing never fails, whatever the connection does", async () => {
  const fail = (): never => {
    throw new Error("no");
  };
  for (const close of [fail, () => Promise.reject(new Error("no")), () => new Promise(() => {})]) {
    const readable = new ReadableStream<Uint8Array>({ cancel: fail });
    const writable = new WritableStream<Uint8Array>({ close: fail, abort: fail });
    const transport = await transportOf({ readable, writable, close });
    transport.close();
  }
  await new Promise((resolve) => setTimeout(resolve));
});

test("custom transport: what is no connection is refused, and closed", async () => {
  const { readable, writable } = new TransformStream<Uint8Array>();
  const locked = new TransformStream<Uint8Array>();
  locked.readable.getReader();
  let closed = 0;
  const close = (): void => void closed++;
  const cases: readonly (readonly [given: unknown, words: RegExp])[] = [
    [undefined, /^Cannot connect: dial gave undefined, and must give \{ readable, writable \}/],
    [null, /^Cannot connect: dial gave null, and/],
    ["socket", /^Cannot connect: dial gave string, and/],
    [{ writable, close }, /^Cannot connect: the readable of dial's connection is undefined, and must be a ReadableStr/],
    [
      { readable, writable: 5, close },
      /^Cannot connect: the writable of dial's connection is number, and must be a Wr/,
    ],
    [{ readable: locked.readable, writable: locked.writable, close }, /are locked by another reader or writer$/],
  ];
  for (const [given, words] of cases) {
    await assert.rejects(transportOf(given), (error) => error instanceof UsageError && words.test(error.message));
  }
  assert.equal(closed, 3);
  const more: readonly (readonly [given: Partial<ByteStreams>, words: RegExp])[] = [
    [{ close: 5 as never }, /^Cannot connect: close of dial's connection is number, and must be a function$/],
    [{ startTls: true as never }, /^Cannot connect: startTls of dial's connection is boolean, and must be a function$/],
    [{ name: "" }, /^Cannot connect: the name of dial's connection must be a text that is not empty$/],
    [{ name: 5 as never }, /the name of dial's connection must be/],
  ];
  for (const [others, words] of more) {
    const { streams, events } = new MemoryStreams(undefined, { close: () => void events.push("closed"), ...others });
    await assert.rejects(transportOf(streams), (error) => error instanceof UsageError && words.test(error.message));
    await new Promise((resolve) => setTimeout(resolve));
    assert.deepEqual(events.toSorted(), ["cancelled", ...("close" in others ? [] : ["closed"]), "ended"]);
  }
});

test("custom transport: the end and errors of streams lose the connection, and every call fails", async () => {
  const cases: readonly (readonly [what: (server: MemoryStreams) => void, words: RegExp])[] = [
    [(server) => server.end(), /the server closed the connection/],
    [(server) => server.fail(new Error("the tunnel collapsed")), /the tunnel collapsed/],
    [(server) => server.fail("a text"), /a text/],
    [(server) => server.fail(undefined), /undefined/],
    [(server) => server.fail(Object.create(null)), /a value of type object without text/],
    [(server) => server.push("text"), /the connection of dial is faulty: readable gave string, and must give Uint8Arr/],
    [(server) => server.push([1]), /readable gave an array/],
  ];
  for (const [happen, words] of cases) {
    const server = new MemoryStreams();
    await using conn = await session(server);
    const calls = [conn.query("select 1"), conn.query("select 2"), conn.exec("select 3")];
    happen(server);
    for (const call of calls) {
      await assert.rejects(call, (error) => error instanceof ConnectionError && words.test(error.message));
    }
    assert.equal(conn.closed, true);
    assert.ok(server.events.includes("closed"));
  }
});

test("custom transport: a write that fails loses the connection, one that never ends does not keep it open", async () => {
  let held: Promise<void> | undefined = undefined;
  const server = new MemoryStreams(() => held);
  const conn = await session(server);
  held = Promise.reject(new Error("the pipe burst"));
  held.catch(() => {});
  await assert.rejects(conn.query("select 1"), /the pipe burst/);
  await conn.close();

  let stuck: Promise<void> | undefined = undefined;
  const other = new MemoryStreams(() => stuck);
  const silent = await session(other);
  stuck = new Promise(() => {});
  const call = silent.query("select 1");
  await silent.close({ timeout: 10 });
  await assert.rejects(call, ConnectionError);
  assert.ok(other.events.includes("closed"));
});

test("custom transport: the end while connecting is said with the address", async () => {
  const server = new MemoryStreams();
  server.end();
  await assert.rejects(
    Conn.connect(target.dial(() => server.streams)),
    /^ConnectionError: Cannot connect to h:5432: Cannot open a session: the server closed the connection$/,
  );
  assert.ok(server.events.includes("closed"));
});

test("custom transport: what startTls gives after the end is closed too, and nothing twice", async () => {
  const encrypted = new MemoryStreams();
  const given = Promise.withResolvers<ByteStreams>();
  const plain = new MemoryStreams(undefined, { startTls: () => given.promise });
  const transport = await transportOf(plain.streams);
  assert.equal(transport.cannotEncrypt, undefined);
  const starting = transport.startTls({});
  transport.close();
  given.resolve(encrypted.streams);
  assert.equal((await starting).isVerified, false);
  await new Promise((resolve) => setTimeout(resolve));
  assert.deepEqual(plain.events.filter((event) => event === "closed"), ["closed"]);
  assert.deepEqual(encrypted.events.toSorted(), ["cancelled", "closed", "ended"]);
});

test("custom transport: what startTls gives is checked", async () => {
  const cases: readonly (readonly [given: unknown, words: RegExp])[] = [
    [undefined, /startTls gave undefined, and must give/],
    [{}, /the readable of dial's connection is undefined/],
    [{ ...new MemoryStreams().streams, chain: "x" }, /chain of startTls must be an array of certificates in DER/],
    [{ ...new MemoryStreams().streams, chain: ["x"] }, /chain of startTls must be an array of certificates in DER/],
  ];
  for (const [given, words] of cases) {
    const { streams } = new MemoryStreams(undefined, { startTls: () => given as ByteStreams });
    const transport = await transportOf(streams);
    await assert.rejects(transport.startTls({}), (error) => error instanceof UsageError && words.test(error.message));
    transport.close();
  }
});

test("custom transport: without close, the streams are closed too if startTls fails or never ends", async () => {
  const encrypted = new MemoryStreams();
  const cases: readonly (() => unknown)[] = [
    () => {
      throw new Error("no");
    },
    () => Promise.reject(new Error("no")),
    () => new Promise(() => {}),
    () => undefined,
    () => ({ readable: encrypted.streams.readable, writable: encrypted.streams.writable, chain: "x" }),
  ];
  for (const startTls of cases) {
    const server = new MemoryStreams();
    const { readable, writable } = server.streams;
    const transport = await transportOf({ readable, writable, startTls });
    const starting = transport.startTls({}).catch(() => {});
    await Promise.race([starting, new Promise((resolve) => setTimeout(resolve, 10))]);
    transport.close();
    await new Promise((resolve) => setTimeout(resolve));
    assert.deepEqual(server.events.toSorted(), ["cancelled", "ended"]);
  }
  assert.deepEqual(encrypted.events.toSorted(), ["cancelled", "ended"]);
});

test("custom transport: limits hold while chunks never end, empty ones or notices", async () => {
  for (const chunk of [new Uint8Array(0), noticeResponse("again")]) {
    let first: Uint8Array | undefined = WELCOME;
    const readable = new ReadableStream<Uint8Array>({
      pull(controller): void {
        controller.enqueue(first ?? chunk.slice());
        first = undefined;
      },
    });
    const { streams } = new MemoryStreams();
    const conn = await Conn.connect(target.dial(() => ({ ...streams, readable })));
    await assert.rejects(conn.query("select 1", { timeout: 50 }), TimeoutError);
    await conn.close({ timeout: 10 });
  }
});
