/**
 * The transaction commands of SQL as commands for savepoints, which mean the same inside of a transaction that never
 * ends.
 *
 * Source: PostgreSQL manual, SQL commands BEGIN, COMMIT, ROLLBACK, SAVEPOINT and SET CONSTRAINTS.
 */
import { type StatementPart, statementsOf } from "../sql/statement.ts";

/** What a statement does to the client's transaction. `checks` and `hidden` are statements that the client did not send. */
export type Command = "other" | "begins" | "commits" | "rolls back" | "checks" | "hidden";

/** The client's transaction, as it sees it. */
export type View = "idle" | "open" | "failed";

/** SQL for the server, and what each of its statements does. */
export interface Rewritten {
  readonly sql: string;
  readonly commands: readonly Command[];
}

/** Rewrites the statements of a simple query. */
export function rewriteQuery(sql: string, view: View): Rewritten {
  if (!SUSPECT.test(sql)) return { sql, commands: [] };
  let text = "";
  let at = 0;
  const commands: Command[] = [];
  for (const part of statementsOf(sql, LONGEST)) {
    const { replacement, becomes, does } = replaced(part, view);
    view = becomes ?? view;
    commands.push(...does);
    text += sql.slice(at, part.start) + (replacement ?? sql.slice(part.start, part.end));
    at = part.end;
  }
  return { sql: text + sql.slice(at), commands };
}

/** Rewrites the only statement of an extended query. */
export function rewriteStatement(sql: string, view: View): Rewritten {
  const [part, another] = SUSPECT.test(sql) ? statementsOf(sql, LONGEST) : [];
  if (part === undefined || another !== undefined) return { sql, commands: ["other"] };
  switch (commandOf(part.words)) {
    case "begins":
      return { sql: SET, commands: ["begins"] };
    case "commits":
      return view === "failed" ? { sql: UNDO, commands: ["rolls back"] } : { sql: KEEP, commands: ["commits"] };
    case "rolls back":
      return { sql: UNDO, commands: ["rolls back"] };
    case "refused":
      return { sql: REFUSAL, commands: ["other"] };
    default:
      return { sql, commands: ["other"] };
  }
}

/** Set before what the client executes outside of a transaction of its own. */
export const SET_STATEMENT = "SAVEPOINT pyro_statement";
/** Keeps that, with all savepoints in it. */
export const KEEP_STATEMENT = "RELEASE SAVEPOINT pyro_statement";
/** Undoes it. */
export const UNDO_STATEMENT: string = `ROLLBACK TO SAVEPOINT pyro_statement; ${KEEP_STATEMENT}`;

interface Replaced {
  /** Undefined to leave the statement as it is. */
  readonly replacement?: string;
  readonly becomes?: View;
  readonly does: readonly Command[];
}

function replaced({ words }: StatementPart, view: View): Replaced {
  const command = commandOf(words);
  if (command === "refused") return { replacement: REFUSAL, does: ["other"] };
  if (command === "other") return { does: ["other"] };
  // PostgreSQL only warns; what it says about the transaction stays as it is.
  if ((command === "begins") !== (view === "idle")) return { replacement: NOTHING, does: [command] };
  if (command === "begins") return { replacement: SET, becomes: "open", does: ["begins"] };
  if (command === "rolls back" || view === "failed") {
    return { replacement: UNDO, becomes: "idle", does: ["rolls back"] };
  }
  return {
    replacement: `SAVEPOINT pyro_check; ${CHECK}; ROLLBACK TO SAVEPOINT pyro_check; ${KEEP}`,
    becomes: "idle",
    does: ["checks", "checks", "checks", "commits"],
  };
}

function commandOf(words: readonly string[]): "begins" | "commits" | "rolls back" | "refused" | "other" {
  const [first = "", second = ""] = words;
  if (second === "PREPARED") return "other";
  if (first === "PREPARE" && second === "TRANSACTION") return "refused";
  if (first === "BEGIN" || (first === "START" && second === "TRANSACTION")) return "begins";
  const isCommit = first === "COMMIT" || first === "END";
  const isRollback = first === "ROLLBACK" || first === "ABORT";
  if (!isCommit && !isRollback) return "other";
  if (words.includes("AND") && !words.includes("NO")) return "refused";
  if (isCommit) return "commits";
  return words.includes("TO") ? "other" : "rolls back";
}

const SUSPECT = /\b(?:begin|start|commit|end|rollback|abort|prepare)\b/i;
/** The number of words of the longest command: `ROLLBACK TRANSACTION AND NO CHAIN`. */
const LONGEST = 5;
const SET = "SAVEPOINT pyro_transaction";
const KEEP = "RELEASE SAVEPOINT pyro_transaction";
/** The savepoint stays; it goes with that of the statement. */
const UNDO = "ROLLBACK TO SAVEPOINT pyro_transaction";
const NOTHING = "SAVEPOINT pyro_nothing";
/** As COMMIT does. Undoing it makes them deferred again. */
const CHECK = "SET CONSTRAINTS ALL IMMEDIATE";
const REFUSAL = `DO LANGUAGE plpgsql 'BEGIN RAISE EXCEPTION USING ERRCODE = ''0A000'', MESSAGE = ''` +
  `PREPARE TRANSACTION and AND CHAIN cannot be used in a test that is rolled back''; END'`;
