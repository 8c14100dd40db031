import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { Opts } from "../../src/options/opts.ts";
import { POOL_OPTION_LIST } from "../../src/options/pool_options.ts";
import { toOpts } from "../../src/options/target.ts";
import { poolOpts } from "../../src/pool/limits.ts";
import { test } from "../support/suite/test.ts";

for (const [name, { keyword, unit, min, max }] of POOL_OPTION_LIST) {
  test(`pool options: ${name} is the same as a setter, a key, a member, and an option of a pool`, () => {
    for (const value of [min, unit === "time" ? 5000 : min + 1, unit === "time" ? 2_147_483_000 : max]) {
      const set = new Opts()[name](value);
      const written = unit === "time" ? value / 1000 : value;
      assert.equal(set.toString(), `pg://?${keyword}=${written}`);
      assert.deepEqual(new Opts(set.toString()).toJSON(), set.toJSON());
      assert.deepEqual(toOpts({ [name]: value }).toJSON(), set.toJSON());
      assert.deepEqual(poolOpts("pg://", { [name]: value }, []).opts.toJSON(), set.toJSON());
    }
    for (const value of [min - 1, max + 1, min + 0.5, "1"]) {
      assert.throws(
        () => new Opts()[name](value as number),
        new RegExp(`Cannot set ${name} to .*from ${min} to ${max}`),
      );
    }
  });
}

test("pool options: docs/pool.md has a row for each", () => {
  const page = readFileSync(new URL("../../docs/pool.md", import.meta.url), "utf8");
  for (const [name] of POOL_OPTION_LIST) assert.ok(page.includes(`| \`${name}\` `), name);
});
