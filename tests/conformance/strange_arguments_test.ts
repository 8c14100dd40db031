/** Arguments that cannot be read, or whose functions return what they must not: the error says so. */
import assert from "node:assert/strict";
import { Conn, DecodeError, Opts, type Pool, ServerError, UsageError } from "../../mod.ts";
import { attempt } from "../support/suite/call_bodies.ts";
import { conformance } from "../support/suite/worlds.ts";

/** A revoked Proxy. */
function revoked<T extends object>(target: T): T {
  const { proxy, revoke } = Proxy.revocable(target, {});
  revoke();
  return proxy;
}

conformance("strange arguments: a revoked Proxy", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await using pool = world.pool(server.fast);
  const select = "select $1::int4";
  const calls: Record<string, () => unknown> = {
    parameters: () => conn.exec(select, revoked([1])),
    "the only argument": () => conn.exec("select 1", revoked({ timeout: 0 })),
    options: () => conn.exec(select, [1], revoked({ timeout: 0 })),
    "options of query": () => conn.query("select 1", revoked({ timeout: 0 })),
    types: () => conn.exec(select, [1], { types: revoked({ 23: Number }) }),
    statement: () => conn.exec(revoked({}) as string, [1]),
    sets: () => conn.execBatch(select, revoked([[1]])),
    "a set": () => conn.execBatch(select, [revoked([1])]),
    texts: () => conn.prepareBatch(revoked(["select 1"])),
    "options of begin": () => conn.begin(revoked({ readOnly: true })),
    pool: () => pool.exec(select, revoked([1])),
    target: () => Conn.connect(revoked({ host: "localhost" })),
    "options of a pool": () => world.pool(server.fast, revoked({ poolMaxConcurrency: 1 })),
    "sets of a pool": () => pool.execBatch(select, revoked([[1]])),
  };
  const given = revoked({ timeout: 0 });
  const own: Partial<Record<keyof Pool, unknown[]>> = {
    ping: [],
    query: ["select 1"],
    queryAll: ["select 1"],
    queryFirst: ["select 1"],
    queryDrop: ["select 1"],
    exec: [select, [1]],
    execFirst: [select, [1]],
    execOne: [select, [1]],
    execValue: [select, [1]],
    execColumn: [select, [1]],
    execMap: [select, [1], "int4"],
    execDrop: [select, [1]],
    run: [select, [1]],
    execBatch: [select, [[1]]],
    execIter: [select, [1], () => {}],
    tx: [() => {}],
    position: [],
    copyIn: ["copy t from stdin", ""],
    copyRows: ["t", ["n"], []],
    notify: ["channel", ""],
    acquire: [],
    ready: [],
    listen: ["channel"],
    withTarget: ["any"],
    close: [],
  };
  for (const [name, args] of Object.entries(own)) {
    const call = pool[name as keyof Pool] as (...args: unknown[]) => unknown;
    calls[`options of the pool's ${name}`] = () => call.call(pool, ...args, given);
  }
  calls["options of the pool's stream"] = async () => {
    for await (const _ of pool.stream(select, [1], given));
  };
  calls["options of the pool's copyOut"] = async () => {
    for await (const _ of pool.copyOut("copy (select 1) to stdout", given));
  };
  for (const [name, call] of Object.entries(calls)) {
    await assert.rejects(attempt(call), (error) => {
      assert.ok(error instanceof UsageError, `${name}: ${error}`);
      assert.match(error.message, /^Cannot .+: an argument is a Proxy that was revoked$/, name);
      return true;
    });
  }
  const pipeline = conn.pipeline();
  assert.throws(() => pipeline.exec(select, revoked([1])), /: an argument is a Proxy that was revoked$/);
  await pipeline.close();
  assert.equal(pool.stats().leased, 0);
  const mine = new TypeError("mine");
  const throwing = new Proxy([1], {
    get() {
      throw mine;
    },
  });
  await assert.rejects(attempt(() => conn.exec(select, throwing)), (error) => error === mine);
  assert.equal(await conn.execValue(select, [1]), 1);
});

conformance("strange arguments: a function types that returns no function", async (world, server) => {
  await using conn = await world.connect(server.fast);
  const wrong: [unknown, string][] = [[null, "null"], [1, "a number"], ["text", "a string"], [{}, "an object"]];
  for (const [value, given] of wrong) {
    for (const call of [conn.exec, conn.query] as Conn["exec"][]) {
      const result = attempt(() => call.call(conn, "select 1::int4 as n", { types: () => value as never }));
      await assert.rejects(result, (error) => {
        assert.ok(error instanceof DecodeError, String(error));
        assert.match(error.message, new RegExp(`"n" as int4: the function types has returned ${given} for type 23; `));
        return true;
      });
    }
  }
  assert.deepEqual(await conn.exec("select 1::int4 as n", { types: () => undefined }), [{ n: 1 }]);
});

conformance("strange arguments: numbers for settings must be finite", async (world, server) => {
  const setting = (value: number): Opts => new Opts(server.fast).param("app.number", value as never);
  for (const value of [NaN, Infinity, -Infinity]) {
    assert.throws(() => setting(value), new RegExp(`Cannot set param app.number to ${value}: it must be `));
  }
  await using conn = await world.connect(setting(1.5));
  assert.equal(await conn.execValue("show app.number"), "1.5");
});

conformance("strange arguments: placeholders of other clients", async (world, server) => {
  await using conn = await world.connect(server.fast);
  const hintOf = async (call: () => unknown): Promise<string | undefined> => {
    const error = await attempt(call).then(() => undefined, (error) => error);
    assert.ok(error instanceof ServerError, String(error));
    return error.hint;
  };
  const hint = "The placeholders of parameters are $1, $2, …";
  const foreign = [
    "select ?",
    "select '€𝄞', ?",
    "select ?::int4",
    "select 1 where 1 = ? and 2 = 2",
    "select 1 where 1 in (?, ?)",
    "select 1 limit ?  ",
    "select %s",
    "select 1 where 1 = %(id)s",
    "select 1 where 1 = :id",
  ];
  for (const text of foreign) {
    assert.equal(await hintOf(() => conn.exec(text, [1])), hint, text);
    assert.equal(await hintOf(() => conn.prepare(text)), hint, text);
    await using pipeline = conn.pipeline();
    assert.equal(await hintOf(() => pipeline.claim(pipeline.exec(text, [1]))), hint, text);
  }
  const others = [
    "selec $1",
    "select '{}'::jsonb ? $1 from from",
    "select $1 ?| ",
    "select '?' $1",
    "select 5 %% s",
    "select $1 from",
  ];
  for (const text of others) assert.equal(await hintOf(() => conn.exec(text, ["a"])), undefined, text);
});
