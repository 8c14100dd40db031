/**
 * The authentication of a session: answers what the server requests, from the first request to
 * AuthenticationOk.
 *
 * One rule: every request is checked against what the client allows before anything is sent.
 *
 * Source: PostgreSQL manual, "Frontend/Backend Protocol", sections "Start-up" and "SASL
 * Authentication".
 */
import { md5Password } from "../auth/md5.ts";
import { bearerMessage, OAUTHBEARER, REFUSAL_READ, refusalHint } from "../auth/oauth_bearer.ts";
import { type Hashing, nodeHashing } from "../auth/hashing.ts";
import { type PasswordToSalt, saltedPassword } from "../auth/salted_password.ts";
import { SCRAM_SHA_256, ScramClient, type ScramParameters } from "../auth/scram.ts";
import { ConnectionError, NOT_RETRYABLE, ProtocolError } from "../errors.ts";
import { Authentication, Backend } from "../wire/codes.ts";
import { password, saslInitial, saslResponse } from "../wire/frontend.ts";
import type { Inbox } from "../wire/inbox.ts";
import type { Outbox } from "../wire/outbox.ts";
import { ANY_METHOD, type AuthPolicy, type Channel, checkMethod, chooseScram, named } from "./auth_policy.ts";
import { Condition, type ReplyReader } from "./request.ts";
import type { VersionNegotiation } from "./version.ts";

/**
 * What the answer to an authentication request discloses: nothing, or of the password, a SCRAM proof, an MD5 hash or
 * the text itself, in this order; or another secret, a token.
 */
export const Disclosure = { None: 0, Scram: 1, Md5: 2, Cleartext: 3, Token: 4 } as const;

/** The server's authentication request. */
export interface AuthMethod {
  /** One of {@linkcode Disclosure}. */
  readonly disclosure: number;
  /** How SCRAM hashes the password; undefined if it was not asked for. */
  readonly scram: ScramParameters | undefined;
}

/** The most that a server may ask for, and the reason for this limit. */
export interface AuthLimit extends AuthMethod {
  /** Ends the sentence "the server asks for …, ". */
  readonly reason: string;
}

/** A secret that a function of the user gives once the server requests it. */
export interface LateSecret {
  /** Undefined until the function has returned. */
  readonly text: string | undefined;
}

/** What the client authenticates with, and what it allows. */
export interface AuthenticationOptions {
  readonly user: string;
  /** A function looks the password up, and is called when the server asks for it. */
  readonly password: string | LateSecret | (() => string | undefined) | undefined;
  /** The token of OAuth; undefined if there is no function for it. */
  readonly token?: LateSecret | undefined;
  /** Whether a token may be sent on a connection that is not encrypted. */
  readonly tokenInClear?: boolean;
  /** Fresh randomness for SCRAM: printable ASCII without commas. */
  nonce(): string;
  /** Default: the functions of `node:crypto`. */
  readonly hashing?: Hashing;
  /**
   * The most that may be disclosed; undefined for no limit. With a limit, SCRAM must use exactly the limit's
   * parameters.
   */
  readonly limit?: AuthLimit | undefined;
  /** What is allowed; undefined for everything. */
  readonly policy?: AuthPolicy | undefined;
  /** Undefined if the connection is not encrypted. */
  readonly channel?: Channel | undefined;
}

/** One authentication. */
export class Authenticator {
  /** The secret whose function must be called. */
  wanted: LateSecret | undefined = undefined;
  /** The password to salt, if the driver does it. */
  toSalt: PasswordToSalt | undefined = undefined;
  /** The salted password; undefined until it is computed. */
  salted: Uint8Array | undefined = undefined;
  #want: Condition = new Condition();
  /** Whether the server has requested authentication, or accepted the session. */
  wasAsked = false;
  /** Why the server does not accept the token, in words. */
  refusalHint: string | undefined = undefined;
  readonly #action: string;
  readonly #options: AuthenticationOptions;
  readonly #negotiation: VersionNegotiation;
  readonly #policy: AuthPolicy;
  readonly #hashing: Hashing;
  #disclosure: number = Disclosure.None;
  #scram: ScramClient | undefined;
  /** The next messages that SASL allows; undefined while SASL is not under way. */
  #expected: readonly number[] | undefined;

  constructor(options: AuthenticationOptions, negotiation: VersionNegotiation, action: string) {
    this.#options = options;
    this.#negotiation = negotiation;
    this.#policy = options.policy ?? ANY_METHOD;
    this.#hashing = options.hashing ?? nodeHashing;
    this.#action = action;
  }

  /** As {@linkcode Startup.awaitWant}. */
  awaitWant(): Condition {
    if (this.#want.isMet) this.#want = new Condition();
    return this.#want;
  }

  /** The server's request. */
  get method(): AuthMethod {
    return { disclosure: this.#disclosure, scram: this.#scram?.terms };
  }

  /** Reads and answers the server's messages, AuthenticationOk included. */
  *run(inbox: Inbox, out: Outbox): ReplyReader<void> {
    for (;;) {
      while (!inbox.next()) yield "read";
      // As in libpq: at any time before AuthenticationOk.
      if (inbox.code === Backend.NegotiateProtocolVersion) {
        this.#negotiation.read(inbox);
        continue;
      }
      inbox.expect(Backend.Authentication, this.#action);
      this.wasAsked = true;
      const method = inbox.int32();
      // Once SASL has begun, only its own next message may come: any other would bypass the server's proof.
      const continues = method === Authentication.SaslContinue || method === Authentication.SaslFinal;
      if (!(this.#expected?.includes(method) ?? !continues)) throw unexpectedMethod(method);
      if (method === Authentication.Ok) {
        inbox.end();
        if (this.#disclosure === Disclosure.None) checkMethod(this.#policy, "none", "no authentication");
        return;
      }
      yield* this.#answer(method, inbox, out);
    }
  }

  *#answer(method: number, inbox: Inbox, out: Outbox): ReplyReader<void> {
    switch (method) {
      case Authentication.CleartextPassword:
        inbox.end();
        return password(out, yield* this.#disclose(Disclosure.Cleartext, "password", "the password in clear text"));
      case Authentication.Md5Password: {
        const salt = inbox.rest();
        if (salt.length !== 4) throw inbox.malformed(`a salt of ${salt.length} bytes instead of 4`);
        // The inbox may be overwritten while a function is called.
        const kept = salt.slice();
        const given = yield* this.#disclose(Disclosure.Md5, "md5", "an MD5 hash of the password");
        return password(out, md5Password(this.#options.user, given, kept));
      }
      case Authentication.Sasl:
        return yield* this.#beginSasl(inbox, out);
      case Authentication.SaslContinue:
        if (this.#scram === undefined) return this.#readRefusal(inbox, out);
        this.#expected = [Authentication.SaslFinal];
        return saslResponse(out, this.#scram.final(yield* this.#salt(this.#scram.read(rest(inbox)))));
      case Authentication.SaslFinal:
        this.#expected = undefined;
        return this.#scram!.verify(rest(inbox));
      default:
        throw new ConnectionError(
          `Cannot authenticate: the server asks for ${METHOD_NAMES.get(method) ?? `method ${method}`}, ` +
            "and pyro can authenticate by password, md5, scram-sha-256 and oauth only",
          NOT_RETRYABLE,
        );
    }
  }

  *#beginSasl(inbox: Inbox, out: Outbox): ReplyReader<void> {
    const offered: string[] = [];
    for (let name = inbox.cstring(); name !== ""; name = inbox.cstring()) offered.push(name);
    inbox.end();
    const { limit, channel } = this.#options;
    const { maxIterations } = this.#policy;
    const mechanism = chooseScram(offered, this.#policy, channel);
    if (mechanism === undefined) {
      if (offered.includes(OAUTHBEARER)) return yield* this.#sendToken(out);
      throw new ConnectionError(
        `Cannot authenticate: the server offers ${
          named(offered)
        } as mechanisms, and pyro has only ${SCRAM_SHA_256} and ${OAUTHBEARER}`,
        NOT_RETRYABLE,
      );
    }
    const given = yield* this.#disclose(Disclosure.Scram, "scram-sha-256", "SCRAM authentication");
    const nonce = this.#options.nonce();
    this.#scram = new ScramClient(given, nonce, mechanism.binding, limit?.scram, this.#hashing, maxIterations);
    saslInitial(out, mechanism.name, this.#scram.first());
    this.#expected = [Authentication.SaslContinue];
  }

  *#salt(given: PasswordToSalt): ReplyReader<Uint8Array> {
    if (!this.#hashing.saltsLater) return saltedPassword(given);
    this.toSalt = given;
    this.#want.meet();
    while (this.salted === undefined) yield "paused";
    return this.salted;
  }

  *#sendToken(out: Outbox): ReplyReader<void> {
    const { token, tokenInClear, channel } = this.#options;
    this.#checkRequest(Disclosure.Token, "oauth", "a token (OAUTHBEARER)");
    if (token === undefined) {
      throw new ConnectionError(
        "Cannot authenticate: the server asks for a token (OAUTHBEARER), and no function for oauthToken is given",
        NOT_RETRYABLE,
      );
    }
    if (channel === undefined && !tokenInClear) {
      throw new ConnectionError(
        "Cannot authenticate: the server asks for a token, which is sent over TLS only, unless sslmode=disable is given",
        NOT_RETRYABLE,
      );
    }
    this.#disclosure = Disclosure.Token;
    saslInitial(out, OAUTHBEARER, bearerMessage(yield* this.#late(token)));
    // The server proves nothing; it accepts the token, or gives its reason.
    this.#expected = [Authentication.Ok, Authentication.SaslContinue];
  }

  /** The server does not accept the token. Only its error may follow. */
  #readRefusal(inbox: Inbox, out: Outbox): void {
    this.refusalHint = refusalHint(rest(inbox));
    this.#expected = [];
    saslResponse(out, REFUSAL_READ);
  }

  /** The password, if so much of it may be disclosed by the method. */
  *#disclose(disclosure: number, method: string, what: string): ReplyReader<string> {
    this.#checkRequest(disclosure, method, what);
    const { user, password: given } = this.#options;
    const password = typeof given === "function" ? given() : given;
    if (password === undefined || password === "") {
      throw new ConnectionError(
        `Cannot authenticate as ${JSON.stringify(user)}: the server asks for ${what}, and no password is given`,
        NOT_RETRYABLE,
      );
    }
    // Only the password file can have one; the server would take the text before it.
    if (typeof password === "string" && password.includes("\0")) {
      throw new ConnectionError(
        `Cannot authenticate as ${JSON.stringify(user)}: the password has a NUL character`,
        NOT_RETRYABLE,
      );
    }
    this.#disclosure = disclosure;
    return typeof password === "string" ? password : yield* this.#late(password);
  }

  /** Throws if the server may not ask for this, or not now. */
  #checkRequest(disclosure: number, method: string, what: string): void {
    if (this.#disclosure !== Disclosure.None) {
      throw new ProtocolError("Cannot authenticate: the server requested authentication twice");
    }
    checkMethod(this.#policy, method, what);
    const { limit } = this.#options;
    if (limit === undefined) return;
    const isOther = (disclosure === Disclosure.Token) !== (limit.disclosure === Disclosure.Token);
    const isMore = disclosure > limit.disclosure || (disclosure === Disclosure.Scram && limit.scram === undefined);
    if (isOther || isMore) {
      throw new ConnectionError(`Cannot authenticate: the server asks for ${what}, ${limit.reason}`);
    }
  }

  /** The secret, once its function has given it. */
  *#late(secret: LateSecret): ReplyReader<string> {
    if (secret.text === undefined) {
      this.wanted = secret;
      this.#want.meet();
    }
    while (secret.text === undefined) yield "paused";
    return secret.text;
  }
}

function unexpectedMethod(method: number): ProtocolError {
  return new ProtocolError(
    `Cannot trust the server: it sent ${
      METHOD_NAMES.get(method) ?? `method ${method}`
    } out of turn while authenticating`,
  );
}

function rest(inbox: Inbox): string {
  return inbox.bytes.utf8Slice(inbox.pos, inbox.limit);
}

const METHOD_NAMES: ReadonlyMap<number, string> = new Map([
  [Authentication.Ok, "AuthenticationOk"],
  [Authentication.KerberosV5, "Kerberos V5"],
  [Authentication.CleartextPassword, "a password"],
  [Authentication.Md5Password, "an MD5 password"],
  [Authentication.Gss, "GSSAPI"],
  [Authentication.GssContinue, "GSSAPI data"],
  [Authentication.Sspi, "SSPI"],
  [Authentication.Sasl, "SASL"],
  [Authentication.SaslContinue, "SASL data"],
  [Authentication.SaslFinal, "the end of SASL"],
]);
