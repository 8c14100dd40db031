/** What is set for a pool. */
import assert from "node:assert/strict";
import { Opts, UsageError } from "../../mod.ts";
import { poolOpts } from "../../src/pool/limits.ts";
import { test } from "../support/suite/test.ts";

const FUNCTIONS = ["onConnect"];

test("limits: defaults", () => {
  assert.deepEqual(poolOpts("pg://", undefined, FUNCTIONS).limits, {
    poolMaxConcurrency: 10,
    poolMaxIdleConn: 10,
    poolMinIdle: 0,
    poolIdleTimeout: 600_000,
    poolMaxLifetime: 3_600_000,
    poolMaxUses: Infinity,
    poolAcquireTimeout: 30_000,
    poolMaxWaiting: Infinity,
    poolLeakTimeout: Infinity,
    poolMaxPipelined: 16,
  });
});

test("limits: options come before those of the target, 0 is no limit, and they fit each other", () => {
  const { limits } = poolOpts(new Opts("pg://?pool_max_concurrency=7&pool_idle_timeout=2").poolMinIdle(5), {
    poolMaxConcurrency: 4,
    poolMaxIdleConn: 6,
    poolAcquireTimeout: 0,
    poolMaxLifetime: 0,
    poolMaxUses: 0,
    poolMaxWaiting: 0,
    poolLeakTimeout: undefined,
  }, FUNCTIONS);
  assert.deepEqual(limits, {
    poolMaxConcurrency: 4,
    poolMaxIdleConn: 4,
    poolMinIdle: 4,
    poolIdleTimeout: 2000,
    poolMaxLifetime: Infinity,
    poolMaxUses: Infinity,
    poolAcquireTimeout: Infinity,
    poolMaxWaiting: 0,
    poolLeakTimeout: Infinity,
    poolMaxPipelined: 16,
  });
});

test("limits: a pool's name is where its connections are to, without its password", () => {
  const nameOf = (target: string, name?: string): string => poolOpts(target, { name }, FUNCTIONS).name;
  assert.equal(nameOf("pg://u:secret@example.com:6432/shop"), "example.com:6432/shop");
  assert.equal(nameOf("pg://u:secret@a,b/shop"), "a:5432,b:5432/shop");
  assert.equal(nameOf("pg://u:secret@h/shop?socket=/run/s"), "/run/s/shop");
  assert.equal(nameOf("pg://"), "localhost:5432");
  assert.equal(nameOf("pg://", "shop"), "shop");
});

test("limits: what is wrong is told", () => {
  const refuses = (options: unknown, message: RegExp): void => {
    assert.throws(() => poolOpts("pg://", options, FUNCTIONS), (error) => {
      return error instanceof UsageError && message.test(error.message);
    });
  };
  refuses(5, /they must be an object such as/);
  refuses(null, /they must be an object such as/);
  refuses(new Opts().poolMaxConcurrency(2), /they must be an object such as/);
  refuses([], /they must be an object such as/);
  refuses({ max: 5 }, /option "max": use poolMaxConcurrency instead$/);
  refuses({ host: "a" }, /option "host": there are poolMaxConcurrency, .*, onConnect/);
  refuses({ onRelease: () => {} }, /option "onRelease"/);
  refuses({ onConnect: "no" }, /^Cannot set onConnect to "no": it must be a function$/);
  refuses({ onConnect: null }, /^Cannot set onConnect to null: it must be a function$/);
  refuses({ name: 1 }, /^Cannot set name to 1: it must be a string$/);
  refuses({ poolMaxConcurrency: 0 }, /poolMaxConcurrency/);
  refuses({ poolMaxConcurrency: "5" }, /poolMaxConcurrency/);
  refuses({ poolMaxPipelined: 0 }, /poolMaxPipelined/);
  refuses({ poolAcquireTimeout: -1 }, /poolAcquireTimeout/);
});
