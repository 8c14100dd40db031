import assert from "node:assert/strict";
import { Conn, DecodeError, EncodeError, Opts, type PyroError } from "../../mod.ts";
import type { TestServer } from "../support/suite/servers.ts";
import { conformance } from "../support/suite/worlds.ts";

/** A schema with composites that are one in the other: `c0` is in `c1`, and so on up to `c999`. */
async function nested(server: TestServer): Promise<{ opts: Opts } & AsyncDisposable> {
  const name = `nested_${crypto.randomUUID().replaceAll("-", "")}`;
  const conn = await Conn.connect(new Opts(server.admin).db("test_db"));
  await conn.queryDrop(`create schema ${name}; grant usage on schema ${name} to public; set search_path = ${name}`);
  await conn.queryDrop("create type c0 as (n int4)");
  for (let from = 1; from < DEPTH; from += 100) {
    const types = Array.from({ length: 100 }, (_, i) => from + i).filter((i) => i < DEPTH);
    await conn.queryDrop(types.map((i) => `create type c${i} as (x c${i - 1})`).join(";"));
  }
  return {
    opts: new Opts(server.fast).param("search_path", name),
    async [Symbol.asyncDispose]() {
      await conn.queryDrop(`drop schema ${name} cascade`);
      await conn.close();
    },
  };
}

conformance("nesting: a type 1000 types deep costs its values, not the connection", async (world, server) => {
  await using types = await nested(server);
  await using conn = await world.connect(types.opts);
  const deep = `c${DEPTH - 1}`;
  const fails = async (call: () => Promise<unknown>, kind: new (...args: never[]) => PyroError): Promise<void> => {
    await assert.rejects(async () => await call(), (error: Error) => {
      assert.ok(error instanceof kind, String(error));
      assert.match(
        error.message,
        new RegExp(`as _?${deep}: its types are nested more than 100 deep`),
      );
      return true;
    });
    assert.equal(await conn.execValue("select 1"), 1);
  };
  for (const value of [`row(null)::${deep}`, `array[row(null)::${deep}]`]) {
    const sql = `select ${value} as v`;
    await fails(() => conn.query(sql), DecodeError);
    for (let i = 0; i < 2; i++) await fails(() => conn.exec(sql), DecodeError);
    await fails(() => conn.exec(`${sql} where $1`, [true]), DecodeError);
  }
  await fails(() => conn.exec(`select $1::${deep}`, [{ x: null }]), EncodeError);
  await fails(() => conn.exec(`select $1::${deep}[]`, [[{ x: null }]]), EncodeError);
  // NULL is no deeper than any other, text is taken as it is, and what is less deep is read.
  assert.equal(await conn.execValue(`select null::${deep}`), null);
  assert.equal(await conn.execValue(`select ($1::${deep}) is null`, ["()"]), true);
  assert.deepEqual(await conn.execValue("select row(row(null))::c90"), { x: { x: null } });
  assert.deepEqual(await conn.execValue("select $1::c2", [{ x: { x: { n: 7 } } }]), { x: { x: { n: 7 } } });
});

const DEPTH = 1000;
