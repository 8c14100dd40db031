/** `require_auth` and `channel_binding`, with servers that ask for each method. */
import assert from "node:assert/strict";
import { ConnectionError, UsageError } from "../../mod.ts";
import { conformance } from "../support/suite/worlds.ts";

const USERS = { auth_trust: "none", auth_password: "password", auth_md5: "md5", auth_scram: "scram-sha-256" };

conformance("require_auth: a method that is allowed gets in, and no other does", async (world, server) => {
  for (const [user, method] of Object.entries(USERS)) {
    const target = (require: string): string =>
      server.url({ user, password: "secret", query: `upgrade_to_unix_socket=no&require_auth=${require}` });
    for (const allowed of [method, "!gss", "password,md5,scram-sha-256,none"]) {
      await using conn = await world.connect(target(allowed));
      assert.equal(await conn.execValue("select current_user::text"), user);
    }
    for (const [, other] of Object.entries(USERS).filter(([, name]) => name !== method)) {
      await assert.rejects(world.connect(target(other)), (error) => {
        assert.ok(error instanceof ConnectionError, String(error));
        assert.match(error.message, new RegExp(`the server asks for .*, which require_auth=${other} does not allow$`));
        return true;
      });
    }
    await assert.rejects(world.connect(target(`!${method}`)), ConnectionError);
  }
});

conformance("require_auth: it holds for Unix sockets, and for the socket of an upgrade", async (world, server) => {
  const socket = encodeURIComponent(server.socket);
  const direct = server.url({ user: "auth_trust", password: "", query: `socket=${socket}&require_auth=!none` });
  await assert.rejects(world.connect(direct), /asks for no authentication, which require_auth=!none does not allow/);
  // Over TCP this role needs SCRAM, and over the socket nothing.
  const upgraded = server.url({ user: "auth_weaker", password: "secret", query: "require_auth=scram-sha-256" });
  await using conn = await world.connect(upgraded);
  assert.equal(conn.transport, "tcp");
  assert.equal(conn.upgrade.upgraded, false);
});

conformance("require_auth: a list that cannot be one is refused", async (world, server) => {
  await assert.rejects(world.connect(server.url({ query: "require_auth=md5,!none" })), UsageError);
});
