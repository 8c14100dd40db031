/** Functions of the caller's run in the caller's asynchronous context, also while many calls are in flight. */
import assert from "node:assert/strict";
import { AsyncLocalStorage } from "node:async_hooks";
import { Conn } from "../../mod.ts";
import { newest } from "../support/suite/servers.ts";
import { test } from "../support/suite/test.ts";

const caller = new AsyncLocalStorage<number>();
const numbers = Array.from({ length: 50 }, (_, k) => k);

test("async context: a function in `as` is the caller's, and so is what follows a call", async () => {
  await using conn = await Conn.connect(newest.fast);
  const options = { as: () => caller.getStore() };
  const call = async (): Promise<unknown[]> => {
    await conn.exec("select $1::int4 as n", [1]);
    return [caller.getStore(), ...await conn.exec("select $1::int4 as n", [2], options), caller.getStore()];
  };
  // The statement is prepared first; then it is ready.
  for (let round = 0; round < 2; round++) {
    const given = await Promise.all(numbers.map((k) => caller.run(k, call)));
    assert.deepEqual(given, numbers.map((k) => [k, k, k]));
  }
});

test("async context: the function of a transaction is the caller's", async () => {
  await using conn = await Conn.connect(newest.fast);
  const work = (): Promise<unknown> =>
    conn.tx(async (tx) => {
      const before = caller.getStore();
      await tx.exec("select 1");
      return [before, caller.getStore()];
    });
  for (const k of [1, 2]) assert.deepEqual(await caller.run(k, work), [k, k]);
});

test("async context: an error is caught in the caller's", async () => {
  await using conn = await Conn.connect(newest.fast);
  const call = async (): Promise<unknown> => {
    await assert.rejects(conn.exec("select 1 / $1::int4", [0]), { code: "22012" });
    return caller.getStore();
  };
  for (let round = 0; round < 2; round++) {
    assert.deepEqual(await Promise.all(numbers.map((k) => caller.run(k, call))), numbers);
  }
});
