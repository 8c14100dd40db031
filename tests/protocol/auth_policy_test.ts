import assert from "node:assert/strict";
import { ConnectionError } from "../../src/errors.ts";
import { allowedMethods } from "../../src/options/require_auth.ts";
import type { AuthPolicy, Channel } from "../../src/protocol/auth_policy.ts";
import { type AuthMethod, Disclosure } from "../../src/protocol/authentication.ts";
import { Startup, type StartupOptions } from "../../src/protocol/startup.ts";
import { authentication, concat, readyForQuery } from "../support/scripted/backend.ts";
import { type Outcome, reply } from "../support/scripted/feed.ts";
import { type ScramExchange, scramExchange } from "../support/scripted/scram_exchange.ts";
import { sentMessages } from "../support/scripted/sent.ts";
import { test } from "../support/suite/test.ts";

const OPTIONS: StartupOptions = {
  user: "ada",
  password: "secret",
  parameters: [["user", "ada"]],
  nonce: () => "clientnonce",
};
const OK = concat(authentication(0), readyForQuery());
const CLEARTEXT = authentication(3);
const MD5 = authentication(5, (out) => out.bytes(Uint8Array.of(1, 2, 3, 4)));
const SCRAM = sasl("SCRAM-SHA-256");
const PLUS = sasl("SCRAM-SHA-256-PLUS", "SCRAM-SHA-256");
const HASH = Uint8Array.from({ length: 32 }, (_, i) => 255 - i);

/** A TLS connection to a server with a certificate. */
const TLS: Channel = { endPoint: () => HASH };
/** One whose certificate's signature has no hash, such as Ed25519. */
const UNHASHED: Channel = { endPoint: () => undefined };
/** One whose certificate only the platform knows. */
const UNKNOWN: Channel = { endPoint: () => undefined, unknown: "nobody gives it" };

function requiring(text: string): AuthPolicy {
  return { requireAuth: { text, methods: allowedMethods(text) }, channelBinding: "prefer" };
}

function binding(channelBinding: AuthPolicy["channelBinding"]): AuthPolicy {
  return { requireAuth: undefined, channelBinding };
}

function startup(options: Partial<StartupOptions>, ...messages: Uint8Array[]): Outcome<AuthMethod> {
  return reply((session) => new Startup({ ...OPTIONS, ...options }, session), concat(...messages));
}

/** A whole SCRAM authentication with a header of that kind. */
function exchange(header: string, bound?: Uint8Array): ScramExchange {
  return scramExchange({
    password: "secret",
    clientNonce: OPTIONS.nonce(),
    serverNonce: "+server",
    salt: "c2FsdA==",
    iterations: 2,
    header,
    ...(bound === undefined ? {} : { bound }),
  });
}

function proofs({ serverFirst, serverFinal }: ScramExchange): Uint8Array[] {
  return [authentication(11, (out) => out.text(serverFirst)), authentication(12, (out) => out.text(serverFinal))];
}

/** The session is refused for that reason, and nothing but the parameters was sent. */
function refused(reason: RegExp, options: Partial<StartupOptions>, ...messages: Uint8Array[]): void {
  const { failure, session } = startup(options, ...messages);
  assert.ok(failure?.kind === "unusable" && failure.error instanceof ConnectionError, String(failure?.kind));
  assert.match(failure.error.message, reason);
  assert.match(failure.error.message, /^Cannot authenticate: /);
  assert.equal(failure.error.safeToRetry, false);
  assert.ok(!failure.error.message.includes("secret"));
  assert.ok(sentMessages(session).every(({ code }) => code !== "p"));
}

test("require_auth: what is not allowed is refused before anything is sent", () => {
  const methods: [name: string, request: Uint8Array, words: string][] = [
    ["password", CLEARTEXT, "the password in clear text"],
    ["md5", MD5, "an MD5 hash of the password"],
    ["scram-sha-256", SCRAM, "SCRAM authentication"],
    ["none", OK, "no authentication"],
  ];
  for (const [name, request, words] of methods) {
    for (const [other] of methods) {
      if (other === name) continue;
      refused(
        new RegExp(`the server asks for ${words}, which require_auth=${other} does not allow$`),
        { policy: requiring(other) },
        request,
      );
    }
    refused(/does not allow$/, { policy: requiring(`!${name}`) }, request);
    refused(/does not allow$/, { policy: requiring("gss,sspi,oauth") }, request);
  }
});

test("require_auth: what is allowed is answered", () => {
  const scram = [SCRAM, ...proofs(exchange("n,,")), OK];
  const methods: [name: string, messages: Uint8Array[], disclosure: number][] = [
    ["password", [CLEARTEXT, OK], Disclosure.Cleartext],
    ["md5", [MD5, OK], Disclosure.Md5],
    ["scram-sha-256", scram, Disclosure.Scram],
    ["none", [OK], Disclosure.None],
  ];
  for (const [name, messages, disclosure] of methods) {
    for (const text of [name, `gss,${name}`, "!gss,!sspi"]) {
      assert.equal(startup({ policy: requiring(text) }, ...messages).value?.disclosure, disclosure, `${name} ${text}`);
    }
  }
});

test("require_auth=none with another method still needs that method's end", () => {
  const { session } = startup({ policy: requiring("scram-sha-256,none") }, SCRAM, authentication(0));
  assert.match(session.lost!.message, /AuthenticationOk out of turn/);
});

test("channel_binding: the mechanism and the header are those of libpq", () => {
  const cases: [
    policy: AuthPolicy["channelBinding"],
    channel: Channel | undefined,
    offer: Uint8Array,
    header: string,
  ][] = [
    ["disable", undefined, SCRAM, "n,,"],
    ["disable", TLS, SCRAM, "n,,"],
    ["disable", TLS, PLUS, "n,,"],
    ["prefer", undefined, SCRAM, "n,,"],
    ["prefer", TLS, SCRAM, "y,,"],
    ["prefer", TLS, PLUS, "p=tls-server-end-point,,"],
    ["prefer", UNHASHED, SCRAM, "y,,"],
    ["disable", UNHASHED, PLUS, "n,,"],
    // This client cannot bind, whatever the server offers.
    ["prefer", UNKNOWN, PLUS, "n,,"],
    ["prefer", UNKNOWN, SCRAM, "n,,"],
    ["disable", UNKNOWN, PLUS, "n,,"],
    ["require", TLS, PLUS, "p=tls-server-end-point,,"],
    ["require", TLS, sasl("SCRAM-SHA-256-PLUS"), "p=tls-server-end-point,,"],
  ];
  for (const [channelBinding, channel, offer, header] of cases) {
    const isBound = header.startsWith("p");
    const messages = exchange(header, isBound ? HASH : undefined);
    const outcome = startup({ policy: binding(channelBinding), channel }, offer, ...proofs(messages), OK);
    assert.equal(outcome.value?.disclosure, Disclosure.Scram, header);
    const [, first, final] = sentMessages(outcome.session).map(({ body }) => body);
    assert.ok(first!.startsWith(isBound ? "SCRAM-SHA-256-PLUS\0" : "SCRAM-SHA-256\0"));
    assert.ok(first!.endsWith(messages.clientFirst));
    assert.equal(final, messages.clientFinal);
  }
});

test("channel_binding=require: every other way in is refused, before anything is sent", () => {
  const policy = binding("require");
  for (const channel of [undefined, TLS, UNHASHED]) {
    for (const request of [CLEARTEXT, MD5, OK]) {
      refused(/channel_binding=require allows SCRAM-SHA-256-PLUS only/, { policy, channel }, request);
    }
  }
  refused(/needs TLS, and the connection is not encrypted/, { policy }, SCRAM);
  refused(/needs TLS, and the connection is not encrypted/, { policy }, PLUS);
  refused(/allows SCRAM-SHA-256-PLUS only, and the server offers "SCRAM-SHA-256"/, { policy, channel: TLS }, SCRAM);
  refused(/allows SCRAM-SHA-256-PLUS only, and the server offers none/, { policy, channel: TLS }, sasl());
  refused(/certificate has no hash to bind to/, { policy, channel: UNHASHED }, PLUS);
  refused(/needs the server's certificate, and nobody gives it$/, { policy, channel: UNKNOWN }, PLUS);
  refused(/needs the server's certificate, and nobody gives it$/, { policy, channel: UNKNOWN }, SCRAM);
});

test("an offer of channel binding on a connection that is not encrypted is refused", () => {
  for (const choice of ["disable", "prefer"] as const) {
    refused(/offers SCRAM-SHA-256-PLUS on a connection that is not encrypted/, { policy: binding(choice) }, PLUS);
  }
});

test("require_auth=scram-sha-256 allows both mechanisms", () => {
  const messages = exchange("p=tls-server-end-point,,", HASH);
  const outcome = startup({ policy: requiring("scram-sha-256"), channel: TLS }, PLUS, ...proofs(messages), OK);
  assert.equal(outcome.value?.disclosure, Disclosure.Scram);
});

function sasl(...mechanisms: string[]): Uint8Array {
  return authentication(10, (out) => {
    for (const mechanism of mechanisms) out.cstring(mechanism);
    out.byte(0);
  });
}

test("channel_binding=prefer: an offer of PLUS is not passed over because the certificate has no hash", () => {
  for (const channelBinding of ["prefer", "require"] as const) {
    const { session } = startup({ policy: binding(channelBinding), channel: UNHASHED }, PLUS);
    assert.match(session.lost!.message, /the signature of its certificate has no hash to bind to/);
    assert.deepEqual(sentMessages(session).filter(({ code }) => code === "p"), []);
  }
});
