/** pg-boss: queues, jobs in a transaction of the caller's, workers. */
import { deepEqual, equal, errorOf, load, type Loaded, part, until, url } from "./program.ts";

const { PgBoss } = await load("pg-boss");
const { default: pg } = await load("pg");
const done: string[] = [];
const boss = new PgBoss({ connectionString: url, schedule: false, supervise: false });
boss.on("error", (error: Error) => console.error(error));
await boss.start();

await part("write", async () => {
  await boss.createQueue("mail");
  equal(typeof await boss.send("mail", { to: "Ada" }), "string");
  await boss.insert("mail", [{ data: { to: "Bob" } }, { data: { to: "Cid" } }]);
});

await part("read", async () => {
  const jobs = await boss.fetch("mail", { batchSize: 2 });
  equal(jobs.length, 2);
  done.push(...jobs.map(({ data }: Loaded) => data.to));
  await boss.complete("mail", jobs.map(({ id }: Loaded) => id));
});

await part("transaction", async () => {
  const client = new pg.Client(url);
  await client.connect();
  const db = { executeSql: (text: string, values: unknown[]) => client.query(text, values) };
  await client.query("begin");
  await boss.send("mail", { to: "nobody" }, { db });
  await client.query("rollback");
  await client.query("begin");
  await boss.send("mail", { to: "Dan" }, { db });
  await client.query("commit");
  await client.end();
});

await part("work", async () => {
  await boss.work("mail", { pollingIntervalSeconds: 0.5 }, ([job]: Loaded[]) => {
    done.push(job.data.to);
    return Promise.resolve();
  });
  await until(() => done.length === 4);
  deepEqual(done.toSorted(), ["Ada", "Bob", "Cid", "Dan"]);
});

await part("error", async () => {
  equal((await errorOf(boss.send("no such queue", {}))) instanceof Error, true);
});

await boss.stop({ graceful: false, close: true });
