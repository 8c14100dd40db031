/** Connecting with SCRAM where the password is salted while other work goes on, as on Deno. */
import assert from "node:assert/strict";
import { ownHashing } from "../../src/auth/hashing.ts";
import { connect, type ConnectPlan, timeLimit } from "../../src/connect/connect.ts";
import { SecretFunction } from "../../src/connect/secret_function.ts";
import type { Connected } from "../../src/connect/upgrade.ts";
import { ConnectionError, ServerError } from "../../src/errors.ts";
import { connectAsync } from "../../src/run/connect_async.ts";
import { now } from "../../src/runtime/clock.ts";
import { authentication, concat, errorResponse } from "../support/scripted/backend.ts";
import { AsyncDials } from "../support/scripted/dialers.ts";
import { TableClock } from "../support/scripted/handshakes.ts";
import { planWith, WELCOME } from "../support/scripted/plans.ts";
import { scramExchange } from "../support/scripted/scram_exchange.ts";
import { ScriptedAsync, type Step } from "../support/scripted/scripted_server.ts";
import { test } from "../support/suite/test.ts";

/** A server that asks for so many iterations; the last step is what it answers to the proof. */
function server(iterations: number, answer?: Uint8Array): ScriptedAsync {
  const facts = { password: "secret", clientNonce: "nonce", serverNonce: "+server", salt: "c2FsdA==", iterations };
  // Only an exchange of few iterations comes to its end.
  const { serverFirst, serverFinal } = scramExchange({ ...facts, iterations: Math.min(iterations, 2) });
  const offer = authentication(10, (out) => {
    out.cstring("SCRAM-SHA-256");
    out.byte(0);
  });
  const first = serverFirst.replace(/i=\d+$/, `i=${iterations}`);
  const steps: Step[] = [
    ["Startup", offer],
    ["Password", authentication(11, (out) => out.text(first))],
    ["Password", answer ?? concat(authentication(12, (out) => out.text(serverFinal)), WELCOME)],
  ];
  return new ScriptedAsync(steps);
}

function connecting(
  transport: ScriptedAsync,
  given: Partial<ConnectPlan> = {},
  signal?: AbortSignal,
): Promise<Connected> {
  const plan = planWith(new TableClock(), {
    password: "secret",
    hashing: ownHashing,
    now,
    ...given,
  });
  return connectAsync(connect(plan, timeLimit(plan)), new AsyncDials(transport), signal);
}

test("salting later: the proof is right, and the session opens", async () => {
  for (const password of ["secret", new SecretFunction("password", () => "secret")]) {
    const transport = server(2);
    const { link } = await connecting(transport, { password });
    assert.equal(link.session.lost, undefined);
    assert.deepEqual(transport.messages.map(({ name }) => name), ["Startup", "Password", "Password"]);
  }
});

test("salting later: a wrong password is the server's refusal", async () => {
  const refusal = errorResponse("28P01");
  await assert.rejects(connecting(server(2, refusal), { password: "other" }), ServerError);
});

test("salting later: connecting ends meanwhile by its time-out, and by its signal", async () => {
  const late = server(1_000_000);
  await assert.rejects(connecting(late, { password: "timed out", timeout: 50 }), (error) => {
    return error instanceof ConnectionError && /timed out/.test(error.message);
  });
  assert.ok(late.closed);
  const aborted = server(1_000_000);
  const reason = new Error("no longer wanted");
  const signal = AbortSignal.any([AbortSignal.timeout(50)]);
  await assert.rejects(connecting(aborted, { password: "aborted" }, signal), (error) => error === signal.reason);
  assert.ok(aborted.closed, reason.message);
});

test("salting later: connecting ends at once when the server closes meanwhile", async () => {
  const transport = server(1_000_000);
  const outcome = connecting(transport, { password: "closed" });
  setTimeout(() => transport.close(), 50);
  await assert.rejects(outcome, (error) => {
    return error instanceof ConnectionError && /the server closed the connection/.test(error.message);
  });
});
