/**
 * Every operation when its socket is cut after any number of bytes in either direction, or when nothing more arrives:
 * everything has settled, the error tells what happened, and no socket and no server process is left.
 */
import assert from "node:assert/strict";
import { type PyroError, TimeoutError } from "../../../mod.ts";
import { type Fault, FaultProxy } from "../../../src/testing/mod.ts";
import { times } from "../../support/suite/extent.ts";
import { newest } from "../../support/suite/servers.ts";
import { testInTurn } from "../../support/suite/test.ts";
import { worlds } from "../../support/suite/worlds.ts";
import { OPERATIONS, type Scene } from "./operations.ts";
import {
  address,
  assertGone,
  assertLost,
  conversationOf,
  matrix,
  type Outcome,
  outcome,
  sceneOf,
  sharedProxy,
  spread,
  unique,
  until,
} from "./scenes.ts";

matrix("the socket is cut anywhere", OPERATIONS, worlds, async (world, operation, what) => {
  const name = unique();
  const proxy = await sharedProxy();
  const opts = address(newest, proxy.port, name);
  const size = await conversationOf(world, opts, operation, what);
  const points = world.name === "async" ? times(4, 12) : world.name === "sync ffi" ? times(2, 3) : 2;
  let turn = 0;
  for (const direction of ["up", "down"] as const) {
    for (const after of spread(size[direction], points)) {
      const fault: Fault = { direction, after, then: turn++ % 2 === 0 ? "end" : "reset" };
      const where = `${what} [${fault.then} ${direction} after ${after} of ${size[direction]} bytes]`;
      const scene = await sceneOf(world, opts, operation);
      proxy.arm(fault);
      const result = await outcome(where, () => operation.run(scene));
      // What is left to do when its result is there is nobody's loss.
      if ("value" in result) assert.deepEqual(result.value, operation.gives, where);
      else await assertLost(where, scene, result);
      if ("error" in result) assert.equal((result.error as PyroError).safeToRetry, false, where);
      assert.deepEqual(await outcome(`${where}, close`, () => scene.conn.close()), { value: undefined });
      assert.ok(proxy.struck, where);
      await until(`${where}: its socket is closed`, () => proxy.open === 0);
    }
  }
  await assertGone(newest, name);
});

testInTurn(
  "failure: the server is silent: every operation times out, and its connection is closed (async)",
  async () => {
    const outcomes = await Promise.allSettled(OPERATIONS.map(async (operation) => {
      await using silent = await FaultProxy.start(newest.port);
      const options = { timeout: 100 };
      const scene = await sceneOf(worlds[0]!, address(newest, silent.port, unique()), operation, { options });
      silent.arm({ direction: "down", after: 0, then: "hold" });
      await assertTimedOut(operation.name, scene, await outcome(operation.name, () => operation.run(scene)));
      await scene.conn.close();
      await until(`${operation.name}: its socket is closed`, () => silent.open === 0);
    }));
    const failures = outcomes.filter((outcome) => outcome.status === "rejected").map(({ reason }) => reason);
    assert.equal(failures.length, 0, failures.map(String).join("\n"));
  },
);

matrix(
  "the server is silent",
  OPERATIONS.filter(({ name }) => name === "exec, cached"),
  worlds.slice(1),
  async (world, operation, what) => {
    const options = { timeout: 100 };
    const proxy = await sharedProxy();
    const scene = await sceneOf(world, address(newest, proxy.port, unique()), operation, { options });
    proxy.arm({ direction: "down", after: 0, then: "hold" });
    await assertTimedOut(what, scene, await outcome(what, () => operation.run(scene)));
    await scene.conn.close();
    await until(`${what}: its socket is closed`, () => proxy.open === 0);
  },
);

async function assertTimedOut(what: string, { conn }: Scene, result: Outcome): Promise<void> {
  assert.ok("error" in result && result.error instanceof TimeoutError, `${what}: ${JSON.stringify(result)}`);
  assert.equal(result.error.outcome, "unknown", what);
  assert.equal(result.error.safeToRetry, false, what);
  await until(`${what}: the connection is given up`, () => conn.closed);
}
