import assert from "node:assert/strict";
import { redactedSql } from "../../src/sql/redaction.ts";
import { test } from "../support/suite/test.ts";

/** SQL, and what may be seen of it. */
const CASES: readonly (readonly [sql: string, redacted: string])[] = [
  ["select 1", "select ?"],
  ["", ""],
  ["select $1::int4 + $22", "select $1::int4 + $22"],
  // Numbers.
  ["select 1.5, .5, 5., 1e10, 1.5E-3, .5e+2", "select ?, ?, ?, ?, ?, ?"],
  ["select 0x1F, 0o17, 0b10, 1_000_000, 0x_ff", "select ?, ?, ?, ?, ?"],
  ["select -1, +2, 3-4, 3--4\n", "select -?, +?, ?-?, ?"],
  ["select t1.c2, _3, a$4, é5 from t6", "select t1.c2, _3, a$4, é5 from t6"],
  ["select a[1:2], int4range(1,2)", "select a[?:?], int4range(?,?)"],
  ["for i in 1..10 loop", "for i in ?..? loop"],
  ["limit 10offset 5", "limit ?offset ?"],
  // Strings.
  ["select 'it''s', ''", "select ?, ?"],
  ["select 'a\\' , b", "select ? , b"],
  ["select 'a'\n  'b'", "select ?"],
  ["select 'a' 'b'", "select ? ?"],
  ["select 'a' -- c ' d\n 'b' as x", "select ? as x"],
  ["select E'it\\'s', e'\\\\', b", "select ?, ?, b"],
  ["select E'a\\\\''b' , c", "select ? , c"],
  ["select E'a'\n'b\\'c' , d", "select ? , d"],
  ["select B'101', x'1F', N'n', U&'d\\0061t' UESCAPE '!'", "select ?, ?, ?, ? UESCAPE ?"],
  ["select date'2024-01-01', name'x'", "select date?, name?"],
  ["select 'open", "select ?"],
  ["select E'open\\", "select ?"],
  ["select 'ends with a quote ''", "select ?"],
  // Names.
  ['select "a 1 \'b\'", "c""d 2"', 'select "a 1 \'b\'", "c""d 2"'],
  ['select U&"d\\0061t" from "x-- y"', 'select U&"d\\0061t" from "x-- y"'],
  ['select "open 1', 'select "open 1'],
  // Dollar quotes.
  ["do $$ begin raise 'x'; end $$", "do ?"],
  ["select $a$ $$ $b$ $a$, $a$x$a$", "select ?, ?"],
  ["select $é1$x$é1$, 2", "select ?, ?"],
  ["select a$b$c from t where a$b$ = 1", "select a$b$c from t where a$b$ = ?"],
  ["select $$open", "select ?"],
  ["select $1$2", "select $1$2"],
  ["select $ 1", "select $ ?"],
  // Comments.
  ["select 1 -- secret 'x'\nfrom t", "select ?  \nfrom t"],
  ["select /* 'a /* nested */ b' */ 1", "select   ?"],
  ["/* open 'secret'", ""],
  ["select 5 */ 2 / 1 * 3", "select ? */ ? / ? * ?"],
  ["select '/* no comment */', \"--\" ", 'select ?, "--"'],
  ["-- only", ""],
  ["select a<-1, b->'k', c->>'k' #> '{a}'", "select a<-?, b->?, c->>? #> ?"],
];

test("redacted SQL: literals are question marks, everything else stays", () => {
  for (const [sql, redacted] of CASES) assert.equal(redactedSql(sql), redacted, sql);
});

test("redacted SQL: what was redacted stays as it is", () => {
  for (const [, redacted] of CASES) assert.equal(redactedSql(redacted), redacted);
});

test("redacted SQL: a secret does not show, wherever the text ends", () => {
  const sql = "insert into t values (E'\\'secret', 'secret', $x$secret$x$, U&'secret') -- secret\n/* secret */";
  for (let end = 0; end <= sql.length; end++) assert.doesNotMatch(redactedSql(sql.slice(0, end)), /secret/);
});

test("redacted SQL: long literals and deep comments are no problem", () => {
  const size = 1_000_000;
  assert.equal(redactedSql(`select '${"x''".repeat(size)}', E'${"\\'".repeat(size)}'`), "select ?, ?");
  assert.equal(redactedSql(`select ${"'a'\n".repeat(size / 10)}, ${"/*".repeat(size)}`), "select ?\n,");
  assert.equal(redactedSql(`select $a$${"$b".repeat(size)}$a$`), "select ?");
});
