import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import type { ScramParameters } from "../../src/auth/scram.ts";
import { ConnectionError, ProtocolError, ServerError } from "../../src/errors.ts";
import { Session } from "../../src/protocol/session.ts";
import {
  type AuthLimit,
  type AuthMethod,
  Disclosure,
  Startup,
  type StartupOptions,
} from "../../src/protocol/startup.ts";
import { Outbox } from "../../src/wire/outbox.ts";
import {
  authentication,
  backendKeyData,
  concat,
  errorResponse,
  noticeResponse,
  notificationResponse,
  parameterStatus,
  readyForQuery,
} from "../support/scripted/backend.ts";
import { type Outcome, reply } from "../support/scripted/feed.ts";
import { scramExchange } from "../support/scripted/scram_exchange.ts";
import { sentMessages } from "../support/scripted/sent.ts";
import { test } from "../support/suite/test.ts";

const OPTIONS: StartupOptions = {
  user: "ada",
  password: "secret",
  parameters: [["user", "ada"]],
  nonce: () => "clientnonce",
};
const SCRAM = scramExchange({
  password: "secret",
  clientNonce: OPTIONS.nonce(),
  serverNonce: "+server",
  salt: "c2FsdA==",
  iterations: 2,
});
const TERMS: ScramParameters = { salt: "c2FsdA==", iterations: 2 };
const PASSWORDS = [Disclosure.None, Disclosure.Scram, Disclosure.Md5, Disclosure.Cleartext];
const OK = authentication(0);
const CLEARTEXT = authentication(3);
const MD5 = md5(0xff, 0, 1, 2);
const SASL = sasl("SCRAM-SHA-256");
const CONTINUE = authentication(11, (out) => out.text(SCRAM.serverFirst));
const FINAL = authentication(12, (out) => out.text(SCRAM.serverFinal));

test("startup: a password in clear text", () => {
  const outcome = startup({}, CLEARTEXT, OK, readyForQuery());
  assert.equal(outcome.value?.disclosure, Disclosure.Cleartext);
  assert.deepEqual(answers(outcome), ["secret\0"]);
});

test("startup: a hashed password", () => {
  const outcome = startup({}, MD5, OK, readyForQuery());
  const stored = createHash("md5").update("secretada").digest("hex");
  const hash = createHash("md5").update(stored).update(new Uint8Array([0xff, 0, 1, 2])).digest("hex");
  assert.equal(outcome.value?.disclosure, Disclosure.Md5);
  assert.deepEqual(answers(outcome), [`md5${hash}\0`]);
});

test("startup: a salt has four bytes", () => {
  for (const salt of [[], [1, 2, 3], [1, 2, 3, 4, 5]]) endsWith(ProtocolError, {}, md5(...salt));
});

test("startup: SCRAM, with a server that knows the password", () => {
  const outcome = startup({}, SASL, CONTINUE, FINAL, OK, readyForQuery());
  assert.equal(outcome.value?.disclosure, Disclosure.Scram);
  assert.deepEqual(answers(outcome), [
    `SCRAM-SHA-256\0\0\0\0${String.fromCharCode(SCRAM.clientFirst.length)}${SCRAM.clientFirst}`,
    SCRAM.clientFinal,
  ]);
});

test("startup: until the server has let us in, it says nothing without being asked", () => {
  const steps = [SASL, CONTINUE, FINAL, OK, readyForQuery()];
  const unasked = [noticeResponse("x"), parameterStatus("a", "b"), notificationResponse("c", "p"), backendKeyData()];
  for (const message of unasked) {
    for (let at = 0; at < 4; at++) {
      endsWith(ProtocolError, {}, ...steps.slice(0, at), message, ...steps.slice(at));
    }
    assert.equal(startup({}, ...steps.slice(0, 4), message, ...steps.slice(4)).value?.disclosure, Disclosure.Scram);
  }
});

test("startup: SCRAM is found among other mechanisms", () => {
  const offered = sasl("SCRAM-SHA-512", "OAUTHBEARER", "SCRAM-SHA-256");
  assert.equal(startup({}, offered, CONTINUE, FINAL, OK, readyForQuery()).value?.disclosure, Disclosure.Scram);
});

test("startup: without SCRAM among the mechanisms there is no way in", () => {
  for (const mechanisms of [[], ["SCRAM-SHA-256-PLUS"], ["OAUTHBEARER"], ["scram-sha-256"], ["SCRAM-SHA-512"]]) {
    endsWith(ConnectionError, {}, sasl(...mechanisms));
  }
});

test("startup: a malformed list of mechanisms is refused", () => {
  endsWith(ProtocolError, {}, authentication(10));
  endsWith(ProtocolError, {}, authentication(10, (out) => out.cstring("SCRAM-SHA-256")));
  endsWith(ProtocolError, {}, authentication(10, (out) => out.text("\0\0")));
});

test("startup: AuthenticationOk before the server's proof is refused", () => {
  for (const begun of [[SASL], [SASL, CONTINUE]]) {
    const { session } = endsWith(ProtocolError, {}, ...begun, OK);
    assert.match(session.lost!.message, /AuthenticationOk out of turn/);
  }
});

test("startup: no step of SCRAM may be left out, repeated or come early", () => {
  endsWith(ProtocolError, {}, CONTINUE);
  endsWith(ProtocolError, {}, FINAL);
  endsWith(ProtocolError, {}, SASL, FINAL);
  endsWith(ProtocolError, {}, SASL, SASL);
  endsWith(ProtocolError, {}, SASL, CONTINUE, CONTINUE);
  endsWith(ProtocolError, {}, SASL, CONTINUE, SASL);
  endsWith(ProtocolError, {}, SASL, CONTINUE, FINAL, FINAL);
  endsWith(ProtocolError, {}, SASL, CONTINUE, FINAL, SASL);
  endsWith(ProtocolError, {}, CLEARTEXT, CONTINUE);
});

test("startup: the method cannot be switched in the middle of SCRAM", () => {
  for (const other of [CLEARTEXT, MD5, authentication(7), authentication(8), authentication(9), authentication(99)]) {
    for (const begun of [[SASL], [SASL, CONTINUE]]) {
      const { session } = endsWith(ProtocolError, {}, ...begun, other);
      assert.match(session.lost!.message, /out of turn/);
    }
    assert.notEqual(startup({}, SASL, CONTINUE, FINAL, other).session.lost, undefined);
  }
});

test("startup: a password is given once", () => {
  for (const first of [[CLEARTEXT], [MD5], [SASL, CONTINUE, FINAL]]) {
    for (const second of [CLEARTEXT, MD5, SASL]) endsWith(ProtocolError, {}, ...first, second);
  }
});

test("startup: a server that does not know the password is refused", () => {
  const impostor = scramExchange({
    password: "guess",
    clientNonce: OPTIONS.nonce(),
    serverNonce: "+server",
    salt: "c2FsdA==",
    iterations: 2,
  });
  endsWith(ProtocolError, {}, SASL, CONTINUE, authentication(12, (out) => out.text(impostor.serverFinal)));
  endsWith(ProtocolError, {}, SASL, CONTINUE, authentication(12));
  endsWith(ProtocolError, {}, SASL, CONTINUE, authentication(12, (out) => out.text("e=other-error")));
  endsWith(ProtocolError, {}, SASL, authentication(11, (out) => out.text("r=other nonce,s=c2FsdA==,i=2")));
});

test("startup: a wrong password is the server's error, at whatever step", () => {
  const wrong = errorResponse("28P01", "password authentication failed", "FATAL");
  for (const begun of [[CLEARTEXT], [MD5], [SASL], [SASL, CONTINUE]]) {
    const { failure, session } = startup({}, ...begun, wrong);
    assert.equal(failure?.kind === "server" && failure.fields.code, "28P01");
    assert.ok(session.lost instanceof ServerError);
  }
});

test("startup: methods that pyro does not have are named", () => {
  const methods: [number, RegExp][] = [[2, /Kerberos V5/], [7, /GSSAPI/], [8, /GSSAPI/], [9, /SSPI/], [6, /method 6/], [
    -1,
    /method -1/,
  ]];
  for (const [method, name] of methods) {
    const { session } = endsWith(ConnectionError, {}, authentication(method));
    assert.match(session.lost!.message, name);
  }
});

test("startup: without a password, a server that asks for one is told nothing", () => {
  for (const password of [undefined, ""]) {
    for (const asked of [CLEARTEXT, MD5, SASL]) {
      const { session } = endsWith(ConnectionError, { password }, asked);
      assert.match(session.lost!.message, /"ada".*no password is given/);
    }
    assert.equal(startup({ password }, OK, readyForQuery()).value?.disclosure, Disclosure.None);
  }
});

test("startup: a password is looked up when the server asks for one, once, and may not be found", () => {
  let calls = 0;
  const lookUp = (found: string | undefined) => () => (calls++, found);
  startup({ password: lookUp("secret") }, OK, readyForQuery());
  assert.equal(calls, 0);
  assert.deepEqual(said({ password: lookUp("secret") }, SASL, CONTINUE), said({ password: "secret" }, SASL, CONTINUE));
  assert.equal(calls, 1);
  for (const asked of [CLEARTEXT, MD5, SASL]) {
    const { session } = endsWith(ConnectionError, { password: lookUp(undefined) }, asked);
    assert.match(session.lost!.message, /"ada".*no password is given/);
  }
});

test("startup: a password with a NUL character is not sent, since the server would take what is before it", () => {
  for (const password of ["sec\0ret", () => "sec\0ret"]) {
    for (const asked of [CLEARTEXT, MD5, SASL]) {
      const { session } = endsWith(ConnectionError, { password }, asked);
      assert.match(session.lost!.message, /"ada": the password has a NUL character$/);
      assert.deepEqual(said({ password }, asked), []);
    }
  }
});

test("startup: no more is given away than is allowed", () => {
  const methods: [number, Uint8Array[]][] = [
    [Disclosure.None, [OK]],
    [Disclosure.Scram, [SASL, CONTINUE, FINAL, OK]],
    [Disclosure.Md5, [MD5, OK]],
    [Disclosure.Cleartext, [CLEARTEXT, OK]],
  ];
  for (const [given, messages] of methods) {
    for (const secret of PASSWORDS) {
      const limit: AuthLimit = { disclosure: secret, scram: TERMS, reason: "more than we like" };
      if (given <= secret) {
        assert.equal(startup({ limit }, ...messages, readyForQuery()).value?.disclosure, given);
      } else {
        const { session } = endsWith(ConnectionError, { limit }, messages[0]!);
        assert.match(session.lost!.message, /asks for .*, more than we like$/);
        assert.deepEqual(said({ limit }, ...messages), []);
      }
    }
  }
});

test("startup: what the server asked for is told, with the terms of SCRAM", () => {
  assert.deepEqual(startup({}, SASL, CONTINUE, FINAL, OK, readyForQuery()).value, {
    disclosure: Disclosure.Scram,
    scram: TERMS,
  });
  assert.deepEqual(startup({}, MD5, OK, readyForQuery()).value, { disclosure: Disclosure.Md5, scram: undefined });
});

test("startup: within a limit, no proof is made for another salt or another number of iterations", () => {
  for (const scram of [{ ...TERMS, salt: "c2FsdB==" }, { ...TERMS, iterations: 3 }, { ...TERMS, iterations: 1 }]) {
    for (const secret of [Disclosure.Scram, Disclosure.Md5, Disclosure.Cleartext]) {
      const limit: AuthLimit = { disclosure: secret, scram, reason: "no" };
      const { session } = endsWith(ProtocolError, { limit }, SASL, CONTINUE);
      assert.match(session.lost!.message, /its salt or iteration count is not the one/);
      const messages = said({ limit }, SASL, CONTINUE, FINAL, OK);
      assert.equal(messages.length, 1);
      assert.ok(messages[0]!.endsWith(SCRAM.clientFirst));
    }
  }
});

test("startup: within a limit without SCRAM, SCRAM is not begun", () => {
  for (const secret of PASSWORDS) {
    const limit: AuthLimit = { disclosure: secret, scram: undefined, reason: "no" };
    endsWith(ConnectionError, { limit }, SASL);
    assert.deepEqual(said({ limit }, SASL, CONTINUE, FINAL, OK), []);
  }
});

test("startup: errors of authentication do not show the password", () => {
  for (const replies of [[CLEARTEXT, CLEARTEXT], [MD5, MD5], [SASL, OK], [CLEARTEXT, errorResponse("28P01")]]) {
    const { failure, session } = startup({}, ...replies);
    assert.ok(!`${JSON.stringify(failure)}${session.lost?.stack}`.includes("secret"));
  }
});

function startup(options: Partial<StartupOptions>, ...messages: Uint8Array[]): Outcome<AuthMethod> {
  return reply((session) => new Startup({ ...OPTIONS, ...options }, session), concat(...messages));
}

/** The request fails, and the session is lost, for that kind of reason. */
function endsWith(
  kind: new (message: string) => Error,
  options: Partial<StartupOptions>,
  ...messages: Uint8Array[]
): Outcome<AuthMethod> {
  const outcome = startup(options, ...messages);
  assert.notEqual(outcome.failure, undefined);
  assert.equal(outcome.session.lost?.constructor, kind);
  return outcome;
}

/** What is said to a server after the parameters, also if the request fails: a session that is lost forgets that. */
function said(options: Partial<StartupOptions>, ...messages: Uint8Array[]): string[] {
  const session = new Session();
  const outbox = new Outbox();
  const bytes = concat(...messages);
  session.inbox.reserve().set(bytes);
  session.inbox.commit(bytes.length);
  try {
    new Startup({ ...OPTIONS, ...options }, session).reply(session.inbox, outbox).next();
  } catch (error) {
    assert.ok(error instanceof ConnectionError || error instanceof ProtocolError);
  }
  return sentMessages({ outbox }).map(({ body }) => body);
}

/** What was said after the parameters: bodies of Password messages. */
function answers({ session }: Outcome<AuthMethod>): string[] {
  const messages = sentMessages(session).slice(1);
  assert.ok(messages.every(({ code }) => code === "p"));
  return messages.map(({ body }) => body);
}

function md5(...salt: number[]): Uint8Array {
  return authentication(5, (out) => out.bytes(Uint8Array.from(salt)));
}

function sasl(...mechanisms: string[]): Uint8Array {
  return authentication(10, (out) => {
    for (const mechanism of mechanisms) out.cstring(mechanism);
    out.byte(0);
  });
}
