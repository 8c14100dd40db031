/**
 * From the StartupMessage to the first ReadyForQuery, authentication included.
 *
 * Source: PostgreSQL manual, "Frontend/Backend Protocol", sections "Start-up" and "SASL
 * Authentication".
 */
import { md5Password } from "../auth/md5.ts";
import { SCRAM_SHA_256, ScramClient, type ScramParameters } from "../auth/scram.ts";
import { ConnectionError, NOT_RETRYABLE, ProtocolError, type ServerFields } from "../errors.ts";
import { backendKeyData } from "../wire/backend.ts";
import { Authentication, Backend, PROTOCOL_3_0 } from "../wire/codes.ts";
import { password, saslInitial, saslResponse, startup } from "../wire/frontend.ts";
import type { Inbox } from "../wire/inbox.ts";
import type { Outbox } from "../wire/outbox.ts";
import type { Failure, ReplyReader, Request } from "./request.ts";
import type { Session } from "./session.ts";
import { type ProtocolVersions, VersionNegotiation } from "./version.ts";

/** How much the answer to an authentication request discloses: nothing, a SCRAM proof, an MD5 hash, or the password. */
export const Disclosure = { None: 0, Scram: 1, Md5: 2, Cleartext: 3 } as const;

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

/** The content of a startup message, and the secrets to answer with. */
export interface StartupOptions {
  readonly user: string;
  readonly password: string | undefined;
  /** All parameters of the StartupMessage, `user` included. */
  readonly parameters: Iterable<readonly [string, string]>;
  /** Default: 3.0 only. */
  readonly versions?: ProtocolVersions;
  /** Fresh randomness for SCRAM: printable ASCII without commas. */
  readonly nonce: string;
  /**
   * The most that may be disclosed; undefined for no limit. With a limit, SCRAM must use exactly the limit's
   * parameters.
   */
  readonly limit?: AuthLimit | undefined;
}

/** Opens a session; the value is the server's authentication request. */
export class Startup implements Request<AuthMethod> {
  readonly action = "open a session";
  readonly syncMode = "explicit";
  readonly isFatal = true;
  readonly #options: StartupOptions;
  readonly #session: Session;
  readonly #negotiation: VersionNegotiation;
  #disclosure: number = Disclosure.None;
  #scram: ScramClient | undefined;

  constructor(options: StartupOptions, session: Session) {
    this.#options = options;
    this.#session = session;
    this.#negotiation = new VersionNegotiation(options.versions ?? { min: PROTOCOL_3_0, max: PROTOCOL_3_0 });
  }

  encode(out: Outbox): void {
    startup(out, this.#negotiation.version, this.#options.parameters);
  }

  *reply(inbox: Inbox, out: Outbox): ReplyReader<AuthMethod> {
    inbox.authenticating = true;
    yield* this.#authenticate(inbox, out);
    inbox.authenticating = false;
    inbox.maxLength = MAX_LENGTH_BEFORE_SESSION;
    let hasKey = false;
    for (;;) {
      while (!inbox.next()) yield "read";
      switch (inbox.code) {
        case Backend.BackendKeyData:
          if (hasKey) throw inbox.unexpected(this.action);
          hasKey = true;
          this.#session.key = backendKeyData(inbox, this.#negotiation.version);
          break;
        case Backend.ReadyForQuery:
          inbox.trust();
          return { disclosure: this.#disclosure, scram: this.#scram?.terms };
        default:
          throw inbox.unexpected(this.action);
      }
    }
  }

  mapError(fields: ServerFields): Failure | undefined {
    const parameter = UNSUPPORTED.exec(fields.message)?.[1];
    if (parameter === undefined || fields.hint !== undefined) return undefined;
    const hint = `The pooler does not pass ${parameter} on. Leave it out and set it for the role or the database ` +
      `(ALTER ROLE … SET), or name it in PgBouncer's ignore_startup_parameters, which drops it`;
    return { kind: "server", fields: { ...fields, hint } };
  }

  *#authenticate(inbox: Inbox, out: Outbox): ReplyReader<void> {
    let scram!: ScramClient;
    /** The next message of SASL; Ok while SASL is not under way. */
    let step: number = Authentication.Ok;
    for (;;) {
      while (!inbox.next()) yield "read";
      // As in libpq: at any time before AuthenticationOk.
      if (inbox.code === Backend.NegotiateProtocolVersion) {
        this.#negotiation.read(inbox);
        continue;
      }
      inbox.expect(Backend.Authentication, this.action);
      const method = inbox.int32();
      // Once SASL has begun, only its own next message may come: any other would bypass the server's proof.
      const continues = method === Authentication.SaslContinue || method === Authentication.SaslFinal;
      if (step === Authentication.Ok ? continues : method !== step) throw unexpectedMethod(method);
      switch (method) {
        case Authentication.Ok:
          inbox.end();
          return;
        case Authentication.CleartextPassword:
          inbox.end();
          password(out, this.#disclose(Disclosure.Cleartext, "the password in clear text"));
          break;
        case Authentication.Md5Password: {
          const salt = inbox.rest();
          if (salt.length !== 4) throw inbox.malformed(`a salt of ${salt.length} bytes instead of 4`);
          const given = this.#disclose(Disclosure.Md5, "an MD5 hash of the password");
          password(out, md5Password(this.#options.user, given, salt));
          break;
        }
        case Authentication.Sasl: {
          this.#chooseMechanism(inbox);
          const given = this.#disclose(Disclosure.Scram, "SCRAM authentication");
          scram = new ScramClient(given, this.#options.nonce, this.#options.limit?.scram);
          this.#scram = scram;
          saslInitial(out, SCRAM_SHA_256, scram.first());
          step = Authentication.SaslContinue;
          break;
        }
        case Authentication.SaslContinue:
          saslResponse(out, scram.final(rest(inbox)));
          step = Authentication.SaslFinal;
          break;
        case Authentication.SaslFinal:
          scram.verify(rest(inbox));
          step = Authentication.Ok;
          break;
        default:
          throw new ConnectionError(
            `Cannot authenticate: the server asks for ${METHOD_NAMES.get(method) ?? `method ${method}`}, ` +
              "pyro has none, password, md5 and scram-sha-256",
            NOT_RETRYABLE,
          );
      }
    }
  }

  #chooseMechanism(inbox: Inbox): void {
    const offered: string[] = [];
    for (let name = inbox.cstring(); name !== ""; name = inbox.cstring()) offered.push(name);
    inbox.end();
    if (offered.includes(SCRAM_SHA_256)) return;
    throw new ConnectionError(
      `Cannot authenticate: the server offers the mechanisms ${JSON.stringify(offered)}, pyro has ${SCRAM_SHA_256}`,
      NOT_RETRYABLE,
    );
  }

  #disclose(disclosure: number, what: string): string {
    const { limit: limit, password, user } = this.#options;
    if (this.#disclosure !== Disclosure.None) {
      throw new ProtocolError("Cannot authenticate: the server requested authentication twice");
    }
    if (
      limit !== undefined &&
      (disclosure > limit.disclosure || (disclosure === Disclosure.Scram && limit.scram === undefined))
    ) {
      throw new ConnectionError(`Cannot authenticate: the server asks for ${what}, ${limit.reason}`);
    }
    if (password === undefined || password === "") {
      throw new ConnectionError(
        `Cannot authenticate as ${JSON.stringify(user)}: the server asks for ${what}, and no password is given`,
        NOT_RETRYABLE,
      );
    }
    this.#disclosure = disclosure;
    return password;
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

/**
 * Between AuthenticationOk and ReadyForQuery, only notices and errors can be long, such as those of a login trigger.
 */
const MAX_LENGTH_BEFORE_SESSION = 0x10_0000;

/** PgBouncer's error for a parameter that it does not know. */
const UNSUPPORTED = /^unsupported startup parameter(?: in options)?: (.+)$/;

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
