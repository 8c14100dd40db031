/**
 * Executing a statement in the extended protocol: with parameters, results in binary.
 *
 * Source: PostgreSQL manual, "Frontend/Backend Protocol", section "Extended Query".
 */
import type { ServerFields } from "../errors.ts";
import { Description } from "../rows/description.ts";
import { Format } from "../codecs/codec.ts";
import { bind, wrongCount } from "../rows/bind.ts";
import type { Registry } from "../codecs/registry.ts";
import { Effect, effectsOfStatement } from "../sql/statement.ts";
import { Backend, Target } from "../wire/codes.ts";
import { describe, parse } from "../wire/frontend.ts";
import type { Inbox } from "../wire/inbox.ts";
import type { Outbox } from "../wire/outbox.ts";
import type { Exchange, Failure, Script } from "./request.ts";
import { ALL_ROWS, endOf, ExecutionReply, readDescription, requestExecution } from "./execution.ts";
import { explainCopyIn } from "./misplaced_copy.ts";
import { readPrepare, requestPrepare } from "./prepare.ts";
import { Prepared } from "./prepared.ts";
import type { Sink } from "../rows/collectors.ts";

/** Bind, Execute and Sync of a statement that the server has. */
export class ExecutePrepared<T> implements Exchange<T> {
  readonly action = "execute the statement";
  ends: "sync" | "open";
  readonly #statement: Prepared;
  readonly #values: readonly unknown[];
  readonly #sink: Sink<T>;
  /** Whether the server has taken the statement: what fails from then on is its own failure. */
  bound = false;

  constructor(statement: Prepared, values: readonly unknown[], sink: Sink<T>) {
    this.ends = endOf(statement.isCopy);
    this.#statement = statement;
    this.#values = values;
    this.#sink = sink;
  }

  get sql(): string {
    return this.#statement.sql;
  }

  request(out: Outbox): void {
    const { name, parameterCodecs, resultFormats } = this.#statement;
    bind(out, "", name, parameterCodecs, this.#values, resultFormats);
    requestExecution(out, "", ALL_ROWS, this.ends);
  }

  *reply(inbox: Inbox, out: Outbox): Script<T> {
    while (!inbox.next()) yield "read";
    inbox.expect(Backend.BindComplete, this.action);
    this.bound = true;
    const { description } = this.#statement;
    if (description !== undefined) this.#sink.begin(description);
    const execution = new ExecutionReply(this, this.#sink, ALL_ROWS);
    while (!execution.read(inbox, out)) yield "read";
    return this.#sink.result();
  }

  explain(fields: ServerFields): Failure | undefined {
    return explainCopyIn(fields);
  }
}

/**
 * Parse, Bind, Describe, Execute and Sync in one request, for a statement whose types are known but
 * that the server does not keep. Behind a pooler nothing may come between these messages, so they
 * are one exchange.
 */
export class ExecuteUnnamed<T> implements Exchange<T> {
  readonly action = "execute the statement";
  ends: "sync" | "open";
  readonly #statement: Prepared;
  readonly #values: readonly unknown[];
  readonly #sink: Sink<T>;
  readonly #registry: Registry;
  /** Whether the statement gave other columns than it is known to give. */
  changed = false;
  /** Whether the server has taken the statement: what fails from then on is its own failure. */
  bound = false;

  constructor(statement: Prepared, values: readonly unknown[], sink: Sink<T>, registry: Registry) {
    this.ends = endOf(statement.isCopy);
    this.#statement = statement;
    this.#values = values;
    this.#sink = sink;
    this.#registry = registry;
  }

  get sql(): string {
    return this.#statement.sql;
  }

  request(out: Outbox): void {
    const { sql, parameterTypes, parameterCodecs, resultFormats } = this.#statement;
    parse(out, "", sql, parameterTypes);
    bind(out, "", "", parameterCodecs, this.#values, resultFormats);
    describe(out, Target.Portal, "");
    requestExecution(out, "", ALL_ROWS, this.ends);
  }

  *reply(inbox: Inbox, out: Outbox): Script<T> {
    while (!inbox.next()) yield "read";
    inbox.expect(Backend.ParseComplete, this.action);
    while (!inbox.next()) yield "read";
    inbox.expect(Backend.BindComplete, this.action);
    this.bound = true;
    const learned = this.#statement.description;
    const description = yield* readDescription(inbox, learned, this.#registry, this.action);
    this.changed = description !== learned;
    if (description !== undefined) this.#sink.begin(description);
    const execution = new ExecutionReply(this, this.#sink, ALL_ROWS);
    while (!execution.read(inbox, out)) yield "read";
    return this.#sink.result();
  }

  explain(fields: ServerFields): Failure | undefined {
    return explainCopyIn(fields);
  }
}

/**
 * Parse, Describe, Bind, Execute and Sync in one request, for a statement without parameters that
 * the server does not have yet. As nothing is known of its rows, they come as text.
 */
export class PrepareAndExecute<T> implements Exchange<T> {
  readonly action = "execute the statement";
  ends: "sync" | "open";
  readonly sql: string;
  readonly #name: string;
  readonly #evicted: readonly string[];
  readonly #sink: Sink<T>;
  readonly #registry: Registry;
  readonly #meaning: number;
  readonly #effects: number;
  readonly #learned: (statement: Prepared) => void;
  #parameters = 0;

  /** `learned` is told of the statement once the server has it, even if executing it then fails. */
  constructor(
    name: string,
    sql: string,
    evicted: readonly string[],
    sink: Sink<T>,
    registry: Registry,
    learned: (statement: Prepared) => void,
    meaning: number = 0,
    effects: number = effectsOfStatement(sql),
  ) {
    this.ends = endOf((effects & Effect.Copies) !== 0);
    this.#name = name;
    this.sql = sql;
    this.#evicted = evicted;
    this.#meaning = meaning;
    this.#effects = effects;
    this.#sink = sink;
    this.#registry = registry;
    this.#learned = learned;
  }

  request(out: Outbox): void {
    requestPrepare(out, this.#name, this.sql, this.#evicted);
    bind(out, "", this.#name, [], [], []);
    requestExecution(out, "", ALL_ROWS, this.ends);
  }

  *reply(inbox: Inbox, out: Outbox): Script<T> {
    const { parameterTypes, columns } = yield* readPrepare(inbox, this.#evicted, this.action);
    this.#parameters = parameterTypes.length;
    this.#learned(
      new Prepared(this.#name, this.sql, parameterTypes, columns, this.#registry, this.#meaning, this.#effects),
    );
    while (!inbox.next()) yield "read";
    inbox.expect(Backend.BindComplete, this.action);
    if (columns !== undefined) {
      this.#sink.begin(new Description(columns, columns.map(() => Format.Text), this.#registry));
    }
    const execution = new ExecutionReply(this, this.#sink, ALL_ROWS);
    while (!execution.read(inbox, out)) yield "read";
    return this.#sink.result();
  }

  explain(fields: ServerFields): Failure | undefined {
    if (this.#parameters > 0) return { kind: "unusable", error: wrongCount(this.#parameters, 0) };
    return explainCopyIn(fields);
  }
}
