import assert from "node:assert/strict";
import { ConnectionError, ProtocolError, ServerError } from "../../src/errors.ts";
import { errorResponse } from "../support/scripted/backend.ts";
import type { Line } from "../support/scripted/handshakes.ts";
import { connectWith, failure, tcp, unix, WELCOME } from "../support/scripted/plans.ts";
import { test } from "../support/suite/test.ts";

const SSL_REQUEST = [0, 0, 0, 8, 4, 210, 22, 47];
const closed = new ConnectionError("the server closed the connection");
const wrongPassword = errorResponse("28P01", "password authentication failed", "FATAL");

test("sslmode=disable: nobody asks for TLS", () => {
  const { value, links, taken } = connectWith({ sslMode: "disable" }, [["dial a:5432", {}], ["open #1", WELCOME]]);
  assert.equal(taken, 1);
  assert.equal(value?.link.tls !== undefined, false);
  assert.equal(links[0]!.sent[4], 0, "the first message is a StartupMessage");
  assert.equal(links[0]!.sent[5], 3);
});

test("sslmode=prefer, the server is willing: the session is opened behind TLS", () => {
  const { value, links } = connectWith({ sslMode: "prefer" }, [
    ["dial a:5432", {}],
    ["ask #1", "S"],
    ["startTls #1 a"],
    ["open #1", WELCOME],
  ]);
  assert.equal(value?.link.tls !== undefined, true);
  assert.deepEqual([...links[0]!.sent.subarray(0, 8)], SSL_REQUEST);
});

test("sslmode=prefer, the server is not willing: the session is opened in clear on the same connection", () => {
  const { value } = connectWith({ sslMode: "prefer" }, [["dial a:5432", {}], ["ask #1", "N"], ["open #1", WELCOME]]);
  assert.equal(value?.link.tls !== undefined, false);
});

test("sslmode=require: the connection is dialled as one on which TLS can start", () => {
  const { value } = connectWith({ sslMode: "require" }, [
    ["dial a:5432 for TLS", {}],
    ["ask #1", "S"],
    ["startTls #1 a"],
    ["open #1", WELCOME],
  ]);
  assert.equal(value?.link.tls !== undefined, true);
});

test("sslmode=require, the server is not willing: a ConnectionError that names the option", () => {
  const played = connectWith({ sslMode: "require" }, [["dial a:5432 for TLS", {}], ["ask #1", "N"], ["discard #1"]]);
  assert.equal(failure(played, ConnectionError, /sslmode=require/).safeToRetry, true);
});

test("sslmode=require, an error in place of the answer: a ConnectionError that does not repeat its words", () => {
  const played = connectWith({ sslMode: "require" }, [["dial a:5432 for TLS", {}], ["ask #1", "E"], ["discard #1"]]);
  failure(played, ConnectionError, /with an error/);
});

test("sslmode=prefer, an error in place of the answer: what the server says is the error, as it would be behind N", () => {
  const dialled: Line[] = [["dial a:5432", {}], ["ask #1", "E"]];
  const text = new TextEncoder().encode("could not fork new process for connection: no memory\n\0");
  const refused = failure(
    connectWith({ sslMode: "prefer" }, [...dialled, ["open #1", text], ["discard #1"]]),
    ConnectionError,
    /^Cannot connect to a:5432: the server refuses the connection: could not fork .*: no memory$/,
  );
  assert.ok(refused.safeToRetry && refused.connectionLost);
  const rest = errorResponse("53300", "too many clients", "FATAL").subarray(1);
  const played = connectWith({ sslMode: "prefer" }, [...dialled, ["open #1", rest], ["discard #1"]]);
  assert.equal(failure(played, ServerError, /too many clients/).code, "53300");
});

for (const sslMode of ["prefer", "require"] as const) {
  const dial = sslMode === "prefer" ? "dial a:5432" : "dial a:5432 for TLS";

  test(`sslmode=${sslMode}, any other byte in place of the answer: a ProtocolError that shows the byte`, () => {
    for (const [byte, hex] of [["H", "0x48"], ["\x05", "0x05"], ["s", "0x73"]] as const) {
      const played = connectWith({ sslMode }, [[dial, {}], ["ask #1", byte], ["discard #1"]]);
      failure(played, ProtocolError, new RegExp(hex));
    }
  });

  test(`sslmode=${sslMode}, the server closes in place of the answer: a ConnectionError, and no second attempt`, () => {
    const played = connectWith({ sslMode }, [[dial, {}], ["ask #1", closed], ["discard #1"]]);
    assert.equal(failure(played, ConnectionError, /a:5432: the server closed the connection/).cause, closed);
  });

  test(`sslmode=${sslMode}, no TLS can start on the connection: another one is dialled for it`, () => {
    const { links, taken } = connectWith({ sslMode }, [
      [dial, { canStartTls: false }],
      ["ask #1", "S"],
      ["discard #1"],
      ["dial a:5432 for TLS", {}],
      ["ask #2", "S"],
      ["startTls #2 a"],
      ["open #2", WELCOME],
    ]);
    assert.equal(taken, 2);
    assert.deepEqual([...links[1]!.sent.subarray(0, 8)], SSL_REQUEST);
  });

  test(`sslmode=${sslMode}, a wrong password behind TLS: no second attempt`, () => {
    const played = connectWith({ sslMode }, [
      [dial, {}],
      ["ask #1", "S"],
      ["startTls #1 a"],
      ["open #1", wrongPassword],
      ["discard #1"],
    ]);
    assert.equal(failure(played, ServerError, /password authentication failed/).code, "28P01");
  });
}

test("sslmode=prefer, no TLS can start on the connection and none is wanted: the connection is used as it is", () => {
  const { value } = connectWith({ sslMode: "prefer" }, [
    ["dial a:5432", { canStartTls: false }],
    ["ask #1", "N"],
    ["open #1", WELCOME],
  ]);
  assert.equal(value?.link.canStartTls, false);
});

test("Unix sockets are never asked for TLS", () => {
  for (const sslMode of ["disable", "prefer", "require"] as const) {
    const path = "/run/postgresql/.s.PGSQL.5432";
    const { value, links } = connectWith({ endpoints: [unix(path)], sslMode }, [[`dial ${path}`, {}], [
      "open #1",
      WELCOME,
    ]]);
    assert.equal(value?.link.tls !== undefined, false);
    assert.equal(links[0]!.sent[5], 3);
  }
});

test("the name of the server is told in the TLS handshake, an address is not", () => {
  for (const host of ["10.0.0.1", "::1", "fe80::1"]) {
    const { value } = connectWith({ endpoints: [tcp(host)], sslMode: "prefer" }, [
      [host.includes(":") ? `dial [${host}]:5432` : `dial ${host}:5432`, {}],
      ["ask #1", "S"],
      ["startTls #1 without a name"],
      ["open #1", WELCOME],
    ]);
    assert.equal(value?.link.tls !== undefined, true);
  }
  for (const host of ["db.example.com", "localhost", "10.example"]) {
    connectWith({ endpoints: [tcp(host)], sslMode: "prefer" }, [
      [`dial ${host}:5432`, {}],
      ["ask #1", "S"],
      [`startTls #1 ${host}`],
      ["open #1", WELCOME],
    ]);
  }
});

test("a second dial for TLS that fails: the first connection was given up once", () => {
  connectWith({ sslMode: "require" }, [
    ["dial a:5432 for TLS", { canStartTls: false }],
    ["ask #1", "S"],
    ["discard #1"],
    ["dial a:5432 for TLS", new ConnectionError("connection refused")],
  ]);
});

test("the name for SNI has no dot at its end", () => {
  connectWith({ endpoints: [tcp("db.example.com.")], sslMode: "prefer" }, [
    ["dial db.example.com.:5432", {}],
    ["ask #1", "S"],
    ["startTls #1 db.example.com"],
    ["open #1", WELCOME],
  ]);
});
