/** Preparing statements for the caller to keep. */
import { ConnectionError } from "../errors.ts";
import { finish, type Op, settle, stillWanted, submit, takeTurn, type Ticket } from "../protocol/request.ts";
import { CloseStatements } from "../protocol/close.ts";
import { prepareAt } from "../protocol/prepare.ts";
import type { Prepared } from "../protocol/prepared.ts";
import type { Context } from "./context.ts";
import { turnOffNames } from "./names.ts";
import { learnTypes, withTypes } from "./type_lookup.ts";

/** Prepares one statement. */
export function* prepare(sql: string, context: Context): Op<Prepared> {
  const { statements, registry } = context;
  const ticket = yield* submit(prepareAt(statements.place(), sql, registry));
  let statement: Prepared | undefined;
  try {
    statement = yield* finish(ticket);
    const known = yield* withTypes(statement, context);
    yield* stillWanted();
    return known;
  } catch (error) {
    if (statement !== undefined) {
      yield* closeStatements([statement.name]);
      throw error;
    }
    yield* turnOffNames(error, ticket, context);
  }
  return yield* prepare(sql, context);
}

/** Prepares statements in one round trip: all of them, or none. */
export function* prepareBatch(sqls: readonly string[], context: Context): Op<Prepared[]> {
  const { statements, registry } = context;
  const tickets: Ticket<Prepared>[] = [];
  for (const [index, sql] of sqls.entries()) {
    const ends = index === sqls.length - 1 ? "sync" : "open";
    tickets.push(yield* submit(prepareAt(statements.place(), sql, registry, ends)));
  }
  const prepared: Prepared[] = [];
  try {
    for (const ticket of tickets) prepared.push(yield* settle(ticket));
    yield* learnTypes(prepared.flatMap(({ types }) => types), context);
    yield* stillWanted();
    return prepared.map((statement) => statement.isCurrent(registry) ? statement : statement.renewed(registry));
  } catch (error) {
    // Those before the one that failed exist, whatever became of their group.
    yield* closeStatements(prepared.map(({ name }) => name));
    const last = tickets.at(-1);
    if (last === undefined || prepared.length === sqls.length) throw error;
    yield* turnOffNames(error, last, context);
  }
  return yield* prepareBatch(sqls, context);
}

/** Drops statements. With the connection they are gone anyway. */
export function* closeStatements(given: readonly string[]): Op<void> {
  const names = given.filter((name) => name !== "");
  if (names.length === 0) return;
  try {
    yield* takeTurn();
    yield* finish(yield* submit(new CloseStatements(names)));
  } catch (error) {
    if (!(error instanceof ConnectionError)) throw error;
  }
}
