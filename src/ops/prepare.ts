/** Preparing statements for the caller to keep. */
import { ConnectionError } from "../errors.ts";
import { finish, type Op, perform, settle, submit, type Ticket } from "../protocol/exchange.ts";
import { CloseStatements } from "../protocol/close.ts";
import { Prepare } from "../protocol/prepare.ts";
import type { Prepared } from "../protocol/prepared.ts";
import type { Registry } from "../types/registry.ts";
import type { StatementCache } from "./statements.ts";
import { learnTypes, withTypes } from "./types.ts";

/** Prepares one statement. */
export function* prepare(sql: string, statements: StatementCache, registry: Registry): Op<Prepared> {
  const statement = yield* perform(new Prepare(statements.newName(), sql, [], registry));
  try {
    return yield* withTypes(statement, registry);
  } catch (error) {
    yield* closeStatements([statement.name]);
    throw error;
  }
}

/** Prepares statements in one round trip: all of them, or none. */
export function* prepareBatch(sqls: readonly string[], statements: StatementCache, registry: Registry): Op<Prepared[]> {
  const tickets: Ticket<Prepared>[] = [];
  for (const [index, sql] of sqls.entries()) {
    const ends = index === sqls.length - 1 ? "sync" : "open";
    tickets.push(yield* submit(new Prepare(statements.newName(), sql, [], registry, ends)));
  }
  const prepared: Prepared[] = [];
  try {
    for (const ticket of tickets) prepared.push(yield* settle(ticket));
    yield* learnTypes(prepared.flatMap(({ types }) => types), registry);
    return prepared.map((statement) => statement.isCurrent(registry) ? statement : statement.renewed(registry));
  } catch (error) {
    // Those before the one that failed exist, whatever became of their group.
    yield* closeStatements(prepared.map(({ name }) => name));
    throw error;
  }
}

/** Drops statements. With the connection they are gone anyway. */
export function* closeStatements(names: readonly string[]): Op<void> {
  if (names.length === 0) return;
  try {
    yield* finish(yield* submit(new CloseStatements(names)));
  } catch (error) {
    if (!(error instanceof ConnectionError)) throw error;
  }
}
