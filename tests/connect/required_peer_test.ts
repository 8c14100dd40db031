import assert from "node:assert/strict";
import { ConnectionError } from "../../src/errors.ts";
import type { ConnectPlan } from "../../src/connect/connect.ts";
import type { LocalSockets } from "../../src/transport/transport.ts";
import { certain, localSockets, SELF, unknown } from "../support/scripted/local_sockets.ts";
import { connectWith, endsOf, failure, identity, tcp, unix, WELCOME } from "../support/scripted/plans.ts";
import { test } from "../support/suite/test.ts";

const path = "/run/pg/.s.PGSQL.5432";

function requiring(name: string, local: LocalSockets = localSockets()): Partial<ConnectPlan> {
  return { endpoints: [unix(path)], requiredPeer: { name, local } };
}

test("requirepeer: the user of that name gets in", () => {
  const { taken } = connectWith(requiring("postgres"), [[`dial ${path}`, {}], ["open #1", WELCOME]]);
  assert.equal(taken, 1);
});

test("requirepeer: for another user, or one who is not certain, nothing is sent", () => {
  const cases: [local: LocalSockets, reason: RegExp][] = [
    [localSockets({ owner: () => certain(SELF) }), /requirepeer="postgres" is given, and "ada" listens on the socket/],
    [localSockets({ owner: () => certain(4711) }), /cannot be checked, since the name of user 4711, .* is not known/],
    [
      localSockets({ owner: () => unknown() }),
      /cannot be checked, since it is not certain who listens .*: nothing tells/,
    ],
    [
      localSockets({ owner: () => ({ uid: 70, doubt: "others may write /run/pg" }) }),
      /cannot be checked, since it is not certain .*: others may write \/run\/pg/,
    ],
  ];
  for (const [local, reason] of cases) {
    const played = connectWith(requiring("postgres", local), [[`dial ${path}`, {}], ["discard #1"]]);
    const error = failure(played, ConnectionError, reason);
    assert.equal(error.safeToRetry, false);
    assert.equal(played.links[0]!.text, "");
  }
});

test("requirepeer: the user that the kernel reports is the one that counts", () => {
  const local = localSockets({ owner: (_, peer) => certain(peer ?? 70) });
  const played = connectWith(requiring("postgres", local), [[`dial ${path}`, { peerUser: SELF }], ["discard #1"]]);
  failure(played, ConnectionError, /"ada" listens on the socket/);
});

test("requirepeer: TCP is not checked, and the socket of an upgrade is", () => {
  for (const [name, upgraded] of [["postgres", true], ["ada", false]] as const) {
    const local = localSockets();
    const plan = { requiredPeer: { name, local }, upgrade: { skipReason: undefined, local }, endpoints: [tcp("a")] };
    const { taken, value } = connectWith(plan, [
      ["dial a:5432", { addresses: endsOf("127.0.0.1", 40000) }],
      ["open #1", WELCOME],
      ["identify #1", identity({ clientPort: "40000", serverPort: "5432", directories: "/run/pg" })],
      [`dial ${path}`, {}],
      ...(upgraded
        ? [["open #2", WELCOME], ["identify #2", identity()], ["discard #1"]] as const
        : [["discard #2"]] as const),
    ]);
    assert.equal(taken, upgraded ? 2 : 1);
    assert.equal(value?.upgrade.upgraded, upgraded);
  }
});
