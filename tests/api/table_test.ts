import assert from "node:assert/strict";
import { notebookTable, table, type TableRows } from "../../src/api/table.ts";
import { Interval } from "../../src/codecs/interval.ts";
import { Range } from "../../src/codecs/range.ts";
import { UsageError } from "../../src/errors.ts";
import { refusal } from "../support/suite/refusal.ts";
import { test } from "../support/suite/test.ts";

const people = [
  { id: 1, name: "Ada", born: "1815-12-10", n: null },
  { id: 20n, name: "Alan", born: null, n: 1.5 },
];

/** The text without the indentation of this file. */
function lines(text: string): string {
  return text.replace(/^\n/, "").replace(/^ {4}/gm, "").replace(/^ +$/gm, "");
}

test("table: numbers to the right, names centred, null marked", () => {
  assert.equal(
    table(people),
    lines(`
     id | name |    born    |  n
    ----+------+------------+-----
      1 | Ada  | 1815-12-10 |   ∅
     20 | Alan | ∅          | 1.5
    (2 rows)
    `),
  );
});

test("table: the columns, and what stands for null, can be chosen", () => {
  assert.equal(
    table(people, { columns: ["n", "name", "missing"], null: "NULL" }),
    lines(`
      n   | name | missing
    ------+------+---------
     NULL | Ada  |
      1.5 | Alan |
    (2 rows)
    `),
  );
});

test("table: no rows, one row, rows of other keys, rows that are arrays", () => {
  assert.equal(table([]), "(0 rows)\n");
  assert.equal(table([{ a: 1 }]), " a\n---\n 1\n(1 row)\n");
  assert.equal(table([{ a: 1 }, { b: "x" }]), " a | b\n---+---\n 1 |\n   | x\n(2 rows)\n");
  assert.equal(table([[1, "x"]]), " column1 | column2\n---------+---------\n       1 | x\n(1 row)\n");
  assert.equal(table([[1, "x"]], { columns: ["n", "text"] }), " n | text\n---+------\n 1 | x\n(1 row)\n");
});

test("table: a result has its columns without rows, and the types of numbers that are texts", () => {
  const column = { typeSize: -1, typeModifier: -1, tableOid: 0, columnNumber: 0 };
  const columns = [{ ...column, name: "price", typeOid: 1700 }, { ...column, name: "note", typeOid: 25 }];
  assert.equal(table({ rows: [], columns }), " price | note\n-------+------\n(0 rows)\n");
  assert.equal(
    table({ rows: [{ price: "9.50", note: "9.50" }], columns }),
    " price | note\n-------+------\n  9.50 | 9.50\n(1 row)\n",
  );
  assert.equal(table({ rows: [["1", "2"]], columns }), " price | note\n-------+------\n     1 | 2\n(1 row)\n");
});

test("table: expanded, with a line for each value", () => {
  assert.equal(
    table(people, { columns: ["id", "name"], expanded: true }),
    "-[ RECORD 1 ]\nid   | 1\nname | Ada\n-[ RECORD 2 ]\nid   | 20\nname | Alan\n",
  );
  assert.equal(
    table([{ a: "a long value here" }], { expanded: true }),
    "-[ RECORD 1 ]--------\na | a long value here\n",
  );
  assert.equal(table([], { expanded: true }), "(0 rows)\n");
});

test("table: values of all kinds have one line", () => {
  const cells: [unknown, string][] = [
    [true, "true"],
    [9007199254740993n, "9007199254740993"],
    [Uint8Array.of(0, 171), "\\x00ab"],
    [new Date(0), "1970-01-01T00:00:00.000Z"],
    [new Date(NaN), "Invalid Date"],
    [new Interval({ days: 1 }), "P1D"],
    [new Range(1, 5), "[1,5)"],
    [[1, null, 9007199254740993n], "[1,null,9007199254740993]"],
    [{ a: [1], b: "x" }, '{"a":[1],"b":"x"}'],
    ["two\nlines\tand \x1b[2J", "two\\nlines\\tand \\x1b[2J"],
    [undefined, ""],
    [-0, "0"],
    [NaN, "NaN"],
  ];
  if ("Temporal" in globalThis) cells.push([Temporal.PlainDate.from("2000-01-01"), "2000-01-01"]);
  for (const [value, text] of cells) {
    assert.equal(table([{ value }]).split("\n")[2]!.trim(), text);
  }
});

test("table: long values are cut, wide characters take two columns", () => {
  assert.equal(
    table([{ text: "x".repeat(100) }], { maxWidth: 5 }),
    " text\n-------\n xxxx…\n(1 row)\n",
  );
  assert.equal(table([{ a: "日本", b: 1 }, { a: "abcd", b: 2 }]).split("\n")[2], " 日本 | 1");
  assert.ok(table([{ text: "x".repeat(100) }]).split("\n")[2]!.length < 64);
});

test("table: what is no rows is refused", () => {
  for (const rows of [null, undefined, 1, "rows", {}, [1], [null], { rows: 1 }]) {
    assert.match(refusal(UsageError, () => table(rows as TableRows)), /give an array of rows, or the result of run/);
  }
  assert.match(refusal(UsageError, () => table([], { width: 1 } as never)), /"width": there are columns, null/);
  assert.match(refusal(UsageError, () => table([], 40 as never)), /^Cannot use the options: /);
  for (const maxWidth of ["x", 0, NaN, null] as never[]) {
    assert.match(refusal(UsageError, () => table([], { maxWidth })), /^Cannot set maxWidth to .+: /);
  }
  assert.match(refusal(UsageError, () => table([], { columns: "name" as never })), /^Cannot set columns to "name": /);
});

test("table: notebooks get it as HTML", () => {
  const shown = notebookTable([{ id: 1, name: "<b> & co" }]);
  assert.equal(String(shown), table([{ id: 1, name: "<b> & co" }]));
  const display = (shown as unknown as Record<symbol, () => Record<string, string>>)[Symbol.for("Jupyter.display")]!;
  assert.deepEqual(display(), {
    "text/plain": String(shown),
    "text/html": "<table><thead><tr><th>id</th><th>name</th></tr></thead><tbody>" +
      '<tr><td style="text-align: right">1</td><td>&lt;b&gt; &amp; co</td></tr></tbody></table>',
  });
});
