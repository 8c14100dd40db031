/**
 * SCRAM-SHA-256: proves to the server that the client knows the password, and to the client that the
 * server does.
 *
 * Two rules: every server message must be checked before it is used, and the server must not be trusted
 * before {@linkcode ScramClient.verify}.
 *
 * Source: RFC 5802 and RFC 7677; PostgreSQL manual, "SASL Authentication". The user name is left empty,
 * since PostgreSQL ignores it here.
 */
import { Buffer } from "node:buffer";
import { ProtocolError } from "../errors.ts";
import type { PasswordToSalt } from "./salted_password.ts";
import { type Hashing, isSame, nodeHashing } from "./hashing.ts";

/** The mechanism's name in the protocol. */
export const SCRAM_SHA_256 = "SCRAM-SHA-256";
/** The mechanism that binds the authentication to the TLS connection. */
export const SCRAM_SHA_256_PLUS = "SCRAM-SHA-256-PLUS";

/** What the client says about channel binding: the header of its messages, and what it binds to. */
export interface Binding {
  readonly header: "n,," | "y,," | "p=tls-server-end-point,,";
  readonly data: Uint8Array;
}

/** The client cannot bind, or does not want to. */
export const NOT_BOUND: Binding = { header: "n,,", data: new Uint8Array() };
/**
 * The client could bind, and the server did not offer to. A server that did, and whose offer was removed on the
 * way, refuses this.
 */
export const NOT_OFFERED: Binding = { header: "y,,", data: new Uint8Array() };

/**
 * Binds to the server's certificate; `endPoint` is its hash.
 *
 * Source: RFC 5929, section 4.
 */
export function boundTo(endPoint: Uint8Array): Binding {
  return { header: "p=tls-server-end-point,,", data: endPoint };
}

/** The parameters of the password's hash, which the server tells every client. */
export interface ScramParameters {
  /** In base64, as the server sent it. */
  readonly salt: string;
  readonly iterations: number;
}

/**
 * One authentication, client side: {@linkcode first}, then {@linkcode read}, then {@linkcode final}, then
 * {@linkcode verify}.
 */
export class ScramClient {
  readonly #password: string;
  readonly #nonce: string;
  readonly #binding: Binding;
  readonly #expected: ScramParameters | undefined;
  readonly #hashing: Hashing;
  readonly #maxIterations: number;
  #terms: ScramParameters | undefined;
  /** The messages that the proofs cover. */
  #authMessage = "";
  #withoutProof = "";
  #serverSignature: Uint8Array | undefined;

  /**
   * `nonce` must be fresh randomness in printable ASCII without commas. With `expected`, other
   * parameters are refused, as are more iterations than `maxIterations`.
   */
  constructor(
    password: string,
    nonce: string,
    binding: Binding = NOT_BOUND,
    expected?: ScramParameters,
    hashing: Hashing = nodeHashing,
    maxIterations: number = MAX_ITERATIONS,
  ) {
    this.#password = password;
    this.#nonce = nonce;
    this.#binding = binding;
    this.#expected = expected;
    this.#hashing = hashing;
    this.#maxIterations = Math.min(maxIterations, MAX_ITERATIONS);
  }

  /** The server's parameters, once they are known. */
  get terms(): ScramParameters | undefined {
    return this.#terms;
  }

  /** The client's first message. */
  first(): string {
    return `${this.#binding.header}${this.#firstBare()}`;
  }

  /** Checks the server's first message. Returns what the password must be salted with. */
  read(serverFirst: string): PasswordToSalt {
    const match = /^r=([\x21-\x2b\x2d-\x7e]+),s=([A-Za-z0-9+/]+=*),i=([1-9][0-9]*)(?:,.*)?$/.exec(serverFirst);
    if (!match) throw refused("its first SCRAM message is malformed");
    const [, nonce, salt, count] = match;
    if (!nonce!.startsWith(this.#nonce) || nonce!.length === this.#nonce.length) {
      throw refused("its nonce does not continue ours");
    }
    const iterations = Number(count);
    if (iterations > this.#maxIterations) {
      throw refused(`it asks for ${count} iterations, pyro computes at most ${this.#maxIterations}`);
    }

    const expected = this.#expected;
    if (expected !== undefined && (salt !== expected.salt || iterations !== expected.iterations)) {
      throw refused("its salt or iteration count is not the one that it asked for over TCP");
    }
    this.#terms = { salt: salt!, iterations };
    this.#withoutProof = `c=${this.#channel()},r=${nonce}`;
    this.#authMessage = `${this.#firstBare()},${serverFirst},${this.#withoutProof}`;
    return { password: this.#password, ...this.#terms };
  }

  /** The client's final message. */
  final(saltedPassword: Uint8Array): string {
    const { hmac, sha256 } = this.#hashing;
    const clientKey = hmac(saltedPassword, "Client Key");
    const signature = hmac(sha256(clientKey), this.#authMessage);
    const proof = Buffer.from(clientKey.map((byte, i) => byte ^ signature[i]!));
    this.#serverSignature = hmac(hmac(saltedPassword, "Server Key"), this.#authMessage);
    return `${this.#withoutProof},p=${proof.toString("base64")}`;
  }

  /** Checks in the server's final message that the server knows the password. */
  verify(serverFinal: string): void {
    const error = /^e=([^,]*)/.exec(serverFinal)?.[1];
    if (error !== undefined) throw refused(`it answered ${JSON.stringify(error)}`);
    const text = /^v=([A-Za-z0-9+/]+=*)(?:,.*)?$/.exec(serverFinal)?.[1];
    if (text === undefined) throw refused("its final SCRAM message is malformed");
    if (this.#serverSignature === undefined || !isSame(Buffer.from(text, "base64"), this.#serverSignature)) {
      throw refused("its signature is wrong: it does not know the password, or is not the server it claims to be");
    }
  }

  /** The header and what is bound to, as the server must know them too. */
  #channel(): string {
    const { header, data } = this.#binding;
    return Buffer.concat([Buffer.from(header, "latin1"), data]).toString("base64");
  }

  #firstBare(): string {
    return `n=,r=${this.#nonce}`;
  }
}

function refused(reason: string): ProtocolError {
  return new ProtocolError(`Cannot trust the server: ${reason}`);
}

/** The maximum number of iterations, about a third of a second. PostgreSQL's default is 4096. */
const MAX_ITERATIONS = 1_000_000;
