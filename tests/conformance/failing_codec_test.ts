/** Functions of the user's that throw while values are read or sent: the value is lost, the connection is not. */
import assert from "node:assert/strict";
import { DecodeError, EncodeError, Opts, ProtocolError } from "../../mod.ts";
import { attempt } from "../support/suite/call_bodies.ts";
import { conformance } from "../support/suite/worlds.ts";

/** What is thrown: anything can be. */
const THROWN = [new Error("odd"), new ProtocolError("odd"), "odd", undefined];

conformance("a codec that throws at a value costs that value, wherever it stands", async (world, server) => {
  let left = Infinity;
  let thrown: unknown;
  const fail = <T>(value: T): T => {
    if (--left === 0) throw thrown;
    return value;
  };
  const opts = new Opts(server.fast).numeric(fail).json(fail)
    .codec("point", { parse: fail, decode: (bytes) => fail(bytes.length) })
    .codec("inet", { parse: fail });
  await using conn = await world.connect(opts);
  await conn.queryDrop("create type pg_temp.pair as (n numeric, p point)");
  const values = [
    "i::numeric",
    "to_json(i)",
    "point(i, i)",
    "'::1'::inet",
    "array[i::numeric]",
    "row(i, point(i, i))::pg_temp.pair",
    "numrange(i, null)",
  ];
  for (const value of values) {
    const sql = `select null as before, ${value} as v from generate_series(1, 200) as i`;
    for (const run of ["query", "exec", "run"] as const) {
      for (const nth of [1, 50, 100, 200]) {
        for (thrown of run === "exec" ? THROWN : THROWN.slice(0, 1)) {
          left = Infinity;
          if (run !== "query") await conn.exec(sql);
          left = nth;
          const call = (): unknown =>
            run === "query" ? conn.query(sql) : run === "run" ? conn.run(sql) : conn.exec(sql);
          await assert.rejects(attempt(call as () => Promise<unknown>), (error) => {
            assert.ok(error instanceof DecodeError, `${value}, ${run}, value ${nth}: ${error}`);
            assert.equal(error.cause, thrown);
            assert.equal(error.connectionLost, false);
            return true;
          });
          left = Infinity;
          assert.equal(conn.closed, false);
        }
      }
    }
  }
  assert.equal(await conn.execValue("select $1::int", [7]), 7);
});

conformance("a codec that throws at a parameter refuses that call, whatever it throws", async (world, server) => {
  let thrown: unknown;
  const fail = (): never => {
    throw thrown;
  };
  const opts = new Opts(server.fast)
    .codec("point", { parse: (text) => text, format: fail })
    .codec("line", { parse: (text) => text, decode: String, encode: fail });
  await using conn = await world.connect(opts);
  await conn.queryDrop("create temporary table t (p point, l line)");
  for (thrown of THROWN) {
    for (const column of ["p", "l"]) {
      const calls = [
        () => conn.execDrop(`insert into t (${column}) values ($1)`, [1]),
        () => conn.execBatch(`insert into t (${column}) values ($1)`, [[1]]),
        () => conn.copyRows("t", [column], [[1]]),
        () => conn.execValue("select $1::json", [{ toJSON: fail }]),
      ];
      for (const call of calls) {
        await assert.rejects(attempt(call as () => Promise<unknown>), (error) => {
          assert.ok(error instanceof EncodeError, String(error));
          assert.equal(error.cause, thrown);
          return true;
        });
      }
    }
  }
  assert.equal(await conn.execValue("select count(*)::int from t"), 0);
});
