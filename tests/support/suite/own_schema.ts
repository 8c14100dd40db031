/** Makes schemas for tests that create types and tables. */
import { Conn, Opts } from "../../../mod.ts";
import type { TestServer } from "./servers.ts";
import type { World } from "./worlds.ts";

/** A schema for one test, which is dropped at its end. */
export async function schema(
  server: TestServer,
  sql: string,
): Promise<{ name: string; run(sql: string): Promise<unknown> } & AsyncDisposable> {
  const name = `types_${crypto.randomUUID().replaceAll("-", "")}`;
  const conn = await Conn.connect(new Opts(server.admin).db("test_db"));
  try {
    await conn.queryDrop(
      `create schema ${name}; grant all on schema ${name} to public; set search_path = ${name};
      alter default privileges in schema ${name} grant all on tables to public; ${sql}`,
    );
  } catch (error) {
    await conn.close();
    throw error;
  }
  return {
    name,
    run: (sql) => conn.queryDrop(sql),
    async [Symbol.asyncDispose]() {
      await conn.queryDrop(`drop schema ${name} cascade`);
      await conn.close();
    },
  };
}

/** A connection whose search path is that schema. */
export function connect(
  world: World,
  server: TestServer,
  { name }: { name: string },
  opts?: (opts: Opts) => Opts,
): Promise<Conn> {
  return world.connect((opts ?? ((opts) => opts))(new Opts(server.fast).param("search_path", `${name}, public`)));
}
