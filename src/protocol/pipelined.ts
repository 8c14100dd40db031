/**
 * A statement in a pipeline: its request is encoded when it is added, and its reply is read when it is
 * claimed.
 *
 * Source: PostgreSQL manual, "Frontend/Backend Protocol", section "Pipelining".
 */
import type { ServerFields } from "../errors.ts";
import type { Description } from "../rows/description.ts";
import { columnCodecs, type ColumnTypes } from "../codecs/column_codecs.ts";
import type { Registry } from "../codecs/registry.ts";
import { Backend, DescribeTarget, Frontend } from "../wire/codes.ts";
import { describe, execute, flush, parse } from "../wire/frontend.ts";
import type { Inbox } from "../wire/inbox.ts";
import type { Outbox } from "../wire/outbox.ts";
import type { ExclusiveOperation, Failure, ReplyReader, Request } from "./request.ts";
import { ALL_ROWS } from "./execution.ts";
import {
  bindUntyped,
  encodeStatement,
  NewStatement,
  readStatement,
  type StatementPlan,
  type StatementReply,
  textDescription,
} from "./extended_query.ts";
import type { StatementSlot } from "./prepare.ts";
import { Prepared } from "./prepared.ts";
import type { ResultCollector } from "../rows/collectors.ts";
import { withPlaceholderHint } from "../sql/placeholders.ts";

/** How a pipelined statement is executed: by itself, or as the one that an earlier request of the same group prepares. */
export type PipelinedPlan = StatementPlan | PipelinedExecution;

/** Bind and Execute, and what must precede them. */
export class PipelinedExecution implements Request<void>, StatementReply {
  readonly action = "execute the statement";
  readonly syncMode = "deferred";
  readonly exclusive: ExclusiveOperation;
  bound = false;
  changed = false;
  prepared: Prepared | undefined = undefined;
  /** Whether a Flush comes behind it: the server answers at once, and not when the group ends. */
  flushes = false;
  readonly types: ColumnTypes | undefined;
  #collector: ResultCollector<unknown> | undefined = undefined;
  readonly #scratch: Outbox;
  #start: number;
  #end: number;
  #plan: PipelinedPlan;
  readonly #registry: Registry;

  /** Encodes the request into `scratch`, where it stays until it is submitted. Throws if a value cannot be encoded. */
  constructor(
    plan: PipelinedPlan,
    values: readonly unknown[],
    exclusive: ExclusiveOperation,
    registry: Registry,
    scratch: Outbox,
    types?: ColumnTypes,
  ) {
    this.types = types;
    this.#plan = plan instanceof Prepared ? plan.withTypes(types, registry) : plan;
    this.#registry = registry;
    this.exclusive = exclusive;
    this.#scratch = scratch;
    this.#start = scratch.mark;
    try {
      if (this.#plan instanceof PipelinedExecution) bindUntyped(scratch, this.#plan.name, values);
      else encodeStatement(scratch, this.#plan, values);
      execute(scratch, "", ALL_ROWS);
    } catch (error) {
      scratch.rewind(this.#start);
      throw error;
    }
    this.#end = scratch.mark;
  }

  get sql(): string {
    return this.#plan.sql;
  }

  /** The name of the statement on the server, "" for none. */
  get name(): string {
    return this.#plan instanceof NewStatement ? this.#plan.slot.name : this.#plan.name;
  }

  /** Its side effects, as bits of `Effect`. */
  get effects(): number {
    return this.#plan.effects;
  }

  /** The slot in which it is prepared, if it is a new statement. */
  get slot(): StatementSlot | undefined {
    return this.#plan instanceof NewStatement ? this.#plan.slot : undefined;
  }

  /** The statement, as soon as it is known. */
  get statement(): Prepared | undefined {
    return this.#plan instanceof Prepared ? this.#plan : this.prepared;
  }

  /** Parses the statement anew, without a name: the server no longer has it. Must be called before it is submitted. */
  parseAnew(): void {
    const plan = this.#plan as Prepared;
    const scratch = this.#scratch;
    const start = scratch.mark;
    parse(scratch, "", plan.sql, plan.parameterTypes);
    const bind = scratch.begin(Frontend.Bind);
    scratch.cstring("");
    scratch.cstring("");
    scratch.copy(scratch, this.#start + BIND_START + plan.name.length, this.#end - EXECUTE_LENGTH);
    scratch.end(bind);
    describe(scratch, DescribeTarget.Portal, "");
    execute(scratch, "", ALL_ROWS);
    this.#start = start;
    this.#end = scratch.mark;
    this.#plan = plan.renewed(this.#registry, "", columnCodecs(this.types, this.#registry));
  }

  encode(out: Outbox): void {
    out.copy(this.#scratch, this.#start, this.#end);
    if (this.flushes) flush(out);
  }

  *reply(inbox: Inbox): ReplyReader<void> {
    while (this.#collector === undefined) yield "paused";
    const collector = this.#collector;
    const plan = this.#plan;
    let description: Description | undefined;
    if (plan instanceof PipelinedExecution || (plan instanceof Prepared && plan.name !== "")) {
      // The path of most statements, without a second generator.
      while (!inbox.next()) yield "read";
      inbox.expect(Backend.BindComplete, this.action);
      this.bound = true;
      description = plan instanceof Prepared
        ? plan.description
        : textDescription(plan.prepared?.description?.columns, columnCodecs(this.types, this.#registry));
    } else description = yield* readStatement(inbox, plan, this, this.#registry);
    if (description !== undefined) collector.begin(description);
    for (;;) {
      while (!inbox.next()) yield "read";
      switch (inbox.code) {
        case Backend.DataRow:
          collector.row(inbox);
          break;
        case Backend.CommandComplete:
          collector.complete(inbox);
          return;
        case Backend.EmptyQueryResponse:
          collector.empty();
          return;
        default:
          throw inbox.unexpected(this.action);
      }
    }
  }

  mapError(fields: ServerFields): Failure {
    return { kind: "server", fields: withPlaceholderHint(fields, this.sql) };
  }

  /** Sets the collector, so that the reply can be read. */
  claim(collector: ResultCollector<unknown>): void {
    this.#collector ??= collector;
  }
}

/** The bytes of a Bind before its formats, without the name of the statement: code, length, and two terminators. */
const BIND_START = 7;
/** The bytes of an Execute of the unnamed portal. */
const EXECUTE_LENGTH = 10;
