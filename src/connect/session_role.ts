/**
 * What a server is, primary or standby, and whether its sessions can write: as it reports, and where it does not (before
 * PostgreSQL 14, and engines that are not PostgreSQL), as it answers a question.
 *
 * Source: PostgreSQL manual, libpq, "Parameter Key Words", target_session_attrs; "Functions and Operators", "Recovery
 * Information Functions".
 */
import { ServerError } from "../errors.ts";
import type { TargetSessionAttrs } from "../options/settings.ts";
import { type Op, perform } from "../protocol/request.ts";
import type { Session } from "../protocol/session.ts";
import { question } from "../protocol/simple_query.ts";
import { type Handshake, type Link, run } from "./handshake.ts";

/** The sessions that are asked for: a pool over several hosts also prefers the primary. */
export type SessionTarget = TargetSessionAttrs | "prefer-primary";

/** The known properties of a server; unknown ones are undefined. */
export interface SessionRole {
  readonly isStandby: boolean | undefined;
  readonly isReadOnly: boolean | undefined;
}

/** What the server reports. Its parameters follow a promotion, once something is executed. */
export function reportedRole(session: Pick<Session, "parameter">): SessionRole {
  const standby = session.parameter("in_hot_standby");
  const readOnly = session.parameter("default_transaction_read_only");
  if (standby === undefined) return { isStandby: undefined, isReadOnly: undefined };
  const isReadOnly = readOnly === undefined ? undefined : standby === "on" || readOnly === "on";
  return { isStandby: standby === "on", isReadOnly };
}

/** What the server is, as far as the attributes need to know it. */
export function* sessionRole(link: Link, attrs: SessionTarget, by: number): Handshake<SessionRole> {
  const role = reportedRole(link.session);
  // A primary is only preferred, so nobody is asked for it.
  if (attrs === "prefer-primary" || suits(role, attrs) !== undefined) return role;
  return attrs === "read-write" || attrs === "read-only"
    ? { ...role, isReadOnly: yield* run(link, ask(READ_ONLY), by) }
    : { ...role, isStandby: yield* run(link, ask(IN_RECOVERY), by) };
}

/** Whether a server's sessions have the attributes; undefined if too little is known. */
export function suits({ isStandby, isReadOnly }: SessionRole, attrs: SessionTarget): boolean | undefined {
  switch (attrs) {
    case "any":
      return true;
    case "read-only":
      return isReadOnly;
    case "read-write":
      return isReadOnly === undefined ? undefined : !isReadOnly;
    case "primary":
    case "prefer-primary":
      return isStandby === undefined ? undefined : !isStandby;
    case "standby":
    case "prefer-standby":
      return isStandby;
  }
}

/** Why a session that does not have the attributes is passed over. */
export function mismatch(attrs: SessionTarget): string {
  return attrs === "prefer-primary" ? MISMATCHES[attrs] : `${MISMATCHES[attrs]} (target_session_attrs=${attrs})`;
}

/** A question of yes or no. A server that does not know it has no standbys. */
function* ask(sql: string): Op<boolean> {
  try {
    const row = yield* perform(question(sql));
    const [answer] = (row ?? []) as readonly unknown[];
    return answer === true || answer === "on" || answer === "t" || answer === "true";
  } catch (error) {
    if (error instanceof ServerError && !error.connectionLost) return false;
    throw error;
  }
}

const READ_ONLY = "show transaction_read_only";
const IN_RECOVERY = "select pg_catalog.pg_is_in_recovery()";

const MISMATCHES: Readonly<Record<SessionTarget, string>> = {
  any: "the session does not suit",
  "read-write": "the session is read-only",
  "read-only": "the session can write",
  primary: "the server is a standby",
  "prefer-primary": "the server is a standby",
  standby: "the server is no standby",
  "prefer-standby": "the server is no standby",
};
