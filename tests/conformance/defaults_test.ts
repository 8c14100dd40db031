/** Defaults for all calls of a connection, what is reported of slow ones, and pools that are made ready. */
import assert from "node:assert/strict";
import {
  type Conn,
  ConnectionError,
  type LogFields,
  Opts,
  ServerError,
  TimeoutError,
  type Transaction,
  UsageError,
} from "../../mod.ts";
import { attempt, given } from "../support/suite/call_bodies.ts";
import { newest } from "../support/suite/servers.ts";
import { test } from "../support/suite/test.ts";
import { type World, worldsOf } from "../support/suite/worlds.ts";

function inEveryWorld(name: string, body: (world: World) => Promise<void>): void {
  for (const world of worldsOf(name)) test(`defaults: ${name} (${world.name})`, () => body(world));
}

/** Whether a call that would take long is ended by a timeout of 200 ms, that is the default's. */
async function timesOut(call: () => unknown): Promise<void> {
  await assert.rejects(
    attempt(call as () => Promise<unknown>),
    (error) => error instanceof TimeoutError && /200 ms/.test(error.message),
  );
}

inEveryWorld("timeout limits every call that names none", async (world) => {
  const opts = new Opts(newest.fast).timeout(200);
  const sleep = "select pg_sleep(60)";
  await using conn = await world.connect(opts);
  await timesOut(() => conn.query(sleep));
  await timesOut(() => conn.exec(sleep));
  await timesOut(() => conn.exec("select pg_sleep($1)", [60], { rows: "array" }));
  await timesOut(() =>
    conn.tx(given(world, function* (tx: Transaction) {
      yield tx.query(sleep);
    }))
  );
  assert.equal(conn.transactionStatus, "idle");
  await conn.query("select pg_sleep(0.3)", { timeout: 0 });
  await conn.exec("select pg_sleep($1)", [0.3], { timeout: 10_000 });
  await assert.rejects(attempt(() => conn.query(sleep, { timeout: 100 })), /100 ms/);
  await using stream = conn.stream("select 1 as n");
  for await (const row of stream) assert.deepEqual(row, { n: 1 });
  await using pool = world.pool(opts);
  await timesOut(() => pool.exec(sleep));
  assert.equal(await pool.execValue("select 1"), 1);
  await using prepared = await conn.prepare(sleep);
  await timesOut(() => conn.exec(prepared));
});

inEveryWorld("slow calls are reported, with SQL, types and duration", async (world) => {
  const lines: [string, LogFields][] = [];
  const logger = { warn: (message: string, fields: LogFields) => lines.push([message, fields]) };
  await using conn = await world.connect(new Opts(newest.fast).logger(logger).slow(100));
  await conn.exec("select 'secret', pg_sleep($1), $2::text", [0.15, null]);
  await conn.exec("select 1");
  await conn.tx(given(world, function* (tx: Transaction) {
    yield tx.query("select pg_sleep(0.15), 'secret'");
  }));
  await assert.rejects(
    attempt(() => conn.query("do $$ begin perform pg_sleep(0.15); raise 'bad'; end $$")),
    ServerError,
  );
  assert.ok(lines.every(([, { operation }]) => operation !== "tx"));
  // On a busy machine others may be slow too.
  const expected = lines.filter(([, { sql }]) => /sleep|do/.test(String(sql)));
  assert.deepEqual(expected.map(([message, { sql, parameterTypes }]) => [message, sql, parameterTypes]), [
    ["pyro: slow call", "select ?, pg_sleep($1), $2::text", ["number", "null"]],
    ["pyro: slow call", "select pg_sleep(?), ?", undefined],
    ["pyro: slow call", "do ?", undefined],
  ]);
  for (const [, { duration, connection }] of lines) {
    assert.ok((duration as number) >= 100);
    assert.equal(connection, conn.id);
  }
});

inEveryWorld("without a logger, slow calls are reported on the console, and nothing else is", async (world) => {
  const { warn } = console;
  const lines: unknown[][] = [];
  console.warn = (...line) => lines.push(line);
  try {
    await using conn = await world.connect(new Opts(newest.fast).slow(50));
    await conn.query("do $$ begin raise warning 'secret'; end $$");
    await conn.query("select pg_sleep(0.1)");
  } finally {
    console.warn = warn;
  }
  assert.ok(lines.length > 0 && lines.every(([message]) => message === "pyro: slow call"));
});

inEveryWorld("values are in the log only if the options say so", async (world) => {
  const lines: LogFields[] = [];
  const logger = { debug: (_message: string, fields: LogFields) => lines.push(fields) };
  const opts = new Opts(newest.fast).logger(logger).logLevel("debug");
  const values = ["a".repeat(200), 1, 2n, null, true, [1, 2n], { a: 1 }, Uint8Array.of(1, 2), new Date(0)];
  const call = async (conn: Conn): Promise<LogFields> => {
    const types = ["text", "int4", "int8", "text", "bool", "int8[]", "json", "bytea", "timestamptz"];
    await conn.exec(`select 'literal', ${types.map((type, i) => `$${i + 1}::${type}`).join(", ")}`, values);
    return lines.at(-1)!;
  };
  {
    await using conn = await world.connect(opts);
    const { sql, parameters, parameterCount } = await call(conn);
    assert.match(String(sql), /^select \?, /);
    assert.deepEqual([parameters, parameterCount], [undefined, 9]);
  }
  await using conn = await world.connect(opts.logValues(true));
  const { sql, parameters } = await call(conn);
  assert.match(String(sql), /^select 'literal', /);
  const [text, ...others] = parameters as unknown[];
  assert.equal(text, `${"a".repeat(100)}…`);
  assert.deepEqual(others.slice(0, -1), [1, "2", null, true, '[1,"2"]', '{"a":1}', "<2 bytes>"]);
  assert.match(String(others.at(-1)), /1970/);
  await conn.exec("select 'tr0ub4dor' as password where $1 <> ''", ["tr0ub4dor"]);
  assert.doesNotMatch(JSON.stringify(lines.at(-1)), /tr0ub4dor/);
});

inEveryWorld("values without a text can be parameters of calls whose values are logged", async (world) => {
  const lines: LogFields[] = [];
  const logger = { debug: (_message: string, fields: LogFields) => lines.push(fields) };
  await using conn = await world.connect(new Opts(newest.fast).logger(logger).logLevel("debug").logValues(true));
  for (const value of [{ toString: 1 }, Object.assign(Object.create(null), { toString: 1 })]) {
    assert.equal(await conn.execValue("select $1::jsonb ->> 'toString'", [value]), "1");
    assert.deepEqual(lines.at(-1)!.parameters, ["<no text>"]);
  }
});

inEveryWorld("a pool is made ready", async (world) => {
  await using pool = world.pool(newest.fast, { poolMinIdle: 3, poolMaxConcurrency: 5 });
  await pool.ready();
  const { idle, opened } = pool.stats();
  // One that was handed out meanwhile may come on top.
  assert.ok(idle === 3 || idle === 4, String(idle));
  await pool.ready({ timeout: 5000 });
  assert.equal(pool.stats().opened, opened);
  assert.equal(await pool.execValue("select 1"), 1);
  await using small = world.pool(newest.fast);
  await small.ready();
  assert.equal(small.stats().idle, 1);
  await using wrong = world.pool(newest.url({ db: "missing" }), { poolMinIdle: 2 });
  await assert.rejects(attempt(() => wrong.ready()), ServerError);
  assert.equal(wrong.stats().leased, 0);
  const closed = world.pool(newest.fast);
  await closed.close();
  await assert.rejects(attempt(() => closed.ready()), ConnectionError);
  await assert.rejects(attempt(() => small.ready({ wait: 1 } as never)), UsageError);
});

inEveryWorld("a pool is made ready as far as there is room beside the connections in use", async (world) => {
  await using pool = world.pool(newest.fast, { poolMinIdle: 2, poolMaxConcurrency: 3 });
  await using _first = await pool.acquire();
  await using _second = await pool.acquire();
  await pool.ready();
  const { idle, leased, failed } = pool.stats();
  assert.deepEqual({ idle, leased, failed }, { idle: 1, leased: 2, failed: 0 });
});

inEveryWorld("a pool is made ready as far as there is room beside the connections of a view", async (world) => {
  await using pool = world.pool(newest.fast, { poolMinIdle: 2, poolMaxConcurrency: 2 });
  await using _conn = await pool.withTarget("primary").acquire();
  await pool.ready();
  const { idle, leased, failed } = pool.stats();
  assert.deepEqual({ idle, leased, failed }, { idle: 1, leased: 1, failed: 0 });
});
