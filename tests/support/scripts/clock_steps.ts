/**
 * A pool that has lost its server tries to connect, while each look at the clock finds it 60 ms later. Prints how many
 * attempts it has made, when it has made enough or has stopped. The clock must be replaced before pyro is loaded.
 * Arguments: URL, port.
 */
import assert from "node:assert/strict";
import process from "node:process";
import { setTimeout } from "node:timers/promises";

let step = 0;
let skipped = 0;
const { now } = performance;
performance.now = () => now.call(performance) + (skipped += step);
const { hrtime } = process;
process.hrtime = Object.assign((): [number, number] => {
  const [seconds, nanoseconds] = hrtime();
  return [seconds + (skipped += step) / 1000, nanoseconds];
}, { bigint: hrtime.bigint });

const { Opts, Pool } = await import("../../../mod.ts");
const { FaultProxy } = await import("../../../src/testing/mod.ts");
const [url, port] = process.argv.slice(2);
const proxy = await FaultProxy.start(Number(port));
let attempts = 0;
const count = (message: string): void => void (message === "pyro: cannot connect" && attempts++);
const logger = { debug: count, info: count, warn: count, error: count };
const opts = new Opts(url!).port(proxy.port).logger(logger).poolAcquireTimeout(3_600_000).connectTimeout(3_600_000);
const pool = new Pool(opts, { poolMaxConcurrency: 1 });
assert.equal(await pool.execValue("select 1"), 1);
await proxy[Symbol.asyncDispose]();
for (let i = 0; pool.stats().idle > 0 && i < 400; i++) await setTimeout(20);
step = 60;
const waiting = pool.execValue("select 1").catch((error) => error.message);
for (let i = 0; attempts < 5 && i < 400; i++) await setTimeout(20);
await pool.close({ timeout: 0 });
console.log(JSON.stringify({ attempts, outcome: await waiting }));
