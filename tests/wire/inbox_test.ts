import assert from "node:assert/strict";
import { ProtocolError } from "../../src/errors.ts";
import { Backend } from "../../src/wire/codes.ts";
import { ACTIVE, FAILED, IDLE, Inbox } from "../../src/wire/inbox.ts";
import {
  commandComplete,
  concat,
  dataRow,
  errorResponse,
  message,
  noticeResponse,
  notificationResponse,
  parameterStatus,
  readyForQuery,
} from "../support/scripted/backend.ts";
import { reading, receive, recording } from "../support/scripted/received.ts";
import { test } from "../support/suite/test.ts";

test("inbox: messages are the same however they are cut", () => {
  const stream = concat(
    dataRow("1", null),
    message("1"),
    commandComplete("SELECT 1"),
    message("d", (out) => out.text("data")),
  );
  const expected = ["D 2", "1 ", "C SELECT 1\0", "d data"];
  for (const chunk of [1, 2, 3, 4, 5, 6, 7, 16, Infinity]) {
    const { inbox } = recording();
    const seen: string[] = [];
    receive(inbox, stream, chunk, () => {
      while (inbox.next()) seen.push(`${String.fromCharCode(inbox.code)} ${bodyOf(inbox)}`);
    });
    assert.deepEqual(seen, expected, `in chunks of ${chunk}`);
    assert.equal(inbox.buffered, 0);
  }
});

test("inbox: a message is there with its last byte, not before", () => {
  const { inbox } = recording();
  const stream = commandComplete("SET");
  for (let at = 0; at < stream.length; at++) {
    assert.equal(inbox.next(), false);
    assert.equal(inbox.buffered, at);
    receive(inbox, stream.subarray(at, at + 1));
  }
  assert.ok(inbox.next());
  assert.equal(inbox.code, Backend.CommandComplete);
});

test("inbox: a body that was not read is skipped", () => {
  const { inbox } = recording();
  receive(inbox, concat(dataRow("unread"), commandComplete("SELECT 1")));
  assert.ok(inbox.next());
  assert.ok(inbox.next());
  assert.equal(inbox.cstring(), "SELECT 1");
  inbox.end();
});

test("inbox: an impossible length is refused as soon as it is read", () => {
  for (const length of [0, 3, -1, -0x8000_0000, 0x4000_0000, 0x7fff_ffff]) {
    const { inbox } = recording();
    receive(inbox, header("D", length));
    assert.throws(() => inbox.next(), ProtocolError);
  }
});

test("inbox: the longest possible message takes no memory before it arrives", () => {
  const { inbox } = recording();
  const before = inbox.bytes.length;
  receive(inbox, header("D", 0x3fff_ffff));
  assert.equal(inbox.next(), false);
  inbox.reserve();
  assert.equal(inbox.bytes.length, before);
});

test("inbox: before the server is trusted, messages are at most 30000 bytes long", () => {
  const inbox = new Inbox(() => {});
  receive(inbox, header("E", 30_000));
  assert.equal(inbox.next(), false);
  const stranger = new Inbox(() => {});
  receive(stranger, header("E", 30_001));
  assert.throws(() => stranger.next(), (error: Error) => {
    return error instanceof ProtocolError && /ErrorResponse/.test(error.message) && /30001/.test(error.message);
  });
  stranger.trust();
  assert.equal(stranger.next(), false);
});

test("inbox: of most types no message is long, whoever sends it", () => {
  const long = "DdENATt";
  for (const code of Object.values(Backend)) {
    const { inbox } = recording();
    receive(inbox, header(String.fromCharCode(code), 30_001));
    if (long.includes(String.fromCharCode(code))) assert.equal(inbox.next(), false);
    else assert.throws(() => inbox.next(), ProtocolError);
  }
});

test("inbox: a type that PostgreSQL does not have is refused as soon as it is seen", () => {
  for (let code = 0; code < 256; code++) {
    const { inbox } = recording();
    receive(inbox, header(String.fromCharCode(code), 1000));
    if (Object.values<number>(Backend).includes(code)) assert.equal(inbox.next(), false);
    else assert.throws(() => inbox.next(), ProtocolError);
  }
});

test("inbox: asynchronous messages are taken out wherever they stand", () => {
  const asynchronous = concat(noticeResponse("n"), parameterStatus("a", "b"), notificationResponse("c", "p"));
  const stream = concat(asynchronous, dataRow("1"), asynchronous, readyForQuery(), asynchronous);
  for (const chunk of [1, Infinity]) {
    const { inbox, taken } = recording();
    let codes = "";
    receive(inbox, stream, chunk, () => {
      while (inbox.next()) codes += String.fromCharCode(inbox.code);
    });
    assert.equal(codes, "DZ");
    assert.equal(taken.map(({ code }) => code).join(""), "NSANSANSA");
    assert.equal(new TextDecoder().decode(taken[1]!.body), "a\0b\0");
    assert.equal(inbox.buffered, 0);
  }
});

test("inbox: what the taker of an asynchronous message leaves unread does not shift the next message", () => {
  const inbox = new Inbox((inbox) => void inbox.byte());
  receive(inbox, concat(parameterStatus("name", "value"), commandComplete("SET")));
  assert.ok(inbox.next());
  assert.equal(inbox.cstring(), "SET");
});

test("inbox: an ErrorResponse is no message of the reply, but the current one", () => {
  const { inbox } = recording();
  receive(inbox, concat(errorResponse("42601"), readyForQuery("E")));
  assert.equal(inbox.refused, false);
  assert.equal(inbox.next(), false);
  assert.equal(inbox.refused, true);
  assert.equal(inbox.code, Backend.ErrorResponse);
  assert.equal(inbox.byte(), 0x53); // S
  inbox.refused = false;
  assert.ok(inbox.next());
  assert.equal(inbox.code, Backend.ReadyForQuery);
});

test("inbox: short of bytes, next is false and nothing is refused", () => {
  const { inbox } = recording();
  const error = errorResponse();
  receive(inbox, error.subarray(0, error.length - 1));
  assert.equal(inbox.next(), false);
  assert.equal(inbox.refused, false);
});

test("inbox: ReadyForQuery sets the transaction status", () => {
  const { inbox } = recording();
  assert.equal(inbox.transactionStatus, IDLE);
  for (const [letter, status] of [["T", ACTIVE], ["E", FAILED], ["I", IDLE]] as const) {
    receive(inbox, readyForQuery(letter));
    assert.ok(inbox.next());
    assert.equal(inbox.transactionStatus, status);
  }
});

test("inbox: a ReadyForQuery that says anything else is refused", () => {
  for (const body of [[], [0x58], [0], [0x49, 0]]) {
    const { inbox } = recording();
    receive(inbox, message("Z", (out) => out.bytes(Uint8Array.from(body))));
    assert.throws(() => inbox.next(), ProtocolError);
    assert.equal(inbox.transactionStatus, IDLE);
  }
});

test("inbox: numbers are read as they were written, signed and unsigned", () => {
  const inbox = reading(message("d", (out) => {
    out.byte(0xff);
    out.int16(-2);
    out.int16(0xffff);
    out.int32(-2);
    out.int32(0xffff_ffff);
  }));
  assert.equal(inbox.byte(), 255);
  assert.equal(inbox.int16(), -2);
  assert.equal(inbox.uint16(), 65_535);
  assert.equal(inbox.int32(), -2);
  assert.equal(inbox.uint32(), 4_294_967_295);
  inbox.end();
});

test("inbox: no reader goes beyond the message, even if bytes follow", () => {
  const readers: [(inbox: Inbox) => unknown, number][] = [
    [(inbox) => inbox.byte(), 1],
    [(inbox) => inbox.int16(), 2],
    [(inbox) => inbox.uint16(), 2],
    [(inbox) => inbox.int32(), 4],
    [(inbox) => inbox.uint32(), 4],
  ];
  for (const [read, size] of readers) {
    for (let have = 0; have < size; have++) {
      const inbox = reading(concat(message("d", (out) => out.bytes(new Uint8Array(have))), dataRow("follows")));
      assert.throws(() => read(inbox), ProtocolError);
    }
    const inbox = reading(message("d", (out) => out.bytes(new Uint8Array(size))));
    assert.equal(read(inbox), 0);
    inbox.end();
  }
});

test("inbox: a string that does not end in its message is refused", () => {
  assert.throws(() => reading(message("C", (out) => out.text("SET"))).cstring(), ProtocolError);
  // The zero of the next message's length does not end it either.
  assert.throws(() => reading(concat(message("C", (out) => out.text("SET")), dataRow("1"))).cstring(), ProtocolError);
  assert.throws(() => reading(message("C")).cstring(), ProtocolError);
});

test("inbox: strings are UTF-8, with a leading byte order mark as data", () => {
  for (const text of ["", "x", "né", "\ufeffx", "😀"]) {
    assert.equal(reading(message("C", (out) => out.cstring(text))).cstring(), text);
  }
});

test("inbox: a body must be read to its end", () => {
  const inbox = reading(message("C", (out) => out.cstring("SET")));
  assert.throws(() => inbox.end(), ProtocolError);
  inbox.cstring();
  inbox.end();
});

test("inbox: the rest of a body is a copy", () => {
  const inbox = reading(message("K", (out) => out.bytes(new Uint8Array([1, 2, 3, 4]))));
  inbox.byte();
  const rest = inbox.rest();
  inbox.end();
  inbox.bytes.fill(0);
  assert.deepEqual([...rest], [2, 3, 4]);
  assert.equal(rest.buffer.byteLength, 3);
});

test("inbox: errors name the message and what was being done", () => {
  const inbox = reading(commandComplete("SET"));
  inbox.expect(Backend.CommandComplete, "ping");
  assert.throws(() => inbox.expect(Backend.ReadyForQuery, "ping"), (error: Error) => {
    return error instanceof ProtocolError && /^Cannot ping: .*CommandComplete/.test(error.message);
  });
  assert.match(inbox.malformed("it is odd").message, /CommandComplete: it is odd$/);
});

function bodyOf(inbox: Inbox): string {
  if (inbox.code === Backend.DataRow) return String(inbox.uint16());
  return new TextDecoder().decode(inbox.rest());
}

function header(code: string, length: number): Uint8Array {
  const bytes = new Uint8Array(5);
  bytes[0] = code.charCodeAt(0);
  new DataView(bytes.buffer).setInt32(1, length);
  return bytes;
}
