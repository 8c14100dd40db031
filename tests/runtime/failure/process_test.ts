/**
 * Every operation when its server process is terminated: everything has settled, the error tells what happened, and no
 * socket and no server process is left.
 */
import assert from "node:assert/strict";
import { type PyroError, ServerError } from "../../../mod.ts";
import { Conn as BlockingConn } from "../../../sync.ts";
import { newest, servers } from "../../support/suite/servers.ts";
import { serversOf, worlds } from "../../support/suite/worlds.ts";
import { OPERATIONS, type Scene } from "./operations.ts";
import { address, assertGone, assertLost, matrix, outcome, sceneOf, terminate, unique } from "./scenes.ts";

for (const server of servers) {
  matrix(
    `the server process is terminated while it runs, PostgreSQL ${server.major}`,
    OPERATIONS.filter(({ fails }) => fails),
    worlds.filter((world) => serversOf(world).includes(server)),
    async (world, operation, what) => {
      const name = unique();
      const scene = await sceneOf(world, address(server, server.port, name), operation);
      await scene.conn.queryDrop("set pyro.fail = 'terminate'");
      const result = await outcome(what, () => operation.run(scene));
      const { error } = result as { error: PyroError };
      // Who writes to a socket that the server has closed may be told of that, and no longer of the reason.
      const isTold = error.cause instanceof ServerError;
      const reason = /terminating connection due to administrator command/;
      await assertLost(what, scene, result, isTold || !WRITERS.includes(operation.name) ? reason : undefined);
      if (isTold) assert.equal((error.cause as ServerError).code, "57P01");
      assert.equal(error.safeToRetry, false);
      await scene.conn.close();
      await assertGone(server, name);
    },
  );
}

matrix(
  "the server process is terminated between its steps",
  OPERATIONS.filter(({ pauses }) => pauses),
  worlds,
  async (world, operation, what) => {
    const name = unique();
    using admin = new BlockingConn(newest.admin);
    const pause = (): void => terminate(admin, scene);
    const scene: Scene = await sceneOf(world, address(newest, newest.port, name), operation, { pause });
    const result = await outcome(what, () => operation.run(scene));
    await assertLost(what, scene, result);
    // If the pause was long, a connection that blocks has looked before it sent the next statement.
    const { error } = result as { error: PyroError };
    if (operation.isCall) assert.equal(error.safeToRetry, error.outcome === "not sent", what);
    await scene.conn.close();
  },
);

matrix("the server process is terminated before", OPERATIONS, worlds, async (world, operation, what) => {
  using admin = new BlockingConn(newest.admin);
  const scene = await sceneOf(world, address(newest, newest.port, unique()), operation);
  terminate(admin, scene);
  await assertLost(what, scene, await outcome(what, () => operation.run(scene)));
  await scene.conn.close();
});

/** The operations that are still writing when the server ends. */
const WRITERS: readonly string[] = ["pipeline", "execBatch", "execBatch in chunks", "copyIn", "copyRows"];
