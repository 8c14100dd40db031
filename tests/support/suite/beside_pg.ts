/** Runs programs with pg and with pyro in its place; their outcomes must be equal. */
import assert from "node:assert/strict";
import type { Client, ClientConfig, Pool, PoolConfig } from "../../../src/pg/mod.ts";
import { importPg, type PgModule, requirePg } from "../installed/pg.ts";
import { newest } from "./servers.ts";
import { test } from "./test.ts";

/** pyro in pg's place. */
export const pyroPg: PgModule = await importPg();
/** pg itself. */
export const nodePg: PgModule = requirePg("pg");

/** How both connect to the newest server. */
export const config: ClientConfig = {
  host: "127.0.0.1",
  port: newest.port,
  user: "test",
  password: "1234",
  database: "test_db",
};

/** What a program works with. */
export interface Side {
  readonly pg: PgModule;
  /** A connected client, which is closed at the end. */
  client(more?: ClientConfig): Promise<Client>;
  /** A pool, which is closed at the end. */
  pool(more?: PoolConfig): Pool;
}

/** A test whose program has the same outcome with both. Programs return what they have seen. */
export function besidePg(name: string, program: (side: Side) => Promise<unknown>): void {
  test(`pg: ${name}`, async () => {
    const expected = await outcomeOf(nodePg, program);
    const actual = await outcomeOf(pyroPg, program);
    assert.deepEqual(actual, expected);
  });
}

/** What a program returns, without classes and what pg keeps for itself. */
export async function outcomeOf(pg: PgModule, program: (side: Side) => Promise<unknown>): Promise<unknown> {
  const opened: { end(): Promise<void> }[] = [];
  const side: Side = {
    pg,
    async client(more) {
      const client = new pg.Client({ ...config, ...more });
      opened.push(client);
      await client.connect();
      return client;
    },
    pool(more) {
      const pool = new pg.Pool({ ...config, ...more });
      opened.push(pool);
      return pool;
    },
  };
  try {
    return plain(await program(side));
  } finally {
    for (const one of opened) await one.end().catch(() => {});
  }
}

/** A value without classes of either module. */
export function plain(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (value instanceof Date || value instanceof Uint8Array) return value;
  if (Array.isArray(value)) return value.map(plain);
  const own = value instanceof Error
    ? ERROR_FIELDS.map((key) => [key, Reflect.get(value, key)] as const)
    : Object.entries(value).filter(([key]) => !HIDDEN.has(key) && !key.startsWith("_"));
  const members: Record<string, unknown> = Object.fromEntries(own.map(([key, member]) => [key, plain(member)]));
  // These are different for the temporary tables of each session.
  if (members.tableID) members.tableID = "a table";
  if (String(members.schema).startsWith("pg_temp")) Object.assign(members, { schema: "pg_temp", length: 0 });
  return members;
}

/** Members of results that nobody uses. */
const HIDDEN = new Set(["RowCtor", "parseRow"]);
/** Members of errors. On Bun, every error has a line and a column of its own, which it does not list. */
const ERROR_FIELDS = [
  ...["name", "message", "length", "severity", "code", "detail", "hint", "position", "internalPosition"],
  ...["internalQuery", "where", "schema", "table", "dataType", "constraint", "file", "routine"],
];

/** A promise for the first event of that name, with its arguments. */
export function event(
  emitter: { once(name: string, listener: (...args: unknown[]) => void): unknown },
  name: string,
): Promise<unknown[]> {
  return new Promise((resolve) => emitter.once(name, (...args) => resolve(args)));
}

/** The error of a promise, which must reject. */
export async function errorOf(promise: PromiseLike<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  assert.fail("the promise has not rejected");
}
