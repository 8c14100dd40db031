import assert from "node:assert/strict";
import { ConnectionError } from "../../src/errors.ts";
import { type Connected, isLocal, upgrade, type UpgradePlan } from "../../src/connect/upgrade.ts";
import { type AuthMethod, Disclosure } from "../../src/protocol/startup.ts";
import type { Addresses, Endpoint } from "../../src/transport/transport.ts";
import {
  commandComplete,
  concat,
  dataRow,
  emptyQueryResponse,
  errorResponse,
  readyForQuery,
  rowDescription,
} from "../support/scripted/backend.ts";
import { type Line, play, type Played, TableClock, TabledLink } from "../support/scripted/handshakes.ts";
import { localSockets } from "../support/scripted/local_sockets.ts";
import { endsOf, identity, type IdentityAnswer, planWith, tcp, unix } from "../support/scripted/plans.ts";
import { test } from "../support/suite/test.ts";

/** Begins with an open session to that endpoint; the upgrade runs along the table. */
function upgradeFrom(
  endpoint: Endpoint,
  addresses: Addresses | undefined,
  table: readonly Line[],
  plan: Partial<UpgradePlan> = {},
): Played<Connected> {
  const clock = new TableClock();
  const link = new TabledLink(1, endpoint, addresses === undefined ? {} : { addresses });
  const rules: UpgradePlan = { skipReason: undefined, local: localSockets(), ...plan };
  return play(upgrade(link, NOTHING, planWith(clock), rules, Infinity), table, clock, [link]);
}

/** What a server asked for that trusts us. */
const NOTHING: AuthMethod = { disclosure: Disclosure.None, scram: undefined };

const loopback = endsOf("127.0.0.1", 40000);

function keptAfter(answer: IdentityAnswer): Connected["upgrade"] {
  const { value, taken } = upgradeFrom(tcp("localhost"), loopback, [["identify #1", identity(answer)]]);
  assert.equal(taken, 1);
  assert.equal(value?.upgrade.upgraded, false);
  return value!.upgrade;
}

test("the upgrade is not attempted where it is not wanted", () => {
  const { value, taken } = upgradeFrom(tcp("localhost"), loopback, [], { skipReason: "several hosts were given" });
  assert.equal(taken, 1);
  assert.deepEqual(value?.upgrade, {
    attempted: false,
    upgraded: false,
    reason: "several hosts were given",
    tried: [],
  });
});

test("the upgrade is not attempted on a Unix socket", () => {
  const { value } = upgradeFrom(unix("/tmp/.s.PGSQL.5432"), undefined, []);
  assert.equal(value?.upgrade.attempted, false);
  assert.match(value!.upgrade.reason!, /Unix socket already/);
});

test("the upgrade is not attempted with a server on another machine", () => {
  for (const remote of ["10.0.0.2", "2001:db8::2", "::2", "128.0.0.1", "12.7.0.1"]) {
    const { value } = upgradeFrom(tcp("db"), endsOf("10.0.0.1", 40000, remote), []);
    assert.equal(value?.upgrade.attempted, false, remote);
    assert.match(value!.upgrade.reason!, /another machine/);
  }
});

test("a server is local behind a loopback address, or behind our own", () => {
  for (const remote of ["127.0.0.1", "127.255.0.9", "::1", "::ffff:127.0.0.1", "::FFFF:127.0.0.1"]) {
    assert.ok(isLocal(endsOf("192.0.2.1", 40000, remote)), remote);
  }
  assert.ok(isLocal(endsOf("192.0.2.1", 40000, "192.0.2.1")));
  assert.ok(isLocal(endsOf("2001:db8::1", 40000, "2001:db8::1")));
  assert.ok(!isLocal(endsOf("192.0.2.1", 40000, "192.0.2.10")));
  assert.ok(!isLocal(endsOf("127.0.0.1", 40000, "192.0.2.1")));
});

test("the server has to see our own port: otherwise TCP is kept", () => {
  for (const clientPort of ["40001", "4000", null]) {
    const { attempted, reason, tried } = keptAfter({ clientPort, serverPort: "5432", directories: "/tmp" });
    assert.equal(attempted, true);
    assert.match(reason!, /there is something in between/);
    assert.deepEqual(tried, []);
  }
});

test("the server has to be reached at the address that was dialled: otherwise TCP is kept", () => {
  for (const serverHost of ["172.17.0.2", "::1", "127.0.0.2", "no address", null]) {
    const { attempted, reason } = keptAfter({
      clientPort: "40000",
      serverPort: "5432",
      serverHost,
      directories: "/tmp",
    });
    assert.equal(attempted, true);
    assert.match(reason!, /there is something in between/);
  }
});

test("an address may be written in several ways", () => {
  const ways = [["::1", "0:0:0:0:0:0:0:1"], ["::FFFF:127.0.0.1", "127.0.0.1"], ["fe80::1%eth0", "fe80::1"]] as const;
  for (const [remote, serverHost] of ways) {
    const { value } = upgradeFrom(tcp("localhost"), endsOf(remote, 40000), [
      ["identify #1", identity({ clientPort: "40000", serverPort: "5432", serverHost, directories: "" })],
    ]);
    assert.match(value!.upgrade.reason!, /the server has no Unix socket/, remote);
  }
});

test("the server has to listen on the port that was dialled: otherwise TCP is kept", () => {
  for (const serverPort of ["5433", null]) {
    const { attempted, reason } = keptAfter({ clientPort: "40000", serverPort, directories: "/tmp" });
    assert.equal(attempted, true);
    assert.match(reason!, /there is something in between/);
  }
});

test("a server that does not answer who it is: TCP is kept", () => {
  const { value, taken } = upgradeFrom(tcp("localhost"), loopback, [
    ["identify #1", concat(errorResponse("42883", "function does not exist"), readyForQuery())],
  ]);
  assert.equal(taken, 1);
  assert.equal(value?.upgrade.attempted, true);
  assert.match(value!.upgrade.reason!, /does not say who it is: function does not exist/);
});

test("a server that answers something else: TCP is kept", () => {
  const { value, taken } = upgradeFrom(tcp("localhost"), loopback, [
    [
      "identify #1",
      concat(rowDescription({ other: 25 }), dataRow("1"), commandComplete("SELECT 1"), readyForQuery()),
    ],
  ]);
  assert.equal(taken, 1);
  assert.equal(value?.upgrade.upgraded, false);
});

test("a server that takes too long to answer who it is: TCP is kept", () => {
  const { value, taken } = upgradeFrom(tcp("localhost"), loopback, [
    ["identify #1", new ConnectionError("timed out"), 500],
  ]);
  assert.equal(taken, 1);
  assert.match(value!.upgrade.reason!, /timed out/);
});

test("a connection that is lost while the server is asked who it is cannot be kept", () => {
  const clock = new TableClock();
  const link = new TabledLink(1, tcp("localhost"), { addresses: loopback });
  const plan: UpgradePlan = { skipReason: undefined, local: localSockets() };
  const handshake = upgrade(link, NOTHING, planWith(clock), plan, Infinity);
  const step = handshake.next().value;
  assert.ok("do" in step && step.do === "run");
  const end = new ConnectionError("the server closed the connection");
  link.session.lose(end);
  assert.deepEqual(handshake.throw(end).value, { do: "discard", link });
  assert.throws(() => handshake.next(), (error) => error === end);
});

test("one statement asks for everything, and every function in it has its schema", () => {
  const { links } = upgradeFrom(tcp("localhost"), loopback, [["identify #1", identity()]]);
  const { text } = links[0]!;
  assert.equal(text[0], "Q", "a simple query");
  const sql = text.slice(5, -1);
  assert.equal(sql.length + 6, links[0]!.sent.length, "nothing else was sent");
  assert.ok(!sql.includes(";"));
  const unqualified = [...sql.matchAll(/(?<![\w.])(\w+)\(/g)].map(([, name]) => name);
  // EXTRACT is syntax, no function that a search_path could put another in front of.
  assert.deepEqual(unqualified, ["extract"]);
  for (
    const name of ["inet_client_port", "inet_server_port", "pg_postmaster_start_time", "pg_has_role", "pg_backend_pid"]
  ) {
    assert.ok(sql.includes(`pg_catalog.${name}(`), name);
  }
  assert.deepEqual([...sql.matchAll(/::([\w.]+)/g)].map(([, type]) => type), Array(4).fill("pg_catalog.text"));
  assert.match(
    sql,
    /case when pg_catalog\.pg_has_role\('pg_read_all_settings', 'usage'\)\s+then pg_catalog\.current_set/,
  );
});

test("an answer without a row is no answer: TCP is kept", () => {
  const answer = concat(emptyQueryResponse(), readyForQuery());
  const { taken, value } = upgradeFrom(tcp("localhost"), loopback, [["identify #1", answer]]);
  assert.equal(taken, 1);
  assert.match(value!.upgrade.reason!, /does not say who it is/);
});

test("a server process that is not the one of the session: there is something in between", () => {
  const { reason } = keptAfter({ clientPort: "40000", serverPort: "5432", directories: "/tmp", backendPid: "43" });
  assert.match(reason!, /there is something in between/);
});

test("a connection that is lost while sockets are tried cannot be kept", () => {
  const clock = new TableClock();
  const link = new TabledLink(1, tcp("localhost"), { addresses: loopback });
  const rules: UpgradePlan = {
    skipReason: undefined,
    local: localSockets({
      refusal() {
        link.session.lose(new ConnectionError("gone"));
        return "no";
      },
    }),
  };
  const answer = identity({ clientPort: "40000", serverPort: "5432", directories: "/tmp" });
  const { taken, error } = play(
    upgrade(link, NOTHING, planWith(clock), rules, Infinity),
    [["identify #1", answer], ["discard #1"]],
    clock,
    [link],
  );
  assert.equal(taken, undefined);
  assert.match((error as Error).message, /gone/);
});
