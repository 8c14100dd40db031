/** Schemas for test files. */
import { UsageError } from "../errors.ts";
import { wallClock } from "../timers.ts";
import { type Opts, settingsOf } from "../options/opts.ts";
import { type Target, targetOpts } from "../options/target.ts";
import { variable } from "../runtime/runtime.ts";
import { isPromise } from "../unheeded.ts";

/** What executes the statements of {@linkcode testSchema}: a `Conn` or a `Pool` of either API. */
export interface SchemaExecutor {
  /** As `Conn.query`. */
  query(sql: string): unknown;
  /** As `Conn.queryDrop`. */
  queryDrop(sql: string): unknown;
}

/** A schema that is dropped, with everything in it, when it is disposed of. */
export interface TestSchema {
  /** Its name, such as `test_users_20260301123456_3f9a0c`. It needs no quotes in SQL. */
  readonly name: string;
  /**
   * The options of a target, with the schema in front of the search path: names without a schema are created in it, and
   * looked for there first.
   *
   * @param target As for `Conn.connect`.
   */
  opts(target?: Target): Opts;
}

/** What {@linkcode testSchema} gives: a promise if the calls of the executor do. */
export type MadeSchema<E extends SchemaExecutor> = ReturnType<E["queryDrop"]> extends PromiseLike<unknown>
  ? Promise<TestSchema & AsyncDisposable>
  : TestSchema & Disposable;

/**
 * Creates a schema for a test file, so that files can run at the same time on one database. Schemas that earlier runs of
 * the same file have left, because they were killed, are dropped after a day.
 *
 * @param executor A `Conn` or a `Pool` of either API, which is open until the schema is dropped. Its role must be allowed
 *   to create schemas.
 * @param file `import.meta.url`, or any other name: letters and digits of its last part become part of the schema's name.
 * @throws {UsageError} If there are none.
 * @throws {ServerError} If the role may not create schemas.
 *
 * @example
 * ```ts
 * import { Pool } from "@x/pyro";
 * import { testSchema } from "@x/pyro/testing";
 * import assert from "node:assert/strict";
 *
 * await using admin = new Pool("pg://");
 * await using schema = await testSchema(admin, import.meta.url);
 * await using pool = new Pool(schema.opts("pg://"));
 * await pool.queryDrop("create table book (title text)");
 * assert.equal(await admin.execValue("select count(*) from pg_tables where schemaname = $1", [schema.name]), 1n);
 * ```
 *
 * @example Without promises
 * ```ts
 * import { Conn } from "@x/pyro/sync";
 * import { testSchema } from "@x/pyro/testing";
 * import assert from "node:assert/strict";
 *
 * using admin = new Conn("pg://");
 * using schema = testSchema(admin, "books");
 * using conn = new Conn(schema.opts("pg://"));
 * assert.equal(conn.execValue("select current_schema()"), schema.name);
 * ```
 */
export function testSchema<E extends SchemaExecutor>(executor: E, file: string | URL): MadeSchema<E> {
  return run(create(executor, prefixOf(String(file)))) as MadeSchema<E>;
}

/** The beginning of the names of a file's schemas. */
function prefixOf(file: string): string {
  const last = file.replace(/[?#].*$/s, "").split(/[/\\]/).findLast((part) => part !== "") ?? "";
  const words = last.replace(/\.\w+$/, "").toLowerCase().match(/[a-z0-9]+/g);
  if (words === null) {
    throw new UsageError("Cannot make a schema: the file must have letters or digits, as import.meta.url has");
  }
  return `test_${words.join("_").slice(0, MAX_WORDS)}_`;
}

/** Yields what calls return, and gets what that settles to. */
function* create(executor: SchemaExecutor, prefix: string): Steps<TestSchema> {
  const oldest = `${prefix}${timeOf(wallClock() - MAX_AGE)}`;
  const left = yield executor.query(
    `select nspname as name from pg_catalog.pg_namespace where nspname::text collate "C" < '${oldest}' and ` +
      `nspname::text ~ '^${prefix}[0-9]{14}_[0-9a-f]{6}$'`,
  );
  for (const { name } of left as { readonly name: string }[]) {
    try {
      yield executor.queryDrop(`drop schema if exists ${name} cascade`);
    } catch {
      // Another run drops it, or it is another role's.
    }
  }
  const random = crypto.randomUUID().slice(0, 6);
  const name = `${prefix}${timeOf(wallClock())}_${random}`;
  const isAsync = isPromise(yield* returned(executor.queryDrop(`create schema ${name}`)));
  const drop = (): unknown => executor.queryDrop(`drop schema ${name} cascade`);
  return {
    name,
    opts(target?: Target): Opts {
      const opts = targetOpts(target, variable);
      return opts.param("search_path", `${name}, ${settingsOf(opts).param?.search_path ?? DEFAULT_PATH}`);
    },
    ...(isAsync ? { [Symbol.asyncDispose]: async () => void await drop() } : { [Symbol.dispose]: () => void drop() }),
  };
}

type Steps<T> = Generator<unknown, T, unknown>;

/** Yields what a call has returned, and returns that itself. */
function* returned(value: unknown): Steps<unknown> {
  yield value;
  return value;
}

/** Runs steps whose calls give promises, or values. */
function run<T>(steps: Steps<T>): T | Promise<T> {
  let next = steps.next();
  while (!next.done) {
    if (isPromise(next.value)) return awaitSteps(steps, next);
    next = steps.next(next.value);
  }
  return next.value;
}

async function awaitSteps<T>(steps: Steps<T>, next: IteratorResult<unknown, T>): Promise<T> {
  while (!next.done) {
    let value: unknown;
    try {
      value = await next.value;
    } catch (error) {
      next = steps.throw(error);
      continue;
    }
    next = steps.next(value);
  }
  return next.value;
}

/** A time to the second, so that later ones come later in the alphabet. */
function timeOf(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replaceAll(/\D/g, "").slice(0, 14);
}

/** So that names are at most 63 bytes long. */
const MAX_WORDS = 36;
/** How old schemas of killed runs must be, in milliseconds. */
const MAX_AGE = 86_400_000;
const DEFAULT_PATH = '"$user", public';
