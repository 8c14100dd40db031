/** What people who come from other clients write by mistake: the error says what to write instead. */
import assert from "node:assert/strict";
import { Conn, EncodeError, Pool, sql, UsageError } from "../../mod.ts";
import { Conn as BlockingConn, Pool as BlockingPool } from "../../sync.ts";
import { newest } from "../support/suite/servers.ts";
import { test } from "../support/suite/test.ts";
import { worldsOf } from "../support/suite/worlds.ts";

type Mistake = readonly [call: () => unknown, type: typeof UsageError | typeof EncodeError, hint: RegExp];

async function saysSo(mistakes: readonly Mistake[]): Promise<void> {
  for (const [call, type, hint] of mistakes) {
    let caught: unknown;
    try {
      await call();
    } catch (error) {
      caught = error;
    }
    assert.ok(caught instanceof type, `${call}: ${caught}`);
    assert.match(caught.message, hint);
  }
}

/** Any function, to call it as its types forbid. */
type Loose = (...given: unknown[]) => unknown;

for (const world of worldsOf("hints")) {
  test(`hints: calls as other clients have them (${world.name})`, async () => {
    await using conn = await world.connect(newest.fast);
    await using pool = world.pool(newest.fast);
    for (const client of [conn, pool]) {
      const exec: Loose = (...given) => (client.exec as Loose).call(client, ...given);
      const query: Loose = (...given) => (client.query as Loose).call(client, ...given);
      await saysSo([
        [() => exec("select 1 where 1 in ($1)", [[1, 2]]), EncodeError, /a list of alternatives is = any\(\$1\)$/],
        [() => exec("select 1 where 1 in ($1)", [[1, 2]]), EncodeError, /= any\(\$1\)$/],
        [() => exec("select 1 where $2::text = $1::text", ["a", ["b"]]), EncodeError, /= any\(\$2\)$/],
        // Where an array is the value in a wrong form, or a part of one, it is no list of alternatives.
        [() => exec("select $1::bytea", [[1, 2]]), EncodeError, /where a Uint8Array is needed$/],
        [() => exec("select $1::point", [[1, 2]]), EncodeError, /where a point \(\{ x, y \}\) is needed$/],
        [() => exec("select $1::point", [{ x: [1], y: 2 }]), EncodeError, /where a number for x is needed$/],
        [() => exec("select $1::int4range", [[1, 2]]), EncodeError, /where a Range is needed$/],
        [() => exec("select 1 where now() in ($1)", [[1, 2]]), EncodeError, /= any\(\$1\)$/],
        [() => exec("select $1", { id: 1 }), UsageError, /"id".*parameters must be in an array, for \$1, \$2, …/],
        [() => exec`select ${1}::int4`, UsageError, /no tag for templates; write exec\(sql`…`\)/],
        [() => exec`select ${[1]}::int4[]`, UsageError, /write exec\(sql`…`\)/],
        [() => query`select 1`, UsageError, /write exec\(sql`…`\)/],
        [() => query`select ${1}`, UsageError, /write exec\(sql`…`\)/],
        [() => query("select $1", [1]), UsageError, /an array; parameters are the second argument of exec/],
        [() => exec({ text: "select $1", values: [1] }), UsageError, /second argument, as in exec\(text, values\)$/],
        [
          () => exec("select 1 where 'a' like '%$1%'", ["a"]),
          UsageError,
          /\$1 is inside of a string.*the % of a pattern/,
        ],
        [() => exec("select 1 -- $1", ["a"]), UsageError, /\$1 is inside of a comment$/],
        [() => exec('select 1 as "$1"', ["a"]), UsageError, /\$1 is inside of a quoted name.*sql\.id/],
        [() => exec("select $1::text", [undefined]), EncodeError, /; NULL is null$/],
        [() => query("select 1", "a"), UsageError, /must be an object such as \{ timeout: 1000 \}$/],
        [() => query("select 1", () => {}), UsageError, /no callback is called; (await|use) what the call returns$/],
        [() => exec("select 'a'", ["a"]), UsageError, /^Cannot bind 1 parameters: the statement has 0$/],
      ]);
    }
    assert.equal(await conn.execValue("select 1"), 1);
  });

  test(`hints: data that is no iterable, given to copyIn (${world.name})`, async () => {
    await using conn = await world.connect(newest.fast);
    await conn.queryDrop("create temporary table t (n int)");
    const copy = (data: unknown): unknown => conn.copyIn("copy t from stdin", data as string);
    const awaits = world.name === "async";
    await saysSo([
      [() => copy(new Blob(["1\n"])), UsageError, awaits ? /of a Blob, blob\.stream\(\)$/ : /new Uint8Array\(await it/],
      [() => copy(new Response("1\n")), UsageError, awaits ? /of a Response or Request, its body$/ : /arrayBuffer/],
      [() => copy(new ArrayBuffer(1)), UsageError, /new Uint8Array\(buffer\)$/],
      [() => copy(Promise.resolve("1\n")), UsageError, /a promise must be awaited first$/],
    ]);
    if (awaits) assert.equal(await conn.copyIn("copy t from stdin", new Response("1\n2\n").body!), 2);
    assert.equal(await conn.copyIn("copy t from stdin", "3\n"), 1);
  });
}

test("hints: objects of another copy of pyro", async () => {
  // Of their classes, pyro sees only the names.
  class SqlTemplate {
    readonly text: string = "select 1";
    then(): void {}
  }
  class Opts {}
  const template = new SqlTemplate() as never;
  const opts = new Opts() as never;
  await using conn = await Conn.connect(newest.fast);
  await saysSo([
    [() => conn.exec(template), UsageError, /this SqlTemplate is of another copy of pyro/],
    [
      () => sql`select ${template}`,
      UsageError,
      /is an sql template; this SqlTemplate is of another copy/,
    ],
    [() => Conn.connect(opts), UsageError, /this Opts is of another copy of pyro/],
    [() => new BlockingConn(opts), UsageError, /this Opts is of another copy of pyro/],
    [() => new Pool(opts), UsageError, /this Opts is of another copy of pyro/],
  ]);
});

test("hints: names of options that other clients have", async () => {
  await saysSo([
    [() => Conn.connect({ database: "test" } as never), UsageError, /"database": use db instead/],
    [() => new BlockingConn({ database: "test" } as never), UsageError, /"database": use db instead/],
    [() => new Pool("pg://", { max: 5 } as never), UsageError, /"max": use poolMaxConcurrency instead$/],
    [() => new BlockingPool("pg://", { max: 5 } as never), UsageError, /"max": use poolMaxConcurrency instead$/],
    [() => new Pool("pg://", { host: "a" } as never), UsageError, /"host": there are poolMaxConcurrency, /],
  ]);
});

test("hints: templates that are awaited, in arrays, in quotes, or made of the arguments of map", async () => {
  const names = ["a", "b"];
  await saysSo([
    [async () => await sql`select 1`, UsageError, /^Cannot await an sql template: nothing was executed/],
    [async () => await Promise.all([sql`select 1`]), UsageError, /nothing was executed/],
    [() => sql`select ${[sql`a`, sql`b`]}`, UsageError, /an array of templates; sql\.join, sql\.and and sql\.or/],
    [() => sql.join([[sql`a`]]), UsageError, /an array of templates/],
    [() => names.map(sql.id as Loose), UsageError, /write names\.map\(\(name\) => sql\.id\(name\)\)$/],
    [() => sql`select 'a' like '%${"a"}%'`.text, UsageError, /the % of a pattern is a part of the value/],
    [() => sql`select 'a' like '${"a"}'`.text, UsageError, /values need no quotes/],
  ]);
  const inArray = async (): Promise<(typeof SQL)[]> => await Promise.resolve([SQL]);
  assert.equal((await inArray())[0], SQL);
  assert.equal(sql`select ${SQL}`.text, "select a");
  assert.deepEqual(sql`select ${[1, 2]}`.values, [[1, 2]]);
});

const SQL = sql`a`;
