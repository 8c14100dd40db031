/** Graphile Worker: migrations, jobs, a runner that is told of new jobs by LISTEN. */
import { deepEqual, equal, load, type Loaded, part, until, url } from "./program.ts";

const { Logger, makeWorkerUtils, run, runOnce } = await load("graphile-worker");
const { default: pg } = await load("pg");
const logger = new Logger(() => () => {});

await part("write", async () => {
  const utils = await makeWorkerUtils({ connectionString: url, logger });
  await utils.migrate();
  await utils.addJob("greet", { name: "Ada" });
  await utils.addJob("fail", {}, { maxAttempts: 1 });
  await utils.release();
});

await part("read", async () => {
  const greeted: string[] = [];
  await runOnce({
    connectionString: url,
    logger,
    taskList: {
      greet: async ({ name }: { name: string }, helpers: Loaded) => {
        const { rows } = await helpers.query("select $1::text as name", [name]);
        greeted.push(rows[0].name);
      },
      fail: () => {
        throw new Error("it fails");
      },
    },
  });
  deepEqual(greeted, ["Ada"]);
});

await part("error", async () => {
  const pool = new pg.Pool({ connectionString: url });
  const { rows } = await pool.query("select last_error from graphile_worker.jobs");
  equal(rows.length, 1);
  equal(rows[0].last_error.includes("it fails"), true);
  await pool.end();
});

await part("LISTEN", async () => {
  const pool = new pg.Pool({ connectionString: url });
  const done: number[] = [];
  // A poll would come too late.
  const runner = await run({
    pgPool: pool,
    logger,
    pollInterval: 600_000,
    noHandleSignals: true,
    taskList: { count: ({ n }: { n: number }) => void done.push(n) },
  });
  for (const n of [1, 2, 3]) {
    await runner.addJob("count", { n });
    await until(() => done.includes(n));
  }
  await runner.stop();
  await pool.end();
  deepEqual(done, [1, 2, 3]);
});
