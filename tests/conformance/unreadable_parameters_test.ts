/** Parameters whose kind cannot be found out, since they throw when they are examined, are refused as any wrong value. */
import assert from "node:assert/strict";
import { EncodeError, Opts, sql } from "../../mod.ts";
import { attempt } from "../support/suite/call_bodies.ts";
import { conformance } from "../support/suite/worlds.ts";

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

function trapped(): object {
  const refuse = (): never => {
    throw new Error("a trap of the Proxy");
  };
  return new Proxy({}, { get: refuse, getPrototypeOf: refuse, has: refuse, ownKeys: refuse });
}

const TYPES = ["int4", "text", "json", "bytea", "point", "int4[]", "json[]", "int4range", "interval", "timestamptz"];

conformance("parameters that cannot be examined are refused", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await using unnamed = await world.connect(new Opts(server.fast).statementCacheSize(0));
  await using pool = world.pool(server.fast);
  await conn.queryDrop("create temporary table t (a int, j json)");
  for (const make of [revoked, trapped]) {
    const calls: (() => unknown)[] = [
      () => conn.exec(sql`select ${make()}::int4`),
      () => conn.exec(sql`select ${sql`${make()}::int4`}`),
      () => conn.exec(sql`select ${[make()]}::int4[]`),
      () => conn.execBatch("insert into t (a) values ($1)", [[1], [make()]]),
      () => conn.copyRows("t", ["a", "j"], [[1, make()]]),
      () => conn.copyRows("t", ["a"], [{ a: make() }]),
    ];
    for (const type of TYPES) {
      const text = `select $1::${type}`;
      calls.push(
        () => conn.exec(text, [make()]),
        () => conn.exec(text, [[make()]]),
        () => unnamed.exec(text, [make()]),
      );
      calls.push(() => pool.exec(text, [make()]));
    }
    for (const call of calls) await assert.rejects(attempt(call as () => Promise<unknown>), EncodeError);
    await assert.rejects(attempt(() => conn.exec("select $1::int4", [make()])), {
      message: "Cannot encode parameter $1 as int4: an object that cannot be examined was given where a number or a " +
        "bigint is needed",
    });
  }
  assert.equal(await conn.execValue("select count(*)::int from t"), 0);
});

conformance(
  "a pipeline refuses parameters that cannot be examined, of new and of known statements",
  async (world, server) => {
    await using conn = await world.connect(server.fast);
    for (const make of [revoked, trapped]) {
      for (const text of [`select $1::int4 as ${make.name}`, "select $1::int4"]) {
        await using pipeline = conn.pipeline();
        await assert.rejects(attempt(() => pipeline.claim(pipeline.exec(text, [make()]))), EncodeError);
        const [row] = await pipeline.claim(pipeline.exec<{ a: number }>("select 1 as a"));
        assert.equal(row?.a, 1);
      }
    }
  },
);
