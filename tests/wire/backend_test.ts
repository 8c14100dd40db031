import assert from "node:assert/strict";
import { DecodeError, ProtocolError } from "../../src/errors.ts";
import {
  affectedRows,
  backendKeyData,
  commandTag,
  negotiateProtocolVersion,
  notification,
  parameterDescription,
  parameterStatus,
  rowDescription,
  serverFields,
} from "../../src/wire/backend.ts";
import { PROTOCOL_3_0, PROTOCOL_3_2 } from "../../src/wire/codes.ts";
import type { Inbox } from "../../src/wire/inbox.ts";
import type { Outbox } from "../../src/wire/outbox.ts";
import * as backend from "../support/scripted/backend.ts";
import { reading } from "../support/scripted/received.ts";
import { test } from "../support/suite/test.ts";

test("error fields: all that the manual lists", () => {
  const values: Record<string, string> = {
    S: "FEHLER",
    V: "ERROR",
    C: "23505",
    M: "message",
    D: "detail",
    H: "hint",
    P: "7",
    p: "8",
    q: "internal query",
    W: "where",
    s: "schema",
    t: "table",
    c: "column",
    d: "type",
    n: "constraint",
    F: "file.c",
    L: "99",
    R: "routine",
  };
  assert.deepEqual(serverFields(reading(fields(values))), {
    severity: "ERROR",
    code: "23505",
    message: "message",
    detail: "detail",
    hint: "hint",
    internalQuery: "internal query",
    where: "where",
    schema: "schema",
    table: "table",
    column: "column",
    dataType: "type",
    constraint: "constraint",
    file: "file.c",
    routine: "routine",
    position: 7,
    internalPosition: 8,
    line: 99,
  });
});

test("error fields: unknown ones are ignored, absent ones are not there", () => {
  const read = serverFields(reading(fields({ S: "FATAL", C: "57P01", M: "m", Z: "of the future" })));
  assert.deepEqual(read, { severity: "FATAL", code: "57P01", message: "m" });
});

test("error fields: without any, it is still an error", () => {
  const { severity, code, message } = serverFields(reading(fields({})));
  assert.equal(severity, "ERROR");
  assert.equal(code, "XX000");
  assert.notEqual(message, "");
});

test("parameter status: name and value", () => {
  const inbox = reading(body((out) => {
    out.cstring("TimeZone");
    out.cstring("Europe/Zürich");
  }));
  assert.deepEqual(parameterStatus(inbox), { name: "TimeZone", value: "Europe/Zürich" });
});

test("notification: process, channel, payload", () => {
  const inbox = reading(body((out) => {
    out.int32(0xffff_fff0);
    out.cstring("channel");
    out.cstring("");
  }));
  assert.deepEqual(notification(inbox), { channel: "channel", payload: "", pid: 0xffff_fff0 });
});

test("backend key data: an unsigned process ID and a key of four bytes", () => {
  const { processId, secret } = backendKeyData(
    reading(backend.backendKeyData(0xffff_ffff, new Uint8Array([9, 8, 7, 6]))),
    PROTOCOL_3_0,
  );
  assert.equal(processId, 0xffff_ffff);
  assert.deepEqual([...secret], [9, 8, 7, 6]);
});

test("backend key data: a key of another length than the version has is refused", () => {
  const read = (length: number, version: number): number =>
    backendKeyData(reading(backend.backendKeyData(1, new Uint8Array(length))), version).secret.length;
  for (const length of [0, 3, 5, 32, 256]) assert.throws(() => read(length, PROTOCOL_3_0), ProtocolError);
  for (const length of [0, 3, 257]) assert.throws(() => read(length, PROTOCOL_3_2), ProtocolError);
  for (const length of [4, 5, 32, 256]) assert.equal(read(length, PROTOCOL_3_2), length);
});

test("protocol negotiation: version and options", () => {
  const inbox = reading(body((out) => {
    out.int32(0x0003_0000);
    out.int32(2);
    out.cstring("_pq_.a");
    out.cstring("_pq_.b");
  }));
  assert.deepEqual(negotiateProtocolVersion(inbox), { version: 0x0003_0000, unknownOptions: ["_pq_.a", "_pq_.b"] });
});

test("parameter description: OIDs, as many as the protocol allows", () => {
  assert.deepEqual(parameterDescription(reading(backend.parameterDescription())), []);
  assert.deepEqual(parameterDescription(reading(backend.parameterDescription(23, 0xffff_fffe))), [23, 0xffff_fffe]);
  const many = Array.from({ length: 65_535 }, (_, i) => i);
  assert.deepEqual(parameterDescription(reading(backend.parameterDescription(...many))), many);
});

test("row description: columns and formats", () => {
  const { columns, formats } = rowDescription(reading(body((out) => {
    out.int16(2);
    column(out, "né", 0xffff_fff0, -1, 0xffff_fff1, 8, 260, 1);
    column(out, "", 0, 0, 25, -1, -1, 0);
  })));
  assert.deepEqual(columns, [
    { name: "né", tableOid: 0xffff_fff0, columnNumber: -1, typeOid: 0xffff_fff1, typeSize: 8, typeModifier: 260 },
    { name: "", tableOid: 0, columnNumber: 0, typeOid: 25, typeSize: -1, typeModifier: -1 },
  ]);
  assert.deepEqual(formats, [1, 0]);
});

test("row description: no columns", () => {
  assert.deepEqual(rowDescription(reading(backend.rowDescription({}))), { columns: [], formats: [] });
});

test("row description: a format other than text and binary is refused", () => {
  for (const format of [2, -1]) {
    const bytes = body((out) => {
      out.int16(1);
      column(out, "a", 0, 0, 25, -1, -1, format);
    });
    assert.throws(() => rowDescription(reading(bytes)), ProtocolError);
  }
});

test("command tag: the number is the last word", () => {
  const tags: [string, string, number][] = [
    ["INSERT 0 5", "INSERT", 5],
    ["INSERT 0 0", "INSERT", 0],
    ["SELECT 3", "SELECT", 3],
    ["SELECT 0", "SELECT", 0],
    ["COPY 7", "COPY", 7],
    ["MERGE 2", "MERGE", 2],
    ["UPDATE 9007199254740991", "UPDATE", Number.MAX_SAFE_INTEGER],
    ["CREATE TABLE", "CREATE TABLE", 0],
    ["REFRESH MATERIALIZED VIEW", "REFRESH MATERIALIZED VIEW", 0],
    ["BEGIN", "BEGIN", 0],
    ["", "", 0],
    ["7", "7", 0],
    ["SELECT -1", "SELECT -1", 0],
    ["SELECT 1x", "SELECT 1x", 0],
  ];
  for (const [tag, command, affected] of tags) {
    assert.deepEqual(commandTag(reading(backend.commandComplete(tag))), {
      command,
      affected,
      count: command === tag ? null : affected,
    }, tag);
  }
});

test("command tag: a number that JavaScript cannot hold is not rounded", () => {
  for (const count of ["9007199254740992", "18446744073709551615"]) {
    assert.throws(() => commandTag(reading(backend.commandComplete(`SELECT ${count}`))), DecodeError);
    assert.throws(() => affectedRows(reading(backend.commandComplete(`SELECT ${count}`))), DecodeError);
  }
});

test("command tag: the count alone is the same", () => {
  const parts = [
    "INSERT",
    "SELECT",
    "CREATE TABLE",
    "É",
    "0",
    "7",
    "42",
    "999999999999999",
    "9007199254740991",
    "x1",
    "",
  ];
  for (const first of parts) {
    for (const second of parts) {
      for (const third of parts) {
        for (const tag of [first, `${first} ${second}`, `${first} ${second} ${third}`, `${first}${second}`]) {
          const inbox = reading(backend.commandComplete(tag));
          assert.equal(affectedRows(inbox), commandTag(reading(backend.commandComplete(tag))).affected, tag);
          assert.equal(inbox.pos, inbox.limit);
        }
      }
    }
  }
});

test("command tag: the longest possible is read in no time", () => {
  for (const tag of [" 0".repeat(14_000), `${" 1".repeat(14_000)}x`, `SELECT ${"1".repeat(29_000)}x`]) {
    const start = performance.now();
    commandTag(reading(backend.commandComplete(tag)));
    assert.ok(performance.now() - start < 500);
  }
});

test("messages: one byte less, or one more, is refused", () => {
  const messages: [(inbox: Inbox) => unknown, Uint8Array][] = [
    [serverFields, fields({ S: "ERROR", C: "42601", M: "m" })],
    [parameterStatus, backend.parameterStatus("a", "b")],
    [notification, backend.notificationResponse("channel", "payload")],
    [(inbox) => backendKeyData(inbox, PROTOCOL_3_0), backend.backendKeyData()],
    [
      negotiateProtocolVersion,
      body((out) => {
        out.int32(0x0003_0000);
        out.int32(1);
        out.cstring("_pq_.a");
      }),
    ],
    [parameterDescription, backend.parameterDescription(23, 25)],
    [rowDescription, backend.rowDescription({ a: 23, b: 25 })],
    [commandTag, backend.commandComplete("INSERT 0 1")],
    [affectedRows, backend.commandComplete("INSERT 0 1")],
  ];
  for (const [read, whole] of messages) {
    const content = whole.subarray(5);
    read(reading(body((out) => out.bytes(content))));
    for (let length = 0; length < content.length; length++) {
      const cut = body((out) => out.bytes(content.subarray(0, length)));
      assert.throws(() => read(reading(cut)), ProtocolError, `${read.name} of ${length} bytes`);
    }
    const longer = body((out) => {
      out.bytes(content);
      out.byte(0);
    });
    assert.throws(() => read(reading(longer)), ProtocolError, `${read.name} with a byte more`);
  }
});

/** A message of any type: readers look at the body only. */
function body(write: (out: Outbox) => void): Uint8Array {
  return backend.message("d", write);
}

function fields(values: Readonly<Record<string, string>>): Uint8Array {
  return body((out) => {
    for (const [letter, value] of Object.entries(values)) {
      out.byte(letter.charCodeAt(0));
      out.cstring(value);
    }
    out.byte(0);
  });
}

function column(out: Outbox, name: string, ...numbers: [number, number, number, number, number, number]): void {
  const [table, attribute, type, size, modifier, format] = numbers;
  out.cstring(name);
  out.int32(table);
  out.int16(attribute);
  out.int32(type);
  out.int16(size);
  out.int32(modifier);
  out.int16(format);
}

test("error fields: a place that is no number is left out", () => {
  assert.equal("position" in serverFields(reading(fields({ P: "x", L: "" }))), false);
});

test("negotiation: a negative count of options is refused", () => {
  const body = backend.message("v", (out) => {
    out.int32(0x30000);
    out.int32(-1);
  });
  assert.throws(() => negotiateProtocolVersion(reading(body)), ProtocolError);
});

test("command tag: the OID of an INSERT is no part of the command, a number elsewhere is", () => {
  assert.deepEqual(commandTag(reading(backend.commandComplete("INSERT 16400 1"))), {
    command: "INSERT",
    affected: 1,
    count: 1,
  });
  assert.deepEqual(commandTag(reading(backend.commandComplete("SOMETHING 7 1"))), {
    command: "SOMETHING 7",
    affected: 1,
    count: 1,
  });
});
