/** Channel binding against somebody in the middle who decrypts everything. */
import assert from "node:assert/strict";
import { Conn, ConnectionError, Opts, ServerError } from "../../mod.ts";
import { Middleman } from "../support/network/middleman.ts";
import { servers } from "../support/suite/servers.ts";
import { test } from "../support/suite/test.ts";

function through(port: number): Opts {
  return new Opts().host("127.0.0.1").port(port).user("auth_scram").password("secret").db("test_db")
    .sslMode("require");
}

/** Removes the offer of channel binding from the server's request. */
function withoutPlus(bytes: Uint8Array): Uint8Array {
  const text = new TextDecoder("latin1").decode(bytes);
  if (!text.startsWith("R") || !text.includes("SCRAM-SHA-256-PLUS\0")) return bytes;
  const names = "SCRAM-SHA-256\0\0";
  return new TextEncoder().encode(`R\0\0\0${String.fromCharCode(8 + names.length)}\0\0\0\x0a${names}`);
}

for (const server of servers) {
  test(`channel binding: somebody in the middle is noticed by the server (PostgreSQL ${server.major})`, async () => {
    await using middleman = await Middleman.start(server.port);
    const opts = through(middleman.port);
    const noticing = [opts, opts.channelBinding("require"), opts.sslMode("prefer").channelBinding("prefer")];
    for (const binding of noticing) {
      await assert.rejects(Conn.connect(binding), (error) => {
        assert.ok(error instanceof ServerError, String(error));
        assert.match(error.message, /channel binding/);
        return true;
      });
    }
    // Without channel binding nobody notices, which is why it is preferred.
    await using conn = await Conn.connect(opts.channelBinding("disable"));
    assert.equal(await conn.execValue("select current_user::text"), "auth_scram");
  });

  test(`channel binding: an offer that was removed on the way is noticed (PostgreSQL ${server.major})`, async () => {
    await using middleman = await Middleman.start(server.port, withoutPlus);
    const opts = through(middleman.port);
    await assert.rejects(Conn.connect(opts.channelBinding("require")), (error) => {
      assert.ok(error instanceof ConnectionError, String(error));
      assert.match(error.message, /channel_binding=require allows SCRAM-SHA-256-PLUS only/);
      return true;
    });
    await assert.rejects(Conn.connect(opts.channelBinding("prefer")), (error) => {
      assert.ok(error instanceof ServerError, String(error));
      assert.match(error.message, /channel binding/);
      return true;
    });
    await using conn = await Conn.connect(opts.channelBinding("disable"));
    assert.equal(await conn.execValue("select current_user::text"), "auth_scram");
  });
}
