import assert from "node:assert/strict";
import { DecodeError, ProtocolError, UsageError } from "../../src/errors.ts";
import { DEFAULT_CHOICES } from "../../src/options/choices.ts";
import { SimpleQuery } from "../../src/protocol/simple_query.ts";
import {
  AffectedRows,
  AllResults,
  AllRows,
  FirstRow,
  FirstValue,
  OnlyResult,
  type ResultCollector,
} from "../../src/rows/collectors.ts";
import { Registry } from "../../src/codecs/registry.ts";
import {
  commandComplete,
  concat,
  dataRow,
  emptyQueryResponse,
  message,
  readyForQuery,
  rowDescription,
} from "../support/scripted/backend.ts";
import { type Outcome, reply } from "../support/scripted/feed.ts";
import { test } from "../support/suite/test.ts";

const registry = new Registry(DEFAULT_CHOICES);
const COLUMNS = rowDescription([["a", 23], ["b", 25]]);
const TWO_ROWS = concat(COLUMNS, dataRow("1", "x"), dataRow("2", null), commandComplete("SELECT 2"));
const NO_ROWS = concat(COLUMNS, commandComplete("SELECT 0"));
const COMMAND = commandComplete("INSERT 0 3");

const SINKS: Readonly<Record<string, () => ResultCollector<unknown>>> = {
  "all rows": () => new AllRows("array"),
  "first row": () => new FirstRow("array"),
  "only row": () => new FirstRow("array", true),
  "first value": () => new FirstValue(),
  "affected": () => new AffectedRows(),
  "all results": () => new AllResults("array"),
  "only result": () => new OnlyResult("array"),
};

test("all rows: as objects or as arrays", () => {
  assert.deepEqual(given(() => new AllRows("object"), TWO_ROWS), [{ a: 1, b: "x" }, { a: 2, b: null }]);
  assert.deepEqual(given(() => new AllRows("array"), TWO_ROWS), [[1, "x"], [2, null]]);
});

test("all rows: of the last statement that gives rows, even if it has none", () => {
  assert.deepEqual(given(() => new AllRows("array"), TWO_ROWS, COMMAND), [[1, "x"], [2, null]]);
  assert.deepEqual(given(() => new AllRows("array"), TWO_ROWS, NO_ROWS), []);
  assert.deepEqual(given(() => new AllRows("array"), COMMAND), []);
  assert.deepEqual(given(() => new AllRows("array"), emptyQueryResponse()), []);
});

test("first row: null where there is none", () => {
  assert.deepEqual(given(() => new FirstRow("object"), TWO_ROWS), { a: 1, b: "x" });
  assert.deepEqual(given(() => new FirstRow("array"), TWO_ROWS, COMMAND), [1, "x"]);
  assert.equal(given(() => new FirstRow("array"), TWO_ROWS, NO_ROWS), null);
  assert.equal(given(() => new FirstRow("array"), COMMAND), null);
});

test("first row: the others are not decoded", () => {
  const reply = concat(rowDescription({ a: 23 }), dataRow("1"), dataRow("no number"), commandComplete("SELECT 2"));
  assert.deepEqual(given(() => new FirstRow("array"), reply), [1]);
});

test("only row: one, no more, no less", () => {
  const one = concat(COLUMNS, dataRow("1", "x"), commandComplete("SELECT 1"));
  assert.deepEqual(given(() => new FirstRow("array", true), one), [1, "x"]);
  assert.deepEqual(given(() => new FirstRow("array", true), TWO_ROWS, one), [1, "x"]);
  for (const [replies, count] of [[TWO_ROWS, 2], [NO_ROWS, 0], [COMMAND, 0], [emptyQueryResponse(), 0]] as const) {
    const { failure, session } = outcome(() => new FirstRow("array", true), replies);
    assert.ok(failure?.kind === "unusable" && failure.error instanceof UsageError);
    assert.match(failure.error.message, new RegExp(`returned ${count} rows`));
    assert.equal(session.lost, undefined);
  }
});

test("first value: null for NULL, for no row and for no column", () => {
  assert.equal(given(() => new FirstValue(), TWO_ROWS), 1);
  assert.equal(
    given(() => new FirstValue(), rowDescription({ a: 23 }), dataRow(null), commandComplete("SELECT 1")),
    null,
  );
  assert.equal(given(() => new FirstValue(), NO_ROWS), null);
  assert.equal(given(() => new FirstValue(), rowDescription({}), dataRow(), commandComplete("SELECT 1")), null);
  assert.equal(given(() => new FirstValue(), COMMAND), null);
});

test("affected: the last statement's number, rows not decoded", () => {
  assert.equal(given(() => new AffectedRows(), COMMAND), 3);
  assert.equal(given(() => new AffectedRows(), COMMAND, TWO_ROWS), 2);
  assert.equal(
    given(() => new AffectedRows(), rowDescription({ a: 23 }), dataRow("no number"), commandComplete("SELECT 1")),
    1,
  );
});

test("results: columns, rows, command and number", () => {
  const expected = {
    rows: [{ a: 1, b: "x" }, { a: 2, b: null }],
    columns: [column("a", 23), column("b", 25)],
    command: "SELECT",
    affected: 2,
    count: 2,
  };
  const inserted = { rows: [], columns: [], command: "INSERT", affected: 3, count: 3 };
  assert.deepEqual(given(() => new OnlyResult("object"), TWO_ROWS), expected);
  assert.deepEqual(given(() => new AllResults("object"), TWO_ROWS, COMMAND), [expected, inserted]);
  assert.deepEqual(given(() => new OnlyResult("object"), emptyQueryResponse()), {
    ...inserted,
    command: "",
    affected: 0,
    count: null,
  });
});

test("sinks: a value that cannot be decoded fails the call, after the whole reply", () => {
  const bad = concat(rowDescription({ a: 23 }), dataRow("no number"), dataRow("2"), commandComplete("SELECT 2"));
  for (const [name, collector] of Object.entries(SINKS)) {
    if (name === "affected") continue;
    const { failure, session } = outcome(collector, bad, TWO_ROWS);
    assert.ok(failure?.kind === "unusable" && failure.error instanceof DecodeError, name);
    assert.match(failure.error.message, /column 1 "a" as int4/);
    assert.equal(session.lost, undefined);
  }
});

test("sinks: of several problems the first is told", () => {
  const two = concat(
    rowDescription({ a: 23, b: 23 }),
    dataRow("1", "x"),
    dataRow("x", "1"),
    commandComplete("SELECT 2"),
  );
  const { failure } = outcome(() => new AllRows("array"), two);
  assert.match(failure?.kind === "unusable" ? failure.error.message : "", /column 2 "b"/);
});

test("sinks: a number of affected rows over 2^53 fails the calls that give it", () => {
  const huge = commandComplete("SELECT 9007199254740993");
  for (const name of ["affected", "all results", "only result"]) {
    const { failure, session } = outcome(SINKS[name]!, huge);
    assert.ok(failure?.kind === "unusable" && failure.error instanceof DecodeError, name);
    assert.equal(session.lost, undefined);
  }
  assert.deepEqual(given(() => new AllRows("array"), huge), []);
});

test("sinks: a malformed row ends the connection", () => {
  const rows = [
    message("D"),
    message("D", (out) => out.byte(0)),
    message("D", (out) => out.int16(2)),
    dataRow(),
    dataRow("1", "2"),
    message("D", (out) => {
      out.int16(1);
      out.int32(5);
      out.text("1234");
    }),
    message("D", (out) => {
      out.int16(1);
      out.int32(-2);
    }),
    message("D", (out) => {
      out.int16(1);
      out.int32(0x7fff_ffff);
    }),
    message("D", (out) => {
      out.int16(1);
      out.int32(-1);
      out.byte(0);
    }),
    message("D", (out) => {
      out.int16(1);
      out.int32(3);
      out.text("1234");
    }),
  ];
  for (const [name, collector] of Object.entries(SINKS)) {
    if (name === "affected") continue;
    for (const row of rows) {
      // At once: nothing else has to come.
      const { failure, session } = reply(
        () => new SimpleQuery("sql", collector(), registry),
        concat(rowDescription({ a: 23 }), row),
      );
      assert.equal(failure?.kind, "malformed", name);
      assert.ok(session.lost instanceof ProtocolError, name);
    }
  }
});

test("sinks: rows are checked the same after many of them", () => {
  const good = concat(rowDescription({ a: 25 }), ...Array.from({ length: 200 }, (_, i) => dataRow(String(i))));
  assert.equal((given(() => new AllRows("array"), good, commandComplete("SELECT 200")) as unknown[]).length, 200);
  for (const row of [dataRow(), dataRow("1", "2"), message("D", (out) => out.bytes(new Uint8Array(7)))]) {
    const { session } = outcome(() => new AllRows("array"), good, row, commandComplete("SELECT 201"));
    assert.ok(session.lost instanceof ProtocolError);
  }
});

function given(collector: () => ResultCollector<unknown>, ...messages: Uint8Array[]): unknown {
  const { failure, value } = outcome(collector, ...messages);
  assert.equal(failure, undefined);
  return value;
}

function outcome(collector: () => ResultCollector<unknown>, ...messages: Uint8Array[]): Outcome<unknown> {
  return reply(() => new SimpleQuery("sql", collector(), registry), concat(...messages, readyForQuery()));
}

function column(name: string, typeOid: number): unknown {
  return { name, typeOid, typeSize: -1, typeModifier: -1, tableOid: 0, columnNumber: 0 };
}
