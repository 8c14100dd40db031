/** JSON parameters: what JSON has no form for is refused wherever JSON is sent. */
import assert from "node:assert/strict";
import { EncodeError, Json, Jsonb } from "../../mod.ts";
import { attempt } from "../support/suite/call_bodies.ts";
import { conformance } from "../support/suite/worlds.ts";

conformance("JSON that would lose is refused with its path, wherever it is sent", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await conn.queryDrop(`create domain pg_temp.doc as jsonb; create type pg_temp.noted as (n int, note json);
    create temporary table t (n int, j json, d doc, a jsonb[], c noted)`);
  const lost = { items: [1, 2, 3, { at: new Map([[1, 2]]) }] };
  const insert = "insert into t values (1, $1, $2, $3, $4)";
  const good: unknown[] = [{ a: 1 }, [1], [{ a: [1] }, null], { n: 1, note: { b: null } }];
  const bad: [column: number, value: unknown][] = [
    [0, lost],
    [0, Json(lost)],
    [1, lost],
    [1, Jsonb(lost)],
    [2, [null, lost]],
    [2, [{}, Json(lost)]],
    [3, { n: 1, note: lost }],
  ];
  for (const [column, value] of bad) {
    const values = good.with(column, value);
    const calls = [
      () => conn.execDrop(insert, values),
      () => conn.execBatch(insert, [good, values]),
      () => conn.copyRows("t", ["j", "d", "a", "c"], [good, values]),
      // Without the columns that only text can be sent for.
      () => conn.copyRows("t", ["n", "j"], [[1, {}], [2, lost]]),
      () => conn.tx((tx) => tx.execDrop(insert, values)),
    ];
    for (const call of calls) {
      await assert.rejects(attempt(call as () => Promise<unknown>), (error) => {
        assert.ok(error instanceof EncodeError, String(error));
        assert.match(error.message, /: \$\.items\[3\]\.at is a Map, which JSON has no form for; give JSON text/);
        return true;
      });
    }
  }
  assert.equal(await conn.execValue("select count(*)::int from t"), 0);
  await conn.execDrop(insert, good);
  assert.deepEqual(Object.values((await conn.queryFirst("select j, d, a, c from t"))!), good);
});

conformance("JSON that is nested deeply is sent, too deeply refused", async (world, server) => {
  await using conn = await world.connect(server.fast);
  const nested = (depth: number): unknown => {
    let value: unknown = 1;
    for (let i = 0; i < depth; i++) value = i % 2 === 0 ? [value] : { a: value };
    return value;
  };
  for (const type of ["json", "jsonb"]) {
    const text = await conn.execValue<string>(`select $1::${type}::text`, [nested(2000)]);
    assert.equal(text!.replaceAll(" ", ""), JSON.stringify(nested(2000)));
    await assert.rejects(attempt(() => conn.execValue(`select $1::${type}`, [nested(100_000)])), EncodeError);
  }
});
