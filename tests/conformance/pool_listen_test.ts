/** Listeners of a pool. */
import assert from "node:assert/strict";
import { conformance } from "../support/suite/worlds.ts";

conformance("pool: listeners hear what the pool sends, several of them on one channel", async (world, server) => {
  await using pool = world.pool(server.fast);
  const channel = `Pool ${crypto.randomUUID()}`;
  const [one, two] = [await pool.listen(channel), await pool.listen(channel)];
  assert.deepEqual([one.channel, pool.stats().leased], [channel, 0]);
  await pool.notify(channel, "a");
  await pool.notify(channel);
  for (const news of [one, two]) {
    const first = await news.next();
    assert.deepEqual([first.value!.channel, first.value!.payload, typeof first.value!.pid], [channel, "a", "number"]);
    assert.equal((await news.next()).value!.payload, "");
  }
  await one.return();
  assert.equal((await one.next()).done, true);
  await pool.notify(channel, "b");
  assert.equal((await two.next()).value!.payload, "b");
});

conformance(
  "pool: after the loss of its connection, a listener hears of the gap and goes on",
  async (world, server) => {
    const name = `gap_${crypto.randomUUID().slice(0, 8)}`;
    await using pool = world.pool(`${server.fast}${server.fast.includes("?") ? "&" : "?"}application_name=${name}`);
    await using admin = await world.connect(server.admin);
    await using news = await pool.listen(name);
    const kill = "select pg_terminate_backend(pid, 5000) from pg_stat_activity where application_name = $1";
    assert.deepEqual(await admin.exec(kill, [name]), [{ pg_terminate_backend: true }]);
    assert.deepEqual((await news.next()).value, { channel: name, gap: true });
    await pool.notify(name, "after");
    assert.equal((await news.next()).value!.payload, "after");
  },
);
