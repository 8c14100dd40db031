import assert from "node:assert/strict";
import type { Ticket } from "../../mod.ts";
import { mostGrowth } from "../support/suite/garbage.ts";
import { conformance } from "../support/suite/worlds.ts";

conformance("pipeline memory: replies that nobody claims are left with the server", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await using other = await world.connect(server.fast);
  // How far the server got, seen from elsewhere: nobody else knows the sequence.
  const counter = `pyro_pipeline_memory_${conn.id}`;
  await conn.queryDrop(`create sequence ${counter}`);
  await using pipeline = conn.pipeline();
  const requests: Ticket<{ s: string }>[] = [];
  const query = `select repeat('x', 1048576) as s, nextval('${counter}') as n`;
  for (let i = 0; i < 128; i++) requests.push(pipeline.exec(query));
  await pipeline.sync();
  assert.equal((await pipeline.claimOne(requests[0]!))?.s.length, 0x10_0000);
  // The server can write no more, and stays so: the client has stopped reading.
  let stopped = 0;
  for (let i = 0; i < 500 && stopped < 10; i++) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    const event = await other.execValue("select wait_event from pg_stat_activity where pid = $1", [conn.id]);
    stopped = event === "ClientWrite" ? stopped + 1 : 0;
  }
  assert.equal(stopped, 10, "the server still writes");
  const executed = Number(await other.execValue(`select last_value from ${counter}`));
  assert.ok(executed < 32, `${executed} replies of a MiB each have left the server`);
  for (const ticket of requests.slice(1)) assert.equal(await pipeline.claimDrop(ticket), 1);
  await other.queryDrop(`drop sequence ${counter}`);
});

conformance("pipeline memory: disposal keeps nothing of what it reads", async (world, server) => {
  await using conn = await world.connect(server.fast);
  const grown = await mostGrowth(80 * MIB, async () => {
    await using pipeline = conn.pipeline();
    pipeline.exec("select repeat('x', 1000) from generate_series(1, 100000)");
  });
  assert.ok(grown <= 80 * MIB, `100 MB of rows took ${grown / MIB} MiB of memory`);
  assert.equal(await conn.execValue("select 42"), 42);
});

const MIB = 0x10_0000;
