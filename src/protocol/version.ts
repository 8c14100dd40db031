/**
 * The version of the protocol that a session has: the client asks for one, and a server that has only
 * an older one answers with it.
 *
 * Source: PostgreSQL manual, "Frontend/Backend Protocol", sections "Protocol Versions" and "Start-up".
 */
import { ConnectionError, NOT_RETRYABLE, ProtocolError } from "../errors.ts";
import { negotiateProtocolVersion } from "../wire/backend.ts";
import { copyOf } from "../wire/bytes.ts";
import { PROTOCOL_3_0 } from "../wire/codes.ts";
import type { Inbox } from "../wire/inbox.ts";

/** The versions that a session may have, as numbers of the StartupMessage. */
export interface ProtocolVersions {
  readonly min: number;
  /** The version that is asked for. */
  readonly max: number;
}

/** The negotiation of one session. */
export class VersionNegotiation {
  readonly #allowed: ProtocolVersions;
  /** The body of the server's answer, if there was one. */
  #answer: Uint8Array | undefined;
  /** The session's version. A server that does not answer has the version that was asked for. */
  version: number;

  constructor(allowed: ProtocolVersions) {
    this.#allowed = allowed;
    this.version = allowed.max;
  }

  /** Reads NegotiateProtocolVersion. */
  read(inbox: Inbox): void {
    if (this.#isRepeated(inbox)) return;
    const { version, unknownOptions } = negotiateProtocolVersion(inbox);
    // PostgreSQL sends the whole number; its manual, and some poolers, say that it is the minor one.
    const whole = version >= 0 && version <= MAX_MINOR ? PROTOCOL_3_0 + version : version;
    this.#check(whole);
    if (unknownOptions.length > 0) {
      throw new ProtocolError(
        `Cannot open a session: the server refuses options that were not sent: ${JSON.stringify(unknownOptions)}`,
      );
    }
    this.version = whole;
  }

  /** PgBouncer before 1.25.3 may send its answer twice. */
  #isRepeated(inbox: Inbox): boolean {
    const body = copyOf(inbox.bytes, inbox.pos, inbox.limit);
    const first = this.#answer ??= body;
    if (first === body) return false;
    if (body.length !== first.length || !body.every((byte, i) => byte === first[i])) {
      throw new ProtocolError("Cannot open a session: the server negotiated the protocol's version twice");
    }
    inbox.pos = inbox.limit;
    return true;
  }

  #check(version: number): void {
    const { min, max } = this.#allowed;
    if (version > max) {
      throw new ProtocolError(
        `Cannot open a session: the server wants protocol ${nameOf(version)}, at most ${nameOf(max)} was asked for`,
      );
    }
    if (version < PROTOCOL_3_0 || version === PROTOCOL_3_1) {
      throw new ProtocolError(
        `Cannot open a session: the server wants protocol ${nameOf(version)}, which pyro does not have`,
      );
    }
    if (version >= min) return;
    throw new ConnectionError(
      `Cannot open a session: the server has protocol ${nameOf(version)}, min_protocol_version asks for ${nameOf(min)}`,
      NOT_RETRYABLE,
    );
  }
}

function nameOf(version: number): string {
  return `${version >>> 16}.${version & MAX_MINOR}`;
}

const MAX_MINOR = 0xffff;
/** Never released: some poolers took it for 3.0. */
const PROTOCOL_3_1 = 0x0003_0001;
