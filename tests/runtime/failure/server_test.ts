/** Every operation when a whole server crashes or is shut down at once. */
import assert from "node:assert/strict";
import { Opts, type PyroError } from "../../../mod.ts";
import { Conn as BlockingConn } from "../../../sync.ts";
import { PostgresServer } from "../../support/installed/postgres.ts";
import { isTurn } from "../../support/suite/extent.ts";
import { asTestServer, newest, type TestServer } from "../../support/suite/servers.ts";
import { testInTurn } from "../../support/suite/test.ts";
import { worlds } from "../../support/suite/worlds.ts";
import { FAIL, OPERATIONS } from "./operations.ts";
import { assertLost, outcome, sceneOf, until } from "./scenes.ts";

/** A line of the log when a whole server has gone down. */
const DOWN = { kill: "all server processes terminated", shutdown: "database system is shut down" } as const;

for (const how of ["kill", "shutdown"] as const) {
  const title = how === "kill" ? "a server process is killed with -9" : "the server is shut down at once";
  testInTurn(`failure: ${title}: everything that awaits fails, running or idle`, async () => {
    await using own = await PostgresServer.start({ major: newest.major });
    const server = asTestServer(own);
    const [world] = worlds;
    const running = await Promise.all(
      OPERATIONS.filter(({ fails }) => fails).map(async (operation) => {
        const scene = await sceneOf(world!, new Opts(server.admin), operation);
        await scene.conn.queryDrop("set pyro.fail = 'sleep'");
        return { scene, operation, result: outcome(operation.name, () => operation.run(scene)) };
      }),
    );
    const idle = await Promise.all(OPERATIONS.map((operation) => sceneOf(world!, new Opts(server.admin), operation)));
    const killer = await sceneOf(world!, new Opts(server.admin), OPERATIONS[0]!);
    const sleepers = "select count(*)::int from pg_stat_activity where wait_event = 'PgSleep'";
    await until("all of them run", async () => await killer.conn.execValue(sleepers) === running.length);
    await killer.conn.queryDrop(`set pyro.fail = '${how}'`);
    await assertLost(how, killer, await outcome(how, () => killer.conn.query(`select ${FAIL}`)));
    for (const { scene, operation, result } of running) {
      await assertLost(`${operation.name}, running`, scene, await result);
      assert.equal((await result as { error: PyroError }).error.safeToRetry, false, operation.name);
    }
    for (const [i, scene] of idle.entries()) {
      const what = `${OPERATIONS[i]!.name}, idle`;
      await until(what, () => scene.conn.closed);
      await assertLost(what, scene, await outcome(what, () => OPERATIONS[i]!.run(scene)));
    }
    for (const { conn } of [...running.map(({ scene }) => scene), ...idle, killer]) await conn.close();
  });

  testInTurn(`failure: ${title}: everything that blocks fails`, async () => {
    await using own = await PostgresServer.start({ major: newest.major });
    const server = asTestServer(own);
    let crashes = 0;
    for (const operation of OPERATIONS.filter(({ fails }) => fails).filter((_, i) => isTurn(i))) {
      crashes++;
      const scenes = await Promise.all(
        worlds.slice(1).map((world) => sceneOf(world, new Opts(server.admin), operation)),
      );
      for (const [i, scene] of scenes.entries()) {
        const what = `${operation.name}, ${i === 0 ? "running" : "idle"}`;
        if (i === 0) await scene.conn.queryDrop(`set pyro.fail = '${how}'`);
        else await until(`${what}: the server is down`, () => own.log.split(DOWN[how]).length > crashes);
        await assertLost(what, scene, await outcome(what, () => operation.run(scene)));
        await scene.conn.close();
      }
      if (how === "shutdown") {
        await own.stop("immediate");
        await own.resume();
      } else await recovered(server);
    }
  });
}

/** Waits until a server that has lost a process lets clients in again. */
async function recovered(server: TestServer): Promise<void> {
  await until("the server has recovered", async () => {
    const conn = await outcome("connect", () => new BlockingConn(server.admin));
    if ("error" in conn) return false;
    (conn.value as BlockingConn).close();
    return true;
  });
}
