/** What a Unix socket is told during an upgrade, by both drivers: nothing that only the server may know. */
import assert from "node:assert/strict";
import { connectAsync } from "../../src/run/connect_async.ts";
import { connectSync } from "../../src/run/connect_sync.ts";
import type { Handshake } from "../../src/connect/handshake.ts";
import type { ConnectPlan } from "../../src/connect/connect.ts";
import { SecretFunction } from "../../src/connect/secret_function.ts";
import { ServerAddress, type VerifiedSockets } from "../../src/connect/server_address.ts";
import type { Connected, Upgrade } from "../../src/connect/upgrade.ts";
import { now } from "../../src/runtime/clock.ts";
import { authentication, concat } from "../support/scripted/backend.ts";
import { AsyncDials, SyncDials } from "../support/scripted/dialers.ts";
import { TableClock } from "../support/scripted/handshakes.ts";
import { certain, type LocalFacts, localSockets, SELF, SERVER, unknown } from "../support/scripted/local_sockets.ts";
import { endsOf, identity, planWith, tcp, WELCOME } from "../support/scripted/plans.ts";
import { scramExchange, type ScramFacts } from "../support/scripted/scram_exchange.ts";
import { ScriptedAsync, ScriptedSync, type Step } from "../support/scripted/scripted_server.ts";
import { test } from "../support/suite/test.ts";

const PATH = "/run/pg/.s.PGSQL.5432";
const STRANGER = 4711;
const FACTS: ScramFacts = {
  password: "secret",
  clientNonce: "nonce",
  serverNonce: "+server",
  salt: "c2FsdA==",
  iterations: 2,
};

/** A server's side of each way to authenticate, by name; it ends with a session. */
const METHODS: Readonly<Record<string, Step[]>> = {
  cleartext: [["Startup", authentication(3)], ["Password", WELCOME]],
  md5: [["Startup", authentication(5, (out) => out.bytes(new Uint8Array([1, 2, 3, 4])))], ["Password", WELCOME]],
  scram: scram(FACTS),
};
const TRUST: Step[] = [["Startup", WELCOME]];

function scram(facts: ScramFacts): Step[] {
  const { serverFirst, serverFinal } = scramExchange(facts);
  const offer = authentication(10, (out) => {
    out.cstring("SCRAM-SHA-256");
    out.byte(0);
  });
  return [
    ["Startup", offer],
    ["Password", authentication(11, (out) => out.text(serverFirst))],
    ["Password", concat(authentication(12, (out) => out.text(serverFinal)), WELCOME)],
  ];
}

/** A server on TCP, and what listens on its socket. */
function overTcp(method: Step[]): Step[] {
  return [...method, ["Query", identity({ clientPort: "40000", serverPort: "5432", directories: "/run/pg" })]];
}

function onSocket(method: Step[]): Step[] {
  return [...method, ["Query", identity()]];
}

/** What became of connecting, and the messages that each peer got. */
interface Told {
  readonly upgrade: Upgrade;
  readonly heard: readonly (readonly string[])[];
}

interface Driver {
  readonly name: string;
  connect(handshake: Handshake<Connected>, ...peers: Step[][]): Promise<Told>;
}

const DRIVERS: readonly Driver[] = [
  {
    name: "awaiting",
    async connect(handshake, ...peers) {
      const transports = peers.map((steps) => new ScriptedAsync(steps, { addresses: ENDS }));
      const { upgrade } = await connectAsync(handshake, new AsyncDials(...transports), undefined);
      return { upgrade, heard: transports.map(heardBy) };
    },
  },
  {
    name: "blocking",
    async connect(handshake, ...peers) {
      const transports = peers.map((steps) => new ScriptedSync(steps, { addresses: ENDS }));
      const { upgrade } = connectSync(handshake, new SyncDials(...transports));
      return await Promise.resolve({ upgrade, heard: transports.map(heardBy) });
    },
  },
];

const ENDS = endsOf("127.0.0.1", 40000);

function heardBy({ messages }: ScriptedAsync | ScriptedSync): string[] {
  return messages.map(({ name }) => name).filter((name) => name !== "Terminate");
}

function connecting(
  facts: LocalFacts,
  address: ServerAddress = new ServerAddress(),
  secrets: Pick<ConnectPlan, "password" | "clientCertificate"> = { password: "secret" },
): Handshake<Connected> {
  const upgrade = { skipReason: undefined, local: localSockets(facts) };
  const given = planWith(new TableClock(), { endpoints: [tcp("localhost")], ...secrets, upgrade });
  return address.connect({ ...given, now });
}

for (const { name, connect } of DRIVERS) {
  for (const [method, steps] of Object.entries(METHODS)) {
    test(`upgrade, ${name}: the server's own socket gets what TCP got (${method})`, async () => {
      for (const uid of [SERVER, SELF, 0]) {
        const { upgrade } = await connect(connecting({ owner: () => certain(uid) }), overTcp(steps), onSocket(steps));
        assert.equal(upgrade.upgraded, true, `user ${uid}`);
      }
    });

    test(`upgrade, ${name}: a stranger's socket gets not a byte (${method})`, async () => {
      for (const asked of [...Object.values(METHODS), TRUST]) {
        const facts: LocalFacts = { owner: () => certain(STRANGER) };
        const { upgrade, heard } = await connect(connecting(facts), overTcp(steps), onSocket(asked));
        assert.equal(upgrade.upgraded, false);
        assert.deepEqual(upgrade.tried, [
          { path: PATH, reason: `user ${STRANGER} listens there, the server is user ${SERVER}'s` },
        ]);
        assert.deepEqual(heard[1], []);
      }
    });

    test(`upgrade, ${name}: a socket whose owner is not certain gets no secret (${method})`, async () => {
      const doubts: LocalFacts[] = [
        { owner: () => unknown("nothing tells") },
        { owner: () => ({ uid: SERVER, doubt: "nothing tells" }) },
        { listener: unknown("nothing tells") },
      ];
      for (const facts of doubts) {
        const { upgrade, heard } = await connect(connecting(facts), overTcp(steps), onSocket(steps));
        assert.equal(upgrade.upgraded, false);
        assert.match(upgrade.tried[0]!.reason, /it is not certain that the socket is the server's: .*nothing tells/);
        assert.deepEqual(heard[1], ["Startup"]);
        // One that asks for nothing is taken.
        const trusted = await connect(connecting(facts), overTcp(steps), onSocket(TRUST));
        assert.equal(trusted.upgrade.upgraded, true);
      }
    });

    test(`upgrade, ${name}: other connections dial the path at once, with the same secrets only (${method})`, async () => {
      const sockets: VerifiedSockets = new Map();
      const facts: LocalFacts = { owner: () => certain(SERVER) };
      const another = (secrets?: Parameters<typeof connecting>[2]): Handshake<Connected> =>
        connecting(facts, new ServerAddress(sockets), secrets);
      assert.equal((await connect(another(), overTcp(steps), onSocket(steps))).upgrade.upgraded, true);
      // By the path alone: the first peer is the socket.
      assert.equal((await connect(another(), onSocket(steps))).upgrade.upgraded, true);
      // The socket may let everybody in, and TCP not.
      const others = [
        { password: "another secret" },
        { password: new SecretFunction("password", () => "secret", () => undefined) },
        { password: "secret", clientCertificate: ["another.crt"] },
        { password: undefined },
      ];
      for (const other of others) {
        const { upgrade, heard } = await connect(another(other), overTcp(TRUST), onSocket(TRUST));
        assert.deepEqual([upgrade.upgraded, heard.length], [true, 2]);
      }
    });

    test(`upgrade, ${name}: each time that a pool dials its path, the socket's owner counts (${method})`, async () => {
      const address = new ServerAddress();
      let owner = certain(SERVER);
      const local = (): Handshake<Connected> => connecting({ owner: () => owner }, address);
      assert.equal((await connect(local(), overTcp(steps), onSocket(steps))).upgrade.upgraded, true);
      // By the path alone: the first peer is the socket.
      assert.equal((await connect(local(), onSocket(steps))).upgrade.upgraded, true);
      owner = certain(STRANGER);
      const replaced = await connect(local(), onSocket(steps), overTcp(steps), onSocket(steps));
      assert.equal(replaced.upgrade.upgraded, false);
      assert.deepEqual([replaced.heard[0], replaced.heard[2]], [[], []]);
    });

    test(`upgrade, ${name}: who takes a pool's path and the server's port does not become the server (${method})`, async () => {
      const address = new ServerAddress();
      let user = certain(SERVER);
      const facts = (): LocalFacts => ({ owner: () => user, listener: user });
      await connect(connecting(facts(), address), overTcp(steps), onSocket(steps));
      user = certain(STRANGER);
      const { heard } = await connect(connecting(facts(), address), onSocket(steps), overTcp(steps), onSocket(steps));
      assert.deepEqual(heard[0], []);
    });
  }

  test(`upgrade, ${name}: a password is looked up if the server asks, or if its socket was verified`, async () => {
    const sockets: VerifiedSockets = new Map();
    const count = async (...peers: Step[][]): Promise<number> => {
      let count = 0;
      const password = (): string => (count++, "secret");
      const facts: LocalFacts = { owner: () => certain(SERVER) };
      await connect(connecting(facts, new ServerAddress(sockets), { password }), ...peers);
      return count;
    };
    const forwarded: Step = ["Query", identity({ clientPort: "4711", serverPort: "5432", directories: "/run/pg" })];
    assert.equal(await count([...TRUST, forwarded]), 0);
    assert.equal(await count([...METHODS["md5"]!, forwarded]), 1);
    // The process remembers a socket together with the password.
    assert.equal(await count(overTcp(TRUST), onSocket(TRUST)), 1);
    assert.equal(await count(onSocket(TRUST)), 1);
  });

  test(`upgrade, ${name}: no proof is made for another salt or another number of iterations than TCP's`, async () => {
    for (const other of [{ ...FACTS, iterations: 1 }, { ...FACTS, iterations: 3 }, { ...FACTS, salt: "c2FsdB==" }]) {
      const { upgrade, heard } = await connect(connecting({}), overTcp(scram(FACTS)), onSocket(scram(other)));
      assert.equal(upgrade.upgraded, false);
      assert.match(upgrade.tried[0]!.reason, /its salt or iteration count is not the one/);
      assert.deepEqual(heard[1], ["Startup", "Password"], "the client's first message, without a proof");
    }
  });

  test(`upgrade, ${name}: the server's own socket does not get more than TCP got`, async () => {
    const { cleartext, md5, scram } = METHODS;
    const methods = [TRUST, scram!, md5!, cleartext!];
    for (const [i, less] of methods.entries()) {
      for (const more of methods.slice(i + 1)) {
        const { upgrade, heard } = await connect(connecting({}), overTcp(less), onSocket(more));
        assert.equal(upgrade.upgraded, false);
        assert.match(upgrade.tried[0]!.reason, /more than allowed here/);
        assert.deepEqual(heard[1], ["Startup"]);
      }
    }
  });

  test(`upgrade, ${name}: no proof is made where TCP asked for none`, async () => {
    for (const method of ["cleartext", "md5"]) {
      const { upgrade, heard } = await connect(connecting({}), overTcp(METHODS[method]!), onSocket(METHODS.scram!));
      assert.equal(upgrade.upgraded, false);
      assert.deepEqual(heard[1], ["Startup"]);
    }
  });
}
