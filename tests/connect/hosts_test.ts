import assert from "node:assert/strict";
import { ConnectionError, ProtocolError, ServerError } from "../../src/errors.ts";
import { authentication, errorResponse } from "../support/scripted/backend.ts";
import { localSockets } from "../support/scripted/local_sockets.ts";
import { connectWith, endsOf, failure, identity, tcp, unix, WELCOME } from "../support/scripted/plans.ts";
import { test } from "../support/suite/test.ts";

const refused = new ConnectionError("connection refused");
const unreachable = new ConnectionError("no route to host");
const starting = errorResponse("57P03", "the database system is starting up", "FATAL");

test("connecting sends the parameters of the plan", () => {
  const { links } = connectWith({ parameters: [["user", "ada"], ["database", "engine"], ["search_path", "x"]] }, [
    ["dial a:5432", {}],
    ["open #1", WELCOME],
  ]);
  assert.equal(links[0]!.text.slice(8), "user\0ada\0database\0engine\0search_path\0x\0\0");
});

test("the password of the plan is sent where the server asks for it, and only there", () => {
  const asks = connectWith({ password: "secret" }, [
    ["dial a:5432", {}],
    ["open #1", new Uint8Array([...authentication(3), ...WELCOME])],
  ]);
  assert.ok(asks.links[0]!.text.endsWith("secret\0"));
  const trusts = connectWith({ password: "secret" }, [["dial a:5432", {}], ["open #1", WELCOME]]);
  assert.ok(!trusts.links[0]!.text.includes("secret"));
});

test("several hosts: the first one that gives a session is taken, and the others are not dialled", () => {
  const { value, taken } = connectWith({ endpoints: [tcp("a"), tcp("b", 5433), tcp("c")] }, [
    ["dial a:5432", refused],
    ["dial b:5433", {}],
    ["open #1", WELCOME],
  ]);
  assert.equal(taken, 1);
  assert.deepEqual(value?.link.endpoint, tcp("b", 5433));
});

test("several hosts: sockets and TCP mix", () => {
  const path = "/run/pg/.s.PGSQL.5432";
  const { value } = connectWith({ endpoints: [unix(path), tcp("::1")], sslMode: "prefer" }, [
    [`dial ${path}`, refused],
    ["dial [::1]:5432", {}],
    ["ask #1", "N"],
    ["open #1", WELCOME],
  ]);
  assert.deepEqual(value?.link.endpoint, tcp("::1"));
});

test("several hosts: a session that breaks off is a reason to go on", () => {
  const { taken } = connectWith({ endpoints: [tcp("a"), tcp("b")] }, [
    ["dial a:5432", {}],
    ["open #1", { lose: unreachable }],
    ["discard #1"],
    ["dial b:5432", {}],
    ["open #2", WELCOME],
  ]);
  assert.equal(taken, 2);
});

test("several hosts: a server without TLS is passed over where TLS is required", () => {
  const { value, taken } = connectWith({ endpoints: [tcp("a"), tcp("b")], sslMode: "require" }, [
    ["dial a:5432 for TLS", {}],
    ["ask #1", "N"],
    ["discard #1"],
    ["dial b:5432 for TLS", {}],
    ["ask #2", "S"],
    ["startTls #2 b"],
    ["open #2", WELCOME],
  ]);
  assert.equal(taken, 2);
  assert.deepEqual(value?.link.endpoint, tcp("b"));
});

test("several hosts: a server that is starting up is passed over", () => {
  const { taken } = connectWith({ endpoints: [tcp("a"), tcp("b")] }, [
    ["dial a:5432", {}],
    ["open #1", starting],
    ["discard #1"],
    ["dial b:5432", {}],
    ["open #2", WELCOME],
  ]);
  assert.equal(taken, 2);
});

test("several hosts: any other refusal by a server is final", () => {
  for (const code of ["28P01", "28000", "3D000", "53300"]) {
    const played = connectWith({ endpoints: [tcp("a"), tcp("b")] }, [
      ["dial a:5432", {}],
      ["open #1", errorResponse(code, "no", "FATAL")],
      ["discard #1"],
    ]);
    assert.equal(failure(played, ServerError).code, code);
  }
});

test("several hosts: a refusal by a later server is given as it is", () => {
  const played = connectWith({ endpoints: [tcp("a"), tcp("b")] }, [
    ["dial a:5432", refused],
    ["dial b:5432", {}],
    ["open #1", errorResponse("28P01", "password authentication failed", "FATAL")],
    ["discard #1"],
  ]);
  assert.equal(failure(played, ServerError).message, "password authentication failed");
});

test("all hosts fail: one ConnectionError names each, and has all reasons", () => {
  const played = connectWith({ endpoints: [tcp("a"), tcp("::1", 5433), unix("/tmp/.s.PGSQL.5432")] }, [
    ["dial a:5432", refused],
    ["dial [::1]:5433", unreachable],
    ["dial /tmp/.s.PGSQL.5432", {}],
    ["open #1", { lose: refused }],
    ["discard #1"],
  ]);
  const error = failure(played, ConnectionError);
  assert.match(
    error.message,
    /^Cannot connect to a:5432: connection refused; \[::1\]:5433: no route to host; \/tmp\/\./,
  );
  assert.ok(error.cause instanceof AggregateError);
  assert.equal(error.cause.errors.length, 3);
  assert.deepEqual(error.cause.errors.slice(0, 2), [refused, unreachable]);
  assert.equal(error.safeToRetry, true);
  assert.equal(error.connectionLost, true);
});

test("one host fails: its reason is the cause itself", () => {
  const error = failure(connectWith({}, [["dial a:5432", refused]]), ConnectionError);
  assert.equal(error.message, "Cannot connect to a:5432: connection refused");
  assert.equal(error.cause, refused);
});

test("the last host is no PostgreSQL: a ProtocolError that names the others too", () => {
  const played = connectWith({ endpoints: [tcp("a"), tcp("b")], sslMode: "prefer" }, [
    ["dial a:5432", refused],
    ["dial b:5432", {}],
    ["ask #1", "H"],
    ["discard #1"],
  ]);
  assert.match(failure(played, ProtocolError).message, /a:5432: connection refused; b:5432: .*0x48/);
});

test("an error that is none of pyro's ends connecting at once, unchanged", () => {
  const bug = new TypeError("a bug");
  const played = connectWith({ endpoints: [tcp("a"), tcp("b")] }, [
    ["dial a:5432", {}],
    ["open #1", bug],
    ["discard #1"],
  ]);
  assert.equal(played.error, bug);
});

test("each host has the whole time limit, and each step towards it the same end", () => {
  const { limits, value } = connectWith({ endpoints: [tcp("a"), tcp("b")], sslMode: "prefer", timeout: 1000 }, [
    ["dial a:5432", {}, 200],
    ["ask #1", "S", 200],
    ["startTls #1 a", undefined, 200],
    ["open #1", starting, 200],
    ["discard #1", undefined, 50],
    ["dial b:5432", { canStartTls: false }, 300],
    ["ask #2", "S", 300],
    ["discard #2"],
    ["dial b:5432 for TLS", {}, 100],
    ["ask #3", "S"],
    ["startTls #3 b", new ConnectionError("timed out"), 100],
    ["discard #3"],
    ["dial b:5432", {}],
    ["open #4", WELCOME],
  ]);
  assert.ok(value !== undefined);
  // The clock begins at 1000, the second host at 1850.
  assert.deepEqual(limits, [2000, 2000, 2000, 2000, 2850, 2850, 2850, 2850, 2850, 2850, 2850]);
});

test("without a time limit no step has one", () => {
  const { limits } = connectWith({ timeout: 0, sslMode: "prefer" }, [
    ["dial a:5432", {}],
    ["ask #1", "S"],
    ["startTls #1 a"],
    ["open #1", WELCOME],
  ]);
  assert.deepEqual(limits, [Infinity, Infinity, Infinity, Infinity]);
});

test("a timeout is a reason to go on to the next host", () => {
  const { value } = connectWith({ endpoints: [tcp("a"), tcp("b")], timeout: 1000 }, [
    ["dial a:5432", {}],
    ["open #1", new ConnectionError("timed out"), 1000],
    ["discard #1"],
    ["dial b:5432", {}],
    ["open #2", WELCOME],
  ]);
  assert.deepEqual(value?.link.endpoint, tcp("b"));
});

test("a session that was opened goes through the upgrade before it is given", () => {
  const path = "/run/pg/.s.PGSQL.5432";
  const { value, taken } = connectWith({ upgrade: { skipReason: undefined, local: localSockets() }, timeout: 600 }, [
    ["dial a:5432", { addresses: endsOf("127.0.0.1", 40000) }],
    ["open #1", WELCOME],
    ["identify #1", identity({ clientPort: "40000", serverPort: "5432", directories: "/run/pg" })],
    [`dial ${path}`, {}],
    ["open #2", WELCOME],
    ["identify #2", identity()],
    ["discard #1"],
  ]);
  assert.equal(taken, 2);
  assert.equal(value?.upgrade.upgraded, true);
});

test("the upgrade gives nothing away that TCP did not ask for", () => {
  const path = "/run/pg/.s.PGSQL.5432";
  const given = { password: "secret", upgrade: { skipReason: undefined, local: localSockets() } };
  const { links, taken } = connectWith(given, [
    ["dial a:5432", { addresses: endsOf("127.0.0.1", 40000) }],
    ["open #1", WELCOME],
    ["identify #1", identity({ clientPort: "40000", serverPort: "5432", directories: "/run/pg" })],
    [`dial ${path}`, {}],
    ["open #2", authentication(3)],
    ["discard #2"],
  ]);
  assert.equal(taken, 1);
  assert.ok(!links[1]!.text.includes("secret"));
});

test("several hosts: each gets the password that the password file has for it, and no other", () => {
  const plan = { endpoints: [tcp("a"), tcp("b")], password: "first", passwords: ["first", "second"] };
  const asks = new Uint8Array([...authentication(3), ...WELCOME]);
  const { links: [a] } = connectWith(plan, [["dial a:5432", {}], ["open #1", asks]]);
  assert.ok(a!.text.endsWith("first\0"));
  const { links: [b] } = connectWith(plan, [["dial a:5432", refused], ["dial b:5432", {}], ["open #1", asks]]);
  assert.ok(b!.text.endsWith("second\0") && !b!.text.includes("first"));
});

test("several hosts: a host for which there is no password does not get another one's", () => {
  const { error } = connectWith({ password: "first", endpoints: [tcp("b")], passwords: [undefined] }, [
    ["dial b:5432", {}],
    ["open #1", authentication(3)],
    ["discard #1"],
  ]);
  assert.match(String(error), /password/);
});
