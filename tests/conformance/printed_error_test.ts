/** What the console shows of a server's error: where it is, and what to do about it. */
import assert from "node:assert/strict";
import { inspect } from "node:util";
import { ServerError, sql } from "../../mod.ts";
import { newest } from "../support/suite/servers.ts";
import { test } from "../support/suite/test.ts";
import { type World, worldsOf } from "../support/suite/worlds.ts";

const runtime = globalThis as unknown as { Deno?: { inspect: typeof inspect }; Bun?: { inspect: typeof inspect } };
/** The console of the runtime, as text. */
const printers = [inspect, (runtime.Deno ?? runtime.Bun ?? { inspect }).inspect];

function inEveryWorld(name: string, body: (world: World) => Promise<void>): void {
  for (const world of worldsOf(name)) test(`printed error: ${name} (${world.name})`, () => body(world));
}

async function errorOf(call: () => unknown): Promise<ServerError> {
  try {
    await call();
  } catch (error) {
    assert.ok(error instanceof ServerError, String(error));
    return error;
  }
  assert.fail("the server refuses it");
}

inEveryWorld("has the line with a caret, detail and hint, the stack and the fields", async (world) => {
  await using conn = await world.connect(newest.fast);
  await conn.queryDrop("create temporary table person (name text primary key)");
  const error = await errorOf(() => conn.query("select 1,\n  nme\nfrom person"));
  assert.equal(error.excerpt, "LINE 2:   nme\n          ^");
  for (const print of printers) {
    const text = print(error);
    assert.ok(
      text.startsWith(
        'ServerError: column "nme" does not exist\nLINE 2:   nme\n          ^\n' +
          'HINT: Perhaps you meant to reference the column "person.name".\n    at ',
      ),
      text,
    );
    assert.match(text, /at .*printed_error_test\.ts/);
    assert.match(text, /\n {2}severity: ["']ERROR["'],\n {2}code: ["']42703["'],\n {2}position: 13,\n/);
    assert.match(print({ nested: [error] }), /LINE 2: {3}nme\n/);
  }
  await conn.execDrop("insert into person values ($1)", ["Ada"]);
  const duplicate = await errorOf(() => conn.execDrop("insert into person values ($1)", ["Ada"]));
  assert.equal(duplicate.excerpt, undefined);
  for (const print of printers) assert.match(print(duplicate), /\nDETAIL: Key \(name\)=\(Ada\) already exists\.\n/);
});

inEveryWorld("shows the place also of templates, prepared statements, batches, COPY and functions", async (world) => {
  await using conn = await world.connect(newest.fast);
  const value = 1;
  const calls: [() => unknown, string][] = [
    [() => conn.exec(sql`select ${value}::int4,\n  bad`), "LINE 2:   bad\n          ^"],
    [() => conn.exec("select $1::int4, bad", [1]), "LINE 1: select $1::int4, bad\n                         ^"],
    [() => conn.exec("select bad"), "LINE 1: select bad\n               ^"],
    [() => conn.prepare("select bad"), "LINE 1: select bad\n               ^"],
    [() => conn.execBatch("select bad + $1", [[1]]), "LINE 1: select bad + $1\n               ^"],
    [() => conn.queryDrop("select 1; selec 2"), "LINE 1: select 1; selec 2\n                  ^"],
    [() => conn.copyIn("copy t (from stdin", "1"), "LINE 1: copy t (from stdin\n                ^"],
    [() => conn.query("do $$ begin perform 1,\n  bad; end $$"), "LINE 2:   bad\n          ^"],
  ];
  for (const [call, excerpt] of calls) {
    const error = await errorOf(call);
    assert.ok(error.excerpt?.startsWith(excerpt), `${error.message}\n${error.excerpt}`);
  }
  await using pool = world.pool(newest.fast);
  assert.equal((await errorOf(() => pool.exec("select bad"))).excerpt, "LINE 1: select bad\n               ^");
});

inEveryWorld("keeps the SQL text out of JSON and of the members, and shows the cause", async (world) => {
  await using conn = await world.connect(newest.fast);
  const error = await errorOf(() => conn.query("select 'secret', bad"));
  assert.doesNotMatch(JSON.stringify(error), /secret/);
  assert.ok(!Object.keys(error).includes("excerpt"));
  assert.doesNotMatch(error.stack!, /secret/);
  await conn.queryDrop("begin");
  await errorOf(() => conn.query("select bad"));
  await conn.queryDrop("rollback");
  const outer = new ServerError({ severity: "ERROR", code: "40000", message: "outer" }, { cause: error });
  for (const print of printers) assert.match(print(outer), /\n {2}\[cause\]: ServerError: [^]*LINE 1: select/);
  assert.match(inspect(ServerError.prototype), /ServerError/);
});
