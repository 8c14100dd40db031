/** pgvector's types on a real server. */
import assert from "node:assert/strict";
import { after } from "node:test";
import { type Conn, EncodeError, ServerError, type SparseVector } from "../../mod.ts";
import { Pglite } from "../support/installed/pglite.ts";
import { Random } from "../support/suite/random.ts";
import { test } from "../support/suite/test.ts";
import { worldsOf } from "../support/suite/worlds.ts";

const server = await Pglite.start();
after(() => server[Symbol.asyncDispose]());

/** One connection after the other: the server has no more at a time. */
function inEveryWorld(name: string, body: (conn: Conn) => Promise<void>): void {
  for (const world of worldsOf(name)) {
    test(`pgvector: ${name} (${world.name})`, async () => {
      await using conn = await world.connect(server.url);
      await body(conn);
    });
  }
}

const random = new Random(1729);

/** Singles of any size, as their bits fall. */
const SINGLES = new Float32Array(random.bytes(4 * 1000).buffer).filter(Number.isFinite);

/** All finite halves, as many to a vector as it can have. */
const HALVES = chunks(
  Float32Array.from({ length: 0x1_0000 }, (_, bits) => half(bits)).filter(Number.isFinite),
  16_000,
);

const VALUES: Readonly<Record<string, readonly (Float32Array | SparseVector)[]>> = {
  vector: [
    Float32Array.of(1, 2.5, -3),
    Float32Array.of(0),
    Float32Array.of(-0, 0.1, 2 ** -149, -3.4028234663852886e38),
    // Its text, 7.038531e-26, is nearest to another single once it is rounded to a double.
    new Float32Array(Uint32Array.of(0x15ae43fd).buffer),
    new Float32Array(16_000).fill(-1.5),
    SINGLES,
  ],
  halfvec: [Float32Array.of(1, 2.5, -3), Float32Array.of(-0), ...HALVES],
  sparsevec: [
    { dimensions: 5, indices: [1, 3], values: [1.5, 2] },
    { dimensions: 1, indices: [], values: [] },
    { dimensions: 1_000_000_000, indices: [1, 1_000_000_000], values: [2 ** -149, -3.4028234663852886e38] },
    {
      dimensions: 16_000,
      indices: Array.from(SINGLES, (_, i) => 3 * i + 2),
      values: Array.from(SINGLES, (single) => single === 0 ? 1 : single),
    },
  ],
};

inEveryWorld("values come back the same from query, the first exec and later ones", async (conn) => {
  for (const [type, values] of Object.entries(VALUES)) {
    const table = `${type}s`;
    await conn.queryDrop(`drop table if exists ${table}; create table ${table} (n int4, v ${type})`);
    for (const [n, v] of values.entries()) await conn.execDrop(`insert into ${table} values ($1, $2)`, [n, v]);
    const sql = `select v from ${table} order by n`;
    const rows = values.map((v) => ({ v }));
    assert.deepEqual(await conn.query(sql), rows, `${type} queried`);
    for (let i = 0; i < 3; i++) assert.deepEqual(await conn.exec(sql), rows, `${type} ${i}`);
  }
});

inEveryWorld("parameters are what the server reads in their text", async (conn) => {
  for (
    const [type, value, text] of [
      ["vector", Float32Array.of(1, -2.5, 0.25), "[1,-2.5,0.25]"],
      ["vector", [1, 0.1], "[1,0.1]"],
      ["vector", "[1, 0.1]", "[1,0.1]"],
      ["halfvec", [1, 0.1, 65504], "[1,0.1,65504]"],
      ["sparsevec", { dimensions: 5, indices: [1, 3, 5], values: [1.5, 0, 0.1] }, "{1:1.5,5:0.1}/5"],
    ] as const
  ) {
    for (let i = 0; i < 2; i++) {
      assert.equal(await conn.execValue(`select $1::${type} = '${text}'`, [value]), true, text);
      assert.equal(await conn.execValue(`select $1::${type} = '${text}'`, [null]), null, text);
    }
  }
  assert.equal(await conn.execValue("select '[1,2]'::vector <-> $1", [[4, 6]]), 5);
});

inEveryWorld("singles are rounded to halves as the server does it", async (conn) => {
  const singles = SINGLES.filter((single) => Math.abs(single) < 65_520);
  // Halfway between two halves, and next to it.
  const ties = Array.from({ length: 500 }, () => (2 * random.below(1024) + 2049) * 2 ** (random.below(26) - 24));
  for (const given of [singles, Float32Array.from(ties.filter((tie) => tie < 65_520))]) {
    assert.ok(given.length > 100);
    const [row] = await conn.exec("select $1::halfvec as ours, $2::vector::halfvec as theirs", [given, given]);
    assert.deepEqual(row!["ours"], row!["theirs"]);
  }
});

inEveryWorld("arrays, with NULLs and dimensions", async (conn) => {
  for (const [type, [a, b]] of Object.entries(VALUES)) {
    for (const array of [[], [null], [a], [a, null, b], [[a, b], [null, a]]]) {
      const text = await conn.execValue<string>(`select $1::${type}[]::text`, [array]);
      assert.deepEqual(await conn.query(`select '${text}'::${type}[] as v`), [{ v: array }], `${type}[] queried`);
      for (let i = 0; i < 3; i++) {
        assert.deepEqual(await conn.execValue(`select $1::${type}[]`, [array]), array, `${type}[] ${i}`);
      }
    }
  }
  assert.deepEqual(await conn.execValue("select $1::vector[]", [[[1, 2], [3]]]), [
    Float32Array.of(1, 2),
    Float32Array.of(3),
  ]);
});

inEveryWorld("NULL comes back as null", async (conn) => {
  for (const type of Object.keys(VALUES)) {
    assert.deepEqual(await conn.query(`select null::${type} as v`), [{ v: null }]);
    for (let i = 0; i < 3; i++) assert.equal(await conn.execValue(`select $1::${type}`, [null]), null);
  }
});

inEveryWorld("what the server would refuse is not sent, and the connection goes on", async (conn) => {
  for (
    const [type, value, text, message] of [
      ["vector", [NaN], "[NaN]", /an element must be finite/],
      ["vector", [1, -Infinity], "[1,-Infinity]", /an element must be finite/],
      ["vector", [1e39], "[1e39]", /an element is out of vector's range/],
      ["vector", [], "[]", /it has 0 elements, a vector must have 1 to 16000/],
      ["vector", new Float32Array(16_001), `[${"0,".repeat(16_000)}0]`, /it has 16001 elements/],
      ["halfvec", [NaN], "[NaN]", /an element must be finite/],
      ["halfvec", [65_520], "[65520]", /an element is out of halfvec's range/],
      ["halfvec", new Float32Array(), "[]", /it has 0 elements, a halfvec must have 1 to 16000/],
      ["sparsevec", { dimensions: 2, indices: [1], values: [NaN] }, "{1:NaN}/2", /an element must be finite/],
      ["sparsevec", { dimensions: 0, indices: [], values: [] }, "{}/0", /1 to 1000000000 dimensions/],
      ["sparsevec", { dimensions: 2, indices: [3], values: [1] }, "{3:1}/2", /an index must be an integer/],
      ["sparsevec", { dimensions: 2, indices: [1, 1], values: [1, 2] }, "{1:1,1:2}/2", /the indices must ascend/],
    ] as const
  ) {
    await assert.rejects(async () => await conn.execValue(`select $1::${type}`, [value]), (error: Error) => {
      assert.ok(error instanceof EncodeError, String(error));
      assert.match(error.message, new RegExp(`^Cannot encode parameter \\$1 as ${type}: `));
      assert.match(error.message, message);
      return true;
    });
    await assert.rejects(async () => await conn.execValue(`select $1::${type}`, [text]), ServerError, text);
    assert.equal(await conn.execValue("select 1"), 1);
  }
});

/** The number of these bits, in binary16. */
function half(bits: number): number {
  const exponent = bits >> 10 & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 31) return NaN;
  const size = exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15);
  return bits & 0x8000 ? -size : size;
}

function chunks(elements: Float32Array, size: number): Float32Array[] {
  return Array.from({ length: Math.ceil(elements.length / size) }, (_, i) => elements.slice(i * size, (i + 1) * size));
}
