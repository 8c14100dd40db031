/** Bun's sockets without the socket inside of them that is taken over: a version of Bun may have none. */
import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { nodeHashing } from "../../src/auth/hashing.ts";
import { connectAsync } from "../../src/run/connect_async.ts";
import { connect } from "../../src/connect/connect.ts";
import { planOf } from "../../src/connect/plan.ts";
import { transportOver } from "../../src/transport/bun.ts";
import { localSockets } from "../../src/transport/local_sockets.ts";
import { connectNode } from "../../src/transport/node_connect.ts";
import { StreamTransport } from "../../src/transport/stream.ts";
import type { AsyncDialer, AsyncTransport } from "../../src/transport/transport.ts";
import { settingsOf } from "../../src/options/opts.ts";
import { toOpts } from "../../src/options/target.ts";
import { perform } from "../../src/protocol/request.ts";
import { SimpleQuery } from "../../src/protocol/simple_query.ts";
import { ownCodecs } from "../../src/codecs/registry.ts";
import { FirstRow } from "../../src/rows/collectors.ts";
import { now } from "../../src/runtime/clock.ts";
import { runtime } from "../support/suite/runtime.ts";
import { newest } from "../support/suite/servers.ts";
import { environmentOf } from "../support/scripted/surroundings.ts";
import { test } from "../support/suite/test.ts";

type Inside = Socket & { _handle: { reload?: unknown } | undefined };

/** What can be missing while a socket is looked at; the stream itself goes on to use it. */
const WITHOUT: Readonly<Record<string, (socket: Inside, look: () => void) => void>> = {
  "the socket inside"(socket, look) {
    const inner = socket._handle;
    socket._handle = undefined;
    look();
    socket._handle = inner;
  },
  "a way to take it over"(socket, look) {
    const inner = socket._handle!;
    Object.defineProperty(inner, "reload", { value: undefined, configurable: true });
    look();
    delete inner.reload;
  },
};

if (runtime === "bun") {
  for (const [what, hiding] of Object.entries(WITHOUT)) {
    for (
      const [way, query] of Object.entries({ TCP: "sslmode=disable", TLS: "sslmode=require", "a Unix socket": "" })
    ) {
      test(`bun sockets: without ${what}, the stream serves (${way})`, async () => {
        const transports: AsyncTransport[] = [];
        const dialer: AsyncDialer = {
          local: localSockets(false),
          dial: (endpoint, signal) =>
            connectNode(endpoint, signal, ({ socket }) => {
              hiding(socket as Inside, () => transports.push(transportOver(socket, endpoint)));
              return transports.at(-1)!;
            }),
        };
        const settings = settingsOf(toOpts(query === "" ? newest.fast : newest.url({ query })));
        const plan = planOf(settings, {
          ...environmentOf({}),
          now,
          nonce: () => crypto.randomUUID(),
          hashing: nodeHashing,
          local: dialer.local,
        });
        const skipReason = { ...plan, upgrade: { ...plan.upgrade, skipReason: "it is switched off" } };
        const { link } = await connectAsync(connect(skipReason), dialer, undefined);
        assert.ok(transports.every((transport) => transport instanceof StreamTransport));
        assert.equal(link.tls !== undefined, way === "TLS");
        // Bun's stream asks the socket inside for its ends.
        if (what !== "the socket inside" && way !== "a Unix socket") {
          assert.equal(link.addresses?.remote.port, newest.port);
        }
        const long = new SimpleQuery("select repeat('x', 1000000) as x", new FirstRow("object", true), ownCodecs);
        const { x } = await link.run({ op: perform(long), deadline: undefined }) as { x: string };
        assert.equal(x.length, 1_000_000);
        await link.close();
      });
    }
  }
}
