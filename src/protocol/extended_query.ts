/**
 * Executes a statement in the extended protocol: with parameters, and with results in binary.
 *
 * Source: PostgreSQL manual, "Frontend/Backend Protocol", section "Extended Query".
 */
import type { ServerFields } from "../errors.ts";
import { Description } from "../rows/description.ts";
import { Format } from "../codecs/codec.ts";
import { bind, wrongCount } from "../rows/bind.ts";
import type { Registry } from "../codecs/registry.ts";
import { Effect, effectsOfStatement } from "../sql/statement.ts";
import { Backend, DescribeTarget } from "../wire/codes.ts";
import { describe, parse } from "../wire/frontend.ts";
import type { Inbox } from "../wire/inbox.ts";
import type { Outbox } from "../wire/outbox.ts";
import type { Failure, ReplyReader, Request } from "./request.ts";
import { ALL_ROWS, encodeExecution, ExecutionReply, readDescription, syncModeOf } from "./execution.ts";
import { mapCopyInError } from "./misplaced_copy.ts";
import { encodePrepare, readPrepare } from "./prepare.ts";
import { Prepared } from "./prepared.ts";
import type { ResultCollector } from "../rows/collectors.ts";

/** Bind, Execute and Sync of a statement that the server has. */
export class ExecutePrepared<T> implements Request<T> {
  readonly action = "execute the statement";
  syncMode: "explicit" | "deferred";
  readonly #statement: Prepared;
  readonly #values: readonly unknown[];
  readonly #collector: ResultCollector<T>;
  /** Whether the statement is bound. Only an error before that can mean that it is stale. */
  bound = false;

  constructor(statement: Prepared, values: readonly unknown[], collector: ResultCollector<T>) {
    this.syncMode = syncModeOf(statement.isCopy);
    this.#statement = statement;
    this.#values = values;
    this.#collector = collector;
  }

  get sql(): string {
    return this.#statement.sql;
  }

  encode(out: Outbox): void {
    const { name, parameterCodecs, resultFormats } = this.#statement;
    bind(out, "", name, parameterCodecs, this.#values, resultFormats);
    encodeExecution(out, "", ALL_ROWS, this.syncMode);
  }

  *reply(inbox: Inbox, out: Outbox): ReplyReader<T> {
    while (!inbox.next()) yield "read";
    inbox.expect(Backend.BindComplete, this.action);
    this.bound = true;
    const { description } = this.#statement;
    if (description !== undefined) this.#collector.begin(description);
    const execution = new ExecutionReply(this, this.#collector, ALL_ROWS);
    while (!execution.read(inbox, out)) yield "read";
    return this.#collector.result();
  }

  mapError(fields: ServerFields): Failure | undefined {
    return mapCopyInError(fields);
  }
}

/**
 * Parse, Bind, Describe, Execute and Sync, for an unnamed statement whose types are known. They are one request,
 * because behind a pooler no other message may come between them.
 */
export class ExecuteUnnamed<T> implements Request<T> {
  readonly action = "execute the statement";
  syncMode: "explicit" | "deferred";
  readonly #statement: Prepared;
  readonly #values: readonly unknown[];
  readonly #collector: ResultCollector<T>;
  readonly #registry: Registry;
  /** Whether the columns in the reply differ from those of the known description. */
  changed = false;
  /** Whether the statement is bound. Only an error before that can mean that it is stale. */
  bound = false;

  constructor(statement: Prepared, values: readonly unknown[], collector: ResultCollector<T>, registry: Registry) {
    this.syncMode = syncModeOf(statement.isCopy);
    this.#statement = statement;
    this.#values = values;
    this.#collector = collector;
    this.#registry = registry;
  }

  get sql(): string {
    return this.#statement.sql;
  }

  encode(out: Outbox): void {
    const { sql, parameterTypes, parameterCodecs, resultFormats } = this.#statement;
    parse(out, "", sql, parameterTypes);
    bind(out, "", "", parameterCodecs, this.#values, resultFormats);
    describe(out, DescribeTarget.Portal, "");
    encodeExecution(out, "", ALL_ROWS, this.syncMode);
  }

  *reply(inbox: Inbox, out: Outbox): ReplyReader<T> {
    while (!inbox.next()) yield "read";
    inbox.expect(Backend.ParseComplete, this.action);
    while (!inbox.next()) yield "read";
    inbox.expect(Backend.BindComplete, this.action);
    this.bound = true;
    const known = this.#statement.description;
    const description = yield* readDescription(inbox, known, this.#registry, this.action);
    this.changed = description !== known;
    if (description !== undefined) this.#collector.begin(description);
    const execution = new ExecutionReply(this, this.#collector, ALL_ROWS);
    while (!execution.read(inbox, out)) yield "read";
    return this.#collector.result();
  }

  mapError(fields: ServerFields): Failure | undefined {
    return mapCopyInError(fields);
  }
}

/**
 * Parse, Describe, Bind, Execute and Sync in one request, for a statement without parameters that is not prepared
 * yet. Its columns are not known, so its rows are requested as text.
 */
export class PrepareAndExecute<T> implements Request<T> {
  readonly action = "execute the statement";
  syncMode: "explicit" | "deferred";
  readonly sql: string;
  readonly #name: string;
  readonly #evicted: readonly string[];
  readonly #collector: ResultCollector<T>;
  readonly #registry: Registry;
  readonly #generation: number;
  readonly #effects: number;
  readonly #onPrepared: (statement: Prepared) => void;
  #parameters = 0;

  /** `onPrepared` is called once the server has the statement, even if executing it then fails. */
  constructor(
    name: string,
    sql: string,
    evicted: readonly string[],
    collector: ResultCollector<T>,
    registry: Registry,
    onPrepared: (statement: Prepared) => void,
    generation: number = 0,
    effects: number = effectsOfStatement(sql),
  ) {
    this.syncMode = syncModeOf((effects & Effect.Copies) !== 0);
    this.#name = name;
    this.sql = sql;
    this.#evicted = evicted;
    this.#generation = generation;
    this.#effects = effects;
    this.#collector = collector;
    this.#registry = registry;
    this.#onPrepared = onPrepared;
  }

  encode(out: Outbox): void {
    encodePrepare(out, this.#name, this.sql, this.#evicted);
    bind(out, "", this.#name, [], [], []);
    encodeExecution(out, "", ALL_ROWS, this.syncMode);
  }

  *reply(inbox: Inbox, out: Outbox): ReplyReader<T> {
    const { parameterTypes, columns } = yield* readPrepare(inbox, this.#evicted, this.action);
    this.#parameters = parameterTypes.length;
    this.#onPrepared(
      new Prepared(this.#name, this.sql, parameterTypes, columns, this.#registry, this.#generation, this.#effects),
    );
    while (!inbox.next()) yield "read";
    inbox.expect(Backend.BindComplete, this.action);
    if (columns !== undefined) {
      this.#collector.begin(new Description(columns, columns.map(() => Format.Text), this.#registry));
    }
    const execution = new ExecutionReply(this, this.#collector, ALL_ROWS);
    while (!execution.read(inbox, out)) yield "read";
    return this.#collector.result();
  }

  mapError(fields: ServerFields): Failure | undefined {
    if (this.#parameters > 0) return { kind: "unusable", error: wrongCount(this.#parameters, 0) };
    return mapCopyInError(fields);
  }
}
