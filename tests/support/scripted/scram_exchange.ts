/**
 * Computes a whole SCRAM-SHA-256 authentication by RFC 5802: the messages of two sides that know the
 * password. It does not use the client under test.
 */
import { Buffer } from "node:buffer";
import { createHash, createHmac, pbkdf2Sync } from "node:crypto";

/** The input of an authentication. */
export interface ScramFacts {
  /** In the form that is hashed. */
  readonly password: string;
  /** Default: "", as PostgreSQL ignores it. */
  readonly user?: string;
  readonly clientNonce: string;
  /** The server's part of the nonce. */
  readonly serverNonce: string;
  /** In base64. */
  readonly salt: string;
  readonly iterations: number;
  /** The header of the client's messages. Default: `n,,`. */
  readonly header?: string;
  /** What the authentication is bound to. Default: nothing. */
  readonly bound?: Uint8Array;
}

/** The four messages. */
export interface ScramExchange {
  readonly clientFirst: string;
  readonly serverFirst: string;
  readonly clientFinal: string;
  readonly serverFinal: string;
}

/** The messages of two sides that know the password. */
export function scramExchange(facts: ScramFacts): ScramExchange {
  const { password, user = "", clientNonce, serverNonce, salt, iterations, header = "n,,", bound = new Uint8Array() } =
    facts;
  const bare = `n=${user},r=${clientNonce}`;
  const serverFirst = `r=${clientNonce}${serverNonce},s=${salt},i=${iterations}`;
  const channel = Buffer.concat([Buffer.from(header), bound]).toString("base64");
  const withoutProof = `c=${channel},r=${clientNonce}${serverNonce}`;
  const authMessage = [bare, serverFirst, withoutProof].join(",");
  const salted = pbkdf2Sync(password, Buffer.from(salt, "base64"), iterations, 32, "sha256");
  const clientKey = hmac(salted, "Client Key");
  const clientSignature = hmac(createHash("sha256").update(clientKey).digest(), authMessage);
  const verifiedSocket = Buffer.alloc(32);
  for (let i = 0; i < 32; i++) verifiedSocket[i] = clientKey[i]! ^ clientSignature[i]!;
  const serverSignature = hmac(hmac(salted, "Server Key"), authMessage);
  return {
    clientFirst: `${header}${bare}`,
    serverFirst,
    clientFinal: `${withoutProof},p=${verifiedSocket.toString("base64")}`,
    serverFinal: `v=${serverSignature.toString("base64")}`,
  };
}

function hmac(key: Uint8Array, text: string): Buffer {
  return createHmac("sha256", key).update(text).digest();
}
