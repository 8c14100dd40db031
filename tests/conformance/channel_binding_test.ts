/** `channel_binding` with servers that offer it. */
import assert from "node:assert/strict";
import { ConnectionError } from "../../mod.ts";
import { conformance } from "../support/suite/worlds.ts";

const USER = "select current_user::text";

conformance("channel binding: over TLS, with each choice", async (world, server) => {
  for (const choice of ["disable", "prefer", "require"]) {
    const query = `sslmode=require&channel_binding=${choice}&require_auth=scram-sha-256`;
    await using conn = await world.connect(server.url({ user: "auth_scram", password: "secret", query }));
    assert.equal(await conn.execValue(USER), "auth_scram");
    assert.equal(conn.tls, true);
  }
});

conformance("channel binding: required, every other way in is refused", async (world, server) => {
  const cases: [user: string, query: string, reason: RegExp][] = [
    ["auth_trust", "sslmode=require", /asks for no authentication, and channel_binding=require allows/],
    ["auth_password", "sslmode=require", /asks for the password in clear text, and channel_binding=require allows/],
    ["auth_md5", "sslmode=require", /asks for an MD5 hash of the password, and channel_binding=require allows/],
    ["auth_scram", "sslmode=disable", /channel_binding=require needs TLS, and the connection is not encrypted/],
    ["auth_trust", "sslmode=disable", /asks for no authentication, and channel_binding=require allows/],
    ["auth_scram", `socket=${encodeURIComponent(server.socket)}`, /channel_binding=require needs TLS/],
    ["auth_trust", `socket=${encodeURIComponent(server.socket)}`, /asks for no authentication/],
  ];
  for (const [user, query, reason] of cases) {
    const url = server.url({ user, password: "secret", query: `${query}&channel_binding=require` });
    await assert.rejects(world.connect(url), (error) => {
      assert.ok(error instanceof ConnectionError, String(error));
      assert.match(error.message, reason);
      assert.ok(!String(error.stack).includes("secret"));
      return true;
    });
  }
});

conformance("channel binding: required, a connection is not moved to the Unix socket", async (world, server) => {
  const url = server.url({ user: "auth_scram", password: "secret", query: "channel_binding=require" });
  await using conn = await world.connect(url);
  assert.equal(conn.transport, "tcp");
  assert.match(conn.upgrade.reason!, /channel_binding=require asks for TLS/);
});
