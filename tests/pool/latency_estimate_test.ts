/** Which statements may share a connection. */
import assert from "node:assert/strict";
import { LatencyEstimate } from "../../src/pool/latency_estimate.ts";
import { test } from "../support/suite/test.ts";

/** What a statement costs that has just taken a millisecond. */
function costAfter(sql: string): number {
  const estimate = new LatencyEstimate();
  assert.equal(estimate.costOf(sql), Infinity, "nothing shares before it is known");
  estimate.record(sql, 1);
  return estimate.costOf(sql);
}

test("latency estimate: what reads may share, whatever its case and the white space before it", () => {
  for (
    const sql of ["select 1", "\n  SELECT $1::int", "table t", "values (1)", "select(1)", "-- a comment\nselect 1"]
  ) {
    assert.equal(costAfter(sql), 1, sql);
  }
});

test("latency estimate: words in literals, comments and names of columns are no locks", () => {
  for (const sql of ["select locked_at, clock from t", "select 'for update' -- sleep (1)", "select lock from t"]) {
    assert.equal(costAfter(sql), 1, sql);
  }
});

test("latency estimate: what writes, begins, locks or waits never shares", () => {
  const never = [
    "insert into t values (1)",
    "update t set n = 1",
    "delete from t",
    "with a as (insert into t values (1) returning n) select n from a",
    "begin",
    "start transaction",
    "commit",
    "set search_path = app",
    "lock table t",
    "declare c cursor for select 1",
    "call p()",
    "do $$ begin end $$",
    "listen news",
    "selection",
    "select * from t for update",
    "select * from t FOR NO KEY UPDATE",
    "select * from t for\n  share",
    "select * from t for key share",
    "select pg_advisory_lock(1)",
    "select pg_try_advisory_xact_lock(1)",
    "select pg_sleep(0)",
    "select 1 as a into t",
    "select * from t -- for\n for update",
    'select "pg_advisory_lock" (1)',
    "",
  ];
  for (const sql of never) assert.equal(costAfter(sql), Infinity, sql);
});

test("latency estimate: a slow statement is trusted again step by step", () => {
  const estimate = new LatencyEstimate();
  estimate.record("select 1", 100);
  estimate.record("select 1", 1);
  assert.equal(estimate.costOf("select 1"), 50);
  for (let i = 0; i < 10; i++) estimate.record("select 1", 1);
  assert.equal(estimate.costOf("select 1"), 1);
});

test("latency estimate: what must not share is not measured, and no number of statements is too many", () => {
  const estimate = new LatencyEstimate();
  for (let i = 0; i < 5000; i++) estimate.record(`select ${i}`, 1);
  assert.equal(estimate.costOf("select 4999"), 1);
  for (let i = 0; i < 5000; i++) estimate.record("delete from t", 0);
  assert.equal(estimate.costOf("delete from t"), Infinity);
  estimate.record("select 0", 2);
  assert.equal(estimate.costOf("select 0"), 2);
});
