/**
 * From the StartupMessage to the first ReadyForQuery, authentication included.
 *
 * Source: PostgreSQL manual, "Frontend/Backend Protocol", section "Start-up".
 */
import type { PasswordToSalt } from "../auth/salted_password.ts";
import type { ServerFields } from "../errors.ts";
import { backendKeyData } from "../wire/backend.ts";
import { Backend, PROTOCOL_3_0 } from "../wire/codes.ts";
import { startup } from "../wire/frontend.ts";
import type { Inbox } from "../wire/inbox.ts";
import type { Outbox } from "../wire/outbox.ts";
import { type AuthenticationOptions, Authenticator, type AuthMethod, type LateSecret } from "./authentication.ts";
import type { Condition, Failure, ReplyReader, Request } from "./request.ts";
import type { Session } from "./session.ts";
import { type ProtocolVersions, VersionNegotiation } from "./version.ts";

export type { Hashing } from "../auth/hashing.ts";
export type { PasswordToSalt } from "../auth/salted_password.ts";
export { type AuthLimit, type AuthMethod, Disclosure } from "./authentication.ts";

/** The content of a startup message, and the secrets to answer with. */
export interface StartupOptions extends AuthenticationOptions {
  /** All parameters of the StartupMessage, `user` included. */
  readonly parameters: Iterable<readonly [string, string]>;
  /** Default: 3.0 only. */
  readonly versions?: ProtocolVersions;
}

/** Opens a session; the value is the server's authentication request. */
export class Startup implements Request<AuthMethod> {
  readonly action = "open a session";
  readonly syncMode = "explicit";
  readonly isFatal = true;
  readonly #options: StartupOptions;
  readonly #session: Session;
  readonly #negotiation: VersionNegotiation;
  readonly #authenticator: Authenticator;

  constructor(options: StartupOptions, session: Session) {
    this.#options = options;
    this.#session = session;
    this.#negotiation = new VersionNegotiation(options.versions ?? { min: PROTOCOL_3_0, max: PROTOCOL_3_0 });
    this.#authenticator = new Authenticator(options, this.#negotiation, this.action);
  }

  /** The condition that is met when a secret is {@linkcode wanted}, or a password {@linkcode toSalt}; a new one each time. */
  awaitWant(): Condition {
    return this.#authenticator.awaitWant();
  }

  /** The secret whose function must be called. */
  get wanted(): LateSecret | undefined {
    return this.#authenticator.wanted;
  }

  /** The password to salt, if the driver does it. */
  get toSalt(): PasswordToSalt | undefined {
    return this.#authenticator.toSalt;
  }

  set salted(password: Uint8Array | undefined) {
    this.#authenticator.salted = password;
  }

  /** Whether the server has requested authentication, or accepted the session. */
  get wasAsked(): boolean {
    return this.#authenticator.wasAsked;
  }

  encode(out: Outbox): void {
    startup(out, this.#negotiation.version, this.#options.parameters);
  }

  *reply(inbox: Inbox, out: Outbox): ReplyReader<AuthMethod> {
    inbox.authenticating = true;
    yield* this.#authenticator.run(inbox, out);
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
          return this.#authenticator.method;
        default:
          throw inbox.unexpected(this.action);
      }
    }
  }

  mapError(fields: ServerFields): Failure | undefined {
    const { refusalHint } = this.#authenticator;
    if (refusalHint !== undefined && fields.hint === undefined) {
      return { kind: "server", fields: { ...fields, hint: refusalHint } };
    }
    const parameter = UNSUPPORTED.exec(fields.message)?.[1];
    if (parameter === undefined || fields.hint !== undefined) return undefined;
    const hint = `The pooler does not pass ${parameter} on. Leave it out and set it for the role or the database ` +
      `(ALTER ROLE … SET), or name it in PgBouncer's ignore_startup_parameters, which drops it`;
    return { kind: "server", fields: { ...fields, hint } };
  }
}

/**
 * Between AuthenticationOk and ReadyForQuery, only notices and errors can be long, such as those of a login trigger.
 */
const MAX_LENGTH_BEFORE_SESSION = 0x10_0000;

/** PgBouncer's error for a parameter that it does not know. */
const UNSUPPORTED = /^unsupported startup parameter(?: in options)?: (.+)$/;
