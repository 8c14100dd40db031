import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { saltedPassword } from "../../src/auth/salted_password.ts";
import { ScramClient } from "../../src/auth/scram.ts";
import { ProtocolError } from "../../src/errors.ts";
import { type ScramExchange, scramExchange } from "../support/scripted/scram_exchange.ts";
import { test } from "../support/suite/test.ts";

const NONCE = "rOprNGfwEbeRWgbNEkqO";
const SERVER_NONCE = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
const SALT = "W22ZaJ0SNY7soEsUEjb6gQ==";

test("scram: the test's own server agrees with the example of RFC 7677", () => {
  assert.deepEqual(exchange({ user: "user", iterations: 4096 }), {
    clientFirst: "n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
    serverFirst: "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
    clientFinal: "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0," +
      "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
    serverFinal: "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
  });
});

test("scram: the client proves its password, and accepts the server's proof", () => {
  for (const iterations of [1, 4096, 10_000]) {
    const { clientFirst, serverFirst, clientFinal, serverFinal } = exchange({ iterations });
    const client = new ScramClient("pencil", NONCE);
    assert.equal(client.first(), clientFirst);
    assert.equal(finalOf(client, serverFirst), clientFinal);
    client.verify(serverFinal);
  }
});

test("scram: passwords are prepared before they are hashed", () => {
  const { serverFirst, clientFinal } = exchange({ password: "IX\u00e9" });
  assert.equal(finalOf(new ScramClient("\u2168e\u0301\u00ad", NONCE), serverFirst), clientFinal);
});

test("scram: a password that cannot be prepared is hashed as it is", () => {
  const { serverFirst, clientFinal } = exchange({ password: "\u2168\u0007" });
  assert.equal(finalOf(new ScramClient("\u2168\u0007", NONCE), serverFirst), clientFinal);
});

test("scram: another password gives another proof", () => {
  const { serverFirst, clientFinal } = exchange({});
  assert.notEqual(finalOf(new ScramClient("pencils", NONCE), serverFirst), clientFinal);
});

test("scram: extensions in the server's first message are covered by the proofs", () => {
  const { serverFirst, clientFinal } = exchange({});
  const client = new ScramClient("pencil", NONCE);
  assert.notEqual(finalOf(client, `${serverFirst},x=extension`), clientFinal);
  assert.throws(() => client.verify(exchange({}).serverFinal), ProtocolError);
});

test("scram: the server's nonce must begin with ours and go on", () => {
  for (const nonce of ["", NONCE, NONCE.slice(0, -1), `x${NONCE}`, `${NONCE.toLowerCase()}x`, "another"]) {
    refusesFirst(`r=${nonce},s=${SALT},i=1`);
  }
  new ScramClient("pencil", NONCE).read(`r=${NONCE}x,s=${SALT},i=1`);
});

test("scram: a lower limit of iterations counts, and a greater one does not", () => {
  const clientOf = (limit: number) => new ScramClient("pencil", NONCE, undefined, undefined, undefined, limit);
  assert.equal(clientOf(4096).read(`r=${NONCE}x,s=${SALT},i=4096`).iterations, 4096);
  assert.throws(
    () => clientOf(4096).read(`r=${NONCE}x,s=${SALT},i=4097`),
    /asks for 4097 iterations, pyro computes at most 4096/,
  );
  assert.throws(() => clientOf(2e6).read(`r=${NONCE}x,s=${SALT},i=1000001`), /at most 1000000/);
});

test("scram: more iterations than a million are not computed", () => {
  for (const iterations of ["1000001", "4294967296", "9".repeat(400)]) {
    refusesFirst(`r=${NONCE}x,s=${SALT},i=${iterations}`);
  }
});

test("scram: a malformed first message is refused", () => {
  const nonce = `r=${NONCE}x`;
  for (
    const message of [
      "",
      "e=other-error",
      nonce,
      `${nonce},s=${SALT}`,
      `${nonce},i=1`,
      `${nonce},i=1,s=${SALT}`,
      `s=${SALT},${nonce},i=1`,
      `m=mandatory,${nonce},s=${SALT},i=1`,
      `${nonce},s=,i=1`,
      `${nonce},s=*,i=1`,
      `${nonce},s=${SALT},i=`,
      `${nonce},s=${SALT},i=0`,
      `${nonce},s=${SALT},i=-1`,
      `${nonce},s=${SALT},i=01`,
      `${nonce},s=${SALT},i=1.5`,
      `${nonce},s=${SALT},i=1e3`,
      `${nonce},s=${SALT},i=1x`,
      `${nonce},s=${SALT},i=1\n`,
      `${nonce} ,s=${SALT},i=1`,
      `${nonce}é,s=${SALT},i=1`,
      ` ${nonce},s=${SALT},i=1`,
    ]
  ) {
    refusesFirst(message);
  }
});

test("scram: a wrong signature is refused, whichever bit differs", () => {
  const { serverFirst, serverFinal } = exchange({});
  const client = new ScramClient("pencil", NONCE);
  finalOf(client, serverFirst);
  const signature = Buffer.from(serverFinal.slice(2), "base64");
  for (let byte = 0; byte < signature.length; byte++) {
    for (const bit of [0x01, 0x80]) {
      const wrong = Buffer.from(signature);
      wrong[byte]! ^= bit;
      assert.throws(() => client.verify(`v=${wrong.toString("base64")}`), ProtocolError);
    }
  }
  for (const length of [1, 31, 33]) {
    const wrong = Buffer.concat([signature, Buffer.alloc(1)]).subarray(0, length);
    assert.throws(() => client.verify(`v=${wrong.toString("base64")}`), ProtocolError);
  }
  client.verify(serverFinal);
});

test("scram: a malformed final message is refused", () => {
  const { serverFirst, serverFinal } = exchange({});
  const client = new ScramClient("pencil", NONCE);
  finalOf(client, serverFirst);
  const signature = serverFinal.slice(2);
  for (const message of ["", "v=", signature, ` ${serverFinal}`, `${serverFinal} `, `v= ${signature}`, "v=é", "x=y"]) {
    assert.throws(() => client.verify(message), ProtocolError, JSON.stringify(message));
  }
  client.verify(`${serverFinal},x=extension`);
});

test("scram: an error of the server is quoted", () => {
  const { serverFirst } = exchange({});
  const client = new ScramClient("pencil", NONCE);
  finalOf(client, serverFirst);
  assert.throws(() => client.verify("e=invalid-proof,x=y"), (error: Error) => {
    return error instanceof ProtocolError && error.message.endsWith('"invalid-proof"');
  });
});

test("scram: nothing is verified before there is something to verify", () => {
  const { serverFirst, serverFinal } = exchange({});
  assert.throws(() => new ScramClient("pencil", NONCE).verify(serverFinal), ProtocolError);
  const client = new ScramClient("pencil", NONCE);
  client.first();
  assert.throws(() => client.verify(serverFinal), ProtocolError);
  assert.throws(() => client.read(serverFirst.replace("i=1", "i=0")), ProtocolError);
  assert.throws(() => client.verify(serverFinal), ProtocolError);
});

test("scram: errors do not show the password", () => {
  const client = new ScramClient("pencil", NONCE);
  const messages = [() => client.read("nonsense"), () => client.verify("v=AAAA"), () => client.verify("nonsense")];
  for (const attempt of messages) {
    assert.throws(attempt, (error: Error) => !`${error.stack}${JSON.stringify(error)}`.includes("pencil"));
  }
});

function exchange(
  { user = "", password = "pencil", iterations = 1 }: { user?: string; password?: string; iterations?: number },
): ScramExchange {
  return scramExchange({ user, password, clientNonce: NONCE, serverNonce: SERVER_NONCE, salt: SALT, iterations });
}

/** The client's final message, in answer to the server's first. */
function finalOf(client: ScramClient, serverFirst: string): string {
  return client.final(saltedPassword(client.read(serverFirst)));
}

function refusesFirst(message: string): void {
  assert.throws(() => new ScramClient("pencil", NONCE).read(message), ProtocolError, JSON.stringify(message));
}
