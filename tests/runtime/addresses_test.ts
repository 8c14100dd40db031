/** Which address is dialled: those of a name in the resolver's order, or the one that hostaddr has. */
import assert from "node:assert/strict";
import { lookup } from "node:dns/promises";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ConnectionError, ServerError, UsageError } from "../../mod.ts";
import { canMount, ordersAddresses, runWithHosts } from "../support/processes/hosts_file.ts";
import { type Peer, startPeer } from "../support/network/peer.ts";
import { Unanswered } from "../support/network/unanswered_port.ts";
import { errorResponse } from "../support/scripted/backend.ts";
import { runtime } from "../support/suite/runtime.ts";
import { newest } from "../support/suite/servers.ts";
import { setting } from "../support/suite/skips.ts";
import { test, testInTurn } from "../support/suite/test.ts";
import { type World, worlds } from "../support/suite/worlds.ts";

const ACCOUNT = "user=test password=1234 dbname=test_db";

/** A server on an address that refuses everybody with the address as its message. */
function refusing(host: string, port: number): Promise<Peer> {
  return startPeer({ greeting: errorResponse("28000", `this is ${host}`, "FATAL"), then: "end" }, undefined, {
    host,
    port,
  });
}

/** The address that a connection has reached, by the message of its server. */
async function reached(world: World, text: string): Promise<string> {
  const error: unknown = await world.connect(`${text} user=u sslmode=disable`).then(
    () => "a session",
    (error) => error,
  );
  assert.ok(error instanceof ServerError, String(error));
  return error.message.replace("this is ", "");
}

for (const world of worlds) {
  test(`addresses: hostaddr is dialled, and the host is not looked up (${world.name})`, async () => {
    const text = `host=db.invalid hostaddr=127.0.0.1 port=${newest.port} ${ACCOUNT} upgrade_to_unix_socket=no`;
    await using conn = await world.connect(text);
    assert.equal(await conn.execValue("select 1"), 1);
    const { endpoint } = conn.cancelKey!;
    assert.ok(endpoint.kind === "tcp");
    assert.deepEqual([endpoint.host, endpoint.address], ["db.invalid", "127.0.0.1"]);
    await assert.rejects(
      world.connect("host=db.invalid hostaddr=127.0.0.1 port=1 user=u"),
      (error) => error instanceof ConnectionError && error.message.includes("db.invalid:1 (127.0.0.1): "),
    );
  });

  test(`addresses: a cancel request goes to hostaddr too (${world.name})`, async () => {
    const text = `host=db.invalid hostaddr=127.0.0.1 port=${newest.port} ${ACCOUNT} upgrade_to_unix_socket=no`;
    await using conn = await world.connect(text);
    await assert.rejects(async () => await conn.exec("select pg_sleep(60)", [], { timeout: 100 }));
    assert.equal(await conn.execValue("select 1"), 1);
  });

  test(`addresses: each host of a list has its hostaddr (${world.name})`, async () => {
    await using first = await refusing("127.0.0.1", 0);
    assert.equal(
      await reached(world, `host=a.invalid,b.invalid hostaddr=127.0.0.1,127.0.0.1 port=1,${first.port}`),
      "127.0.0.1",
    );
    await assert.rejects(async () => await world.connect("host=a,b hostaddr=127.0.0.1 user=u"), UsageError);
  });

  test(`addresses: localhost is looked up, and the resolver's first address is dialled first (${world.name})`, async () => {
    const found = (await lookup("localhost", { all: true, order: "verbatim" })).map(({ address }) => address);
    const others = ["127.0.0.1", "::1"].filter((address) => !found.includes(address));
    const [first = "", ...rest] = [...found, ...others];
    await using server = await refusing(first, 0);
    const servers = await Promise.all(rest.map((address) => refusing(address, server.port)));
    try {
      assert.equal(await reached(world, `host=localhost port=${server.port}`), first);
    } finally {
      for (const other of servers) await other[Symbol.asyncDispose]();
    }
  });

  // FFI has no TLS.
  if (world.name !== "sync ffi") {
    test(`addresses: after a host without TLS comes the next one, if TLS is required (${world.name})`, async () => {
      await using unwilling = await startPeer({ greeting: new TextEncoder().encode("N"), then: "silence" });
      const ports = `${unwilling.port},${newest.port}`;
      await using conn = await world.connect(`host=127.0.0.1,127.0.0.1 port=${ports} ${ACCOUNT} sslmode=require`);
      assert.equal(await conn.execValue("select inet_server_port()"), newest.port);
      assert.equal(conn.tls, true);
    });
  }

  test(`addresses: a name that cannot be resolved is an error that says so (${world.name})`, async () => {
    await assert.rejects(
      world.connect("host=db.invalid user=u"),
      (error) => error instanceof ConnectionError && /Cannot connect to db\.invalid:5432: /.test(error.message),
    );
  });
}

/** What `localhost` is in a hosts file, which of the addresses have a server, and which one must be reached. */
const HOSTS: readonly (readonly [hosts: readonly string[], listening: readonly string[], reached: string])[] = [
  [["127.0.0.2", "127.0.0.3"], ["127.0.0.1", "127.0.0.2", "127.0.0.3"], "127.0.0.2"],
  [["127.0.0.3", "127.0.0.2"], ["127.0.0.1", "127.0.0.2", "127.0.0.3"], "127.0.0.3"],
  [["127.0.0.2", "127.0.0.3", "127.0.0.4"], ["127.0.0.1", "127.0.0.4"], "127.0.0.4"],
  ...(ordersAddresses ? [[["127.0.0.2", "::1"], ["127.0.0.2", "::1"], "127.0.0.2"] as const] : []),
];

if (setting !== "deno-net" && canMount()) {
  for (const world of ["async", "sync"]) {
    for (const [hosts, listening, expected] of HOSTS) {
      const name = `addresses: localhost is ${hosts.join(", ")}, and ${listening.join(", ")} listen (${world})`;
      testInTurn(name, () =>
        withHosts(hosts, async (file) => {
          const [first, ...others] = listening;
          await using server = await refusing(first!, 0);
          const servers = await Promise.all(others.map((address) => refusing(address, server.port)));
          try {
            for (const transport of world === "sync" ? ["ffi", "worker"] : ["auto"]) {
              const url = `pg://u@localhost:${server.port}?sslmode=disable&blocking_transport=${transport}`;
              const { error } = JSON.parse(await runWithHosts(file, "transport.ts", [world, url]));
              assert.equal(error, `ServerError: this is ${expected}`, transport);
            }
          } finally {
            for (const other of servers) await other[Symbol.asyncDispose]();
          }
        }));
    }

    testInTurn(
      `addresses: one that does not answer leaves time for the next (${world})`,
      () =>
        withHosts(["127.0.0.1", "127.0.0.2"], async (file) => {
          await using silent = await Unanswered.start();
          await using _ = await refusing("127.0.0.2", silent.port);
          for (const transport of world === "sync" ? ["ffi", "worker"] : ["auto"]) {
            const url =
              `pg://u@localhost:${silent.port}?sslmode=disable&connect_timeout=10&blocking_transport=${transport}`;
            const { error } = JSON.parse(await runWithHosts(file, "transport.ts", [world, url]));
            assert.equal(error, "ServerError: this is 127.0.0.2", transport);
          }
        }),
    );

    // Deno's worker does not learn which address of a name it has reached.
    const transports = world === "async" ? ["auto"] : runtime === "deno" ? ["ffi"] : ["ffi", "worker"];

    testInTurn(
      `addresses: behind one that refuses and one that says nothing the next is tried (${world})`,
      () =>
        withHosts(["127.0.0.2", "127.0.0.3", "127.0.0.4"], async (file) => {
          await using mute = await startPeer({ greeting: new Uint8Array(), then: "silence" }, undefined, {
            host: "127.0.0.3",
            port: 0,
          });
          await using _ = await refusing("127.0.0.4", mute.port);
          for (const transport of transports) {
            const url =
              `pg://u@localhost:${mute.port}?sslmode=disable&connect_timeout=2&blocking_transport=${transport}`;
            const { error } = JSON.parse(await runWithHosts(file, "transport.ts", [world, url]));
            assert.equal(error, "ServerError: this is 127.0.0.4", transport);
          }
        }),
    );

    testInTurn(
      `addresses: the error names each of them (${world})`,
      () =>
        withHosts(["127.0.0.2", "127.0.0.3"], async (file) => {
          for (const transport of transports) {
            if (transport === "worker") continue;
            const url = `pg://u@localhost:1?sslmode=disable&connect_timeout=5&blocking_transport=${transport}`;
            const { error } = JSON.parse(await runWithHosts(file, "transport.ts", [world, url]));
            const reasons = "connection refused (127.0.0.2), connection refused (127.0.0.3)";
            assert.equal(error, `ConnectionError: Cannot connect to localhost:1: ${reasons}`, transport);
          }
        }),
    );

    testInTurn(
      `addresses: the only one that does not answer is an error that says so (${world})`,
      () =>
        withHosts(["127.0.0.1"], async (file) => {
          await using silent = await Unanswered.start();
          for (const transport of world === "sync" ? ["ffi", "worker"] : ["auto"]) {
            const url =
              `pg://u@localhost:${silent.port}?sslmode=disable&connect_timeout=2&blocking_transport=${transport}`;
            const { error } = JSON.parse(await runWithHosts(file, "transport.ts", [world, url]));
            assert.match(
              error,
              /^ConnectionError: Cannot connect to localhost:\d+: (?:connection )?timed out$/,
              transport,
            );
          }
        }),
    );
  }

  if (runtime === "deno") {
    test("addresses: with Deno's permission for the name only, the next one is dialled too", () =>
      withHosts(["127.0.0.1", "127.0.0.2"], async (file) => {
        await using server = await refusing("127.0.0.2", 0);
        const url = `pg://u@localhost:${server.port}?sslmode=disable`;
        const net = `--allow-net=localhost:${server.port}`;
        const { error } = JSON.parse(await runWithHosts(file, "transport.ts", ["async", url], [net]));
        assert.equal(error, "ServerError: this is 127.0.0.2");
      }));
  }
}

/** A hosts file in which `localhost` has these addresses. */
async function withHosts(addresses: readonly string[], body: (file: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "pyro-hosts-"));
  try {
    const file = join(directory, "hosts");
    await writeFile(file, addresses.map((address) => `${address} localhost\n`).join(""));
    await body(file);
  } finally {
    await rm(directory, { recursive: true });
  }
}
