/** Versions of the protocol with real servers: PostgreSQL 18 has 3.2, those before it answer with 3.0. */
import assert from "node:assert/strict";
import { cancel, Conn, ConnectionError, ServerError } from "../../mod.ts";
import { cancel as cancelBlocking } from "../../sync.ts";
import { attempt } from "../support/suite/call_bodies.ts";
import type { TestServer } from "../support/suite/servers.ts";
import { conformance } from "../support/suite/worlds.ts";

/** Each way to a server, with the query of its URL. */
const WAYS: Readonly<Record<string, string>> = {
  TLS: "sslmode=require",
  TCP: "sslmode=disable&upgrade_to_unix_socket=no",
  "the upgrade": "sslmode=disable",
};

function keyLength({ major }: TestServer, isNew: boolean): number {
  return isNew && major >= 18 ? 32 : 4;
}

conformance("protocol version: 3.0 by default, and the newest that both have on demand", async (world, server) => {
  for (const [way, query] of Object.entries(WAYS)) {
    for (const [version, isNew] of [["", false], ["3.0", false], ["3.2", true], ["latest", true]] as const) {
      const wanted = version === "" ? "" : `&max_protocol_version=${version}`;
      await using conn = await world.connect(server.url({ query: query + wanted }));
      assert.equal(conn.cancelKey!.secret.length, keyLength(server, isNew), `${version} over ${way}`);
      assert.equal(await conn.execValue("select $1::int8", [7n]), 7n);
    }
  }
});

conformance(
  "protocol version: a server without the minimum is refused, with the option's name",
  async (world, server) => {
    for (const query of Object.values(WAYS)) {
      const target = server.url({ query: `${query}&min_protocol_version=3.2` });
      if (server.major >= 18) {
        await using conn = await world.connect(target);
        assert.equal(conn.cancelKey!.secret.length, 32);
        continue;
      }
      await assert.rejects(world.connect(target), (error) => {
        assert.ok(error instanceof ConnectionError, String(error));
        assert.match(error.message, /the server has protocol 3\.0, min_protocol_version asks for 3\.2$/);
        assert.equal(error.safeToRetry, false);
        return true;
      });
    }
  },
);

conformance("protocol version: keys of any length cancel, also as a copy", async (world, server) => {
  const send: typeof cancel = world.name === "async" ? cancel : (key) => attempt(() => cancelBlocking(key));
  await using watcher = await Conn.connect(server.fast);
  for (const query of Object.values(WAYS)) {
    // The statement is another connection's, so that a blocking one can send the request.
    await using conn = await Conn.connect(server.url({ query: `${query}&max_protocol_version=latest` }));
    const over = assert.rejects(
      conn.execValue("select pg_sleep(60)"),
      (error) => error instanceof ServerError && error.code === "57014",
    );
    await sleeps(watcher, conn.id);
    await send(structuredClone(conn.cancelKey!));
    await over;
    assert.equal(await conn.execValue("select 1"), 1);
  }
});

/** Waits until the server process runs `pg_sleep`. */
async function sleeps(watcher: Conn, id: number): Promise<void> {
  const sql = "select count(*)::int4 from pg_stat_activity where pid = $1 and wait_event = 'PgSleep'";
  for (let attempt = 0; await watcher.execValue(sql, [id]) !== 1; attempt++) {
    assert.ok(attempt < 1000, "the statement does not run");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
