import assert from "node:assert/strict";
import process from "node:process";
import type { Ticket } from "../../mod.ts";
import { conformance } from "../support/worlds.ts";

conformance("pipeline memory: replies that nobody claims are left with the server", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await using other = await world.connect(server.fast);
  await using pipeline = conn.pipeline();
  const before = resident();
  const tickets: Ticket<{ s: string }>[] = [];
  for (let i = 0; i < 128; i++) tickets.push(pipeline.exec("select repeat('x', 1048576) as s, $1::int4 as n", [i]));
  await pipeline.sync();
  assert.equal((await pipeline.claimOne(tickets[0]!))?.s.length, 0x10_0000);
  // The server can write no more, and stays so: the client has stopped reading.
  let stopped = 0;
  for (let i = 0; i < 500 && stopped < 10; i++) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    const event = await other.execValue("select wait_event from pg_stat_activity where pid = $1", [conn.id]);
    stopped = event === "ClientWrite" ? stopped + 1 : 0;
  }
  assert.equal(stopped, 10, "the server still writes");
  const grown = resident() - before;
  assert.ok(grown < 80 * MIB, `128 MiB of replies took ${grown / MIB} MiB of memory`);
  for (const ticket of tickets.slice(1)) assert.equal(await pipeline.claimDrop(ticket), 1);
});

conformance("pipeline memory: disposal keeps nothing of what it reads", async (world, server) => {
  await using conn = await world.connect(server.fast);
  const before = resident();
  {
    await using pipeline = conn.pipeline();
    pipeline.exec("select repeat('x', 1000) from generate_series(1, 100000)");
  }
  const grown = resident() - before;
  assert.ok(grown < 80 * MIB, `100 MB of rows took ${grown / MIB} MiB of memory`);
  assert.equal(await conn.execValue("select 42"), 42);
});

function resident(): number {
  return process.memoryUsage().rss;
}

const MIB = 0x10_0000;
