/** Literals whose value depends on when they are parsed, or on the settings of then. */
import assert from "node:assert/strict";
import { hasRelativeLiteral, hasTimeLiteral } from "../../src/sql/time_literals.ts";
import { test } from "../support/suite/test.ts";

test("time literals: strings that may stand for a time relative to now", () => {
  for (
    const sql of [
      "select 'today'::date",
      "select date 'Tomorrow'",
      "select timestamp with time zone 'now'",
      "select * from t where at > ' yesterday 12:00 ' and id = $1",
      "select '{now,today}'::timestamptz[], '[now,)'::tstzrange",
      "select $$now$$::timestamptz",
    ]
  ) assert.equal(hasRelativeLiteral(sql), true, sql);
  for (
    const sql of [
      "select 1",
      "select now()",
      "update t set a = 'x', changed = now() where b = 'y'",
      `select today, "now" from tomorrow -- 'now'`,
      "select 'nowhere', 'known', 'todays'",
      `select '${"a long text of today ".repeat(20)}'`,
    ]
  ) assert.equal(hasRelativeLiteral(sql), false, sql);
});

test("time literals: strings with a digit", () => {
  for (
    const sql of [
      "select timestamptz '2003-01-01 12:00'",
      "-- don't\nselect '12:00'::time",
      "select $$1 day$$::interval",
      "select $t$2003-01-01$t$",
    ]
  ) assert.equal(hasTimeLiteral(sql), true, sql);
  for (
    const sql of [
      "select 1",
      "select * from t where a = 'x' and b = $1 and c = $2",
      "select 'a' -- '12:00'",
      "select \"2003\", 'b' as c2",
      `select '${"1".repeat(300)}'`,
    ]
  ) assert.equal(hasTimeLiteral(sql), false, sql);
});
