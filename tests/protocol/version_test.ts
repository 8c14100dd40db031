/** Which version of the protocol a session gets, and what that changes. */
import assert from "node:assert/strict";
import { ConnectionError, ProtocolError } from "../../src/errors.ts";
import { type AuthMethod, Startup } from "../../src/protocol/startup.ts";
import type { ProtocolVersions } from "../../src/protocol/version.ts";
import { PROTOCOL_3_0, PROTOCOL_3_2 } from "../../src/wire/codes.ts";
import { startup as startupMessage } from "../../src/wire/frontend.ts";
import { Outbox } from "../../src/wire/outbox.ts";
import {
  authentication,
  backendKeyData,
  concat,
  message,
  negotiateProtocolVersion as negotiate,
  negotiation,
  readyForQuery,
} from "../support/scripted/backend.ts";
import { type Outcome, reply } from "../support/scripted/feed.ts";
import { sentMessages } from "../support/scripted/sent.ts";
import { test } from "../support/suite/test.ts";

const OK = authentication(0);
const READY = readyForQuery();
const ONLY_3_0: ProtocolVersions = { min: PROTOCOL_3_0, max: PROTOCOL_3_0 };
const UP_TO_3_2: ProtocolVersions = { min: PROTOCOL_3_0, max: PROTOCOL_3_2 };
const ONLY_3_2: ProtocolVersions = { min: PROTOCOL_3_2, max: PROTOCOL_3_2 };
/** What libpq of PostgreSQL 19 asks for, so that servers learn to negotiate. */
const GREASE = 0x0003_270f;

test("version: the newest that is wanted is asked for", () => {
  for (const [versions, expected] of [[ONLY_3_0, "\0\x03\0\0"], [UP_TO_3_2, "\0\x03\0\x02"]] as const) {
    const { session } = startup(versions, OK, READY);
    assert.equal(sentMessages(session)[0]!.body.slice(0, 4), expected);
  }
});

test("version: a key has four bytes in 3.0, and 4 to 256 in 3.2", () => {
  const key = (length: number): Uint8Array => backendKeyData(1, new Uint8Array(length).fill(7));
  for (const versions of [ONLY_3_0, UP_TO_3_2, ONLY_3_2]) {
    for (const length of [4, 5, 32, 255, 256]) {
      if (length > 4 && versions === ONLY_3_0) endsWith(ProtocolError, versions, OK, key(length), READY);
      else assert.equal(startup(versions, OK, key(length), READY).session.key?.secret.length, length);
    }
    for (const length of [0, 1, 3, 257, 1000]) endsWith(ProtocolError, versions, OK, key(length), READY);
  }
});

test("version: after an answer of 3.0, keys are those of 3.0, also if 3.2 was asked for", () => {
  for (const version of [PROTOCOL_3_0, 0]) {
    assert.equal(startup(UP_TO_3_2, negotiate(version), OK, backendKeyData(), READY).failure, undefined);
    const { session } = endsWith(
      ProtocolError,
      UP_TO_3_2,
      negotiate(version),
      OK,
      backendKeyData(1, new Uint8Array(32)),
      READY,
    );
    assert.match(session.lost!.message, /a cancel key of 32 bytes where protocol 3\.0 has 4/);
  }
});

test("version: the server may answer with the whole number or the minor version", () => {
  for (const version of [PROTOCOL_3_2, 2]) {
    const { session } = startup(ONLY_3_2, negotiate(version), OK, backendKeyData(1, new Uint8Array(32)), READY);
    assert.equal(session.key?.secret.length, 32);
  }
});

test("version: the answer may come at any time before AuthenticationOk, and again if it is the same", () => {
  for (const version of [PROTOCOL_3_0, 0]) {
    const answer = negotiate(version);
    for (const versions of [ONLY_3_0, UP_TO_3_2]) {
      assert.equal(startup(versions, answer, OK, READY).failure, undefined);
      assert.equal(startup(versions, answer, authentication(3), OK, READY).failure, undefined);
      assert.equal(startup(versions, authentication(3), answer, OK, READY).failure, undefined);
      assert.equal(startup(versions, answer, answer, OK, READY).failure, undefined);
      assert.equal(startup(versions, answer, authentication(3), answer, OK, READY).failure, undefined);
      endsWith(ProtocolError, versions, OK, answer, READY);
      endsWith(ProtocolError, versions, answer, OK, answer, READY);
    }
  }
});

test("version: two answers that differ are refused", () => {
  for (const other of [negotiate(PROTOCOL_3_2), negotiate(0), message("v"), negotiate(PROTOCOL_3_0, "_pq_.a")]) {
    const { session } = endsWith(ProtocolError, UP_TO_3_2, negotiate(PROTOCOL_3_0), other, OK, READY);
    assert.match(session.lost!.message, /negotiated the protocol's version twice/);
  }
});

test("version: what is newer than what was asked for, of another major version, or 3.1 is refused", () => {
  const refused: readonly (readonly [versions: ProtocolVersions, answers: readonly number[]])[] = [
    [ONLY_3_0, [
      0x0003_0001,
      PROTOCOL_3_2,
      0x0003_ffff,
      0x0002_0000,
      0x0004_0000,
      0x7fff_ffff,
      1,
      2,
      0xffff,
      -1,
      -196608,
    ]],
    [UP_TO_3_2, [0x0003_0001, 0x0003_0003, 0x0002_0000, 0x0002_ffff, 0x0004_0000, 1, 3, 0xffff, -1, -2_147_483_648]],
  ];
  for (const [versions, answers] of refused) {
    for (const version of answers) {
      const { session } = endsWith(ProtocolError, versions, negotiate(version), OK, READY);
      assert.match(session.lost!.message, /^Cannot open a session: the server wants protocol \d+\.\d+, /);
    }
  }
});

test("version: a server whose newest is older than the minimum is refused, with the option's name", () => {
  for (const version of [PROTOCOL_3_0, 0]) {
    const { session } = endsWith(ConnectionError, ONLY_3_2, negotiate(version), OK, READY);
    assert.equal(
      session.lost!.message,
      "Cannot open a session: the server has protocol 3.0, min_protocol_version asks for 3.2",
    );
  }
});

test("version: options that were not sent cannot be refused", () => {
  for (const options of [["_pq_.a"], ["_pq_.a", "_pq_.b"], ["user"], [""]]) {
    const { session } = endsWith(ProtocolError, UP_TO_3_2, negotiate(PROTOCOL_3_0, ...options));
    assert.match(session.lost!.message, /refuses options that were not sent: \["/);
  }
});

test("version: a malformed answer is refused", () => {
  endsWith(ProtocolError, UP_TO_3_2, message("v"));
  endsWith(ProtocolError, UP_TO_3_2, message("v", (out) => out.int32(PROTOCOL_3_0)));
  for (const count of [-1, 1, 0x7fff_ffff]) {
    endsWith(
      ProtocolError,
      UP_TO_3_2,
      message("v", (out) => {
        out.int32(PROTOCOL_3_0);
        out.int32(count);
      }),
    );
  }
  endsWith(
    ProtocolError,
    UP_TO_3_2,
    message("v", (out) => {
      out.int32(PROTOCOL_3_0);
      out.int32(0);
      out.byte(0);
    }),
  );
});

test("version: a version from the future is negotiated down by servers of today and of yesterday", () => {
  const asked: ProtocolVersions = { min: PROTOCOL_3_0, max: GREASE };
  for (const newest of [PROTOCOL_3_0, PROTOCOL_3_2]) {
    const secret = new Uint8Array(newest === PROTOCOL_3_0 ? 4 : 32);
    const answer = negotiation(startupBody(GREASE), newest);
    assert.deepEqual(answer, negotiate(newest));
    assert.equal(
      startup(asked, answer, OK, backendKeyData(1, secret), READY).session.key?.secret.length,
      secret.length,
    );
  }
});

test("version: the scripted server answers the probe of PostgreSQL 19's libpq as PostgreSQL does", () => {
  const probe = startupBody(GREASE, ["user", "ada"], ["_pq_.test_protocol_negotiation", ""], ["database", "_pq_.x"]);
  assert.deepEqual(negotiation(probe, PROTOCOL_3_2), negotiate(PROTOCOL_3_2, "_pq_.test_protocol_negotiation"));
  assert.deepEqual(
    negotiation(startupBody(PROTOCOL_3_0, ["_pq_.a", ""]), PROTOCOL_3_2),
    negotiate(PROTOCOL_3_0, "_pq_.a"),
  );
  assert.deepEqual(negotiation(startupBody(PROTOCOL_3_2, ["user", "ada"]), PROTOCOL_3_2), new Uint8Array());
});

/** The body of a StartupMessage. */
function startupBody(version: number, ...parameters: readonly (readonly [string, string])[]): Uint8Array {
  const out = new Outbox();
  startupMessage(out, version, parameters);
  return out.pending().slice(4);
}

function startup(versions: ProtocolVersions, ...messages: Uint8Array[]): Outcome<AuthMethod> {
  const options = {
    user: "ada",
    password: "secret",
    versions,
    parameters: [["user", "ada"]] as const,
    nonce: () => "nonce",
  };
  return reply((session) => new Startup(options, session), concat(...messages));
}

/** The request fails, and the session is lost, for that kind of reason. */
function endsWith(
  kind: new (message: string) => Error,
  versions: ProtocolVersions,
  ...messages: Uint8Array[]
): Outcome<AuthMethod> {
  const outcome = startup(versions, ...messages);
  assert.equal(outcome.session.lost?.constructor, kind);
  return outcome;
}
