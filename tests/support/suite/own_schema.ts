/** Makes schemas for tests that create types and tables. */
import { Conn, Opts } from "../../../mod.ts";
import { type TestSchema, testSchema } from "../../../src/testing/mod.ts";
import type { TestServer } from "./servers.ts";
import type { World } from "./worlds.ts";

/** A schema for one test, which is dropped at its end. */
export async function schema(
  server: TestServer,
  sql: string,
  db: string = "test_db",
): Promise<OwnSchema & AsyncDisposable> {
  const conn = await Conn.connect(new Opts(server.admin).db(db));
  try {
    const made = await testSchema(conn, "types");
    const { name } = made;
    const own = {
      name,
      opts: (target: Opts) => made.opts(target),
      run: (sql: string) => conn.queryDrop(sql),
      async [Symbol.asyncDispose]() {
        await made[Symbol.asyncDispose]();
        await conn.close();
      },
    };
    await conn.queryDrop(
      `grant all on schema ${name} to public; set search_path = ${name};
      alter default privileges in schema ${name} grant all on tables to public; ${sql}`,
    );
    return own;
  } catch (error) {
    await conn.close();
    throw error;
  }
}

/** A schema and what can be done in it. */
export interface OwnSchema extends TestSchema {
  /** Executes SQL as the superuser. */
  run(sql: string): Promise<unknown>;
}

/** A connection whose search path is that schema. */
export function connect(
  world: World,
  server: TestServer,
  schema: TestSchema,
  opts?: (opts: Opts) => Opts,
): Promise<Conn> {
  return world.connect((opts ?? ((opts) => opts))(schema.opts(new Opts(server.fast))));
}
