/** Literals whose value depends on when they are parsed. */
import assert from "node:assert/strict";
import { hasRelativeLiteral } from "../../src/sql/relative_literals.ts";
import { test } from "../support/suite/test.ts";

test("relative literals: strings that may stand for a time relative to now", () => {
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
