/** Which session is taken of those that hosts, and addresses of a name, give: by target_session_attrs. */
import assert from "node:assert/strict";
import type { ConnectPlan } from "../../src/connect/connect.ts";
import { ConnectionError } from "../../src/errors.ts";
import { NO_OTHER_ADDRESS } from "../../src/transport/transport.ts";
import {
  authentication,
  backendKeyData,
  commandComplete,
  concat,
  dataRow,
  errorResponse,
  parameterStatus,
  readyForQuery,
  rowDescription,
} from "../support/scripted/backend.ts";
import type { Line } from "../support/scripted/handshakes.ts";
import { connectWith, endsOf, failure, tcp, WELCOME } from "../support/scripted/plans.ts";
import { test } from "../support/suite/test.ts";

/** A session of a server that reports what it is. */
function session(standby: boolean, readOnly: boolean = false): Uint8Array {
  return concat(
    authentication(0),
    parameterStatus("in_hot_standby", standby ? "on" : "off"),
    parameterStatus("default_transaction_read_only", readOnly ? "on" : "off"),
    backendKeyData(),
    readyForQuery(),
  );
}

const PRIMARY = session(false);
const STANDBY = session(true);
const READ_ONLY_PRIMARY = session(false, true);

/** The answer of a server to a question of one column. */
function answer(type: number, text: string): Uint8Array {
  return concat(rowDescription({ a: type }), dataRow(text), commandComplete("SELECT 1"), readyForQuery());
}

type Attrs = NonNullable<ConnectPlan["attrs"]>;

/** Which of the servers a, b, … is taken; undefined if none is. */
function takenOf(attrs: Attrs, ...servers: readonly Uint8Array[]): number | undefined {
  const names = ["a", "b", "c"];
  for (const taken of [...servers.keys(), undefined]) {
    const passedOver = servers.slice(0, taken ?? servers.length).flatMap((server, i): Line[] => [
      [`dial ${names[i]}:5432`, {}],
      [`open #${i + 1}`, server],
      [`discard #${i + 1}`],
    ]);
    const last: Line[] = taken === undefined ? [] : [
      [`dial ${names[taken]}:5432`, {}],
      [`open #${taken + 1}`, servers[taken]!],
    ];
    try {
      const plan = { endpoints: servers.map((_, i) => tcp(names[i]!)), attrs };
      const played = connectWith(plan, [...passedOver, ...last]);
      if (taken !== undefined) {
        assert.equal(played.taken, taken + 1);
        return taken;
      }
      failure(played, ConnectionError);
      return undefined;
    } catch (error) {
      if (!(error instanceof assert.AssertionError)) throw error;
    }
  }
  assert.fail("no course fits");
}

test("target_session_attrs: each takes the first session that suits", () => {
  const servers = [STANDBY, READ_ONLY_PRIMARY, PRIMARY];
  const taken: Readonly<Record<string, number>> = {
    any: 0,
    "read-write": 2,
    "read-only": 0,
    primary: 1,
    standby: 0,
  };
  for (const [attrs, index] of Object.entries(taken)) assert.equal(takenOf(attrs as Attrs, ...servers), index, attrs);
  assert.equal(takenOf("read-only", PRIMARY, READ_ONLY_PRIMARY), 1);
  assert.equal(takenOf("standby", PRIMARY, STANDBY), 1);
  assert.equal(takenOf("standby", PRIMARY, PRIMARY), undefined);
  assert.equal(takenOf("read-write", STANDBY, READ_ONLY_PRIMARY), undefined);
});

test("target_session_attrs: prefer-standby takes any session in a second round", () => {
  assert.equal(takenOf("prefer-standby", PRIMARY, STANDBY), 1);
  const { taken } = connectWith({ endpoints: [tcp("a"), tcp("b")], attrs: "prefer-standby" }, [
    ["dial a:5432", {}],
    ["open #1", PRIMARY],
    ["discard #1"],
    ["dial b:5432", new ConnectionError("connection refused")],
    ["dial a:5432", {}],
    ["open #2", PRIMARY],
  ]);
  assert.equal(taken, 2);
});

test("target_session_attrs: a server that does not report what it is is asked", () => {
  const first = connectWith({ attrs: "primary" }, [
    ["dial a:5432", {}],
    ["open #1", WELCOME],
    ["identify #1", answer(16, "f")],
  ]);
  assert.equal(first.taken, 1);
  assert.match(first.links[0]!.text, /select pg_catalog\.pg_is_in_recovery\(\)/);
  const second = connectWith({ endpoints: [tcp("a"), tcp("b")], attrs: "read-write" }, [
    ["dial a:5432", {}],
    ["open #1", WELCOME],
    ["identify #1", answer(25, "on")],
    ["discard #1"],
    ["dial b:5432", {}],
    ["open #2", WELCOME],
    ["identify #2", answer(25, "off")],
  ]);
  assert.equal(second.taken, 2);
  assert.match(second.links[0]!.text, /show transaction_read_only/);
});

test("target_session_attrs: a server that does not know the question has no standbys", () => {
  const unknown = concat(
    errorResponse("42883", "function pg_catalog.pg_is_in_recovery() does not exist"),
    readyForQuery(),
  );
  const played = connectWith({ attrs: "primary" }, [
    ["dial a:5432", {}],
    ["open #1", WELCOME],
    ["identify #1", unknown],
  ]);
  assert.equal(played.taken, 1);
});

test("target_session_attrs: a connection that is lost over the question is closed, and the next host tried", () => {
  const played = connectWith({ endpoints: [tcp("a"), tcp("b")], attrs: "standby" }, [
    ["dial a:5432", {}],
    ["open #1", WELCOME],
    ["identify #1", { lose: new ConnectionError("connection reset") }],
    ["discard #1"],
    ["dial b:5432", {}],
    ["open #2", STANDBY],
  ]);
  assert.equal(played.taken, 2);
});

test("target_session_attrs: the error says of each host why it was passed over", () => {
  const played = connectWith({ endpoints: [tcp("a"), tcp("b")], attrs: "primary" }, [
    ["dial a:5432", {}],
    ["open #1", STANDBY],
    ["discard #1"],
    ["dial b:5432", new ConnectionError("connection refused")],
  ]);
  const error = failure(played, ConnectionError);
  assert.equal(
    error.message,
    "Cannot connect to a:5432: the server is a standby (target_session_attrs=primary); b:5432: connection refused",
  );
  assert.equal(error.safeToRetry, true);
});

test("target_session_attrs: all addresses of a name are tried, and the error names each", () => {
  const found = (last: Uint8Array, ...more: Line[]) =>
    connectWith({ attrs: "primary", timeout: 1000 }, [
      ["dial a:5432", { addresses: endsOf("10.0.0.9", 40000, "10.0.0.1") }, 100],
      ["open #1", STANDBY],
      ["discard #1"],
      ["dial a:5432 without 10.0.0.1", { addresses: endsOf("10.0.0.9", 40001, "10.0.0.2") }],
      ["open #2", last],
      ...more,
    ]);
  assert.equal(found(PRIMARY).taken, 2);
  const none = found(STANDBY, ["discard #2"], [
    "dial a:5432 without 10.0.0.1,10.0.0.2",
    new ConnectionError(NO_OTHER_ADDRESS),
  ]);
  assert.match(
    failure(none, ConnectionError).message,
    /^Cannot connect to a:5432 \(10\.0\.0\.1\): .*; a:5432 \(10\.0\.0\.2\): /,
  );
});

test("addresses: one that accepts and then says nothing leaves time for those that are left", () => {
  const { limits, taken } = connectWith({ timeout: 1200 }, [
    ["dial a:5432", { addresses: { ...endsOf("10.0.0.9", 40000, "10.0.0.1"), left: 2 } }],
    ["open #1", new ConnectionError("timed out"), 400],
    ["discard #1"],
    ["dial a:5432 without 10.0.0.1", { addresses: { ...endsOf("10.0.0.9", 40001, "10.0.0.2"), left: 1 } }],
    ["open #2", new ConnectionError("timed out"), 400],
    ["discard #2"],
    ["dial a:5432 without 10.0.0.1,10.0.0.2", { addresses: endsOf("10.0.0.9", 40002, "10.0.0.3") }],
    ["open #3", WELCOME],
  ]);
  assert.equal(taken, 3);
  assert.deepEqual(limits, [2200, 1400, 2200, 1800, 2200, 2200]);
});

test("addresses: that of a host that was given as one is the only one", () => {
  const played = connectWith({ endpoints: [tcp("10.0.0.1")], attrs: "primary" }, [
    ["dial 10.0.0.1:5432", { addresses: endsOf("10.0.0.9", 40000, "10.0.0.1") }],
    ["open #1", STANDBY],
    ["discard #1"],
  ]);
  failure(played, ConnectionError);
});
