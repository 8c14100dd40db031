/** The name that TLS sends for the server (SNI): each connection's own, although connections share a context. */
import assert from "node:assert/strict";
import { ConnectionError, Opts } from "../../mod.ts";
import { startPeer } from "../support/network/peer.ts";
import { attempt } from "../support/suite/call_bodies.ts";
import { test } from "../support/suite/test.ts";
import { worlds } from "../support/suite/worlds.ts";

/** What the server does until it has the ClientHello: without and with PostgreSQL's own request for TLS. */
const NEGOTIATIONS = {
  direct: { then: "end" },
  postgres: { greeting: new TextEncoder().encode("S"), reply: Uint8Array.of(0), then: "end" },
} as const;

for (const [negotiation, behaviour] of Object.entries(NEGOTIATIONS)) {
  for (const world of worlds) {
    test(`server name: that of an earlier connection is not sent (${negotiation}, ${world.name})`, async () => {
      await using peer = await startPeer(behaviour);
      const opts = new Opts(`pg://ada@127.0.0.1:${peer.port}/db?sslmode=require&sslnegotiation=${negotiation}`);
      const names: string[] = [];
      for (const name of ["a.example", undefined, "b.example", undefined]) {
        const named = name === undefined ? opts : opts.tls({ serverName: name });
        await assert.rejects(attempt(() => world.connect(named)), ConnectionError);
        const hello = new TextDecoder("latin1").decode(await peer.heard());
        assert.ok(hello.includes("postgresql"), "it is a ClientHello with ALPN");
        names.push(/[ab]\.example/.exec(hello)?.[0] ?? "none");
      }
      assert.deepEqual(names, ["a.example", "none", "b.example", "none"]);
    });
  }
}
