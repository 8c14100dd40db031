/** connect-pg-simple: sessions of Express in a table, by a pool of the caller's and by its own. */
import { deepEqual, equal, load, type Loaded, part, url } from "./program.ts";

const { default: session } = await load("express-session");
const { default: connect } = await load("connect-pg-simple");
const { default: pg } = await load("pg");
const Store = connect(session);
const cookie = { expires: new Date(Date.now() + 60_000), originalMaxAge: 60_000 };

/** A method of a store, which takes a callback. */
function call(store: Loaded, name: string, ...args: unknown[]): Promise<unknown> {
  return new Promise((resolve, reject) =>
    store[name](...args, (error: unknown, value: unknown) => error ? reject(error) : resolve(value))
  );
}

const pool = new pg.Pool({ connectionString: url });
for (const [name, options] of [["own", { conString: url }], ["given", { pool }]] as const) {
  const store = new Store({ ...options, createTableIfMissing: true, pruneSessionInterval: false });

  await part(`write, pool ${name}`, async () => {
    await call(store, "set", "a", { cookie, user: { name: "Ada", tags: ["x"] } });
    await call(store, "touch", "a", { cookie });
  });

  await part(`read, pool ${name}`, async () => {
    const found = await call(store, "get", "a") as Loaded;
    deepEqual(found.user, { name: "Ada", tags: ["x"] });
    equal(await call(store, "get", "nobody"), undefined);
    await call(store, "destroy", "a");
    equal(await call(store, "get", "a"), undefined);
  });

  await store.close();
}
await part("the caller's pool is still open", async () => {
  deepEqual((await pool.query("select count(*)::int as n from session")).rows, [{ n: 0 }]);
});
await pool.end();
