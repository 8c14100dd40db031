/**
 * SCRAM-SHA-256: proves to the server that we know the password, and to us that the server does.
 *
 * Two rules: nothing is concluded from a server message that was not checked, and the server is
 * believed only after {@linkcode ScramClient.verify}.
 *
 * Source: RFC 5802 and RFC 7677; PostgreSQL manual, "SASL Authentication". As PostgreSQL ignores the
 * user name here, it is left empty.
 */
import { Buffer } from "node:buffer";
import { createHash, createHmac, pbkdf2Sync, timingSafeEqual } from "node:crypto";
import { ProtocolError } from "../errors.ts";
import { saslprep } from "./saslprep.ts";

/** The mechanism's name in the protocol. */
export const SCRAM_SHA_256 = "SCRAM-SHA-256";

/** How the password is hashed: what a server keeps beside the hash, and tells everybody who asks. */
export interface ScramParameters {
  /** In base64, as it came. */
  readonly salt: string;
  readonly iterations: number;
}

/** One authentication, client side: {@linkcode first}, then {@linkcode final}, then {@linkcode verify}. */
export class ScramClient {
  readonly #password: string;
  readonly #nonce: string;
  readonly #expected: ScramParameters | undefined;
  #terms: ScramParameters | undefined;
  #serverSignature: Uint8Array | undefined;

  /** `nonce` is fresh randomness in printable ASCII without commas; `expected` are the only terms to answer, undefined for any. */
  constructor(password: string, nonce: string, expected?: ScramParameters) {
    this.#password = password;
    this.#nonce = nonce;
    this.#expected = expected;
  }

  /** What the server asked for, once it has. */
  get terms(): ScramParameters | undefined {
    return this.#terms;
  }

  /** The client's first message. */
  first(): string {
    return `${GS2_HEADER}${this.#firstBare()}`;
  }

  /** The client's final message, in answer to the server's first. */
  final(serverFirst: string): string {
    const match = /^r=([\x21-\x2b\x2d-\x7e]+),s=([A-Za-z0-9+/]+=*),i=([1-9][0-9]*)(?:,.*)?$/.exec(serverFirst);
    if (!match) throw refused("its first SCRAM message is malformed");
    const [, nonce, salt, count] = match;
    if (!nonce!.startsWith(this.#nonce) || nonce!.length === this.#nonce.length) {
      throw refused("its nonce does not continue ours");
    }
    const iterations = Number(count);
    if (iterations > MAX_ITERATIONS) {
      throw refused(`it asks for ${count} iterations, pyro computes at most ${MAX_ITERATIONS}`);
    }

    const expected = this.#expected;
    if (expected !== undefined && (salt !== expected.salt || iterations !== expected.iterations)) {
      throw refused("its salt or iteration count is not the one that it asked for over TCP");
    }
    this.#terms = { salt: salt!, iterations };

    const salted = pbkdf2Sync(saslprep(this.#password), Buffer.from(salt!, "base64"), iterations, 32, "sha256");
    const clientKey = hmac(salted, "Client Key");
    const storedKey = createHash("sha256").update(clientKey).digest();
    const withoutProof = `c=${Buffer.from(GS2_HEADER, "latin1").toString("base64")},r=${nonce}`;
    const authMessage = `${this.#firstBare()},${serverFirst},${withoutProof}`;
    const signature = hmac(storedKey, authMessage);
    const proof = Buffer.from(clientKey.map((byte, i) => byte ^ signature[i]!));
    this.#serverSignature = hmac(hmac(salted, "Server Key"), authMessage);
    return `${withoutProof},p=${proof.toString("base64")}`;
  }

  /** Checks the server's final message: that it knows the password too. */
  verify(serverFinal: string): void {
    const error = /^e=([^,]*)/.exec(serverFinal)?.[1];
    if (error !== undefined) throw refused(`it answered ${JSON.stringify(error)}`);
    const text = /^v=([A-Za-z0-9+/]+=*)(?:,.*)?$/.exec(serverFinal)?.[1];
    if (text === undefined) throw refused("its final SCRAM message is malformed");
    const signature = Buffer.from(text, "base64");
    const expected = this.#serverSignature;
    if (expected === undefined || signature.length !== expected.length || !timingSafeEqual(signature, expected)) {
      throw refused("its signature is wrong: it does not know the password, or is not the server it claims to be");
    }
  }

  #firstBare(): string {
    return `n=,r=${this.#nonce}`;
  }
}

function hmac(key: Uint8Array, text: string): Uint8Array {
  return createHmac("sha256", key).update(text, "utf8").digest();
}

function refused(reason: string): ProtocolError {
  return new ProtocolError(`Cannot trust the server: ${reason}`);
}

/** "The client does not support channel binding, and authorizes as itself." */
const GS2_HEADER = "n,,";

/** About a third of a second of computing. PostgreSQL's default is 4096. */
const MAX_ITERATIONS = 1_000_000;
