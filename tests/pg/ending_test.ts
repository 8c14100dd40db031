/** The end of a client, and the loss of its connection, beside pg. */
import { type AddressInfo, createConnection, createServer, type Socket } from "node:net";
import type { Client } from "../../src/pg/mod.ts";
import { besidePg, config, errorOf, event, type Side } from "../support/suite/beside_pg.ts";
import { newest } from "../support/suite/servers.ts";

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

besidePg("a socket's error comes first, with its code, and then the end", async ({ client }) => {
  const seen: unknown[] = [];
  const destroyed = await client();
  destroyed.on("error", (error) => seen.push(["error", error]));
  destroyed.query("select pg_sleep(60)", (error: Error) => seen.push(["callback", error]));
  const end = event(destroyed, "end");
  await new Promise((resolve) => setTimeout(resolve, 50));
  destroyed.connection.stream.destroy(Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" }));
  await end;
  return [seen, await errorOf(destroyed.query("select 1"))];
});

/** Runs a program on a client behind a server that relays; `ends` are the sockets, the client's first. */
async function relayed(
  client: Side["client"],
  program: (conn: Client, ends: Socket[]) => Promise<void>,
): Promise<void> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    const behind = createConnection(newest.port, "127.0.0.1");
    for (const end of [socket, behind]) end.on("error", () => {});
    socket.pipe(behind).pipe(socket);
    sockets.push(socket, behind);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    await program(await client({ port: (server.address() as AddressInfo).port }), sockets);
  } finally {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  }
}

besidePg("a connection that is reset", async ({ client }) => {
  const seen: unknown[] = [];
  await relayed(client, async (conn, ends) => {
    conn.on("error", (error) => seen.push(["error", error]));
    conn.query("select pg_sleep(60)", (error: Error) => seen.push(["callback", error]));
    conn.query("select 2", (error: Error) => seen.push(["queued", error]));
    const end = event(conn, "end");
    await new Promise((resolve) => setTimeout(resolve, 100));
    ends[0]!.resetAndDestroy();
    await end;
  });
  return seen;
});

for (const text of ["select 1", "select nothing"]) {
  besidePg(`ending in the callback of ${text} says so to the server`, async ({ client }) => {
    const seen: unknown[] = [];
    await relayed(client, async (conn, ends) => {
      const sent: string[] = [];
      ends[0]!.on("data", (bytes) => sent.push(bytes.toString("latin1")));
      conn.on("drain", () => seen.push("drain"));
      const end = event(conn, "end");
      const queued = new Promise((resolve) => {
        conn.query(text, (error: (Error & { code?: string }) | null) => {
          conn.end(() => seen.push("ended"));
          seen.push(error?.code);
          conn.query("select 3", (error: Error) => seen.push(error.message));
        });
        conn.query("select 2", (error: Error) => resolve(error.message));
      });
      seen.push(await queued);
      await end;
      // Terminate; pg may send the next query behind it.
      seen.push(sent.join("").includes("X\0\0\0\x04"));
    });
    return seen.toSorted();
  });
}
