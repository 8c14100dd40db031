/** The functions that are called when a connection ends, and with its notifications. */
import assert from "node:assert/strict";
import { type Conn, ConnectionError, type Notification, UsageError } from "../../mod.ts";
import { awaiting, conformance, type World } from "../support/suite/worlds.ts";

conformance("onClose: is called once when the connection is closed, without an error", async (world, server) => {
  const conn = await world.connect(server.fast);
  const ends: unknown[][] = [];
  conn.onClose = (...end) => {
    ends.push(end);
    throw new Error("is ignored");
  };
  assert.equal(typeof conn.onClose, "function");
  await conn.close();
  await conn.close();
  assert.deepEqual(ends, [[]]);
});

conformance("onClose: is called with the error when the connection is lost", async (world, server) => {
  const conn = await world.connect(server.fast);
  const ends: (Error | undefined)[] = [];
  conn.onClose = (error) => void ends.push(error);
  await terminate(world, server.fast, conn);
  if (world === awaiting) await until(() => ends.length > 0);
  else assert.throws(() => void conn.ping(), ConnectionError);
  assert.ok(ends[0] instanceof ConnectionError);
  assert.match(ends[0].message, /^Cannot keep the connection: /);
  assert.equal(conn.closed, true);
  await conn.close();
  assert.equal(ends.length, 1);
});

conformance("onNotification: every notification, also of a LISTEN that was executed as SQL", async (world, server) => {
  await using conn = await world.connect(server.fast);
  const heard: Notification[] = [];
  conn.onNotification = (notification) => void heard.push(notification);
  const channel = `handlers_${world.name}_${server.major}`;
  await conn.queryDrop(`listen "${channel}"`);
  await using other = await world.connect(server.fast);
  await other.notify(channel, "one");
  await conn.ping();
  if (world === awaiting) await until(() => heard.length > 0);
  assert.deepEqual(heard, [{ channel, payload: "one", pid: other.id }]);
  conn.onNotification = undefined;
  await other.notify(channel, "two");
  await conn.ping();
  assert.equal(heard.length, 1);
});

conformance("handlers: what is no function is refused when it is set", async (world, server) => {
  await using own = await world.connect(server.fast);
  await using pool = world.pool(server.fast);
  await using leased = await pool.acquire();
  for (const conn of [own, leased]) {
    for (const name of ["onNotice", "onNotification", "onClose"] as const) {
      const listener = (): void => {};
      conn[name] = listener;
      for (const [value, given] of [["x", '"x"'], [null, "null"], [{}, "an object"]]) {
        assert.throws(() => void (conn[name] = value as never), {
          name: "UsageError",
          message: `Cannot set ${name} to ${given}: it must be a function, or undefined for none`,
        });
      }
      assert.equal(conn[name], listener);
      conn[name] = undefined;
    }
  }
  for (const name of ["onConnect", "onRelease", "onClose", "onLeak"]) {
    assert.throws(() => world.pool(server.fast, { [name]: "x" }), {
      name: "UsageError",
      message: `Cannot set ${name} to "x": it must be a function`,
    });
  }
});

conformance("handlers: those of a pool's user end with the release, those of the pool stay", async (world, server) => {
  const ended: [number, boolean][] = [];
  const pool = world.pool(server.fast, {
    poolMaxConcurrency: 1,
    onClose: (conn, error) => void ended.push([conn.id, error !== undefined]),
  });
  const calls: string[] = [];
  const first = await pool.acquire();
  first.onClose = () => void calls.push("close");
  first.onNotification = ({ payload }) => void calls.push(payload);
  await first.queryDrop("listen handlers_pool; notify handlers_pool, 'mine'");
  await first.ping();
  assert.deepEqual(calls, ["mine"]);
  const { id } = first;
  await first.release();
  assert.throws(() => first.onClose = () => {}, UsageError);
  assert.equal(first.onClose, undefined);
  const second = await pool.acquire();
  assert.equal(second.id, id);
  assert.equal(second.onNotification, undefined);
  await second.queryDrop("listen handlers_pool; notify handlers_pool, 'not mine'");
  await second.ping();
  await terminate(world, server.fast, second);
  await assert.rejects(async () => await second.ping());
  if (world === awaiting) await until(() => ended.length > 0);
  assert.deepEqual(ended, [[id, true]]);
  await second.release();
  const third = await pool.acquire();
  const { id: newId } = third;
  await third.release();
  await pool.close();
  assert.deepEqual(ended, [[id, true], [newId, false]]);
  assert.deepEqual(calls, ["mine"]);
});

/** Waits until something is so. */
async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** Ends the session of a connection. */
async function terminate(world: World, target: string, conn: Conn): Promise<void> {
  const { id } = conn;
  await using other = await world.connect(target);
  assert.equal(await other.execValue("select pg_terminate_backend($1)", [id]), true);
  while (await other.execValue("select count(*)::int4 from pg_stat_activity where pid = $1", [id])) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
