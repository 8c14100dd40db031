import assert from "node:assert/strict";
import { ConnectionError, ServerError } from "../../src/errors.ts";
import { connect } from "../../src/connect/connect.ts";
import { authentication, concat, errorResponse } from "../support/scripted/backend.ts";
import { play, TableClock } from "../support/scripted/handshakes.ts";
import { connectWith, failure, planWith, WELCOME } from "../support/scripted/plans.ts";
import { test } from "../support/suite/test.ts";

const closed = new ConnectionError("the server closed the connection");
const hostnossl = errorResponse("28000", "no pg_hba.conf entry for host, SSL encryption", "FATAL");

test("sslmode=require, dialled anew for TLS: an offer that was taken back fails", () => {
  const played = connectWith({ sslMode: "require" }, [
    ["dial a:5432 for TLS", { canStartTls: false }],
    ["ask #1", "S"],
    ["discard #1"],
    ["dial a:5432 for TLS", {}],
    ["ask #2", "N"],
    ["discard #2"],
  ]);
  failure(played, ConnectionError, /sslmode=require/);
});

test("sslmode=prefer, dialled anew for TLS: after an offer that was taken back, the session is opened in clear", () => {
  const { taken } = connectWith({ sslMode: "prefer" }, [
    ["dial a:5432", { canStartTls: false }],
    ["ask #1", "S"],
    ["discard #1"],
    ["dial a:5432 for TLS", {}],
    ["ask #2", "N"],
    ["discard #2"],
    ["dial a:5432", { canStartTls: false }],
    ["open #3", WELCOME],
  ]);
  assert.equal(taken, 3);
});

test("sslmode=prefer, the TLS handshake fails: the session is opened in clear on a new connection", () => {
  const { links, taken } = connectWith({ sslMode: "prefer" }, [
    ["dial a:5432", {}],
    ["ask #1", "S"],
    ["startTls #1 a", new ConnectionError("the TLS handshake failed: no shared cipher")],
    ["discard #1"],
    ["dial a:5432", {}],
    ["open #2", WELCOME],
  ]);
  assert.equal(taken, 2);
  assert.equal(links[1]!.sent[5], 3, "nobody asks for TLS again");
});

test("sslmode=require, the TLS handshake fails: so does connecting", () => {
  const reason = new ConnectionError("the TLS handshake failed: no shared cipher");
  const played = connectWith({ sslMode: "require" }, [
    ["dial a:5432 for TLS", {}],
    ["ask #1", "S"],
    ["startTls #1 a", reason],
    ["discard #1"],
  ]);
  assert.equal(failure(played, ConnectionError, /no shared cipher/).cause, reason);
});

test("sslmode=prefer, the server refuses encrypted connections of ours: the session is opened in clear", () => {
  const { value, taken } = connectWith({ sslMode: "prefer" }, [
    ["dial a:5432", {}],
    ["ask #1", "S"],
    ["startTls #1 a"],
    ["open #1", hostnossl],
    ["discard #1"],
    ["dial a:5432", {}],
    ["open #2", WELCOME],
  ]);
  assert.equal(taken, 2);
  assert.equal(value?.link.tls !== undefined, false);
});

test("sslmode=prefer, the server refuses what it has asked for: nothing is sent in clear", () => {
  // A proof that is bound to another certificate: somebody is in the middle.
  const refused = errorResponse("28000", "SCRAM channel binding check failed", "FATAL");
  for (const request of [authentication(3), authentication(5, (out) => out.bytes(Uint8Array.of(1, 2, 3, 4)))]) {
    const clock = new TableClock();
    const plan = planWith(clock, { sslMode: "prefer", password: "secret" });
    const played = play(connect(plan), [
      ["dial a:5432", {}],
      ["ask #1", "S"],
      ["startTls #1 a"],
      ["open #1", concat(request, refused)],
      ["discard #1"],
    ], clock);
    assert.equal(failure(played, ServerError, /channel binding/).code, "28000");
  }
});

test("sslmode=prefer, again in clear: the server may ask for as much as behind TLS", () => {
  const clock = new TableClock();
  const plan = planWith(clock, { sslMode: "prefer", password: "secret" });
  const { taken, links } = play(connect(plan), [
    ["dial a:5432", {}],
    ["ask #1", "S"],
    ["startTls #1 a", new ConnectionError("the TLS handshake failed: no shared cipher")],
    ["discard #1"],
    ["dial a:5432", {}],
    ["open #2", concat(authentication(3), WELCOME)],
  ], clock);
  assert.equal(taken, 2);
  assert.ok(links[1]!.text.endsWith("secret\0"));
});

test("sslmode=require, the server refuses encrypted connections of ours: its error", () => {
  const played = connectWith({ sslMode: "require" }, [
    ["dial a:5432 for TLS", {}],
    ["ask #1", "S"],
    ["startTls #1 a"],
    ["open #1", hostnossl],
    ["discard #1"],
  ]);
  assert.equal(failure(played, ServerError, /no pg_hba.conf entry/).code, "28000");
});

test("sslmode=prefer, refused in clear: the same refusal again is not tried a third time", () => {
  const inClear = connectWith({ sslMode: "prefer" }, [
    ["dial a:5432", {}],
    ["ask #1", "N"],
    ["open #1", hostnossl],
    ["discard #1"],
  ]);
  assert.equal(failure(inClear, ServerError, /pg_hba/).code, "28000");
  const twice = connectWith({ sslMode: "prefer" }, [
    ["dial a:5432", {}],
    ["ask #1", "S"],
    ["startTls #1 a"],
    ["open #1", hostnossl],
    ["discard #1"],
    ["dial a:5432", {}],
    ["open #2", hostnossl],
    ["discard #2"],
  ]);
  assert.equal(failure(twice, ServerError, /pg_hba/).code, "28000");
});

test("sslmode=prefer, the session breaks off behind TLS: no second attempt", () => {
  const played = connectWith({ sslMode: "prefer" }, [
    ["dial a:5432", {}],
    ["ask #1", "S"],
    ["startTls #1 a"],
    ["open #1", { lose: closed }],
    ["discard #1"],
  ]);
  failure(played, ConnectionError, /the server closed the connection/);
});
