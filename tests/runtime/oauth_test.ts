/** OAuth with PostgreSQL 18 itself, and a validator of tokens that is compiled here. */
import assert from "node:assert/strict";
import { inspect } from "node:util";
import { ConnectionError, Opts, ServerError } from "../../mod.ts";
import { canCompile, OauthValidator } from "../support/installed/oauth_validator.ts";
import { PostgresServer } from "../support/installed/postgres.ts";
import { attempt } from "../support/suite/call_bodies.ts";
import { setting } from "../support/suite/skips.ts";
import { test } from "../support/suite/test.ts";
import { awaiting, worlds } from "../support/suite/worlds.ts";

const METHOD = 'oauth issuer="https://login.example.com" scope="library.read"';
const HBA = [
  "local all postgres trust",
  `local all all ${METHOD}`,
  "host all postgres all trust",
  `host all all all ${METHOD}`,
];
const WHO = "select system_user";

if (setting !== "deno-net" && canCompile()) {
  test("oauth: a real server takes the tokens that its validator does, in both APIs", async () => {
    using validator = new OauthValidator();
    await using server = await PostgresServer.start({
      major: 18,
      hba: HBA,
      tls: true,
      settings: { oauth_validator_libraries: validator.path },
    });
    await using admin = await awaiting.connect(`pg://postgres@127.0.0.1:${server.port}/postgres?sslmode=disable`);
    await admin.queryDrop("create role ada login");
    const opts = new Opts(`pg://ada@127.0.0.1:${server.port}/postgres`).oauthToken(() => "good-for-ada");
    for (const world of worlds) {
      const inClear = opts.sslMode("disable").upgradeToUnixSocket(false);
      for (
        const good of [
          inClear,
          opts.sslMode("disable"),
          ...(world.name === "sync ffi" ? [] : [opts.sslMode("require")]),
        ]
      ) {
        await using conn = await world.connect(good);
        assert.equal(await conn.execValue(WHO), "oauth:ada", world.name);
      }
      // The validator knows the token, but it is somebody else's.
      await assert.rejects(world.connect(inClear.oauthToken(() => "good-for-bob")), ServerError, world.name);
      await assert.rejects(world.connect(inClear.oauthToken(() => "tr0ub4dor")), (error) => {
        assert.ok(error instanceof ServerError, String(error));
        assert.equal(error.code, "28000");
        assert.match(error.hint ?? "", /https:\/\/login\.example\.com/);
        assert.match(error.hint ?? "", /library\.read/);
        assert.ok(!inspect(error).includes("tr0ub4dor"));
        return true;
      });
      await assert.rejects(
        world.connect(new Opts(`pg://ada@127.0.0.1:${server.port}/postgres?sslmode=disable`)),
        (error) => error instanceof ConnectionError && /token/.test(error.message),
      );
    }
  });

  test("oauth: each connection of a pool to a real server has the token of its time", async () => {
    using validator = new OauthValidator();
    await using server = await PostgresServer.start({
      major: 18,
      hba: HBA,
      settings: { oauth_validator_libraries: validator.path },
    });
    await using admin = await awaiting.connect(`pg://postgres@127.0.0.1:${server.port}/postgres?sslmode=disable`);
    await admin.queryDrop("create role ada login");
    for (const world of worlds) {
      let count = 0;
      const opts = new Opts(`pg://ada@127.0.0.1:${server.port}/postgres?sslmode=disable`).oauthToken(() => {
        count++;
        return "good-for-ada";
      });
      await using pool = world.pool(opts);
      const first = await pool.acquire();
      const second = await pool.acquire();
      for (const conn of [first, second]) assert.equal(await attempt(() => conn.execValue(WHO)), "oauth:ada");
      assert.equal(count, 2, world.name);
      await first.release();
      await second.release();
    }
  });
}
