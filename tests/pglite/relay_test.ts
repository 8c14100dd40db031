/** What a connection says to PGlite: whole messages only, and a COPY together with its data. */
import assert from "node:assert/strict";
import { concat, copyOf, encoded } from "../../src/wire/framing.ts";
import { Relay } from "../../src/pglite/relay.ts";
import * as frontend from "../../src/wire/frontend.ts";
import type { Outbox } from "../../src/wire/outbox.ts";
import { commandComplete, copyResponse, errorResponse, readyForQuery } from "../support/scripted/backend.ts";
import { WELCOME } from "../support/scripted/plans.ts";
import { test } from "../support/suite/test.ts";

const STARTUP = encoded((out) => frontend.startup(out, 196608, [["user", "u"], ["client_encoding", "UTF8"]]));
const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

/** The bytes for PGlite and those for the client, if the client sends pieces of a length. */
function converse(
  relay: Relay,
  bytes: Uint8Array,
  answers: readonly Uint8Array[],
  length: number = bytes.length,
): { readonly executed: Uint8Array[]; readonly replies: Uint8Array } {
  const executed: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += length) {
    const steps = relay.take(bytes.slice(at, at + length));
    let next = steps.next();
    while (!next.done) {
      executed.push(copyOf(next.value));
      next = steps.next(answers[executed.length - 1] ?? new Uint8Array(0));
    }
  }
  return { executed, replies: concat(relay.replies.splice(0)) };
}

function started(): Relay {
  const relay = new Relay();
  assert.deepEqual(converse(relay, STARTUP, [WELCOME]), { executed: [STARTUP], replies: copyOf(WELCOME) });
  return relay;
}

const queries = (...texts: string[]): (out: Outbox) => void => (out) => {
  for (const text of texts) frontend.query(out, text);
};

test("pglite relay: messages in pieces of any length are executed whole", () => {
  const messages = ["select 1", "select 'längér'", ""].map((sql) => encoded(queries(sql)));
  const bytes = concat(messages);
  for (const length of [1, 2, 3, 5, 7, 11, bytes.length]) {
    const { executed } = converse(started(), bytes, [], length);
    assert.deepEqual(concat(executed), bytes);
    if (length === 1) assert.deepEqual(executed, messages);
    if (length === bytes.length) assert.equal(executed.length, 1);
  }
  const relay = new Relay();
  assert.deepEqual(converse(relay, STARTUP, [WELCOME], 1).executed, [STARTUP]);
});

test("pglite relay: the data of a COPY is executed with it, and the client is asked for it once", () => {
  const copy = encoded((out) => {
    frontend.query(out, "copy t from stdin");
    frontend.copyData(out, bytesOf("1\n"));
    frontend.flush(out);
    frontend.copyData(out, bytesOf("2\n"));
    frontend.copyDone(out);
  });
  const expected = encoded((out) => {
    frontend.query(out, "copy t from stdin");
    for (const row of ["1\n", "2\n"]) frontend.copyData(out, bytesOf(row));
    frontend.copyDone(out);
  });
  const end = concat([commandComplete("COPY 2"), readyForQuery()]);
  const failed = concat([errorResponse("42P01"), readyForQuery()]);
  for (const length of [1, 4, copy.length]) {
    const done = converse(started(), copy, [concat([copyResponse("G"), end])], length);
    assert.deepEqual(done.executed, [expected]);
    assert.equal(done.replies[0], 0x47);
    assert.deepEqual(done.replies.slice(8), end);
    const refused = converse(started(), copy, [failed], length);
    assert.deepEqual(refused.replies.slice(8), failed);
  }
});

test("pglite relay: a COPY that cannot get data is given the end of it, or is not executed", () => {
  const extended = encoded((out) => {
    frontend.parse(out, "s", "copy t from stdin", []);
    const bind = out.begin(0x42);
    for (const name of ["", "s"]) out.cstring(name);
    for (let i = 0; i < 3; i++) out.int16(0);
    out.end(bind);
    frontend.execute(out, "", 0);
    frontend.sync(out);
  });
  const end = encoded((out) => {
    frontend.copyFail(out, "pyro: this call has no data to copy");
    frontend.sync(out);
  });
  const given = concat(converse(started(), extended, []).executed);
  assert.deepEqual(given, concat([extended.slice(0, -5), end]));
  const several = encoded(queries("select 1; copy t from stdin"));
  const [executed] = converse(started(), several, []).executed;
  assert.match(new TextDecoder().decode(executed), /raise feature_not_supported/);
  const out = encoded(queries("copy t to stdout", "select 'copy t from stdin'"));
  assert.deepEqual(converse(started(), out, []).executed, [out]);
});

test("pglite relay: the end of the session is never PGlite's", () => {
  const relay = started();
  const bytes = encoded((out) => {
    frontend.query(out, "begin");
    out.bytes(frontend.TERMINATE);
    frontend.query(out, "select 1");
  });
  const { executed } = converse(relay, bytes, []);
  assert.equal(relay.isOver, true);
  assert.deepEqual(executed[0], encoded(queries("begin")));
  const reset = new TextDecoder().decode(executed[1]);
  assert.match(reset, /rollback.*reset all.*discard temp/s);
  assert.equal(executed.length, 2);
  assert.ok(!executed.some((message) => message[0] === 0x58));
});
