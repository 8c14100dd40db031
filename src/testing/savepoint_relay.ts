/**
 * What stands between a client and a server so that nothing that the client does remains: it begins a transaction as
 * soon as the session is open, which is never committed, and passes the client's own transactions on as savepoints. The
 * client sees a session as usual.
 *
 * What the client executes outside of a transaction of its own is behind a savepoint too, so that a statement that
 * fails undoes itself only. What it sends behind a Sync or a simple query waits for the reply.
 *
 * Source: PostgreSQL manual, "Frontend/Backend Protocol", sections "Message Flow" and "Message Formats".
 */
import { Backend, CANCEL_REQUEST, DescribeTarget, Frontend } from "../wire/codes.ts";
import { copyOf, encoded, int32, MessageStream, textsAt, type WholeMessage } from "../wire/framing.ts";
import { close, execute, parse, query } from "../wire/frontend.ts";
import type { Outbox } from "../wire/outbox.ts";
import { LocalSettings } from "./local_settings.ts";
import type { Middle } from "./middle.ts";
import {
  CHECKS,
  type Command,
  effectOf,
  KEEP_STATEMENT,
  replacementOf,
  rewriteQuery,
  rewriteStatement,
  SET_STATEMENT,
  UNDO_STATEMENT,
  type View,
  viewAfter,
} from "./transaction_commands.ts";

/** The relay of one connection. */
export class SavepointRelay implements Middle {
  readonly toServer: Uint8Array[] = [];
  readonly toClient: Uint8Array[] = [];
  #phase: "startup" | "authentication" | "ready" | "passing" = "startup";
  readonly #client = new MessageStream(false);
  readonly #server = new MessageStream(true);
  /** Messages of the client that were not passed on yet. */
  readonly #waiting: WholeMessage[] = [];
  /** Whose simple queries or groups up to a Sync the next ReadyForQuery messages answer. */
  readonly #asked: ("relay" | "client")[] = [];
  /** The ReadyForQuery of the startup, until the transaction has begun. */
  #opened: Uint8Array | undefined = undefined;
  #view: View = "idle";
  /** What the client has sent since the last ReadyForQuery that it got. */
  #group: Group | undefined = undefined;
  /** The effects of prepared statements, and the texts that the server has in place of BEGIN, COMMIT and the like. */
  readonly #statements = new Map<string, { readonly command: Command; readonly sql: string }>();
  readonly #portals = new Map<string, Command>();
  readonly #settings = new LocalSettings();

  fromClient(bytes: Uint8Array): void {
    if (this.#phase === "passing") return void this.toServer.push(copyOf(bytes));
    this.#client.add(copyOf(bytes));
    for (let next = this.#client.take(); next !== undefined; next = this.#client.take()) this.#said(next);
  }

  fromServer(bytes: Uint8Array): void {
    // The answer to a request for encryption has no length.
    if (this.#phase === "startup" || this.#phase === "passing") return void this.toClient.push(copyOf(bytes));
    this.#server.add(copyOf(bytes));
    for (let next = this.#server.take(); next !== undefined; next = this.#server.take()) this.#answered(next);
  }

  /** A message of the client. */
  #said(message: WholeMessage): void {
    if (this.#phase === "ready") {
      this.#waiting.push(message);
      return this.#passOn();
    }
    this.toServer.push(message.bytes);
    if (this.#phase !== "startup") return;
    const code = int32(message.bytes, 4);
    if (code === CANCEL_REQUEST) this.#phase = "passing";
    else if (code >> 16 === PROTOCOL) {
      this.#phase = "authentication";
      this.#client.isTyped = true;
    }
  }

  /** Passes on what need not wait. */
  #passOn(): void {
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      if (!WITHOUT_REPLY.includes(next.code)) {
        if (this.#group?.hasEnded && !this.#group.isSkipped) return;
        this.#group ??= this.#beginGroup(next);
      }
      this.#waiting.shift();
      this.toServer.push(this.#rewritten(next));
    }
  }

  #beginGroup(first: WholeMessage): Group {
    const beganIdle = this.#view === "idle";
    if (beganIdle) this.#execute(SET_STATEMENT);
    const keep = this.#view === "failed" ? undefined : this.#keepSettings(first);
    if (keep !== undefined) this.#execute(keep);
    this.#asked.push("client");
    return {
      commands: [],
      acknowledged: { [Backend.ParseComplete]: [], [Backend.BindComplete]: [], [Backend.CloseComplete]: [] },
      view: this.#view,
      beganIdle,
      hasEnded: false,
      endsWithQuery: false,
      isSkipped: false,
    };
  }

  /** SQL that keeps the settings which the first message of a group is about to change. */
  #keepSettings({ code, bytes }: WholeMessage): string | undefined {
    const [first = "", second = ""] = textsAt(bytes, HEADER, bytes.length, 2);
    if (code === Frontend.Query) return this.#settings.keep({ sql: first });
    if (code === Frontend.Parse) return this.#settings.keep({ sql: second });
    return code === Frontend.Bind ? this.#settings.keep({ statement: second }) : undefined;
  }

  #execute(sql: string): void {
    this.toServer.push(encoded((out) => query(out, sql)));
    this.#asked.push("relay");
  }

  /** The message as the server is to get it. */
  #rewritten({ code, bytes }: WholeMessage): Uint8Array {
    const group = this.#group!;
    switch (code) {
      case Frontend.Query: {
        const [sql = ""] = textsAt(bytes, HEADER, bytes.length, 1);
        const { sql: text, commands } = rewriteQuery(sql, group.view);
        group.commands.push(...commands.map((command) => ({ command, isExtended: false })));
        group.hasEnded = group.endsWithQuery = true;
        return text === sql ? bytes : encoded((out) => query(out, text));
      }
      case Frontend.Parse:
        return this.#parsed(bytes, group);
      case Frontend.Bind:
        return this.#bound(bytes, group);
      case Frontend.Execute: {
        const [portal = ""] = textsAt(bytes, HEADER, bytes.length, 1);
        const command = this.#portals.get(portal) ?? "other";
        if (command === "commits" && group.view === "open") this.#check(group);
        group.commands.push({ command, isExtended: true });
        group.view = viewAfter(command, group.view);
        return bytes;
      }
      case Frontend.Close:
        group.acknowledged[Backend.CloseComplete].push("client");
        return bytes;
      case Frontend.Sync:
        group.hasEnded = true;
        group.endsWithQuery = group.isSkipped = false;
        return bytes;
      case FUNCTION_CALL:
        group.hasEnded = true;
        return bytes;
      default:
        return bytes;
    }
  }

  #parsed(bytes: Uint8Array, group: Group): Uint8Array {
    const [name = "", sql = ""] = textsAt(bytes, HEADER, bytes.length, 2);
    const { sql: text, commands: [command = "other"] } = rewriteStatement(sql, group.view);
    this.#statements.set(name, { command, sql: text });
    this.#settings.prepare(name, sql);
    group.acknowledged[Backend.ParseComplete].push("client");
    return text === sql ? bytes : encoded((out) => parse(out, name, text, []));
  }

  #bound(bytes: Uint8Array, group: Group): Uint8Array {
    const [portal = "", name = ""] = textsAt(bytes, HEADER, bytes.length, 2);
    const { command, sql } = this.#statements.get(name) ?? { command: "other", sql: "" };
    this.#portals.set(portal, effectOf(command, group.view));
    group.acknowledged[Backend.BindComplete].push("client");
    const text = replacementOf(command, group.view) ?? sql;
    if (text === sql) return bytes;
    // It was prepared when the transaction was in another state.
    this.#statements.set("", { command, sql: text });
    group.acknowledged[Backend.ParseComplete].push("relay");
    this.toServer.push(encoded((out) => parse(out, "", text, [])));
    return encoded((out) => bindNothing(out, portal, ""));
  }

  /** Executes the checks of a COMMIT before it, under a name that the client does not use. */
  #check({ commands, acknowledged }: Group): void {
    for (const sql of CHECKS) {
      // A check that fails leaves its statement behind.
      this.#closeCheck(acknowledged);
      commands.push({ command: "checks", isExtended: true });
      acknowledged[Backend.ParseComplete].push("relay");
      acknowledged[Backend.BindComplete].push("relay");
      this.toServer.push(encoded((out) => {
        parse(out, CHECK, sql, []);
        bindNothing(out, CHECK, CHECK);
        execute(out, CHECK, 0);
      }));
    }
    this.#closeCheck(acknowledged);
  }

  #closeCheck(acknowledged: Group["acknowledged"]): void {
    acknowledged[Backend.CloseComplete].push("relay", "relay");
    this.toServer.push(encoded((out) => {
      close(out, DescribeTarget.Portal, CHECK);
      close(out, DescribeTarget.Statement, CHECK);
    }));
  }

  /** A message of the server. */
  #answered(message: WholeMessage): void {
    const { code, bytes } = message;
    if (this.#phase === "authentication" && this.#opened === undefined) {
      if (code !== Backend.ReadyForQuery) return void this.toClient.push(bytes);
      this.#opened = bytes;
      return this.#execute("BEGIN");
    }
    if (UNASKED.includes(code) || this.#asked.length === 0) return void this.toClient.push(bytes);
    if (this.#asked[0] === "client") return this.#replied(message);
    if (code === Backend.ErrorResponse) {
      throw new Error(`the server has refused a savepoint: ${textOfError(bytes)}`);
    }
    if (code !== Backend.ReadyForQuery) return;
    this.#asked.shift();
    if (this.#phase === "ready") return;
    this.#phase = "ready";
    this.toClient.push(this.#opened!);
  }

  /** A part of the reply to what the client has sent. */
  #replied({ code, bytes }: WholeMessage): void {
    const { commands, acknowledged } = this.#group!;
    switch (code) {
      case Backend.ParseComplete:
      case Backend.BindComplete:
      case Backend.CloseComplete:
        if (acknowledged[code].shift() === "client") this.toClient.push(bytes);
        return;
      case Backend.CommandComplete:
      case Backend.EmptyQueryResponse:
      case Backend.PortalSuspended: {
        const { command = "other" } = commands.shift() ?? {};
        return this.#completed(command, bytes);
      }
      case Backend.ErrorResponse:
        this.#failed();
        return void this.toClient.push(bytes);
      case Backend.ReadyForQuery:
        return this.#ready(bytes[HEADER]!);
      default:
        this.toClient.push(bytes);
    }
  }

  #completed(command: Command, bytes: Uint8Array): void {
    if (command === "checks") return;
    this.#view = viewAfter(command, this.#view);
    // What was kept before a transaction of the same text is still there.
    if (command === "rolls back" && !this.#group!.beganIdle) this.#settings.forget();
    const tag = TAGS[command];
    this.toClient.push(
      tag === undefined ? bytes : encoded((out) => {
        const start = out.begin(Backend.CommandComplete);
        out.cstring(tag);
        out.end(start);
      }),
    );
  }

  #failed(): void {
    const group = this.#group!;
    const [next] = group.commands;
    // The server skips a simple query too, and goes on behind a Sync.
    if (next?.isExtended && group.endsWithQuery) group.isSkipped = true;
    // A COMMIT that fails ends the transaction.
    if (next?.command === "checks" || next?.command === "commits") this.#view = "idle";
    if (group.isSkipped) this.#passOn();
  }

  /** The end of the reply, with the status of the server's transaction. */
  #ready(status: number): void {
    if (status === IDLE) throw new Error("the transaction of the test has ended");
    const hasFailed = status === FAILED;
    if (this.#view === "idle") this.#endStatement(hasFailed);
    else this.#view = hasFailed ? "failed" : "open";
    this.#asked.shift();
    this.#group = undefined;
    const told = this.#view === "idle" ? IDLE : status;
    this.toClient.push(encoded((out) => {
      const start = out.begin(Backend.ReadyForQuery);
      out.byte(told);
      out.end(start);
    }));
    this.#passOn();
  }

  /** Keeps or undoes what the client has executed, which is in no transaction of its own any more. */
  #endStatement(hasFailed: boolean): void {
    if (hasFailed) this.#settings.forget();
    const restore = this.#settings.restore();
    if (restore !== undefined) this.#execute(restore);
    this.#execute(hasFailed ? UNDO_STATEMENT : KEEP_STATEMENT);
  }
}

/** What the client sends until a ReadyForQuery. */
interface Group {
  /** The commands that were not answered yet, in order. */
  readonly commands: { readonly command: Command; readonly isExtended: boolean }[];
  /** Whose the Parse, Bind and Close messages are that were not answered yet, by the type of the answer. */
  readonly acknowledged: Readonly<
    Record<
      typeof Backend.ParseComplete | typeof Backend.BindComplete | typeof Backend.CloseComplete,
      ("relay" | "client")[]
    >
  >;
  /** The client's transaction, once the server has executed what it was sent. */
  view: View;
  /** Whether the client was in no transaction before. */
  readonly beganIdle: boolean;
  /** Whether a Sync, or a simple query, was sent. */
  hasEnded: boolean;
  /** Whether a simple query was sent last. */
  endsWithQuery: boolean;
  /** Whether the server skips that simple query, because of an error before it. */
  isSkipped: boolean;
}

/** Binds a statement that has neither parameters nor columns. */
function bindNothing(out: Outbox, portal: string, statement: string): void {
  const start = out.begin(Frontend.Bind);
  out.cstring(portal);
  out.cstring(statement);
  for (let i = 0; i < 3; i++) out.int16(0);
  out.end(start);
}

/** The text of an ErrorResponse. */
function textOfError(bytes: Uint8Array): string {
  const fields = textsAt(bytes, HEADER, bytes.length, Infinity);
  return fields.find((field) => field.startsWith("M"))?.slice(1) ?? "it gives no reason";
}

const TAGS: Readonly<Partial<Record<Command, string>>> = {
  begins: "BEGIN",
  commits: "COMMIT",
  "rolls back": "ROLLBACK",
};
/** The name of the statement and the portal that check. */
const CHECK = "pyro_check";
const HEADER = 5;
const PROTOCOL = 3;
const FUNCTION_CALL = 0x46;
/** Messages that belong to a reply that is being read, or to none. */
const WITHOUT_REPLY: readonly number[] = [
  Frontend.CopyData,
  Frontend.CopyDone,
  Frontend.CopyFail,
  Frontend.Terminate,
];
const UNASKED: readonly number[] = [
  Backend.NoticeResponse,
  Backend.NotificationResponse,
  Backend.ParameterStatus,
];
const IDLE = 0x49;
const FAILED = 0x45;
