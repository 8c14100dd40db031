/** The state of a connection, which the blocking and the promise API share. */
import { DEFAULT_CHOICES } from "../options/choices.ts";
import type { LogFields } from "../options/logger.ts";
import type { Settings } from "../options/settings.ts";
import type { TransactionContext } from "../features/context.ts";
import { Invalidation } from "../statements/invalidation.ts";
import { type CancelTarget, cancelTargetOf } from "../connect/cancel.ts";
import type { Link } from "../connect/handshake.ts";
import { Listeners } from "../features/listen.ts";
import { StatementCache, type StatementNaming } from "../statements/cache.ts";
import type { TransactionState } from "../features/transaction.ts";
import type { Upgrade } from "../connect/upgrade.ts";
import type { Session, SessionEvent } from "../protocol/session.ts";
import { ConnectionHandlers } from "./handlers.ts";
import { type Strictness, strictnessOf } from "./strictness.ts";
import { lostError } from "../protocol/failure.ts";
import { Observer } from "../telemetry/observer.ts";
import { Catalog } from "../codecs/catalog.ts";
import { Registry } from "../codecs/registry.ts";

/** The shared part of a connection. */
export class ConnectionState implements TransactionContext {
  readonly link: Link;
  readonly upgrade: Upgrade;
  readonly registry: Registry;
  readonly statements: StatementCache;
  readonly invalidation: Invalidation = new Invalidation();
  readonly listeners: Listeners = new Listeners();
  readonly observer: Observer;
  readonly cancelTarget: CancelTarget;
  /** Milliseconds that each call may take unless its options say otherwise; 0 for no limit. */
  readonly timeout: number;
  transaction: TransactionState | undefined = undefined;
  /** What refuses calls outside of transactions; undefined if they are not strict. */
  readonly strictness: Strictness | undefined;
  readonly handlers: ConnectionHandlers = new ConnectionHandlers();

  /**
   * `token` is a part of the names of prepared statements, and unique to this connection. Connections may share
   * `naming`.
   */
  constructor(
    link: Link,
    upgrade: Upgrade,
    settings: Settings,
    token: string,
    catalog: Catalog = new Catalog(),
    naming: StatementNaming = { isEnabled: true },
    observer: Observer = new Observer(link, { database: "", user: "" }),
    cancelTarget: CancelTarget = cancelTargetOf(link),
  ) {
    this.link = link;
    this.upgrade = upgrade;
    this.observer = observer;
    this.cancelTarget = cancelTarget;
    this.handlers.own.onNotice = settings.onNotice;
    const { int8, numeric, json, dates, names, numberArrays, codec } = { ...DEFAULT_CHOICES, ...settings };
    const { statementCacheSize = DEFAULT_CACHE_SIZE, pgbouncer = false, timeout = 0 } = settings;
    this.timeout = timeout;
    this.strictness = strictnessOf(settings);
    this.registry = new Registry({ int8, numeric, json, dates, names, numberArrays, codec }, catalog);
    this.statements = new StatementCache(
      `pyro_${token}_`,
      statementCacheSize,
      pgbouncer ? { isEnabled: false } : naming,
    );
    this.statements.onNamesOff = () => this.#warn("statement names turned off", { reason: NAMES_OFF });
  }

  get session(): Session {
    return this.link.session;
  }

  get closed(): boolean {
    const { admission, lost } = this.session;
    return admission.isClosing || lost !== undefined;
  }

  /** Refuses new calls from now on. False if they were refused already. */
  beginClosing(): boolean {
    const { admission } = this.session;
    if (admission.isClosing) return false;
    admission.isClosing = true;
    return true;
  }

  /**
   * Whether dates and times in text can be read. In styles other than ISO, time zones are abbreviations, which are
   * ambiguous.
   */
  get readsText(): boolean {
    return this.session.parameter("DateStyle")?.startsWith("ISO") ?? true;
  }

  /** Delivers a session event. */
  deliver(event: SessionEvent): void {
    switch (event.kind) {
      case "notice":
        if (event.notice.severity === "WARNING") {
          this.#warn("warning of the server", { code: event.notice.code, warning: event.notice.message });
        }
        this.handlers.call("onNotice", event.notice);
        break;
      case "notification":
        this.handlers.call("onNotification", event.notification);
        this.listeners.deliver(event.notification);
        break;
      case "missed":
        this.listeners.endAllForOverflow();
        break;
      case "parameter":
        if (MEANING_SETTINGS.has(event.name)) this.statements.invalidate();
        else if (TIME_SETTINGS.has(event.name)) this.statements.invalidateTimes();
        break;
      case "lost":
        this.#ended();
    }
  }

  #ended(): void {
    const { admission, lost } = this.session;
    this.listeners.endAll(admission.isClosing ? undefined : lost);
    if (admission.isClosing) this.observer.log?.info("closed", { connection: this.observer.info.id });
    else this.#warn("connection lost", { reason: lost?.message });
    if (!this.handlers.has("onClose")) return;
    const error = admission.isClosing || lost === undefined ? undefined : lostError("keep the connection", lost, false);
    if (error === undefined) this.handlers.call("onClose");
    else this.handlers.call("onClose", error);
  }

  #warn(message: string, fields: LogFields): void {
    this.observer.log?.warn(message, { connection: this.observer.info.id, ...fields });
  }
}

/** Whether an event is a reason to look what the server is now. */
export function doubtsRole(event: SessionEvent): boolean {
  return event.kind === "readOnly" || (event.kind === "parameter" && event.name === "in_hot_standby");
}

/** Settings that decide which tables and strings SQL text means. The server reports them. */
const MEANING_SETTINGS: ReadonlySet<string> = new Set(["search_path", "standard_conforming_strings"]);
/** Settings that decide which times literals mean. */
const TIME_SETTINGS: ReadonlySet<string> = new Set(["TimeZone", "DateStyle", "IntervalStyle"]);
const DEFAULT_CACHE_SIZE = 256;
const NAMES_OFF = "the server does not know its prepared statements, or knows them already: is there a pooler between?";
