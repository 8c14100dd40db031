import assert from "node:assert/strict";
import { type Conn, ConnectionError, Opts, ServerError } from "../../mod.ts";
import { record, replay } from "../../src/testing/mod.ts";
import { OPERATIONS } from "../fuzz/operations.ts";
import { optsOf } from "../fuzz/recorded.ts";
import { attempt, given } from "../support/suite/call_bodies.ts";
import { newest } from "../support/suite/servers.ts";
import { testInTurn } from "../support/suite/test.ts";
import { conformanceInTurn, type World, worldsOf } from "../support/suite/worlds.ts";

/** What an operation gives on a connection. */
async function outcomeOf(name: string, world: World, opts: Opts): Promise<unknown> {
  await using conn = await world.connect(opts);
  return await given(world, OPERATIONS[name]!)(conn, world);
}

for (const world of worldsOf("record")) {
  testInTurn(`record: every operation gives the same without the server (${world.name})`, async () => {
    for (const name of Object.keys(OPERATIONS)) {
      const recording = record(optsOf(name).port(newest.port));
      const outcome = await outcomeOf(name, world, recording.opts);
      const text = recording.text();
      assert.ok(!text.includes("secret"), "the password is not in the record");
      const replayed = replay(text);
      const second = record(replayed.opts(optsOf(name)));
      const again = await outcomeOf(name, world, second.opts);
      assert.deepEqual(withoutStacks(again), withoutStacks(outcome), name);
      assert.equal(second.text(), text, `the record of a replay is the same: ${name}`);
      replayed.verify();
    }
  });
}

/** Errors by what they say. */
function withoutStacks(outcome: unknown): unknown {
  if (outcome instanceof Error) return { name: outcome.name, message: outcome.message };
  return Array.isArray(outcome) ? outcome.map(withoutStacks) : outcome;
}

conformanceInTurn("record: it can be read, and has no secrets", async (world, server) => {
  const recording = record(server.url({ query: "sslmode=disable&application_name=shop" }));
  assert.equal(recording.text(), "pyro conversation 1\n");
  {
    await using conn = await world.connect(recording.opts);
    assert.equal(conn.transport, "recorded");
    assert.equal(await conn.execValue("select $1::int4 + 1", [41]), 42);
    assert.equal(await conn.execValue("select $1::int4 + 1", [1]), 2);
    await assert.rejects(attempt(() => conn.queryDrop("create role ada login password 'hush'")), ServerError);
    await assert.rejects(attempt(() => conn.exec("select 1 / $1::int4", [0])), ServerError);
    assert.deepEqual(await conn.query("select '\\x00ff'::bytea as b, null as n, 'x' as t"), [
      { b: new Uint8Array([0, 255]), n: null, t: "x" },
    ]);
  }
  const text = recording.text();
  for (const secret of ["1234", "hush", "SCRAM"]) assert.ok(!text.includes(secret), secret);
  const lines = text.split("\n");
  assert.deepEqual(lines.slice(0, 3), ["pyro conversation 1", "", "connection 1"]);
  assert.match(lines[3]!, /^> Startup \[\d+, \[.*"application_name", "shop"/);
  assert.equal(lines[4], '< Authentication [0, ""]');
  assert.ok(lines.includes('> Parse ["s1", "select $1::int4 + 1", []]'));
  assert.ok(lines.includes('> Bind ["", "s1", [1], [{"hex":"00000029"}], [1]]'));
  assert.ok(lines.includes(`> Query ["create role ada login password '***'"]`));
  assert.ok(lines.includes('< DataRow [["\\\\x00ff", null, "x"]]'));
  assert.ok(lines.some((line) => /^< ErrorResponse \[\["SERROR", .*"C22012"/.test(line)));
});

conformanceInTurn("replay: what was not recorded is refused, and told", async (world, server) => {
  const recording = record(new Opts(server.url()).sslMode("disable"));
  await using recorded = await world.connect(recording.opts);
  await recorded.queryDrop("select 1");
  const text = `${recording.text()}# a comment\n`;
  const replayed = replay(text);
  assert.throws(() => replayed.verify(), /connection 1 of the record: it was not opened/);
  const conn = await world.connect(replayed.opts());
  assert.throws(() => replayed.verify(), /"Query \["select 1"\]" was recorded, and has not come/);
  const told = /the client said Query \["select 2"\], and the record has Query \["select 1"\]/;
  await assert.rejects(attempt(() => conn.queryDrop("select 2")), (error) => {
    assert.ok(error instanceof ConnectionError);
    assert.match(String(error.cause), told);
    return true;
  });
  await conn.close();
  assert.throws(() => replayed.verify(), told);
  await assert.rejects(attempt(() => world.connect(replayed.opts())), /no more connections were recorded/);
});

conformanceInTurn("replay: the server's end is replayed, and calls may be made otherwise", async (world, server) => {
  const recording = record(new Opts(server.url()).sslMode("disable"));
  const calls = (conn: Conn): unknown[] => [conn.queryFirst("select 1 as n"), conn.queryFirst("select 2 as n")];
  {
    await using conn = await world.connect(recording.opts);
    assert.deepEqual(await Promise.all(calls(conn)), [{ n: 1 }, { n: 2 }]);
    await assert.rejects(attempt(() => conn.queryDrop("select pg_terminate_backend(pg_backend_pid())")));
  }
  const replayed = replay(recording.text());
  {
    await using conn = await world.connect(replayed.opts());
    // One after the other, while they were recorded together.
    assert.deepEqual(await conn.queryFirst("select 1 as n"), { n: 1 });
    assert.deepEqual(await conn.queryFirst("select 2 as n"), { n: 2 });
    await assert.rejects(attempt(() => conn.queryDrop("select pg_terminate_backend(pg_backend_pid())")), (error) => {
      return error instanceof Error && "connectionLost" in error && error.connectionLost === true;
    });
  }
  replayed.verify();
});
