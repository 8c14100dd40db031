/**
 * Every operation when its caller gives up at any moment: the session is clean, and the next query works.
 */
import assert from "node:assert/strict";
import { isWhole, times } from "../../support/suite/extent.ts";
import { newest } from "../../support/suite/servers.ts";
import { worlds } from "../../support/suite/worlds.ts";
import { OPERATIONS } from "./operations.ts";
import {
  address,
  assertClean,
  assertGone,
  conversationOf,
  matrix,
  outcome,
  sceneOf,
  sharedProxy,
  spread,
  unique,
  until,
} from "./scenes.ts";

matrix("its caller gives up at any moment", OPERATIONS, worlds.slice(0, 1), async (world, operation, what) => {
  const name = unique();
  const proxy = await sharedProxy();
  const opts = address(newest, proxy.port, name);
  const size = await conversationOf(world, opts, operation, what);
  const bytes = spread(size.down, times(4, 10)).map((after) => ({ after }));
  const ticks = (isWhole ? [-1, 0, 1, 2, 3, 5, 8, 13, 21] : [-1, 0, 1, 3, 8]).map((microtasks) => ({ microtasks }));
  for (const moment of [...ticks, ...bytes, { pause: true }]) {
    const where = `${what} [${JSON.stringify(moment)}]`;
    const reason = new Error("the caller has had enough");
    const controller = new AbortController();
    const giveUp = (): void => controller.abort(reason);
    const options = { signal: controller.signal };
    const pause = "pause" in moment ? giveUp : (): void => {};
    const scene = await sceneOf(world, opts, operation, { options, pause });
    proxy.arm("after" in moment ? { direction: "down", after: moment.after, then: "hold" } : undefined);
    if ("microtasks" in moment && moment.microtasks < 0) giveUp();
    const running = outcome(where, () => operation.run(scene));
    if ("microtasks" in moment) {
      for (let n = 0; n < moment.microtasks; n++) await Promise.resolve();
      giveUp();
    } else if ("after" in moment) {
      await until(`${where}: held`, () => proxy.struck);
      giveUp();
      await Promise.resolve();
      proxy.release();
    }
    const result = await running;
    if ("value" in result) assert.deepEqual(result.value, operation.gives, where);
    else assert.equal(result.error, reason, `${where}: ${(result.error as Error)?.stack}`);
    await assertClean(where, scene);
    await scene.conn.close();
    await until(`${where}: its sockets are closed`, () => proxy.open === 0);
  }
  await assertGone(newest, name);
});
