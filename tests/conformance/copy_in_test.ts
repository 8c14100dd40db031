/** COPY FROM STDIN. */
import assert from "node:assert/strict";
import { Conn, ServerError, sql, SqlState, TimeoutError, UsageError } from "../../mod.ts";
import { times } from "../support/suite/extent.ts";
import { attempt, given } from "../support/suite/call_bodies.ts";
import { test } from "../support/suite/test.ts";
import { awaiting, conformance, serversOf } from "../support/suite/worlds.ts";

const IN = "copy t from stdin";
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

/** The outcome, or an error when there is none in time: what hangs fails, and does not block the others. */
async function soon<T>(promise: Promise<T>): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error("it never settles")), 8000);
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

conformance("copyIn: bytes, strings, arrays and other iterables of both", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await conn.queryDrop("create temporary table t (n int, s text)");
  const text = "1\tä\n2\t\\N\n3\t🎉\n";
  const sources: [string, () => Iterable<string | Uint8Array> | string | Uint8Array][] = [
    ["a string", () => text],
    ["bytes", () => bytes(text)],
    ["a part of bytes", () => bytes(`xx${text}yy`).subarray(2, bytes(text).length + 2)],
    ["an array", () => ["1\tä\n", bytes("2\t\\N\n3\t🎉\n")]],
    ["every byte by itself", () => Array.from(bytes(text), (byte) => Uint8Array.of(byte))],
    ["a set", () => new Set(["1\tä\n", "2\t\\N\n3\t🎉\n"])],
    ["empty chunks between", () => ["", "1\tä\n", new Uint8Array(), "2\t\\N", "", "\n3\t🎉\n", ""]],
    ["no newline at the end", () => ["1\tä\n2\t\\N\n3\t🎉"]],
    ["an end-of-data marker", () => [text, "\\.\n"]],
    ["a generator", function* () {
      yield* ["1\tä\n2", "\t\\N\n3\t🎉\n"];
    }],
  ];
  for (const [name, source] of sources) {
    assert.equal(await conn.copyIn(IN, source()), 3, name);
    assert.deepEqual(await conn.query("table t"), [{ n: 1, s: "ä" }, { n: 2, s: null }, { n: 3, s: "🎉" }], name);
    await conn.queryDrop("truncate t");
  }
});

conformance("copyIn: nothing is no rows", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await conn.queryDrop("create temporary table t (n int)");
  for (const source of ["", new Uint8Array(), [], [""], new Set<string>()]) {
    assert.equal(await conn.copyIn(IN, source), 0);
  }
  assert.equal(await conn.execValue("select count(*) from t"), 0n);
});

conformance("copyIn: csv, binary, options, templates, some columns, comments before it", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await conn.queryDrop("create temporary table t (n int, s text default 'none')");
  assert.equal(await conn.copyIn("copy t from stdin (format csv, header)", 'n,s\n1,"a ""b"", c"\n2,\n'), 2);
  assert.equal(await conn.copyIn(sql`copy ${sql.id("t")} (n) from stdin`, "3\n"), 1);
  assert.equal(await conn.copyIn("-- data\n/* /* nested */ */ COPY t FROM STDIN WHERE n > 4;", "4\tx\n5\ty\n"), 1);
  const binary = [
    bytes("PGCOPY\n"),
    Uint8Array.of(255, 13, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0),
    Uint8Array.of(0, 1, 0, 0, 0, 4, 0, 0, 0, 9),
    Uint8Array.of(255, 255),
  ];
  assert.equal(await conn.copyIn("copy t (n) from stdin (format binary)", binary), 1);
  assert.deepEqual(await conn.query("select * from t"), [
    { n: 1, s: 'a "b", c' },
    { n: 2, s: null },
    { n: 3, s: "none" },
    { n: 5, s: "y" },
    { n: 9, s: "none" },
  ]);
});

conformance("copyIn: a chunk of many megabytes, as bytes and as a string", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await conn.queryDrop("create temporary table t (s text)");
  const line = `${"x".repeat(1_048_575)}\n`;
  const count = times(12, 50);
  const whole = line.repeat(count);
  assert.equal(await conn.copyIn(IN, bytes(whole)), count);
  assert.equal(await conn.copyIn(IN, [whole]), count);
  assert.equal(await conn.execValue("select sum(length(s)) from t"), BigInt(2 * count * (line.length - 1)));
});

conformance(
  "copyIn: data that the server refuses early in a huge source; the source is told to stop",
  async (world, server) => {
    await using conn = await world.connect(server.fast);
    await conn.queryDrop("create temporary table t (n int)");
    for (const size of [2, 3000]) {
      let closed = false;
      let count = 0;
      const source = function* (): Generator<string> {
        try {
          yield "1\nbad\n";
          // Far more than buffers hold; it ends all the same, so that a failing test does.
          for (; count * size < 400_000_000; count++) yield `${"1\n".repeat(size / 2)}`;
        } finally {
          closed = true;
        }
      };
      await assert.rejects(attempt(() => conn.copyIn(IN, source())), (error) => {
        assert.ok(error instanceof ServerError && error.code === SqlState.InvalidTextRepresentation, String(error));
        assert.match(error.where ?? "", /COPY t, line 2/);
        return true;
      });
      assert.equal(closed, true);
      assert.ok(count * size < 300_000_000, `${count} chunks of ${size} were taken`);
      assert.equal(await conn.execValue("select count(*) from t"), 0n);
    }
  },
);

conformance("copyIn: a source that throws fails the call with its error, and stores nothing", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await conn.queryDrop("create temporary table t (n int)");
  for (const thrown of [new Error("mine"), "a string", undefined, Object.freeze(new Error("frozen"))]) {
    for (const before of [0, 1, 10_000]) {
      const source = function* (): Generator<string> {
        for (let i = 0; i < before; i++) yield "1\n";
        throw thrown;
      };
      let caught: unknown = "nothing";
      try {
        await conn.copyIn(IN, source());
      } catch (error) {
        caught = error;
      }
      assert.equal(caught, thrown);
      assert.equal(await conn.execValue("select count(*) from t"), 0n);
    }
  }
});

conformance("copyIn: sources that are none, and chunks that are none", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await conn.queryDrop("create temporary table t (n int)");
  for (const source of [undefined, null, 5, {}, () => []]) {
    await assert.rejects(attempt(() => conn.copyIn(IN, source as never)), UsageError);
  }
  for (const chunk of [5, null, undefined, {}, [1], new ArrayBuffer(1), new Uint16Array(1), Promise.resolve("1\n")]) {
    await assert.rejects(attempt(() => conn.copyIn(IN, ["1\n", chunk as never])), UsageError, String(chunk));
  }
  await assert.rejects(attempt(() => conn.copyIn(IN, ["1\n", "\udead"])), { name: "EncodeError" });
  assert.equal(await conn.execValue("select count(*) from t"), 0n);
});

conformance("copyIn: a chunk that has lost its memory is no empty one", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await conn.queryDrop("create temporary table t (n int4)");
  const chunk = Uint8Array.of(50, 10);
  structuredClone(chunk.buffer, { transfer: [chunk.buffer] });
  await assert.rejects(attempt(() => conn.copyIn(IN, [bytes("1\n"), chunk])), /must still have its memory/);
  assert.equal(await conn.execValue("select count(*) from t"), 0n);
});

conformance("copyIn: what is no COPY FROM STDIN", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await conn.queryDrop("create temporary table t (n int)");
  let taken = 0;
  const source = function* (): Generator<string> {
    taken++;
    yield "1\n";
  };
  const cases: [string, object][] = [
    ["select 1", { message: "Cannot copy in: the statement must be COPY … FROM STDIN" }],
    ["", { name: "UsageError" }],
    ["insert into t values (1)", { name: "UsageError" }],
    ["copy t to stdout", { name: "UsageError" }],
    ["copy nowhere from stdin", { code: SqlState.UndefinedTable }],
    ["copy t from stdi", { code: SqlState.SyntaxError }],
    ["copy t from '/etc/passwd'", { code: SqlState.InsufficientPrivilege }],
  ];
  for (const [text, expected] of cases) {
    await assert.rejects(attempt(() => conn.copyIn(text, source())), expected, text);
    assert.equal(await conn.execValue("select 1"), 1, text);
  }
  assert.equal(taken, 0, "no data was asked for");
  await assert.rejects(attempt(() => conn.copyIn(sql`copy t from stdin where n > ${1}`, source())), UsageError);
});

conformance("copyIn: several statements in one string", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await conn.queryDrop("create temporary table t (n int)");
  assert.equal(await conn.copyIn("truncate t; copy t from stdin", "1\n2\n"), 2);
  // There is data for one only; all is undone, since the string is one transaction.
  await assert.rejects(attempt(() => conn.copyIn("copy t from stdin; copy t from stdin", "3\n")), ServerError);
  await assert.rejects(attempt(() => conn.copyIn("copy t from stdin; select 1 / 0", "4\n")), {
    code: SqlState.DivisionByZero,
  });
  assert.deepEqual(await conn.query("table t"), [{ n: 1 }, { n: 2 }]);
});

conformance("copyIn: in a transaction", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await conn.queryDrop("create temporary table t (n int)");
  await conn.tx(given(world, function* (tx) {
    assert.equal(yield tx.copyIn(IN, "1\n2\n"), 2);
    assert.equal(yield tx.execValue("select count(*) from t"), 2n);
    let error: unknown;
    try {
      yield tx.tx(given(world, function* (nested) {
        yield nested.copyIn(IN, "bad\n");
      }));
    } catch (thrown) {
      error = thrown;
    }
    assert.ok(error instanceof ServerError, String(error));
    assert.equal(yield tx.copyIn(IN, ["3\n"]), 1);
  }));
  assert.equal(await conn.execValue("select count(*) from t"), 3n);
  const tx = await conn.begin();
  await tx.copyIn(IN, "4\n");
  await assert.rejects(attempt(() => tx.copyIn(IN, ["5\n", "x\n"])), ServerError);
  assert.equal(conn.transactionStatus, "failed");
  await tx.rollback();
  assert.equal(await conn.execValue("select count(*) from t"), 3n);
});

conformance(
  "copyIn: a source that uses the same connection is refused, and never waits for ever",
  async (world, server) => {
    await using conn = await world.connect(server.fast);
    await conn.queryDrop("create temporary table t (n int)");
    // So that what hangs fails instead.
    const limit = { timeout: 3000 };
    const uses: Record<string, () => unknown> = {
      exec: () => conn.exec("select 1", [], limit),
      query: () => conn.query("select 1", limit),
      ping: () => conn.ping(limit),
      prepare: () => conn.prepare("select 1", limit),
      copyIn: () => conn.copyIn(IN, ["1\n"], limit),
      begin: () => conn.begin(limit),
      tx: () => conn.tx(() => 1, limit),
      execIter: () => conn.execIter("select 1", [], () => 1, limit),
      stream: () => conn.stream("select 1", limit).next(),
      execBatch: () => conn.execBatch("insert into t values ($1)", [[1]], limit),
      copyRows: () => conn.copyRows("t", ["n"], [[1]], limit),
      notify: () => conn.notify("copy_in_nowhere", "", limit),
    };
    for (const [name, use] of Object.entries(uses)) {
      const source = world.name === "async"
        ? (async function* () {
          yield "1\n";
          await use();
          yield "2\n";
        })()
        : (function* () {
          yield "1\n";
          use();
          yield "2\n";
        })();
      await assert.rejects(attempt(() => conn.copyIn(IN, source)), (error) => {
        assert.ok(error instanceof UsageError, `${name}: ${error}`);
        return true;
      });
      assert.equal(await conn.execValue("select count(*) from t"), 0n);
    }
  },
);

conformance("copyIn: its timeout ends a source that goes on and on", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await conn.queryDrop("create temporary table t (n int)");
  let closed = false;
  const end = performance.now() + 8000;
  const source = function* (): Generator<string> {
    try {
      while (performance.now() < end) yield "1\n".repeat(1000);
    } finally {
      closed = true;
    }
  };
  await assert.rejects(attempt(() => conn.copyIn(IN, source(), { timeout: 200 })), TimeoutError);
  assert.ok(performance.now() < end, "before the source came to its end");
  assert.equal(closed, true);
  assert.equal(conn.closed, false);
  assert.equal(await conn.execValue("select count(*) from t"), 0n);
});

for (const server of serversOf(awaiting)) {
  const on = `(PostgreSQL ${server.major})`;

  test(`copyIn: async iterables and ReadableStreams ${on}`, async () => {
    await using conn = await Conn.connect(server.fast);
    await conn.queryDrop("create temporary table t (n int)");
    const generator = async function* (): AsyncGenerator<string | Uint8Array> {
      yield "1\n";
      await new Promise((resolve) => setTimeout(resolve, 20));
      yield bytes("2\n3");
      yield "\n";
    };
    assert.equal(await conn.copyIn(IN, generator()), 3);
    assert.equal(await conn.copyIn(IN, ReadableStream.from(["4\n", "5\n"])), 2);
    assert.equal(await conn.copyIn(IN, new Response("6\n7\n").body!), 2);
    assert.equal(await conn.copyIn(IN, new Blob(["8\n"]).stream()), 1);
    await using other = await Conn.connect(server.fast);
    assert.equal(await conn.copyIn(IN, other.copyOut("copy (select generate_series(9, 10000)) to stdout")), 9992);
    assert.equal(await conn.execValue("select sum(n) from t"), 50_005_000n);
  });

  test(`copyIn: an async source is told to stop when the server refuses, and when it fails itself ${on}`, async () => {
    await using conn = await Conn.connect(server.fast);
    await conn.queryDrop("create temporary table t (n int)");
    let cancelled: unknown;
    const endless = new ReadableStream<string>({
      pull: (controller) => controller.enqueue("x\n".repeat(100)),
      cancel: (reason) => void (cancelled = reason ?? "told"),
    });
    await assert.rejects(soon(conn.copyIn(IN, endless)), { code: SqlState.InvalidTextRepresentation });
    assert.ok(cancelled !== undefined);
    const mine = new Error("mine");
    const failing = new ReadableStream<string>({
      start: (controller) => controller.enqueue("1\n"),
      pull: (controller) => controller.error(mine),
    });
    await assert.rejects(soon(conn.copyIn(IN, failing)), (error) => error === mine);
    assert.equal(await conn.execValue("select count(*) from t"), 0n);
  });

  test(`copyIn: calls behind it run after it ${on}`, async () => {
    await using conn = await Conn.connect(server.fast);
    await conn.queryDrop("create temporary table t (n int)");
    const calls = [
      conn.execValue("select 1"),
      conn.copyIn(IN, "1\n2\n"),
      conn.execValue("select count(*) from t"),
      conn.copyIn(IN, "bad\n").catch((error) => error.code),
      conn.copyIn(IN, "3\n"),
      conn.execValue("select count(*) from t"),
    ];
    assert.deepEqual(await Promise.all(calls), [1, 2, 2n, SqlState.InvalidTextRepresentation, 1, 3n]);
  });

  test(`copyIn: its signal ends the wait for a source that gives nothing, and the connection lives ${on}`, async () => {
    await using conn = await Conn.connect(server.fast);
    await conn.queryDrop("create temporary table t (n int)");
    const { promise: release, resolve } = Promise.withResolvers<void>();
    const source = async function* (): AsyncGenerator<string> {
      yield "1\n";
      await release;
    };
    const reason = new Error("enough");
    const controller = new AbortController();
    setTimeout(() => controller.abort(reason), 100);
    try {
      await assert.rejects(soon(conn.copyIn(IN, source(), { signal: controller.signal })), (error) => error === reason);
      assert.equal(conn.closed, false);
      assert.equal(await conn.execValue("select count(*) from t"), 0n);
    } finally {
      resolve();
    }
  });

  test(`copyIn: the loss of the connection ends the wait for a source that gives nothing ${on}`, async () => {
    const conn = await Conn.connect(server.fast);
    await using admin = await Conn.connect(server.admin);
    await conn.queryDrop("create temporary table t (n int)");
    const { promise: release, resolve } = Promise.withResolvers<void>();
    const source = async function* (): AsyncGenerator<string> {
      yield "1\n";
      await admin.execValue("select pg_terminate_backend($1, 5000)", [conn.id]);
      await release;
    };
    try {
      await assert.rejects(soon(conn.copyIn(IN, source())), { name: "ConnectionError" });
    } finally {
      resolve();
    }
    await conn.close();
  });

  test(`copyIn: a stream of the same connection as its source is an error ${on}`, async () => {
    const limit = { timeout: 2000 };
    const sources: Record<string, (conn: Conn) => AsyncIterable<string | Uint8Array>> = {
      copyOut: (conn) => conn.copyOut("copy t to stdout", limit),
      "copyOut, piped": (conn) => conn.copyOut("copy t to stdout", limit).pipeThrough(new TransformStream()),
    };
    for (const [name, source] of Object.entries(sources)) {
      const conn = await Conn.connect(server.fast);
      try {
        await conn.queryDrop("create temporary table t (n int); insert into t values (1)");
        await assert.rejects(soon(conn.copyIn(IN, source(conn), limit)), (error) => {
          assert.doesNotMatch(String(error), /never settles/, name);
          return true;
        });
      } finally {
        await conn.close({ timeout: 100 });
      }
    }
  });

  test(`copyIn: aborted before, at once, and at any moment ${on}`, async () => {
    await using conn = await Conn.connect(server.fast);
    await conn.queryDrop("create temporary table t (n int)");
    await assert.rejects(conn.copyIn(IN, "1\n", { signal: AbortSignal.abort(new Error("before")) }), /before/);
    for (let i = 0; i < 15; i++) {
      const controller = new AbortController();
      const reason = new Error("enough");
      let [begun, closed] = [false, false];
      const source = async function* (): AsyncGenerator<string> {
        begun = true;
        try {
          for (let k = 0; k < 5000; k++) {
            yield "1\n".repeat(5000);
            if (k % 10 === 9) await new Promise((resolve) => setTimeout(resolve, 0));
          }
        } finally {
          closed = true;
        }
      };
      setTimeout(() => controller.abort(reason), i);
      await assert.rejects(soon(conn.copyIn(IN, source(), { signal: controller.signal })), (error) => error === reason);
      // It may just have been waiting for something else.
      for (let wait = 0; begun && !closed && wait < 200; wait++) {
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      assert.equal(closed, begun, "the source is told");
      assert.equal(await conn.execValue("select count(*) from t"), 0n);
    }
  });
}
