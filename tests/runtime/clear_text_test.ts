/**
 * Clear text behind the server's answer to the TLS request: whenever it comes, it is never read as if
 * it had come encrypted, and the connection ends.
 */
import assert from "node:assert/strict";
import { cancel as cancelAwaiting, type CancelKey, ConnectionError } from "../../mod.ts";
import { cancel as cancelBlocking } from "../../sync.ts";
import { authentication, backendKeyData, concat, readyForQuery } from "../support/scripted/backend.ts";
import { Injector, type Moment } from "../support/network/injector.ts";
import { newest, servers, type TestServer } from "../support/suite/servers.ts";
import { testInTurn } from "../support/suite/test.ts";
import { worlds } from "../support/suite/worlds.ts";

/** Lets everybody in, whoever says it. */
const WELCOME = concat(authentication(0), backendKeyData(), readyForQuery());

/** Microseconds after the answer: from the same packet to what comes during the handshake. */
const DELAYS = [0, 1, 50, 100, 200, 300, 400, 500, 700, 1000, 1300, 1600, 2000, 3000, 5000];
const MOMENTS: readonly Moment[] = [...DELAYS, "at the client's hello", "at the server's hello"];
const ROUNDS = 5;

/** The server behind the injector. */
function through(injector: Injector, server: TestServer, sslMode: string): string {
  return server.url({ query: `sslmode=${sslMode}` }).replace(`:${server.port}/`, `:${injector.port}/`);
}

for (const server of servers) {
  for (const world of worlds) {
    testInTurn(
      `clear text: none is taken for encrypted, whenever it comes (${world.name}, PostgreSQL ${server.major})`,
      async () => {
        await using injector = await Injector.start(server.port, WELCOME);
        const url = through(injector, server, "require");
        injector.moment = "never";
        await using conn = await world.connect(url);
        assert.deepEqual([conn.tls, await conn.execValue("select 1")], [true, 1], "nothing is wrong without it");
        for (const moment of MOMENTS) {
          injector.moment = moment;
          for (let round = 0; round < ROUNDS; round++) {
            await assert.rejects(world.connect(url), ConnectionError, `at ${moment}`);
          }
        }
        assert.ok(injector.spoken > 0);
      },
    );
  }
}

for (const world of worlds) {
  testInTurn(
    `clear text: where encryption is only preferred, it never counts as encrypted (${world.name})`,
    async () => {
      await using injector = await Injector.start(newest.port, WELCOME);
      for (const moment of MOMENTS) {
        injector.moment = moment;
        // There is no encryption in the end, so anybody may speak: what they say is not asked.
        const tls = await world.connect(through(injector, newest, "prefer")).then(
          async (conn) => {
            const { tls } = conn;
            await conn.close({ timeout: 0 });
            return tls;
          },
          () => false,
        );
        assert.equal(tls, false, `at ${moment}`);
      }
      assert.ok(injector.spoken > 0);
    },
  );
}

for (const [name, cancel] of [["async", cancelAwaiting], ["sync", cancelBlocking]] as const) {
  testInTurn(`clear text: a cancel request is not sent behind it (${name})`, async () => {
    await using injector = await Injector.start(newest.port, WELCOME);
    injector.moment = "never";
    await using conn = await worlds[0]!.connect(through(injector, newest, "require"));
    const key = conn.cancelKey as CancelKey;
    await cancel(key);
    for (const moment of MOMENTS) {
      injector.moment = moment;
      await assert.rejects(async () => await cancel(key), ConnectionError, `at ${moment}`);
    }
    assert.ok(injector.spoken > 0);
  });
}
