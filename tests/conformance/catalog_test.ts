import assert from "node:assert/strict";
import { Conn } from "../../mod.ts";
import { DEFAULT_CHOICES } from "../../src/options/choices.ts";
import { BUILT_IN_TYPES } from "../../src/codecs/oids.ts";
import { Registry } from "../../src/codecs/registry.ts";
import { servers } from "../support/suite/servers.ts";
import { test } from "../support/suite/test.ts";
import { sinceOf, typesWithValues } from "../support/values/type_values.ts";
import { conformance } from "../support/suite/worlds.ts";

/** Types that are only ever text: what they name depends on the database, or the server has no binary form that says the same. */
const TEXT_ONLY = new Set([
  "aclitem",
  "gtsvector",
  "money",
  "pg_brin_bloom_summary",
  "pg_brin_minmax_multi_summary",
  "pg_dependencies",
  "pg_mcv_list",
  "pg_ndistinct",
  "pg_node_tree",
  "regclass",
  "regcollation",
  "regconfig",
  "regdictionary",
  "regnamespace",
  "regoper",
  "regoperator",
  "regproc",
  "regprocedure",
  "regrole",
  "regtype",
]);

conformance(
  "catalog: every built-in type has a binary codec and is tried, but for those that are text",
  async (world, server) => {
    await using conn = await world.connect(server.fast);
    const types = await conn.exec<{ name: string; oid: number; array: number }>(
      `select typname::text as name, oid, typarray as array from pg_type
     where typnamespace = 'pg_catalog'::regnamespace and typtype in ('b', 'r', 'm') and typelem = 0 or typname in ('oidvector', 'int2vector', 'name')
       or typname in ('point', 'lseg', 'box', 'line')`,
    );
    assert.ok(types.length > 75, `${types.length} types`);
    const registry = new Registry(DEFAULT_CHOICES);
    const tried = new Set(typesWithValues());
    for (const { name, oid, array } of types) {
      assert.equal(registry.isUnknown(oid), false, `${name} needs no question`);
      const codec = registry.codec(oid);
      assert.equal(codec.name, name);
      assert.equal(codec.binary, !TEXT_ONLY.has(name), name);
      assert.equal(tried.has(name), !TEXT_ONLY.has(name), name);
      if (array === 0) continue;
      assert.equal(registry.codec(array).name, `${name}[]`);
      assert.equal(registry.codec(array).binary, codec.binary, `${name}[]`);
    }
  },
);

for (const server of servers) {
  test(`catalog: the built-in types are those of the server, but for later ones (PostgreSQL ${server.major})`, async () => {
    await using conn = await Conn.connect(server.fast);
    const sql = "select oid, typname as name, typarray as array from pg_type where oid < 10000";
    const there = new Map((await conn.exec<Row>(sql)).map(({ oid, name, array }) => [oid, [name, oid, array]]));
    const expected = BUILT_IN_TYPES.filter(([name]) => sinceOf(name) <= server.major);
    assert.deepEqual(expected.map(([, oid]) => there.get(oid)), expected);
    for (const [name, oid] of BUILT_IN_TYPES) assert.equal(there.has(oid), sinceOf(name) <= server.major, name);
  });
}

interface Row {
  readonly oid: number;
  readonly name: string;
  readonly array: number;
}
