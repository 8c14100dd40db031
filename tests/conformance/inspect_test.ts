/** What the console shows of connections, pools and the rest: their state, and no secrets. */
import assert from "node:assert/strict";
import { inspect } from "node:util";
import { Conn, Interval, Opts, Pool, Range } from "../../mod.ts";
import { newest } from "../support/suite/servers.ts";
import { test } from "../support/suite/test.ts";
import { worldsOf } from "../support/suite/worlds.ts";

const runtime = globalThis as unknown as { Deno?: { inspect: typeof inspect }; Bun?: { inspect: typeof inspect } };
/** The console of the runtime, as text on one line. */
const printers = [inspect, (runtime.Deno ?? runtime.Bun ?? { inspect }).inspect];

function shows(value: unknown, pattern: RegExp): void {
  for (const print of printers) {
    const text = print(value).replaceAll(/\s+/g, " ").replaceAll("'", '"').replaceAll(", }", " }");
    assert.match(text, pattern);
    assert.doesNotMatch(text, /secret|:1234@/);
  }
}

for (const world of worldsOf("inspect")) {
  test(`inspect: a connection and what it makes (${world.name})`, async () => {
    const opts = new Opts(newest.url({ query: "app.token=secret" })).sslMode("disable").upgradeToUnixSocket(false);
    await using conn = await world.connect(opts);
    const server = `server: "127.0.0.1:${newest.port}", database: "test_db", user: "test"`;
    shows(conn, new RegExp(`^Conn { ${server}, transport: "tcp", tls: false, status: "idle", id: ${conn.id} }$`));
    shows({ conn }, /conn: Conn { server/);
    await using statement = await conn.prepare("select $1::int4 as n");
    shows(
      statement,
      /^PreparedStatement { sql: "select \$1::int4 as n", params: \[ 23 \], columns: \[ "n" \], closed: false }$/,
    );
    await statement.close();
    shows(statement, /closed: true/);
    {
      await using tx = await conn.begin();
      shows(tx, /^Transaction { server: .*status: "active"/);
      await using portal = await tx.execPortal("select 1");
      shows(portal, /^Portal { done: false }$/);
      await tx.rollback();
      shows(tx, /status: "closed"/);
    }
    {
      await using pipeline = conn.pipeline();
      pipeline.exec("select 1");
      shows(pipeline, /^Pipeline { pendingCount: 1, aborted: false }$/);
    }
    await using news = await conn.listen("inspected");
    shows(news, /^Notifications { channel: "inspected" }$/);
    await conn.close();
    shows(conn, /status: "closed"/);
  });

  test(`inspect: a pool and its connections (${world.name})`, async () => {
    await using pool = world.pool(newest.url(), { poolMaxConcurrency: 3, name: "mine" });
    shows(pool, /^Pool { name: "mine", .*max: 3, size: 0, idle: 0/);
    {
      await using conn = await pool.acquire();
      shows(conn, /^PooledConn { server: .*status: "idle"/);
      shows(pool, /size: 1, idle: 0, leased: 1/);
    }
    shows(pool, /size: 1, idle: 1, leased: 0/);
  });
}

test("inspect: values and options", () => {
  shows(new Interval({ months: 14, days: -1 }), /^Interval P1Y2M-1D$/);
  shows([new Interval({ days: 1 })], /^\[ Interval P1D \]$/);
  shows(new Range(1, 5), /^Range \[1,5\)$/);
  shows(new Opts("pg://ada:secret@db.example.com/library"), /^Opts pg:\/\/ada:\*\*\*@db\.example\.com\/library$/);
  // The prototypes have the hooks, and no private members.
  for (const { prototype } of [Conn, Interval, Pool]) shows(prototype, /./);
});
