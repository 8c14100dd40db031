import assert from "node:assert/strict";
import { nodeHashing } from "../../src/auth/hashing.ts";
import { inspect } from "node:util";
import { ConnectionError, UsageError } from "../../src/errors.ts";
import { planOf } from "../../src/connect/plan.ts";
import { Opts, settingsOf } from "../../src/options/opts.ts";
import { problemOfToken, SecretFunction } from "../../src/connect/secret_function.ts";
import { ServerAddress } from "../../src/connect/server_address.ts";
import { authentication, concat, errorResponse } from "../support/scripted/backend.ts";
import { play, TableClock } from "../support/scripted/handshakes.ts";
import { localSockets } from "../support/scripted/local_sockets.ts";
import { connectWith, endsOf, failure, identity, planWith, tcp, WELCOME } from "../support/scripted/plans.ts";
import { environmentOf } from "../support/scripted/surroundings.ts";
import { test } from "../support/suite/test.ts";

const CLEARTEXT = authentication(3);
const MD5 = authentication(5, (out) => out.bytes(Uint8Array.of(1, 2, 3, 4)));
const MARKER = "tr0ub4dor";

/** A function for the password, and how often it was called. */
function counted(result: () => unknown = () => "secret"): { password: SecretFunction; count: () => number } {
  let count = 0;
  const password = new SecretFunction("password", () => {
    count++;
    return result();
  });
  return { password, count: () => count };
}

test("a password function is called when the server asks, and its text is sent", () => {
  for (const request of [CLEARTEXT, MD5]) {
    const { password, count } = counted();
    const { taken, links } = connectWith({ password }, [
      ["dial a:5432", {}],
      ["open #1", request],
      ["call #1"],
      ["finish #1", WELCOME],
    ]);
    assert.equal(taken, 1);
    assert.equal(count(), 1);
    assert.equal(links[0]!.text.endsWith("secret\0"), request === CLEARTEXT);
    if (request === MD5) assert.match(links[0]!.text, /md5[0-9a-f]{32}\0$/);
  }
});

test("a password function is not called if the server does not ask, or refuses", () => {
  const { password, count } = counted();
  connectWith({ password }, [["dial a:5432", {}], ["open #1", WELCOME], ["finish #1"]]);
  connectWith({ password }, [
    ["dial a:5432", {}],
    ["open #1", errorResponse("28000", "no pg_hba.conf entry", "FATAL")],
    ["finish #1"],
    ["discard #1"],
  ]);
  assert.equal(count(), 0);
});

test("a password function is called once for all attempts of a connection", () => {
  const { password, count } = counted();
  const { taken, links } = connectWith({ password, endpoints: [tcp("a"), tcp("b")] }, [
    ["dial a:5432", {}],
    ["open #1", CLEARTEXT],
    ["call #1"],
    ["finish #1", errorResponse("57P03", "the database system is starting up", "FATAL")],
    ["discard #1"],
    ["dial b:5432", {}],
    ["open #2", concat(CLEARTEXT, WELCOME)],
    ["finish #2"],
  ]);
  assert.equal(taken, 2);
  assert.equal(count(), 1);
  assert.ok(links[1]!.text.endsWith("secret\0"));
});

test("a password function that fails ends connecting, with its error as the cause, and without its text", () => {
  const own = new Error(`https://tokens.example/?secret=${MARKER}`);
  const { password, count } = counted(() => {
    throw own;
  });
  const error = failure(
    connectWith({ password, endpoints: [tcp("a"), tcp("b")] }, [
      ["dial a:5432", {}],
      ["open #1", CLEARTEXT],
      ["call #1"],
      ["discard #1"],
    ]),
    ConnectionError,
    /^Cannot authenticate: the function for password has failed; see the cause$/,
  );
  assert.equal(error.cause, own);
  assert.equal(error.connectionLost, false);
  assert.equal(error.safeToRetry, false);
  assert.equal(count(), 1);
});

test("a password function has to give a text that can be a password, and what it gives does not show", () => {
  const cases: [given: unknown, problem: RegExp][] = [
    [undefined, /has returned a value of type undefined$/],
    [null, /has returned null$/],
    [{ password: MARKER }, /has returned a value of type object$/],
    [`${MARKER}\0`, /has returned one with a NUL character$/],
    [`${MARKER}\ud800`, /has returned one with a lone surrogate$/],
    ["", /has returned an empty one$/],
  ];
  for (const [given, problem] of cases) {
    const { password } = counted(() => given);
    const played = connectWith({ password }, [
      ["dial a:5432", {}],
      ["open #1", CLEARTEXT],
      ["call #1"],
      ["discard #1"],
    ]);
    const error = failure(played, UsageError, problem);
    assert.match(error.message, /^Cannot use the function for password: it must return a text/);
    assert.ok(!inspect(error).includes(MARKER));
  }
});

test("a password function that has not returned in time: the next host is tried, without a second call", () => {
  const { password, count } = counted();
  const { taken } = connectWith({ password, endpoints: [tcp("a"), tcp("b")], timeout: 1000 }, [
    ["dial a:5432", {}],
    ["open #1", CLEARTEXT],
    ["call #1", new ConnectionError("timed out"), 1000],
    ["discard #1"],
    ["dial b:5432", {}],
    ["open #2", CLEARTEXT],
    ["call #2"],
    ["finish #2", WELCOME],
  ]);
  assert.equal(taken, 2);
  assert.equal(count(), 1);
  const late = connectWith({ password: counted().password, timeout: 1000 }, [
    ["dial a:5432", {}],
    ["open #1", CLEARTEXT],
    ["call #1", new ConnectionError("timed out"), 1000],
    ["discard #1"],
  ]);
  failure(late, ConnectionError, /timed out: the function for password has not returned in time/);
});

test("a password function that returns too late, since it blocks, has not returned in time", () => {
  const { password, count } = counted();
  const { taken } = connectWith({ password, endpoints: [tcp("a"), tcp("b")], timeout: 1000 }, [
    ["dial a:5432", {}],
    ["open #1", CLEARTEXT],
    ["call #1", undefined, 1001],
    ["discard #1"],
    ["dial b:5432", {}],
    ["open #2", concat(CLEARTEXT, WELCOME)],
    ["finish #2"],
  ]);
  assert.equal(taken, 2);
  assert.equal(count(), 1);
  const late = connectWith({ password: counted().password, timeout: 1000 }, [
    ["dial a:5432", {}],
    ["open #1", CLEARTEXT],
    ["call #1", undefined, 1001],
    ["discard #1"],
  ]);
  failure(late, ConnectionError, /timed out: the function for password has not returned in time/);
});

test("a server that closes the connection ends the wait for a password function", () => {
  const closed = new ConnectionError("the server closed the connection");
  const { password, count } = counted();
  const { taken } = connectWith({ password, endpoints: [tcp("a"), tcp("b")], timeout: 0 }, [
    ["dial a:5432", {}],
    ["open #1", CLEARTEXT],
    ["call #1", { lose: closed }],
    ["finish #1"],
    ["discard #1"],
    ["dial b:5432", {}],
    ["open #2", CLEARTEXT],
    ["call #2"],
    ["finish #2", WELCOME],
  ]);
  assert.equal(taken, 2);
  assert.equal(count(), 1);
  const lost = connectWith({ password: counted().password, timeout: 0 }, [
    ["dial a:5432", {}],
    ["open #1", CLEARTEXT],
    ["call #1", { lose: closed }],
    ["finish #1"],
    ["discard #1"],
  ]);
  failure(lost, ConnectionError, /the server closed the connection/);
});

test("a token has only the characters of one", () => {
  for (const given of ["a b", "a\x01b", "", "=", "é", "a,b"]) assert.notEqual(problemOfToken(given), undefined, given);
  for (const given of ["a", "A.b-C_d~+/==", "0"]) assert.equal(problemOfToken(given), undefined, given);
  const token = new SecretFunction("oauthToken", () => `${MARKER} ${MARKER}`, problemOfToken);
  const request = authentication(10, (out) => {
    out.cstring("OAUTHBEARER");
    out.byte(0);
  });
  const played = connectWith({ token, tokenInClear: true }, [
    ["dial a:5432", {}],
    ["open #1", request],
    ["call #1"],
    ["discard #1"],
  ]);
  const error = failure(played, UsageError, /for oauthToken: it must return a text, and has returned one with char/);
  assert.ok(!inspect(error).includes(MARKER));
});

test("a function for a token gets what the options say, and the password's is not called for it", () => {
  let given: unknown;
  const opts = new Opts("pg://h?oauth_issuer=https%3A%2F%2Fi&oauth_client_id=c&oauth_scope=")
    .oauthToken((request) => {
      given = request;
      return "token";
    });
  const abilities = { now: () => 0, nonce: () => "n", hashing: nodeHashing, local: localSockets() };
  const environment = { ...environmentOf({ osUser: "ada" }), ...abilities };
  const { token } = planOf(settingsOf(opts), environment);
  const { password, count } = counted();
  const { taken, links } = connectWith({ token, password, tokenInClear: true }, [
    ["dial a:5432", {}],
    [
      "open #1",
      authentication(10, (out) => {
        out.cstring("OAUTHBEARER");
        out.byte(0);
      }),
    ],
    ["call #1"],
    ["finish #1", WELCOME],
  ]);
  assert.equal(taken, 1);
  assert.equal(count(), 0);
  assert.ok(links[0]!.text.includes("auth=Bearer token\x01"));
  assert.deepEqual(given, { issuer: "https://i", clientId: "c", scope: undefined });
});

const path = "/run/pg/.s.PGSQL.5432";
const overTcp = identity({ clientPort: "40000", serverPort: "5432", directories: "/run/pg" });
const upgrading = { skipReason: undefined, local: localSockets() };

test("the upgrade to the Unix socket uses the text of the first call", () => {
  const { password, count } = counted();
  const { taken, links } = connectWith({ password, upgrade: upgrading }, [
    ["dial a:5432", { addresses: endsOf("127.0.0.1", 40000) }],
    ["open #1", CLEARTEXT],
    ["call #1"],
    ["finish #1", WELCOME],
    ["identify #1", overTcp],
    [`dial ${path}`, {}],
    ["open #2", concat(CLEARTEXT, WELCOME)],
    ["finish #2"],
    ["identify #2", identity()],
    ["discard #1"],
  ]);
  assert.equal(taken, 2);
  assert.equal(count(), 1);
  assert.ok(links[1]!.text.includes("secret\0"));
});

test("a socket that asks for a password, when TCP did not, does not cause a call", () => {
  const { password, count } = counted();
  const { taken } = connectWith({ password, upgrade: upgrading }, [
    ["dial a:5432", { addresses: endsOf("127.0.0.1", 40000) }],
    ["open #1", WELCOME],
    ["finish #1"],
    ["identify #1", overTcp],
    [`dial ${path}`, {}],
    ["open #2", CLEARTEXT],
    ["finish #2"],
    ["discard #2"],
  ]);
  assert.equal(taken, 1);
  assert.equal(count(), 0);
});

test("the time of a function does not count where a known socket has only a moment", () => {
  const address = new ServerAddress();
  const clock = new TableClock();
  const planFor = (password: SecretFunction) => planWith(clock, { password, upgrade: upgrading, timeout: 10_000 });
  const first = play(address.connect(planFor(counted().password)), [
    ["dial a:5432", { addresses: endsOf("127.0.0.1", 40000) }],
    ["open #1", CLEARTEXT],
    ["call #1"],
    ["finish #1", WELCOME],
    ["identify #1", overTcp],
    [`dial ${path}`, {}],
    ["open #2", concat(CLEARTEXT, WELCOME)],
    ["finish #2"],
    ["identify #2", identity()],
    ["discard #1"],
  ], clock);
  assert.equal(first.taken, 2);
  const began = clock.time;
  const { taken, limits } = play(address.connect(planFor(counted().password)), [
    [`dial ${path}`, {}],
    ["open #1", CLEARTEXT],
    ["call #1", undefined, 4000],
    ["finish #1", WELCOME],
    ["identify #1", identity()],
  ], clock);
  assert.equal(taken, 1);
  assert.deepEqual(limits.map((by) => by - began), [500, 500, 10_000, 4500, 4500]);
});

test("a function that never returns takes the time for connecting once where a socket is known", () => {
  const address = new ServerAddress();
  const clock = new TableClock();
  const planFor = (password: SecretFunction, timeout: number) =>
    planWith(clock, { password, upgrade: upgrading, timeout });
  const learn = () =>
    play(address.connect(planFor(counted().password, 10_000)), [
      ["dial a:5432", { addresses: endsOf("127.0.0.1", 40000) }],
      ["open #1", CLEARTEXT],
      ["call #1"],
      ["finish #1", WELCOME],
      ["identify #1", overTcp],
      [`dial ${path}`, {}],
      ["open #2", concat(CLEARTEXT, WELCOME)],
      ["finish #2"],
      ["identify #2", identity()],
      ["discard #1"],
    ], clock);
  learn();
  const late = play(address.connect(planFor(counted().password, 10_000)), [
    [`dial ${path}`, {}],
    ["open #1", CLEARTEXT],
    ["call #1", new ConnectionError("timed out"), 10_000],
    ["discard #1"],
  ], clock);
  failure(late, ConnectionError, /timed out: the function for password has not returned in time/);
  learn();
  // Where time is left, it is what TCP has.
  const began = clock.time;
  const { taken, limits } = play(address.connect(planFor(counted().password, 600)), [
    [`dial ${path}`, {}],
    ["open #1", new ConnectionError("timed out"), 500],
    ["discard #1"],
    ["dial a:5432", { addresses: endsOf("127.0.0.1", 40000) }],
    ["open #2", CLEARTEXT],
    ["call #2"],
    ["finish #2", WELCOME],
    ["identify #2", identity({ directories: "" })],
  ], clock);
  assert.equal(taken, 2);
  assert.deepEqual(limits.slice(0, 6).map((by) => by - began), [500, 500, 600, 600, 600, 600]);
});

test("a function that fails for a known socket is not called again for TCP, and its error is given", () => {
  const address = new ServerAddress();
  const clock = new TableClock();
  const planFor = (password: SecretFunction) => planWith(clock, { password, upgrade: upgrading });
  play(address.connect(planFor(counted().password)), [
    ["dial a:5432", { addresses: endsOf("127.0.0.1", 40000) }],
    ["open #1", CLEARTEXT],
    ["call #1"],
    ["finish #1", WELCOME],
    ["identify #1", overTcp],
    [`dial ${path}`, {}],
    ["open #2", concat(CLEARTEXT, WELCOME)],
    ["finish #2"],
    ["identify #2", identity()],
    ["discard #1"],
  ], clock);
  const own = new Error("no token");
  const { password, count } = counted(() => {
    throw own;
  });
  const played = play(address.connect(planFor(password)), [
    [`dial ${path}`, {}],
    ["open #1", CLEARTEXT],
    ["call #1"],
    ["discard #1"],
    ["dial a:5432", { addresses: endsOf("127.0.0.1", 40000) }],
    ["open #2", CLEARTEXT],
    ["discard #2"],
  ], clock);
  assert.equal(failure(played, ConnectionError, /the function for password has failed/).cause, own);
  assert.equal(count(), 1);
});
