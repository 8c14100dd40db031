/**
 * What became of a transaction whose connection was lost while COMMIT was under way: the server is asked for the status
 * of its ID. A crash, or a promotion, makes a server use IDs again of which nothing was written or received. So the
 * answer "committed" counts only if the ID cannot have been used again.
 *
 * A transaction that may be asked about gets its ID when it begins, and writes an empty logical message, so that its ID
 * is in the write-ahead log before anything else of it. Before COMMIT, it asks how far the log is flushed:
 *
 * - The same server, without a crash since: it has used no ID twice. A crash resets its statistics.
 * - A standby that was promoted from the timeline: if it has not replayed the log up to the message, it has not received
 *   the commit either. If it has, and the message was flushed, then that is the message, and not something that the
 *   primary has written there after a crash; so the ID is used for nothing else.
 *
 * An ID in progress on the same timeline is asked about again. Any other answer than "committed" shows that the
 * transaction is not committed there, whichever the ID belongs to.
 *
 * Source: PostgreSQL manual, "Transaction ID and Snapshot Information Functions", "Recovery Information Functions",
 * "Replication Management Functions" (pg_logical_emit_message), "Timelines".
 */
import { ConnectionError, ServerError } from "../errors.ts";
import { type Op, type PendingRequest, perform } from "../protocol/request.ts";
import { question, type SimpleQuery } from "../protocol/simple_query.ts";
import { SqlState } from "../sqlstate.ts";
import { markUncommitted } from "../statements/unexecuted.ts";

/** Which server it is, since when it has not crashed, and what it writes. */
export interface ServerIdentity {
  /** The identifier of its cluster. */
  readonly system: string;
  /** Undefined of a standby. */
  readonly timeline: number | undefined;
  /** When its statistics were reset, by a crash or by a user; undefined if it does not say. */
  readonly statisticsSince: string | undefined;
}

/** A transaction that can be asked about. */
export interface TransactionMark extends ServerIdentity {
  readonly timeline: number;
  readonly id: string;
  /** Where its message is in the write-ahead log. */
  readonly position: bigint;
  /** Whether the message was flushed before COMMIT, so that a crash did not lose it. */
  readonly isFlushed: boolean;
}

/** What a server says later. */
export interface ServerAnswer extends ServerIdentity {
  /** The status of the ID; `future` if it was not used, undefined if it is too old to be known. */
  readonly status: "committed" | "aborted" | "in progress" | "future" | undefined;
  /** The end of what it had replayed when its recovery ended; undefined if it was started without one. */
  readonly replayed: bigint | undefined;
  /** Whether it has been a standby that streamed, and has not been started again since. */
  readonly wasStandby: boolean;
}

/** What became of a transaction; `pending` if it is to be asked again. */
export type CommitOutcome = "committed" | "not committed" | "unknown" | "pending";

/** Decides from an answer what became of the transaction. */
export function outcomeOf(mark: TransactionMark, answer: ServerAnswer): CommitOutcome {
  const { system, timeline, status, replayed } = answer;
  if (system !== mark.system) return "unknown";
  // It may be promoted yet.
  if (timeline === undefined) return "pending";
  const isSame = timeline === mark.timeline && mark.statisticsSince !== undefined &&
    mark.statisticsSince === answer.statisticsSince;
  if (status === undefined) return "unknown";
  // Without the statistics' time, it may be the same server all the same, on which COMMIT still waits.
  if (status === "in progress" && timeline === mark.timeline) return "pending";
  if (status !== "committed") return "not committed";
  if (isSame) return "committed";
  if (replayed === undefined || timeline > mark.timeline + 1 || timeline < mark.timeline) return "unknown";
  if (replayed < mark.position) return "not committed";
  return timeline === mark.timeline + 1 && answer.wasStandby && mark.isFlushed ? "committed" : "unknown";
}

/** The request for the mark of the transaction that has just begun. Undefined if the server is a standby. */
export function markRequest(): SimpleQuery<unknown> {
  return question(MARK);
}

/** The mark, from the answer. */
export function markFrom(row: unknown): TransactionMark | undefined {
  const [id, position, ...identity] = row as readonly (string | null)[];
  const { timeline, ...rest } = identityFrom(identity);
  if (id == null || position == null || timeline === undefined) return undefined;
  return { ...rest, timeline, id, position: positionFrom(position), isFlushed: false };
}

/** The request for how far the log is flushed. It must be answered before COMMIT is, so it is a query of its own. */
export function flushRequest(): SimpleQuery<unknown> {
  return question("select pg_catalog.pg_current_wal_flush_lsn()::pg_catalog.text");
}

/** The mark, with what the server has said before COMMIT, if that has arrived. */
export function markBeforeCommit(
  mark: TransactionMark,
  { settled, failure, value }: Pick<PendingRequest<unknown>, "settled" | "failure" | "value">,
): TransactionMark {
  const [flushed] = (settled && failure === undefined ? value : []) as readonly (string | null)[];
  return { ...mark, isFlushed: flushed != null && positionFrom(flushed) >= mark.position };
}

/** Asks a server about a transaction. */
export function* askOutcome(mark: TransactionMark): Op<CommitOutcome> {
  const [replayed, wasStandby, ...identity] = (yield* perform(question(IDENTITY))) as readonly (string | null)[];
  return outcomeOf(mark, {
    ...identityFrom(identity),
    status: yield* statusOf(mark.id),
    replayed: replayed == null ? undefined : positionFrom(replayed),
    wasStandby: wasStandby === "true",
  });
}

function* statusOf(id: string): Op<ServerAnswer["status"]> {
  try {
    const [status] = (yield* perform(question(`select pg_catalog.pg_xact_status('${id}')`))) as readonly unknown[];
    return (status ?? undefined) as ServerAnswer["status"];
  } catch (error) {
    // "transaction ID … is in the future"
    if (error instanceof ServerError && error.code === SqlState.InvalidParameterValue) return "future";
    throw error;
  }
}

function identityFrom([system, file, statisticsSince]: readonly (string | null | undefined)[]): ServerIdentity {
  return {
    system: system ?? "",
    // The name of a file of the write-ahead log begins with its timeline.
    timeline: file == null ? undefined : parseInt(file.slice(0, 8), 16),
    statisticsSince: statisticsSince ?? undefined,
  };
}

function positionFrom(text: string): bigint {
  const [high = "", low = ""] = text.split("/");
  return (BigInt(`0x${high}`) << 32n) + BigInt(`0x${low}`);
}

/** A transaction whose outcome is not known, and what its function has returned. */
export interface Doubt {
  readonly mark: TransactionMark;
  readonly result: unknown;
}

const doubts = new WeakMap<object, Doubt>();

/** Keeps what is known of a transaction with the error of its COMMIT, if its connection was lost. */
export function keepDoubt(error: unknown, mark: TransactionMark | undefined, result: unknown): void {
  if (mark === undefined || !(error instanceof ConnectionError) || error.outcome !== "unknown") return;
  doubts.set(error, { mark, result });
}

/** What is kept with an error. */
export function doubtOf(error: unknown): Doubt | undefined {
  return error instanceof ConnectionError ? doubts.get(error) : undefined;
}

/** Marks the error of a transaction that has turned out not to be committed. */
export function settleNotCommitted(error: unknown): void {
  Object.defineProperty(error, "outcome", { value: undefined, enumerable: false, configurable: true });
  Object.defineProperty(error, "safeToRetry", { value: true, enumerable: true, configurable: true });
  markUncommitted(error);
}

/** Which server it is: on a standby without a timeline. Before statistics are there, their time is that of 2000. */
const SERVER = `(pg_catalog.pg_control_system()).system_identifier::pg_catalog.text,
  case when not pg_catalog.pg_is_in_recovery()
    then pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_insert_lsn()) end,
  (select nullif(stats_reset, timestamptz '2000-01-01 00:00:00+00')::pg_catalog.text from pg_catalog.pg_stat_bgwriter)`;
const MARK = `select case when not pg_catalog.pg_is_in_recovery()
    then pg_catalog.pg_current_xact_id()::pg_catalog.text end,
  case when not pg_catalog.pg_is_in_recovery()
    then pg_catalog.pg_logical_emit_message(true, 'pyro', '')::pg_catalog.text end,
  ${SERVER}`;
const IDENTITY = `select pg_catalog.pg_last_wal_replay_lsn()::pg_catalog.text,
  (pg_catalog.pg_last_wal_receive_lsn() is not null)::pg_catalog.text,
  ${SERVER}`;
