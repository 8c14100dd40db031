/** copyRows: which row comes first changes nothing, and strings mean what they mean to exec. */
import assert from "node:assert/strict";
import { EncodeError, type PyroError } from "../../mod.ts";
import { attempt } from "../support/suite/call_bodies.ts";
import { conformance } from "../support/suite/worlds.ts";

/** Values for a column that can all be stored, and some that cannot. */
const COLUMNS: readonly [type: string, good: readonly unknown[], bad: readonly unknown[]][] = [
  [
    "timestamptz",
    [null, "2024-01-02T03:04:05.000Z", new Date(0), "2024-01-02 03:04:05+02", Infinity, "infinity"],
    ["tomorrow", "2024-01-02 03:04:05"],
  ],
  ["timestamp", [null, "2024-01-02T03:04", "2024-01-02", Temporal.PlainDateTime.from("2000-01-01T00:00")], [
    "01/02/2024",
  ]],
  ["date", [null, "2024-01-02", "2024-01-02T03:04:05.000Z", new Date(0)], ["2024-02-30"]],
  ["time", [null, "03:04", "03:04:05.678", Temporal.PlainTime.from("01:02")], ["25:00"]],
  ["int4", [null, 1, " 42 ", "-7", 3n], ["x", "2147483648"]],
  ["int8", [null, 1, "9223372036854775807", 5n], ["1.5"]],
  ["float8", [null, 1.5, "1e5", "-inf", "NaN", ".5"], ["1e400"]],
  ["float4", [null, 1.5, "0.1", "Infinity", "7.038531e-26"], ["1e39"]],
  ["bool", [null, true, "yes", "off", "F", "1"], ["maybe"]],
  ["bytea", [null, Uint8Array.of(1), "\\x02", "a\\\\b"], ["\\x1"]],
  ["numeric", [null, "1.50", 7, 2n], ["x"]],
  ["uuid", [null, "00000000-0000-0000-0000-000000000001", "00000000000000000000000000000002"], ["x"]],
  ["json", [null, { a: 1 }, '{"b": 2}'], [Symbol()]],
  ["int4[]", [null, [1], "{1,NULL}", []], ["{"]],
  ["interval", [null, "1 day", Temporal.Duration.from({ hours: 1 })], [1]],
  ["point", [null, { x: 1, y: 2 }, "(3,4)"], ["x"]],
  ["int4range", [null, "[1,5)", "empty"], ["["]],
];

/** Some orders of the values: each once in front. */
function orders(values: readonly unknown[]): unknown[][] {
  return values.map((_, i) => [...values.slice(i), ...values.slice(0, i)]);
}

conformance("copyRows: rows in any order are stored as exec stores them", async (world, server) => {
  await using conn = await world.connect(server.fast);
  for (const [type, good, bad] of COLUMNS) {
    await conn.queryDrop(`drop table if exists pg_temp.t; create temporary table t (v ${type})`);
    const stored = async (): Promise<unknown> => {
      const rows = await conn.query("select v::text as v from t order by 1");
      await conn.queryDrop("truncate t");
      return rows;
    };
    await conn.execBatch("insert into t values ($1)", good.map((value) => [value]));
    const expected = await stored();
    for (const order of orders(good)) {
      await conn.copyRows("t", ["v"], order.map((v) => ({ v })));
      assert.deepEqual(await stored(), expected, `${type}: ${order.map(String)}`);
    }
    const kinds = new Set<string>();
    for (const value of bad) {
      kinds.clear();
      for (const order of [[value, ...good], [...good, value], [null, value, ...good]]) {
        await assert.rejects(attempt(() => conn.copyRows("t", ["v"], order.map((v) => [v]))), (error: PyroError) => {
          kinds.add(error.name);
          assert.doesNotMatch(error.message, /DateStyle/);
          if (error instanceof EncodeError) {
            assert.equal((error as { index?: number }).index, order.indexOf(value), `${type}: ${error}`);
          }
          return true;
        });
      }
      assert.equal(kinds.size, 1, `${type}: ${[...kinds]}`);
      assert.deepEqual(await stored(), [], type);
    }
  }
});

conformance(
  "copyRows: what strings mean in binary is what they mean to exec, or they are refused",
  async (world, server) => {
    await using conn = await world.connect(server.fast);
    const dates = [
      "2024-1-5",
      "0044-03-15 BC",
      "2024-02-29 23:59:59.9999995",
      "20240102",
      "0000-01-01",
      " 2024-01-02 ",
      "-infinity",
    ];
    const times = ["24:00:00", "3:04", "03:04:05,5", "03:04:05.1234565", "03:04:60", "03:04:05+02", "T03:04"];
    const moments = [
      "2024-01-02T03:04:05+0530",
      "2024-01-02 03:04:05 UTC",
      "2024-01-02t03:04:05z",
      "2024-01-02 03:04:05.0000005Z",
    ];
    const more = [
      "0001-01-01 00:00:00+15:59:59 BC",
      "2024-01-02 03:04:05-16",
      "2024-01-02  03:04:05Z",
      "294276-12-31 23:59:59Z",
    ];
    const cases: Record<string, readonly string[]> = {
      date: [...dates, ...moments],
      time: times,
      timestamp: [...dates, ...moments, ...more],
      timestamptz: [...dates, ...moments, ...more],
      bool: ["TRUE", "t", "o", "on", " no ", "2", ""],
      int2: ["+5", "- 5", "32768", "0x1f", "1_000", ""],
      int8: ["-9223372036854775808", "9223372036854775808"],
      oid: ["4294967295", "4294967296"],
      float8: ["+1.5", "1.", ".", "inf", "-Infinity", "nan", "1e-400", "0e-400", "0x10", "1e", ""],
      float4: ["16777217", "1e-50", "3.4028236e38", "7.038531e-26"],
    };
    const failures: string[] = [];
    for (const [type, texts] of Object.entries(cases)) {
      await conn.queryDrop(`drop table if exists pg_temp.t; create temporary table t (v ${type})`);
      const stored = async (call: () => Promise<unknown>): Promise<unknown> => {
        try {
          await attempt(call);
        } catch {
          return "refused";
        }
        const value = await conn.execValue("select v::text from t");
        await conn.queryDrop("truncate t");
        return value;
      };
      for (const text of texts) {
        const copied = await stored(() => conn.copyRows("t", ["v"], [[text]]));
        if (copied === "refused") continue;
        const executed = await stored(() => conn.exec("insert into t values ($1)", [text]));
        if (copied !== executed) failures.push(`${type} ${text}: ${copied} instead of ${executed}`);
      }
    }
    assert.deepEqual(failures, []);
  },
);
