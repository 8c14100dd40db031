/** The protocol counts the parameters of a statement in 16 bits. */
import assert from "node:assert/strict";
import { attempt } from "../support/suite/call_bodies.ts";
import { conformance } from "../support/suite/worlds.ts";

conformance("parameters: more than 65,535 are refused before anything is sent", async (world, server) => {
  await using conn = await world.connect(server.fast);
  const [many, most] = [65_536, 65_535];
  const marks = (count: number): string =>
    `select 1 where 1 in (${Array.from({ length: count }, (_, i) => `$${i + 1}`)})`;
  const values = new Array<number>(many).fill(1);
  await using held = await conn.prepare("select $1::int4");
  const refused: readonly (() => unknown)[] = [
    () => conn.exec(marks(many), values),
    () => conn.exec(held, values),
    () => conn.prepare(marks(many)),
    () => conn.prepareBatch(["select 1", marks(many)]),
    () => conn.exec("select $65536", [1]),
    () => conn.execBatch("select $70000", [[1]]),
    () => conn.execBatch(marks(many), [values]),
    () => conn.execIter(marks(many), values, () => {}),
    async () => {
      for await (const _ of conn.stream(marks(many), values));
    },
    () => {
      const pipeline = conn.pipeline();
      try {
        return pipeline.exec(marks(many), values);
      } finally {
        void pipeline.close();
      }
    },
  ];
  for (const call of refused) {
    await assert.rejects(attempt(call), { name: "UsageError", message: /the protocol allows 65535/ }, String(call));
    assert.equal(conn.closed, false);
    await conn.ping();
  }
  assert.deepEqual(await conn.exec("select '$65536' as s, 1 as n -- $65536"), [{ s: "$65536", n: 1 }]);
  assert.deepEqual(await conn.exec(`${marks(most)} limit 1`, values.slice(1)), [{ "?column?": 1 }]);
});
