/**
 * A statement in a pipeline: its request was encoded when it was asked for, and its reply is read when
 * somebody claims it.
 *
 * Source: PostgreSQL manual, "Frontend/Backend Protocol", section "Pipelining".
 */
import { Format } from "../codecs/codec.ts";
import { Description } from "../rows/description.ts";
import { bind } from "../rows/bind.ts";
import type { Registry } from "../codecs/registry.ts";
import { untyped } from "../rows/untyped.ts";
import { Backend, Target } from "../wire/codes.ts";
import { describe, execute, flush, parse } from "../wire/frontend.ts";
import type { Inbox } from "../wire/inbox.ts";
import type { Outbox } from "../wire/outbox.ts";
import type { Conversation, Exchange, Script } from "./request.ts";
import { readDescription } from "./execution.ts";
import { type Place, readPrepare, requestPrepare } from "./prepare.ts";
import { Prepared } from "./prepared.ts";
import type { Sink } from "../rows/collectors.ts";

/** What a pipelined statement is executed as. */
export type Pipelinable =
  /** Its types are known. Without a name, the server has to parse it again. */
  | { readonly kind: "known"; readonly statement: Prepared }
  /** Nothing is known: it is parsed under that name ("" for none), after those were closed. */
  | { readonly kind: "new"; readonly sql: string; readonly place: Place }
  /** An earlier exchange of the same group parses it. */
  | { readonly kind: "same"; readonly as: PipelinedExecution };

/** Bind and Execute, and what has to come before. */
export class PipelinedExecution implements Exchange<void> {
  readonly action = "execute the statement";
  readonly ends = "open";
  readonly conversation: Conversation;
  readonly sql: string;
  readonly name: string;
  /** What it does besides giving rows, as an `Effect`. */
  readonly effects: number;
  /** What the reply says about the statement; undefined until it is read. */
  prepared: Prepared | undefined = undefined;
  /** Whether the server has taken the statement: what fails from then on is its own failure. */
  bound = false;
  /** Whether the statement gave other columns than it is known to give. */
  changed = false;
  #sink: Sink<unknown> | undefined = undefined;
  readonly #scratch: Outbox;
  readonly #start: number;
  readonly #end: number;
  /** Whether a Flush comes behind it: the server answers at once, and not when the group ends. */
  flushes = false;
  readonly #what: Pipelinable;
  readonly #registry: Registry;
  readonly #learned: (statement: Prepared) => void;

  /** Encodes the request into `scratch`, where it stays until it is submitted; throws what the values are refused with. */
  constructor(
    what: Pipelinable,
    effects: number,
    values: readonly unknown[],
    conversation: Conversation,
    registry: Registry,
    scratch: Outbox,
    learned: (statement: Prepared) => void,
  ) {
    this.#what = what;
    this.effects = effects;
    this.#registry = registry;
    this.#learned = learned;
    this.conversation = conversation;
    const of = what.kind === "known" ? what.statement : what.kind === "new" ? what : what.as;
    this.sql = of.sql;
    this.name = what.kind === "known" ? what.statement.name : what.kind === "new" ? what.place.name : what.as.name;
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

  /** How it is parsed, if it is. */
  get place(): Place | undefined {
    return this.#what.kind === "new" ? this.#what.place : undefined;
  }

  /** The statement, as soon as it is known. */
  get statement(): Prepared | undefined {
    return this.#what.kind === "known" ? this.#what.statement : this.prepared;
  }

  request(out: Outbox): void {
    out.copy(this.#scratch, this.#start, this.#end);
    if (this.flushes) flush(out);
  }

  *reply(inbox: Inbox): Script<void> {
    while (this.#sink === undefined) yield "drain";
    const sink = this.#sink;
    const what = this.#what;
    if (what.kind === "new") {
      const { evicted, meaning } = what.place;
      const { parameterTypes, columns } = yield* readPrepare(inbox, evicted, this.action);
      this.prepared = new Prepared(this.name, this.sql, parameterTypes, columns, this.#registry, meaning, this.effects);
      this.#learned(this.prepared);
    } else if (what.kind === "known" && this.name === "") {
      while (!inbox.next()) yield "read";
      inbox.expect(Backend.ParseComplete, this.action);
    }
    while (!inbox.next()) yield "read";
    inbox.expect(Backend.BindComplete, this.action);
    this.bound = true;
    let description = this.#description();
    if (what.kind === "known" && this.name === "") {
      const learned = description;
      description = yield* readDescription(inbox, learned, this.#registry, this.action);
      this.changed = description !== learned;
    }
    if (description !== undefined) sink.begin(description);
    for (;;) {
      while (!inbox.next()) yield "read";
      switch (inbox.code) {
        case Backend.DataRow:
          sink.row(inbox);
          break;
        case Backend.CommandComplete:
          sink.complete(inbox);
          return;
        case Backend.EmptyQueryResponse:
          sink.empty();
          return;
        default:
          throw inbox.unexpected(this.action);
      }
    }
  }

  /** Somebody wants the reply. */
  claim(sink: Sink<unknown>): void {
    this.#sink ??= sink;
  }

  #encode(values: readonly unknown[], out: Outbox): void {
    const what = this.#what;
    if (what.kind === "known") {
      const { name, sql, parameterTypes, parameterCodecs, resultFormats } = what.statement;
      if (name === "") parse(out, "", sql, parameterTypes);
      bind(out, "", name, parameterCodecs, values, resultFormats);
      // Without a name it is parsed now, and may give other rows than before.
      if (name === "") describe(out, Target.Portal, "");
    } else {
      if (what.kind === "new") {
        requestPrepare(out, this.name, what.sql, what.place.evicted);
      }
      // Not by map, which leaves out what is missing from the values.
      bind(out, "", this.name, Array.from(values, () => untyped), values, []);
    }
    execute(out, "", 0);
  }

  #description(): Description | undefined {
    const what = this.#what;
    if (what.kind === "known") return what.statement.description;
    const columns = (what.kind === "new" ? this : what.as).prepared?.description?.columns;
    return columns && new Description(columns, columns.map(() => Format.Text), this.#registry);
  }
}
