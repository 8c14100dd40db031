/** Prepares statements that the caller holds. */
import { ConnectionError } from "../errors.ts";
import {
  cancellationPoint,
  continueSubmitting,
  finish,
  type Op,
  type PendingRequest,
  settle,
  submit,
} from "../protocol/request.ts";
import { CloseStatements } from "../protocol/close.ts";
import { prepareInSlot } from "../protocol/prepare.ts";
import type { Prepared } from "../protocol/prepared.ts";
import type { Context } from "./context.ts";
import { outcomeOf } from "./invalidation.ts";
import { turnOffNames } from "./naming.ts";
import { loadStatementTypes, loadTypes } from "./type_lookup.ts";

/** Prepares one statement. */
export function* prepare(sql: string, context: Context): Op<Prepared> {
  const { statements, registry } = context;
  const slot = statements.newSlot(sql);
  let pending: PendingRequest<Prepared> | undefined;
  let statement: Prepared | undefined;
  try {
    pending = yield* submit(prepareInSlot(slot, sql, registry));
    statement = yield* finish(pending);
    const typed = yield* loadStatementTypes(statement, context);
    yield* cancellationPoint();
    return typed;
  } catch (error) {
    if (statement !== undefined) {
      yield* closeStatements([statement.name]);
      throw error;
    }
    if (pending === undefined) throw error;
    yield* turnOffNames(error, pending, context);
  } finally {
    statements.endPreparing(sql, slot, outcomeOf(pending));
  }
  return yield* prepare(sql, context);
}

/** Prepares statements in one round trip: all of them, or none. */
export function* prepareBatch(sqls: readonly string[], context: Context): Op<Prepared[]> {
  const { statements, registry } = context;
  const slots = sqls.map((sql) => statements.newSlot(sql));
  const requests: PendingRequest<Prepared>[] = [];
  const prepared: Prepared[] = [];
  try {
    for (const [index, sql] of sqls.entries()) {
      const syncMode = index === sqls.length - 1 ? "explicit" : "deferred";
      requests.push(yield* submit(prepareInSlot(slots[index]!, sql, registry, syncMode)));
    }
    for (const pending of requests) prepared.push(yield* settle(pending));
    yield* loadTypes(prepared.flatMap(({ types }) => types), context);
    yield* cancellationPoint();
    return prepared.map((statement) => statement.isCurrent(registry) ? statement : statement.renewed(registry));
  } catch (error) {
    // The statements before the failed one exist: an error does not undo Parse.
    yield* closeStatements(prepared.map(({ name }) => name));
    const last = requests.at(-1);
    if (last === undefined || prepared.length === sqls.length) throw error;
    yield* turnOffNames(error, last, context);
  } finally {
    for (const [index, sql] of sqls.entries()) statements.endPreparing(sql, slots[index]!, outcomeOf(requests[index]));
  }
  return yield* prepareBatch(sqls, context);
}

/** Describes a query without preparing it under a name. */
export function* describeQuery(sql: string, context: Context): Op<Prepared> {
  const { statements, registry } = context;
  const slot = { ...statements.newSlot(sql), name: "" };
  let pending: PendingRequest<Prepared> | undefined;
  try {
    pending = yield* submit(prepareInSlot(slot, sql, registry));
    return yield* loadStatementTypes(yield* settle(pending), context);
  } finally {
    statements.endPreparing(sql, slot, outcomeOf(pending));
  }
}

/** Closes statements. A lost connection is no error: they were lost with it. */
export function* closeStatements(given: readonly string[]): Op<void> {
  const names = given.filter((name) => name !== "");
  if (names.length === 0) return;
  try {
    yield* continueSubmitting();
    yield* finish(yield* submit(new CloseStatements(names)));
  } catch (error) {
    if (!(error instanceof ConnectionError)) throw error;
  }
}
