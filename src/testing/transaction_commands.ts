/**
 * The transaction commands of SQL as commands for savepoints, which mean the same inside of a transaction that never
 * ends.
 *
 * Source: PostgreSQL manual, SQL commands BEGIN, COMMIT, ROLLBACK, SAVEPOINT and SET CONSTRAINTS.
 */
import { statementsOf } from "../sql/statement.ts";

/** The effect of a statement on the client's transaction. `checks` are statements that the client did not send. */
export type Command = "other" | "begins" | "commits" | "rolls back" | "refused" | "checks";

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
    const command = commandOf(part.words);
    text += sql.slice(at, part.start);
    if (command === "commits" && view === "open") {
      for (const check of CHECKS) {
        text += `${check}; `;
        commands.push("checks");
      }
    }
    text += replacementOf(command, view) ?? sql.slice(part.start, part.end);
    commands.push(effectOf(command, view));
    view = viewAfter(command, view);
    at = part.end;
  }
  return { sql: text + sql.slice(at), commands };
}

/** Rewrites the only statement of an extended query. */
export function rewriteStatement(sql: string, view: View): Rewritten {
  const [part, another] = SUSPECT.test(sql) ? statementsOf(sql, LONGEST) : [];
  if (part === undefined || another !== undefined) return { sql, commands: ["other"] };
  const command = commandOf(part.words);
  return { sql: replacementOf(command, view) ?? sql, commands: [command] };
}

/** What is executed in place of a command in a transaction like that; undefined if it stays as it is. */
export function replacementOf(command: Command, view: View): string | undefined {
  if (command === "refused") return REFUSAL;
  if (!ENDS.includes(command) && command !== "begins") return undefined;
  // PostgreSQL only warns; what it says about the transaction stays as it is.
  if ((command === "begins") !== (view === "idle")) return NOTHING;
  if (command === "begins") return SET;
  return command === "commits" && view === "open" ? KEEP : UNDO;
}

/** The effect that a command has in a transaction of this state. */
export function effectOf(command: Command, view: View): Command {
  return command === "commits" && view === "failed" ? "rolls back" : command;
}

/** The transaction behind a command. */
export function viewAfter(command: Command, view: View): View {
  if (ENDS.includes(command)) return "idle";
  return command === "begins" && view === "idle" ? "open" : view;
}

/** Set before what the client executes outside of a transaction of its own. */
export const SET_STATEMENT = "SAVEPOINT pyro_statement";
/** Keeps that, with all savepoints in it. */
export const KEEP_STATEMENT = "RELEASE SAVEPOINT pyro_statement";
/** Undoes it. */
export const UNDO_STATEMENT: string = `ROLLBACK TO SAVEPOINT pyro_statement; ${KEEP_STATEMENT}`;

/** Before a COMMIT, which does the same. Undoing it makes them deferred again. */
export const CHECKS: readonly string[] = [
  "SAVEPOINT pyro_check",
  "SET CONSTRAINTS ALL IMMEDIATE",
  "ROLLBACK TO SAVEPOINT pyro_check",
];

function commandOf(words: readonly string[]): Command {
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

const ENDS: readonly Command[] = ["commits", "rolls back"];
const SUSPECT = /\b(?:begin|start|commit|end|rollback|abort|prepare)\b/i;
/** The number of words of the longest command: `ROLLBACK TRANSACTION AND NO CHAIN`. */
const LONGEST = 5;
const SET = "SAVEPOINT pyro_transaction";
const KEEP = "RELEASE SAVEPOINT pyro_transaction";
/** The savepoint stays; it goes with that of the statement. */
const UNDO = "ROLLBACK TO SAVEPOINT pyro_transaction";
const NOTHING = "SAVEPOINT pyro_nothing";
const REFUSAL = `DO LANGUAGE plpgsql 'BEGIN RAISE EXCEPTION USING ERRCODE = ''0A000'', MESSAGE = ''` +
  `PREPARE TRANSACTION and AND CHAIN cannot be used in a test that is rolled back''; END'`;
