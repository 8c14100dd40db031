/** The ops of queries. They yield most steps themselves: each step passes through all generators around it. */
import { ServerError } from "../errors.ts";
import { continueSubmitting, type Op, type PendingRequest, repeat, type Step } from "../protocol/request.ts";
import { Effect } from "../sql/statement.ts";
import { SqlState } from "../sqlstate.ts";
import type { Context } from "../statements/context.ts";
import { effectsOf, succeeded } from "../statements/invalidation.ts";
import { isStale } from "../statements/stale.ts";
import type { RowChoice } from "./columns.ts";
import type { Plan, Plans, SimplePlan } from "./plans.ts";
import type { Prepared } from "./prepare_value.ts";
import type { QuerySink } from "./query_sink.ts";
import { type Execution, ExtendedRequest, SimpleRequest } from "./requests.ts";

/** Executes a text in the simple protocol. */
export function* executeSimple(plan: SimplePlan, sink: QuerySink, choice: RowChoice, context: Context): Op<void> {
  const effects = context.session.parameter("standard_conforming_strings") === "off"
    ? effectsOf(plan.sql, context)
    : plan.effects;
  const change = context.invalidation.begin(effects, context);
  let pending: PendingRequest<void> | undefined;
  try {
    pending = (yield { do: "submit", request: new SimpleRequest(plan, sink, choice) }) as PendingRequest<void>;
    yield lastStep(effects, pending);
  } finally {
    context.invalidation.end(effects, change, succeeded(pending), context);
  }
}

/** The step that waits for the outcome. After a COPY, nothing may be sent before the reply. */
function lastStep(effects: number, pending: PendingRequest<void>): Step {
  return { do: (effects & Effect.Copies) === 0 ? "finish" : "settle", pending };
}

/** A statement with its values. */
export interface Statement {
  /** The text; may be left out of a statement that has been prepared under `name`. */
  readonly sql: string | undefined;
  /** The user's name of it. */
  readonly name: string | undefined;
  readonly values: readonly Prepared[];
}

/** Executes a statement in the extended protocol. */
export function* executeExtended(
  statement: Statement,
  sink: QuerySink,
  choice: RowChoice,
  plans: Plans,
  context: Context,
): Op<void> {
  const { statements, invalidation, session } = context;
  for (let isAgain = false;; isAgain = true) {
    const execution = executionOf(statement, plans, context);
    const { plan, isNew, name, evicted } = execution;
    const request = new ExtendedRequest(execution, sink, choice);
    const change = plan.effects === Effect.None ? 0 : invalidation.begin(plan.effects, context);
    let pending: PendingRequest<void> | undefined;
    try {
      pending = (yield { do: "submit", request }) as PendingRequest<void>;
      yield lastStep(plan.effects, pending);
      return;
    } catch (error) {
      if (!isNew && !request.bound && isMissing(error)) statements.turnOffNames();
      const isRepairable = !isAgain && !request.bound && !statement.name && (name !== "" || plan.isKnown);
      if (!isRepairable || !isStale(error)) throw error;
      plans.drop(plan);
      yield* continueSubmitting();
      if (session.transactionStatus !== "idle" || !session.isLast(pending!)) throw error;
      yield* repeat();
    } finally {
      if (isNew && name !== "") endPreparing(plan, name, request, statement, plans);
      if (evicted.length > 0 && !succeeded(pending)) {
        for (const old of evicted) statements.closeLater({ name: old });
      }
      if (plan.effects !== Effect.None) invalidation.end(plan.effects, change, succeeded(pending), context);
    }
  }
}

/** Decides whether a statement is sent, and under which name. */
function executionOf({ sql, name, values }: Statement, plans: Plans, { statements }: Context): Execution {
  if (name) {
    const isNew = plans.textOf(name) === undefined;
    const plan = plans.ofName(name, sql);
    if (isNew) plans.preparing(name, plan.sql);
    return { plan, name, isNew, values, evicted: [] };
  }
  const plan = plans.ofText(sql!);
  if (plan.name !== "") return { plan, name: plan.name, isNew: false, values, evicted: [] };
  if (!plans.isWorthAName(plan)) return { plan, name: "", isNew: true, values, evicted: [] };
  plan.isPreparing = true;
  return { plan, name: statements.newName(plan.sql), isNew: true, values, evicted: statements.takeNamesToClose() };
}

/** Notes the outcome of preparing a statement under a name. */
function endPreparing(plan: Plan, name: string, request: ExtendedRequest, statement: Statement, plans: Plans): void {
  if (statement.name) return plans.prepared(name, request.parsed ? statement.sql : undefined);
  plan.isPreparing = false;
  if (request.parsed) plan.name = name;
}

/** Whether the server does not know a statement's name: a pooler shares its connections with other clients. */
function isMissing(error: unknown): boolean {
  return error instanceof ServerError && error.code === SqlState.InvalidSqlStatementName;
}
