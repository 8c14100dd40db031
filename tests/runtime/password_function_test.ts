/** Functions for the password that are slow, as seen by connections that await. */
import assert from "node:assert/strict";
import { Conn, ConnectionError, Opts } from "../../mod.ts";
import { startPeer } from "../support/network/peer.ts";
import { authentication } from "../support/scripted/backend.ts";
import { newest } from "../support/suite/servers.ts";
import { test } from "../support/suite/test.ts";

const SCRAM = new Opts(newest.url({ user: "auth_scram", password: "", query: "sslmode=disable" }));

test("a password function that never returns ends with connectTimeout", async () => {
  const opts = SCRAM.connectTimeout(1000).password(() => new Promise<string>(() => {}));
  await assert.rejects(Conn.connect(opts), (error) => {
    assert.ok(error instanceof ConnectionError);
    assert.match(error.message, /timed out: the function for password has not returned in time/);
    return true;
  });
});

test("a server that closes the connection ends the wait for a password function, without a limit too", async () => {
  await using server = await startPeer({ greeting: authentication(3), then: "end" });
  const opts = new Opts(`pg://u@127.0.0.1:${server.port}?sslmode=disable`).connectTimeout(0)
    .password(() => new Promise<string>(() => {}));
  await assert.rejects(
    Conn.connect(opts),
    (error) => error instanceof ConnectionError && /the server closed the connection/.test(error.message),
  );
});

test("a signal ends connecting while the password function is pending", async () => {
  const controller = new AbortController();
  const reason = new Error("enough");
  const called = Promise.withResolvers<void>();
  const opts = SCRAM.password(() => {
    called.resolve();
    return new Promise<string>(() => {});
  });
  const connecting = Conn.connect(opts, { signal: controller.signal });
  await called.promise;
  controller.abort(reason);
  await assert.rejects(connecting, (error) => error === reason);
});

test("a promise of a password that fails after connecting has ended is nobody's unhandled rejection", async () => {
  const password = Promise.withResolvers<string>();
  await assert.rejects(Conn.connect(SCRAM.connectTimeout(1000).password(() => password.promise)), ConnectionError);
  password.reject(new Error("late"));
  await new Promise((resolve) => setTimeout(resolve, 20));
});

test("the steps of connecting in the log name the call", async () => {
  const lines: string[] = [];
  const logger = { debug: (message: string, fields: unknown) => lines.push(`${message} ${JSON.stringify(fields)}`) };
  await using conn = await Conn.connect(SCRAM.logger(logger).logLevel("debug").password(() => "secret"));
  assert.equal(await conn.execValue("select 1"), 1);
  assert.ok(lines.some((line) => line.includes("ask for the secret")));
  assert.ok(!lines.join().replaceAll("ask for the secret", "").includes("secret"));
});
