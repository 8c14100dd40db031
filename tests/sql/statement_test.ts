/** What a statement is, by its first words and by nothing else. */
import assert from "node:assert/strict";
import {
  commandOf,
  countCopiesIn,
  Effect,
  effectsOfStatement,
  effectsOfStatements,
  highestParameter,
  isPlainRead,
} from "../../src/sql/statement.ts";
import { growsInProportion } from "../support/suite/growth.ts";
import { Random } from "../support/suite/random.ts";
import { test } from "../support/suite/test.ts";

const { None, Copies, Redefines, AltersTypes, DropsStatements, Ends, Varies } = Effect;

/** Statements, and what they do besides giving rows. */
const CASES: readonly (readonly [effects: number, ...statements: string[]])[] = [
  [
    None,
    "",
    ";",
    "-- copy t from stdin",
    "/* drop /* create */ alter */",
    "select 1",
    "select 'create' || E'\\' drop' || $$alter$$ || $a$copy$a$ || U&'search_path'",
    'select "create", copyright, copy_id, created_at from dropped_items',
    "select copy(1), drop, alter from t",
    "insert into copy values ('copy')",
    "with x as (insert into t values (1) returning *) select * from x",
    "merge into t using s on true when matched then delete",
    "select 1 as into",
    "select set_config('app.user', $1, true)",
    "select 'set_config(''search_path'', '''', true)'",
    "update t set role = 'admin', search_path = 'x'",
    "set work_mem = '5MB'",
    "set local lock_timeout = 1",
    "set session characteristics as transaction read only",
    "reset work_mem",
    "discard plans",
    "deallocate all_of_them",
    'deallocate "all"',
    "prepare x as select 1",
    "rollback prepared 'x'",
    "begin",
    "start transaction",
    "savepoint create_it",
    "release s",
    "call create_everything()",
    "do $$ begin raise notice 'x'; end $$",
    "explain select 1",
    "explain (analyze, format json) select 1",
    "explain (select 1)",
    "grant create on schema s to r",
    "comment on table t is 'drop'",
    "truncate t",
    "lock table t",
    "\u017fet search_path = x",
    "\u00a0create table t ()",
    "copyy t from stdin",
    '"copy" t from stdin',
  ],
  [
    Copies,
    "copy t from stdin",
    " \n\t\f\v COPY t TO STDOUT",
    "/* a /* b */ c */ -- d\r copy t from stdin",
    ";; copy(select 1) to stdout",
  ],
  [
    Redefines,
    "create table t ()",
    "CREATE TEMP TABLE t as select 1",
    "/**/create/**/table t ()",
    "drop table t",
    "import foreign schema s from server x into y",
    "select 1 into t",
    "with x as (select 1) select * into t from x",
    "(select 1 into t)",
    "explain analyze create table t as select 1",
    "explain (analyze, verbose) create table t as select 1",
    "explain analyse verbose select 1 into t",
    "set search_path = a",
    "SET LOCAL Search_Path TO a",
    "set session search_path = a",
    'set "search_path" = a',
    "set schema 'a'",
    "set role r",
    "set local role r",
    "set session authorization r",
    "set standard_conforming_strings = off",
    "reset search_path",
    "reset role",
    "reset all",
    "reset session authorization",
    "discard temp",
    "select set_config('search_path', $1, true)",
    "select pg_catalog.set_config ( E'Role' , 'x', false)",
    "select set_config(is_local => true, setting_name => $$search_path$$, new_value => '')",
  ],
  [
    Redefines | AltersTypes,
    "alter table t add c int",
    "alter type p add attribute a int",
    "create or replace view v as select 1",
    "create type p as (a int)",
    "drop type p",
    "drop schema s cascade",
    "commit prepared 'x'",
    "do $$ begin alter table t add c int; end $$",
    "do language plpgsql 'begin execute ''create table t ()''; end'",
  ],
  [DropsStatements, "deallocate all", "DEALLOCATE PREPARE\n ALL", "do $$ begin deallocate all; end $$"],
  [DropsStatements | Redefines, "discard all"],
  [
    Ends,
    "commit",
    "end",
    "abort",
    "rollback",
    "rollback to s",
    "COMMIT AND CHAIN",
    "prepare transaction 'x'",
    "-- x\nrollback",
  ],
  [Varies, "execute x", "EXECUTE x (1)", "fetch all from c", "/* */ FETCH c", "explain analyze execute x"],
];

test("statements: what each does", () => {
  for (const [effects, ...statements] of CASES) {
    for (const sql of statements) assert.equal(effectsOfStatement(sql), effects, sql);
  }
});

test("statements: of several, each counts by its own first words", () => {
  for (const [effects, ...statements] of CASES) {
    for (const sql of statements) {
      // A comment without a newline takes what follows with it.
      assert.equal(effectsOfStatements(`select ';copy'; ${sql}\n; select ';drop'`), effects, sql);
    }
  }
  assert.equal(
    effectsOfStatements("select 1; copy t from stdin; rollback; create table t ()"),
    Copies | Ends | Redefines,
  );
  assert.equal(effectsOfStatements("select ';copy t' -- ;copy t\n, $$;copy t$$, \";copy t\" /* ;copy t */"), None);
});

test("statements: whatever is strewn between words changes nothing", () => {
  const random = new Random(3);
  const noise = [" ", "\n", "\t", "/* ; drop */", "/* /* copy */ ; */", "-- ; alter '\n", "--\r"];
  const ends = ["", " , ';copy'", ' , ";copy"', " , $$;copy$$", " -- ;copy '"];
  const all = CASES.flatMap(([effects, ...statements]) => statements.map((sql) => ({ effects, sql })));
  for (let round = 0; round < 3000; round++) {
    const chosen = Array.from({ length: 1 + random.below(3) }, () => random.pick(all));
    const sql = chosen.map(({ sql }) => {
      const strewn = sql.replaceAll(/(?<=^[\w ]*) /g, () => ` ${random.pick(noise)}${random.pick(noise)}`);
      return `${random.pick(noise)}${strewn}${random.pick(ends)}\n`;
    }).join(random.pick([";", ";;", " ;\n; "]));
    assert.equal(effectsOfStatements(`${sql};`), chosen.reduce((sum, { effects }) => sum | effects, 0), sql);
  }
});

test("statements: semicolons in parentheses and in the bodies of functions end none", () => {
  const rule = "create rule r as on insert to t do also (delete from a; copy t from stdin)";
  const body = "begin atomic select case when true then 1 end; copy t from stdin; end";
  for (const sql of [rule, `create function f() returns int ${body}`]) {
    assert.equal(effectsOfStatements(sql), Redefines, sql);
    assert.equal(effectsOfStatements(`${sql}; rollback`), Redefines | Ends, sql);
    assert.equal(commandOf(sql), "CREATE");
  }
});

test("statements: backslashes are escapes where standard_conforming_strings is off", () => {
  const sql = "select 'a\\'; copy t from stdin --'";
  assert.equal(effectsOfStatements(sql, false), Copies);
  assert.equal(effectsOfStatements(sql, true), None);
});

test("statements: the command of a text with only one", () => {
  const commands: readonly (readonly [sql: string, command: string | undefined])[] = [
    ["select 1", "SELECT"],
    ["/* insert */ -- update\n delete from t;", "DELETE"],
    ["((select 1) union select 2)", "SELECT"],
    [";;\nwith x as (select 1) select 1; ; -- end", "WITH"],
    ["select 1; select 2", undefined],
    ["", undefined],
    ["'select'", undefined],
    ['"select" 1', undefined],
  ];
  for (const [sql, command] of commands) assert.equal(commandOf(sql), command, sql);
});

test("statements: parameters are counted where the server sees them", () => {
  assert.equal(highestParameter("select $1, $12::int, a$99, '$98', \"$97\", $$ $96 $$ -- $95\n /* $94 */"), 12);
  assert.equal(highestParameter("select 1"), 0);
  assert.equal(highestParameter("select $65536"), 65_536);
});

test("statements: what only reads and locks nothing", () => {
  for (const sql of ["select 1", "table t", "values (1)", "select 'for update'", "select locked from clocks"]) {
    assert.equal(isPlainRead(sql), true, sql);
  }
  for (
    const sql of [
      "select 1 into t",
      "select 1 for update",
      "select f_lock(1)",
      "delete from t",
      "with x as (select 1) select 1",
    ]
  ) {
    assert.equal(isPlainRead(sql), false, sql);
  }
});

test("statements: time grows with the length of the text, whatever it is made of", () => {
  const pieces = [
    "(",
    "'",
    "''",
    "$a$",
    "$a",
    "/*",
    "*/",
    "--\n",
    "E'\\",
    '"',
    ";",
    "select into ",
    "'a'\n",
    "set_config('",
    "case begin atomic ",
  ];
  for (const piece of pieces) {
    const text = (count: number): string => `create x; select ${piece.repeat(count / piece.length)}; into set_config`;
    growsInProportion(20_000, (count) => {
      const sql = text(count);
      return () => {
        effectsOfStatements(sql);
        effectsOfStatement(sql);
        commandOf(sql);
        isPlainRead(sql);
      };
    });
  }
});

test("statement: each COPY FROM STDIN is counted, and no other", () => {
  const one = [
    "copy t from stdin",
    "COPY public.t (a, b) FROM STDIN WITH (FORMAT binary)",
    '-- to\n copy /* to */ "to" from stdin;',
    "copy t from/**/stdin csv;;",
    ';copy "from" ("to") from stdin',
  ];
  for (const sql of one) assert.deepEqual(countCopiesIn(sql), { statements: 1, copies: 1 }, sql);
  const none = [
    "copy t to stdout",
    "copy (select a from t) to stdout",
    "copy (select * from stdin) to stdout",
    "copy t from '/tmp/stdin'",
    "copy t from program 'stdin'",
    "select 'copy t from stdin'",
    "select $$copy t from stdin$$",
    "copy t",
    "copy",
    "prepare p as select 1 from stdin",
  ];
  for (const sql of none) assert.deepEqual(countCopiesIn(sql), { statements: 1, copies: 0 }, sql);
  assert.deepEqual(countCopiesIn(""), { statements: 0, copies: 0 });
  assert.deepEqual(countCopiesIn("select 1; copy t from stdin; copy t to stdout; copy u from stdin"), {
    statements: 4,
    copies: 2,
  });
});
