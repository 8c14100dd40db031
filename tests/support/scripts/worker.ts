/**
 * A Cloudflare Worker that does with its database what the request's parameters ask for: `url` connects, `dates` sets
 * that option, `do` is one of the names below. Answers with JSON, or with the error.
 */
import { Conn, Opts, Pool } from "../../../mod.ts";
import { transportChecks } from "../../../src/testing/mod.ts";
import { type WorkerConnect, workerSockets } from "../../../src/workers/mod.ts";

/** Responds to a request. */
export async function respond(request: Request, connect: WorkerConnect): Promise<Response> {
  const parameters = new URL(request.url).searchParams;
  const url = parameters.get("url");
  if (url === null) return new Response("ready");
  const dates = parameters.get("dates");
  const opts = new Opts(url).dial(workerSockets(connect));
  try {
    const work = WORK[parameters.get("do") ?? "calls"]!;
    const answer = await work(dates === null ? opts : opts.dates(dates as "string"));
    return new Response(JSON.stringify(answer, (_, value) => typeof value === "bigint" ? String(value) : value));
  } catch (error) {
    return new Response(String(error));
  }
}

const WORK: Readonly<Record<string, (opts: Opts) => Promise<unknown>>> = {
  async checks(opts) {
    const passed: string[] = [];
    for (const { name, run } of transportChecks(() => Conn.connect(opts))) {
      await run();
      passed.push(name);
    }
    return passed.length;
  },
  async pool(opts) {
    await using pool = new Pool(opts, { poolMaxConcurrency: 2 });
    const answers = await Promise.all([1, 2, 3, 4].map((n) => pool.execValue("select $1::int4", [n])));
    return [answers, await pool.tx((tx) => tx.execValue("select 5"))];
  },
  async calls(opts) {
    const lines: string[] = [];
    await using conn = await Conn.connect(opts.trace((line) => lines.push(line)));
    await conn.queryDrop("create temporary table t (a int4, b text)");
    const values: unknown[] = [conn.transport, conn.tls, await conn.copyRows("t", ["a", "b"], [[1, "ü"], [2, null]])];
    const sql = "select a, b, $1::text as c, date '2024-02-29' as d, 1::int8 as e, 1.50 as f from t order by a";
    for (let i = 0; i < 100; i++) await conn.exec(sql, ["ö"]);
    values.push(await conn.exec(sql, ["ö"]), await conn.queryFirst("select 'é' as g"));
    values.push(await conn.tx(async (tx) => await tx.execValue("select count(*) from t")));
    values.push(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}\tF\t/.test(lines[0] ?? ""));
    return values;
  },
};
