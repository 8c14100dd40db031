/** The end of a client, and the loss of its connection, beside pg. */
import { besidePg, config, event } from "../support/suite/beside_pg.ts";

besidePg("the session is over when its client has ended", async ({ pg, client, pool }) => {
  const other = await client();
  const seen: unknown[] = [];
  const lock = async (): Promise<void> => {
    const { rows } = await other.query("select pg_try_advisory_lock(4711) as free");
    seen.push(rows);
    await other.query("select pg_advisory_unlock_all()");
  };
  for (let i = 0; i < 10; i++) {
    const own = new pg.Client(config);
    await own.connect();
    await own.query("select pg_advisory_lock(4711)");
    if (i > 5) own.unref();
    await (own.end as (callback: null) => Promise<void>)(null);
    await lock();
  }
  const clients = pool();
  for (let i = 0; i < 5; i++) {
    const own = await clients.connect();
    await own.query("select pg_advisory_lock(4711)");
    const removed = event(clients, "remove");
    own.release(true);
    await removed;
    await lock();
  }
  return seen;
});
