/**
 * Streams hold one batch, however many rows there are.
 *
 * Each measurement has a process of its own, which is this file again: in a process of tests, what other
 * tests hold and free would be counted. Hence the imports where they are used; to import the servers
 * starts them.
 */
import assert from "node:assert/strict";
import process from "node:process";
import type { Conn, Transaction } from "../../mod.ts";
import type { World } from "../support/suite/worlds.ts";

/** What the measuring process reports. */
interface Report {
  /** How many rows were read, and the sum of their numbers. */
  readonly count: number;
  readonly sum: number;
  /** Bytes beyond those before, by what they are. */
  readonly grown: Readonly<Record<"resident at most" | "heap at most" | "resident after it" | "heap after it", number>>;
}

const MIB = 0x10_0000;
const LIMIT = 64 * MIB;
const ROWS = 1_000_000;
/** 83 bytes each in the protocol, so that all of them exceed the limit in whatever form they are held. */
const ROWS_SQL = "select n, lpad(n::text, 64, '0') as s from generate_series(1, $1::int4) as n";
const MARK = "stream-memory-child";

const [mark, ...given] = process.argv.slice(2);
if (mark === MARK) console.log(JSON.stringify(await measure(given as [World["name"], string, string, string])));
else await register();

async function register(): Promise<void> {
  const { runScript } = await import("../support/processes/child.ts");
  const { newest } = await import("../support/suite/servers.ts");
  const { test } = await import("../support/suite/test.ts");
  const { worlds, worldsOf } = await import("../support/suite/worlds.ts");

  const reportOf = async (world: World, place: "conn" | "tx", use: "drop" | "hold"): Promise<Report> => {
    const script = "../../runtime/stream_memory_test.ts";
    const { code, stdout, stderr } = await runScript(script, [MARK, world.name, newest.url(), place, use]);
    assert.equal(code, 0, `${stdout} ${stderr}`);
    const report = JSON.parse(stdout) as Report;
    assert.deepEqual([report.count, report.sum], [ROWS, ROWS * (ROWS + 1) / 2]);
    return report;
  };

  const takesLittle = (world: World, place: "conn" | "tx", where: string): void =>
    test(`stream memory: a million rows take less than 64 MiB, ${where} (${world.name})`, async () => {
      for (const [what, bytes] of Object.entries((await reportOf(world, place, "drop")).grown)) {
        assert.ok(bytes < LIMIT, `${what}: ${Math.round(bytes / MIB)} MiB more`);
      }
    });

  for (const world of worldsOf("stream memory")) takesLittle(world, "conn", "outside of a transaction");
  takesLittle(worlds[0]!, "tx", "in a transaction");

  test("stream memory: if the rows were held, it would show", async () => {
    for (const [what, bytes] of Object.entries((await reportOf(worlds[0]!, "conn", "hold")).grown)) {
      assert.ok(bytes > LIMIT, `${what}: only ${Math.round(bytes / MIB)} MiB more`);
    }
  });
}

async function measure([world, url, place, use]: [World["name"], string, string, string]): Promise<Report> {
  await using conn = await connect(world, url);
  await using tx = place === "tx" ? await conn.begin() : undefined;
  const executor: Conn | Transaction = tx ?? conn;
  const collectGarbage = await garbageCollection();
  const held: unknown[] = [];
  let [resident, heap, count, sum] = [0, 0, 0, 0];
  const read = async (rows: number): Promise<void> => {
    [resident, heap, count, sum] = [0, 0, 0, 0];
    const one = ({ n, s }: { n: number; s: string }): void => {
      assert.equal(s.length, 64);
      sum += n;
      if (use === "hold") held.push({ n, s });
      if (++count % 50_000 === 0) look();
    };
    const stream = executor.stream<{ n: number; s: string }>(ROWS_SQL, [rows]);
    if (world === "async") { for await (const row of stream) one(row); }
    else for (const row of stream as unknown as Iterable<{ n: number; s: string }>) one(row);
  };
  const look = (): { resident: number; heap: number } => {
    const { rss, heapUsed, external } = process.memoryUsage();
    [resident, heap] = [Math.max(resident, rss), Math.max(heap, heapUsed + external)];
    return { resident: rss, heap: heapUsed + external };
  };
  const settled = async (): Promise<{ resident: number; heap: number }> => {
    for (let i = 0; i < 3; i++) {
      collectGarbage();
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return look();
  };

  // What is loaded and compiled, and the room that collectors take at first, stays.
  await read(100_000);
  held.length = 0;
  const before = await settled();
  await read(ROWS);
  const after = await settled();
  assert.equal(held.length, use === "hold" ? ROWS : 0);
  return {
    count,
    sum,
    grown: {
      "resident at most": resident - before.resident,
      "heap at most": heap - before.heap,
      "resident after it": after.resident - before.resident,
      "heap after it": after.heap - before.heap,
    },
  };
}

/** As the world's `connect`, whose module would start servers. */
async function connect(world: World["name"], url: string): Promise<Conn> {
  if (world === "async") return await (await import("../../mod.ts")).Conn.connect(url);
  const { Conn, Opts } = await import("../../sync.ts");
  return new Conn(new Opts(url).blockingTransport(world === "sync ffi" ? "ffi" : "worker")) as unknown as Conn;
}

async function garbageCollection(): Promise<() => void> {
  const { Bun } = globalThis as { Bun?: { gc(force: boolean): void } };
  if (Bun !== undefined) return () => Bun.gc(true);
  const { setFlagsFromString } = await import("node:v8");
  const { runInNewContext } = await import("node:vm");
  setFlagsFromString("--expose-gc");
  return runInNewContext("gc");
}
