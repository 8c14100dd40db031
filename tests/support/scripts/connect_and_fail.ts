/**
 * Connects, and fails to, many times; prints how many descriptors and threads the process has before and
 * after. It needs a process of its own: what other tests have open would be counted too. Arguments: world,
 * URL, URL with a wrong password, port that is silent.
 */
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import process from "node:process";
import { Conn, ConnectionError, Opts } from "../../../mod.ts";
import { Conn as BlockingConn } from "../../../sync.ts";
import { attempt } from "../suite/call_bodies.ts";

const [world, url, refusedUrl, silentPort] = process.argv.slice(2);

function count(): [descriptors: number, threads: number] {
  return [readdirSync("/proc/self/fd").length, readdirSync("/proc/self/task").length];
}

async function connect(target: Opts): Promise<Conn> {
  if (world === "async") return await Conn.connect(target);
  const transport = world === "sync ffi" ? "ffi" : "worker";
  return await attempt(() => new BlockingConn(target.blockingTransport(transport))) as unknown as Conn;
}

async function once(): Promise<void> {
  await using conn = await connect(new Opts(url!));
  await conn.execValue("select 1");
  await assert.rejects(connect(new Opts(refusedUrl!)));
  const silent = new Opts().host("127.0.0.1").port(Number(silentPort)).user("u").sslMode("disable").connectTimeout(50);
  await assert.rejects(connect(silent), ConnectionError);
  await assert.rejects(connect(new Opts("pg://u@127.0.0.1:1/d")), ConnectionError);
}

// What is loaded and pooled the first time stays.
for (let i = 0; i < 3; i++) await once();
await new Promise((resolve) => setTimeout(resolve, 1200));
const before = count();
for (let i = 0; i < 20; i++) await once();
let after = count();
// The runtime has some of its own that come and go; a leak leaves one or more of each round.
for (let wait = 0; wait < 200 && (after[0] > before[0] + 15 || after[1] > before[1] + 15); wait++) {
  await new Promise((resolve) => setTimeout(resolve, 20));
  after = count();
}
console.log(JSON.stringify({ before, after }));
