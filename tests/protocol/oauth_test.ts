import assert from "node:assert/strict";
import { ConnectionError, ProtocolError } from "../../src/errors.ts";
import type { AuthPolicy } from "../../src/protocol/auth_policy.ts";
import { type AuthMethod, Disclosure } from "../../src/protocol/authentication.ts";
import { Session } from "../../src/protocol/session.ts";
import { Startup, type StartupOptions } from "../../src/protocol/startup.ts";
import { Outbox } from "../../src/wire/outbox.ts";
import { authentication, concat, errorResponse, readyForQuery } from "../support/scripted/backend.ts";
import { type Outcome, reply } from "../support/scripted/feed.ts";
import { sentMessages } from "../support/scripted/sent.ts";
import { test } from "../support/suite/test.ts";

const TOKEN = "header.payload.signature-_~+/==";
const OPTIONS: StartupOptions = {
  user: "ada",
  password: "secret",
  token: { text: TOKEN },
  parameters: [["user", "ada"]],
  nonce: () => "clientnonce",
  channel: { endPoint: () => undefined },
};
const OAUTH = authentication(10, (out) => {
  out.cstring("OAUTHBEARER");
  out.byte(0);
});
const OK = concat(authentication(0), readyForQuery());
const REFUSED = errorResponse("28000", "OAuth bearer authentication failed for user", "FATAL");

function refusal(json: string): Uint8Array {
  return authentication(11, (out) => out.text(json));
}

function startup(options: Partial<StartupOptions>, ...messages: Uint8Array[]): Outcome<AuthMethod> {
  return reply((session) => new Startup({ ...OPTIONS, ...options }, session), concat(...messages));
}

/** The session is lost for that reason, and the token was not sent. */
function refuses(reason: RegExp, options: Partial<StartupOptions>, ...messages: Uint8Array[]): void {
  const { failure, session } = startup(options, ...messages);
  assert.ok(failure?.kind === "unusable" && failure.error instanceof ConnectionError);
  assert.match(failure.error.message, reason);
  assert.ok(!sentMessages(session).some(({ body }) => body.includes(TOKEN)));
}

test("oauth: the token is sent as RFC 7628 says, and accepted", () => {
  const { value, session } = startup({}, OAUTH, OK);
  assert.equal(value?.disclosure, Disclosure.Token);
  const [, sent] = sentMessages(session);
  const message = `n,,\x01auth=Bearer ${TOKEN}\x01\x01`;
  assert.equal(sent!.code, "p");
  assert.equal(sent!.body, `OAUTHBEARER\0\0\0\0${String.fromCharCode(message.length)}${message}`);
});

test("oauth: a refusal is the server's error, with its reason as the hint", () => {
  const wanted = { status: "invalid_token", scope: "openid db", "openid-configuration": "https://i/.well-known" };
  const { failure } = startup({}, OAUTH, refusal(JSON.stringify(wanted)), REFUSED);
  assert.ok(failure?.kind === "server");
  assert.equal(failure.fields.code, "28000");
  assert.equal(
    failure.fields.hint,
    'The server\'s reason is "invalid_token"; it wants a token of the issuer described at https://i/.well-known ' +
      'with the scope "openid db"',
  );
  for (const [json, hint] of [['{"status":"x"}', 'The server\'s reason is "x"'], ["{", undefined], ["[]", undefined]]) {
    const outcome = startup({}, OAUTH, refusal(json!), REFUSED);
    assert.equal(outcome.failure?.kind === "server" && outcome.failure.fields.hint, hint);
  }
});

test("oauth: the server's reason is answered, so that its error can follow", () => {
  const session = new Session();
  const outbox = new Outbox();
  const bytes = concat(OAUTH, refusal('{"status":"x"}'));
  session.inbox.reserve().set(bytes);
  session.inbox.commit(bytes.length);
  new Startup(OPTIONS, session).reply(session.inbox, outbox).next();
  assert.deepEqual(sentMessages({ outbox }).slice(1), [{ code: "p", body: "\x01" }]);
  for (const after of [OK, OAUTH, refusal("{}"), authentication(3), authentication(12)]) {
    const { session: lost } = startup({}, OAUTH, refusal('{"status":"x"}'), after);
    assert.ok(lost.lost instanceof ProtocolError, "only an error may follow");
  }
});

test("oauth: another method cannot follow the token", () => {
  for (const after of [OAUTH, authentication(3), authentication(12), authentication(5)]) {
    assert.ok(startup({}, OAUTH, after).session.lost instanceof ProtocolError);
  }
});

test("oauth: without a function, in clear text, or beyond the policy, no token is sent", () => {
  refuses(/asks for a token \(OAUTHBEARER\), and no function for oauthToken is given$/, { token: undefined }, OAUTH);
  refuses(/which is sent over TLS only, unless sslmode=disable is given$/, { channel: undefined }, OAUTH);
  assert.equal(startup({ channel: undefined, tokenInClear: true }, OAUTH, OK).value?.disclosure, Disclosure.Token);
  const only = (method: string): AuthPolicy => ({
    requireAuth: { text: method, methods: new Set([method]) },
    channelBinding: "prefer",
  });
  refuses(/which require_auth=scram-sha-256 does not allow$/, { policy: only("scram-sha-256") }, OAUTH);
  assert.equal(startup({ policy: only("oauth") }, OAUTH, OK).value?.disclosure, Disclosure.Token);
  refuses(
    /channel_binding=require allows SCRAM-SHA-256-PLUS only/,
    { policy: { requireAuth: undefined, channelBinding: "require" } },
    OAUTH,
  );
});

test("oauth: a socket may ask for the token if TCP did, and then for nothing else", () => {
  const token = { disclosure: Disclosure.Token, scram: undefined, reason: "more than TCP" };
  assert.equal(startup({ limit: token }, OAUTH, OK).value?.disclosure, Disclosure.Token);
  assert.equal(startup({ limit: token }, OK).value?.disclosure, Disclosure.None);
  const { session } = startup({ limit: token }, authentication(3));
  assert.match(session.lost!.message, /asks for the password in clear text, more than TCP$/);
  for (const disclosure of [Disclosure.None, Disclosure.Scram, Disclosure.Md5, Disclosure.Cleartext]) {
    refuses(/asks for a token .*, more than TCP$/, { limit: { ...token, disclosure } }, OAUTH);
  }
});
