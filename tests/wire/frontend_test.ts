import assert from "node:assert/strict";
import { DescribeTarget, PROTOCOL_3_0 } from "../../src/wire/codes.ts";
import * as frontend from "../../src/wire/frontend.ts";
import { Outbox } from "../../src/wire/outbox.ts";
import { test } from "../support/suite/test.ts";

test("startup: version 3.0, then names and values, then a zero", () => {
  assert.equal(
    said((out) => frontend.startup(out, PROTOCOL_3_0, [["user", "ada"], ["database", "db"]])),
    "\x00\x00\x00\x1e\x00\x03\x00\x00user\x00ada\x00database\x00db\x00\x00",
  );
  assert.equal(said((out) => frontend.startup(out, PROTOCOL_3_0, [])), "\x00\x00\x00\x09\x00\x03\x00\x00\x00");
});

test("SSL request: its number in place of a version", () => {
  assert.equal(said(frontend.sslRequest), "\x00\x00\x00\x08\x04\xd2\x16\x2f");
});

test("cancel request: its number, process ID and key, of any length", () => {
  assert.equal(
    said((out) => frontend.cancelRequest(out, 0xffff_fffe, new Uint8Array([1, 2, 3, 4]))),
    "\x00\x00\x00\x10\x04\xd2\x16\x2e\xff\xff\xff\xfe\x01\x02\x03\x04",
  );
  assert.equal(said((out) => frontend.cancelRequest(out, 1, new Uint8Array(32))).length, 44);
});

test("password: one string", () => {
  assert.equal(said((out) => frontend.password(out, "é")), "p\x00\x00\x00\x07\xc3\xa9\x00");
});

test("SASL: mechanism and a sized first message, then bare messages", () => {
  assert.equal(
    said((out) => frontend.saslInitial(out, "SCRAM-SHA-256", "n,,")),
    "p\x00\x00\x00\x19SCRAM-SHA-256\x00\x00\x00\x00\x03n,,",
  );
  assert.equal(said((out) => frontend.saslResponse(out, "c=biws")), "p\x00\x00\x00\x0ac=biws");
});

test("query: one string", () => {
  assert.equal(said((out) => frontend.query(out, "select 1")), "Q\x00\x00\x00\x0dselect 1\x00");
  assert.equal(said((out) => frontend.query(out, "")), "Q\x00\x00\x00\x05\x00");
});

test("parse: name, text, parameter types", () => {
  assert.equal(said((out) => frontend.parse(out, "", "x", [])), "P\x00\x00\x00\x09\x00x\x00\x00\x00");
  assert.equal(
    said((out) => frontend.parse(out, "s1", "x", [23, 0, 0xffff_ffff])),
    "P\x00\x00\x00\x17s1\x00x\x00\x00\x03\x00\x00\x00\x17\x00\x00\x00\x00\xff\xff\xff\xff",
  );
});

test("describe: of a statement or a portal", () => {
  assert.equal(said((out) => frontend.describe(out, DescribeTarget.Statement, "s")), "D\x00\x00\x00\x07Ss\x00");
  assert.equal(said((out) => frontend.describe(out, DescribeTarget.Portal, "")), "D\x00\x00\x00\x06P\x00");
});

test("close: of a statement or a portal", () => {
  assert.equal(said((out) => frontend.close(out, DescribeTarget.Statement, "s")), "C\x00\x00\x00\x07Ss\x00");
  assert.equal(said((out) => frontend.close(out, DescribeTarget.Portal, "p")), "C\x00\x00\x00\x07Pp\x00");
});

test("execute: portal and the most rows", () => {
  assert.equal(said((out) => frontend.execute(out, "", 0)), "E\x00\x00\x00\x09\x00\x00\x00\x00\x00");
  assert.equal(said((out) => frontend.execute(out, "p", 258)), "E\x00\x00\x00\x0ap\x00\x00\x00\x01\x02");
});

test("sync, flush, copy done and terminate: nothing but their code", () => {
  assert.equal(said(frontend.sync), "S\x00\x00\x00\x04");
  assert.equal(said(frontend.flush), "H\x00\x00\x00\x04");
  assert.equal(said(frontend.copyDone), "c\x00\x00\x00\x04");
  assert.equal(String.fromCharCode(...frontend.TERMINATE), "X\x00\x00\x00\x04");
});

test("copy fail: the reason", () => {
  assert.equal(said((out) => frontend.copyFail(out, "no")), "f\x00\x00\x00\x07no\x00");
});

test("messages: behind each other, nothing in between", () => {
  assert.equal(
    said((out) => {
      frontend.sync(out);
      frontend.query(out, "");
      frontend.sync(out);
    }),
    "S\x00\x00\x00\x04Q\x00\x00\x00\x05\x00S\x00\x00\x00\x04",
  );
});

/** What was written, a character per byte. */
function said(write: (out: Outbox) => void): string {
  const out = new Outbox();
  write(out);
  return Array.from(out.pending(), (byte) => String.fromCharCode(byte)).join("");
}
