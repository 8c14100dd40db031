/**
 * A statement in a pipeline: its request is encoded when it is added, and its reply is read when it is
 * claimed.
 *
 * Source: PostgreSQL manual, "Frontend/Backend Protocol", section "Pipelining".
 */
import { Format } from "../codecs/codec.ts";
import { Description } from "../rows/description.ts";
import { bind } from "../rows/bind.ts";
import type { Registry } from "../codecs/registry.ts";
import { untyped } from "../rows/untyped.ts";
import { Backend, DescribeTarget } from "../wire/codes.ts";
import { describe, execute, flush, parse } from "../wire/frontend.ts";
import type { Inbox } from "../wire/inbox.ts";
import type { Outbox } from "../wire/outbox.ts";
import type { ExclusiveOperation, ReplyReader, Request } from "./request.ts";
import { readDescription } from "./execution.ts";
import { encodePrepare, readPrepare, type StatementSlot } from "./prepare.ts";
import { Prepared } from "./prepared.ts";
import type { ResultCollector } from "../rows/collectors.ts";

/** How a pipelined statement is executed. */
export type PipelinedStatement =
  /** Its types are known. An unnamed one must be parsed again. */
  | { readonly kind: "known"; readonly statement: Prepared }
  /**
   * It is not prepared: the request closes the evicted statements, and parses it under the slot's name ("" for none).
   */
  | { readonly kind: "new"; readonly sql: string; readonly slot: StatementSlot }
  /** An earlier request of the same group parses it. */
  | { readonly kind: "same"; readonly as: PipelinedExecution };

/** Bind and Execute, with Parse and Describe if they are needed. */
export class PipelinedExecution implements Request<void> {
  readonly action = "execute the statement";
  readonly syncMode = "deferred";
  readonly exclusive: ExclusiveOperation;
  readonly sql: string;
  readonly name: string;
  /** Its side effects, as bits of `Effect`. */
  readonly effects: number;
  /** The statement as the reply describes it; undefined until that is read. */
  prepared: Prepared | undefined = undefined;
  /** Whether the statement is bound. Only an error before that can mean that it is stale. */
  bound = false;
  /** Whether the columns in the reply differ from those of the known description. */
  changed = false;
  #collector: ResultCollector<unknown> | undefined = undefined;
  readonly #scratch: Outbox;
  readonly #start: number;
  readonly #end: number;
  /** Whether a Flush follows the request, so that the server answers at once, and not at the end of the group. */
  flushes = false;
  readonly #pipelined: PipelinedStatement;
  readonly #registry: Registry;
  readonly #onPrepared: (statement: Prepared) => void;

  /** Encodes the request into `scratch`, where it stays until it is submitted. Throws if a value cannot be encoded. */
  constructor(
    pipelined: PipelinedStatement,
    effects: number,
    values: readonly unknown[],
    exclusive: ExclusiveOperation,
    registry: Registry,
    scratch: Outbox,
    onPrepared: (statement: Prepared) => void,
  ) {
    this.#pipelined = pipelined;
    this.effects = effects;
    this.#registry = registry;
    this.#onPrepared = onPrepared;
    this.exclusive = exclusive;
    const of = pipelined.kind === "known" ? pipelined.statement : pipelined.kind === "new" ? pipelined : pipelined.as;
    this.sql = of.sql;
    this.name = pipelined.kind === "known"
      ? pipelined.statement.name
      : pipelined.kind === "new"
      ? pipelined.slot.name
      : pipelined.as.name;
    this.#scratch = scratch;
    this.#start = scratch.mark;
    try {
      this.#encode(values, scratch);
    } catch (error) {
      scratch.rewind(this.#start);
      throw error;
    }
    this.#end = scratch.mark;
  }

  /** The slot in which this request prepares the statement; undefined if it does not. */
  get slot(): StatementSlot | undefined {
    return this.#pipelined.kind === "new" ? this.#pipelined.slot : undefined;
  }

  /** The statement, as soon as it is known. */
  get statement(): Prepared | undefined {
    return this.#pipelined.kind === "known" ? this.#pipelined.statement : this.prepared;
  }

  encode(out: Outbox): void {
    out.copy(this.#scratch, this.#start, this.#end);
    if (this.flushes) flush(out);
  }

  *reply(inbox: Inbox): ReplyReader<void> {
    while (this.#collector === undefined) yield "paused";
    const collector = this.#collector;
    const pipelined = this.#pipelined;
    if (pipelined.kind === "new") {
      const { evicted, generation } = pipelined.slot;
      const { parameterTypes, columns } = yield* readPrepare(inbox, evicted, this.action);
      this.prepared = new Prepared(
        this.name,
        this.sql,
        parameterTypes,
        columns,
        this.#registry,
        generation,
        this.effects,
      );
      this.#onPrepared(this.prepared);
    } else if (pipelined.kind === "known" && this.name === "") {
      while (!inbox.next()) yield "read";
      inbox.expect(Backend.ParseComplete, this.action);
    }
    while (!inbox.next()) yield "read";
    inbox.expect(Backend.BindComplete, this.action);
    this.bound = true;
    let description = this.#description();
    if (pipelined.kind === "known" && this.name === "") {
      const known = description;
      description = yield* readDescription(inbox, known, this.#registry, this.action);
      this.changed = description !== known;
    }
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

  /** Sets the collector, so that the reply can be read. */
  claim(collector: ResultCollector<unknown>): void {
    this.#collector ??= collector;
  }

  #encode(values: readonly unknown[], out: Outbox): void {
    const pipelined = this.#pipelined;
    if (pipelined.kind === "known") {
      const { name, sql, parameterTypes, parameterCodecs, resultFormats } = pipelined.statement;
      if (name === "") parse(out, "", sql, parameterTypes);
      bind(out, "", name, parameterCodecs, values, resultFormats);
      // An unnamed statement is parsed again, and its columns may have changed.
      if (name === "") describe(out, DescribeTarget.Portal, "");
    } else {
      if (pipelined.kind === "new") {
        encodePrepare(out, this.name, pipelined.sql, pipelined.slot.evicted);
      }
      // Not map, which skips the holes of a sparse array.
      bind(out, "", this.name, Array.from(values, () => untyped), values, []);
    }
    execute(out, "", 0);
  }

  #description(): Description | undefined {
    const pipelined = this.#pipelined;
    if (pipelined.kind === "known") return pipelined.statement.description;
    const columns = (pipelined.kind === "new" ? this : pipelined.as).prepared?.description?.columns;
    return columns && new Description(columns, columns.map(() => Format.Text), this.#registry);
  }
}
