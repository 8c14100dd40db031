import assert from "node:assert/strict";
import { DEFAULT_CHOICES } from "../../src/opts/choices.ts";
import { Registry } from "../../src/types/registry.ts";
import { typesWithValues } from "../support/type_values.ts";
import { conformance } from "../support/worlds.ts";

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
