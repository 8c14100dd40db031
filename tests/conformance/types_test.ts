import assert from "node:assert/strict";
import { Json, type JsonValue } from "../../mod.ts";
import { textOf } from "../../src/codecs/codec.ts";
import { codec, shown } from "../support/values/codecs.ts";
import { sinceOf, typesWithValues, valuesOf } from "../support/values/type_values.ts";
import { conformance } from "../support/suite/worlds.ts";

/** As a parameter: a string would be taken for JSON text. */
function parameter(name: string, value: unknown): unknown {
  return (name === "json" || name === "jsonb") && value !== null ? Json(value as JsonValue) : value;
}

/** Arrays of these, of several dimensions. */
function arraysOf(values: unknown[]): unknown[][] {
  return [[], [null], values, [...values, null], [values, values.toReversed()], [[[values[0]]]]];
}

/** Types of which the server has other words for the same value than we may have. */
const REWORDED = new Set(["cidr", "inet", "jsonpath", "line", "tsquery", "tsvector", "xml"]);

for (const name of typesWithValues()) {
  const type = `"${name}"`;

  conformance(
    `types: values of ${name} travel in binary and in text, and are what the server understands`,
    async (world, server) => {
      await using conn = await world.connect(server.fast);
      await conn.queryDrop(`create temporary table t (n serial, v ${type})`);
      const given = valuesOf(name, server.major, 40);
      const insert = `insert into t (v) select v from unnest($1::${type}[]) with ordinality as u (v, n) order by n`;
      assert.equal(await conn.execDrop(insert, [given.map((v) => parameter(name, v))]), given.length);

      const values = await conn.exec("select v from t order by n");
      if (!REWORDED.has(name)) assert.deepEqual(shown(values), shown(given.map((v) => ({ v }))), "as they were sent");
      // The second time they are binary, the first time and in a simple query they are text.
      assert.deepEqual(shown(await conn.exec("select v from t order by n")), shown(values), "executed again");
      assert.deepEqual(shown(await conn.query("select v from t order by n")), shown(values), "queried");

      // Each by itself, and its own text.
      for (const [i, { v }] of values.entries()) {
        if (v === null) continue;
        const [row] = await conn.exec(
          `select $1::${type} as v, $1::${type}::text as t, $2::text::${type}::text as own`,
          [
            parameter(name, v),
            textOf(codec(name), parameter(name, v)),
          ],
        );
        assert.deepEqual(shown(row!["v"]), shown(v), `value ${i}`);
        assert.equal(row!["t"], row!["own"], `text of value ${i}`);
        if (i === 10) break;
      }
    },
    sinceOf(name),
  );

  conformance(`types: arrays of ${name}, with NULLs and dimensions`, async (world, server) => {
    await using conn = await world.connect(server.fast);
    const given = valuesOf(name, server.major, 4).map((v) => parameter(name, v));
    const values = (await conn.execValue<unknown[]>(`select $1::${type}[]`, [given]))!;
    const sent = arraysOf(values.map((v) => parameter(name, v)));
    for (const [at, array] of arraysOf(values).entries()) {
      for (let i = 0; i < 2; i++) {
        assert.deepEqual(shown(await conn.execValue(`select $1::${type}[]`, [sent[at]])), shown(array));
      }
      const text = await conn.execValue<string>(`select $1::${type}[]::text`, [sent[at]]);
      const literal = `'${text!.replaceAll("'", "''")}'`;
      const escaped = text!.includes("\\") ? `E${literal.replaceAll("\\", "\\\\")}` : literal;
      assert.deepEqual(shown(await conn.query(`select ${escaped}::${type}[] as v`)), shown([{ v: array }]));
    }
  }, sinceOf(name));
}
