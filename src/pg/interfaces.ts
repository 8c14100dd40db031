// deno-lint-ignore-file no-explicit-any -- pg's types leave rows and values open in this way
/**
 * The types of pg's surface, by the names that programs import: of configurations, queries and results.
 *
 * Source: documentation of node-postgres, "API"; the declarations that programs know as `@types/pg`.
 */
import type { ConnectionOptions } from "node:tls";
import type { Duplex } from "node:stream";
import type { Client } from "./client.ts";
import type { Connection } from "./connection.ts";

/** Gives the parsers of types, as `types` of the module and every {@linkcode TypeOverrides} do. */
export interface CustomTypesConfig {
  /** The parser of a type, by its OID, for values in `text` (the default) or `binary`. */
  getTypeParser: (oid: any, format?: any) => any;
}

/** Values of parameters; a tuple type checks their number. */
export type QueryConfigValues<T> = T extends [] ? (T | undefined) : T;

/** A query as an object. */
export interface QueryConfig<I = any[]> {
  /** The name under which the statement is prepared on the connection, once; without it, nothing has a name. */
  name?: string | undefined;
  /** The SQL text. May be left out of a statement that was prepared under `name`. */
  text: string;
  /** The values of `$1`, `$2`, … */
  values?: QueryConfigValues<I> | undefined;
  /** The parsers for this query's values, instead of the client's. */
  types?: CustomTypesConfig | undefined;
  /** `"extended"` uses the extended protocol for a text without values, too. */
  queryMode?: "extended" | undefined;
  /** Whether values travel in binary, and are given to the binary parsers. Default: false. */
  binary?: boolean | undefined;
  /** How many rows pg fetches at a time. It has no effect here: rows are read as they arrive. */
  rows?: number | undefined;
  /** The name of the portal for pg; here it has no effect. */
  portal?: string | undefined;
  /** Milliseconds after which the call fails with `Query read timeout`. */
  query_timeout?: number | undefined;
  /** `"array"`: rows are arrays of values, not objects. */
  rowMode?: "array" | undefined;
  /** Called with the outcome; then no promise is returned. */
  callback?: ((error: Error | undefined, result: any) => void) | undefined;
}

/** A query whose rows are arrays. */
export interface QueryArrayConfig<I = any[]> extends QueryConfig<I> {
  rowMode: "array";
}

/** A query that talks to the connection itself, such as those of pg-cursor and pg-query-stream. */
export interface Submittable {
  /** Sends its first messages. */
  submit: (connection: Connection) => unknown;
}

/** The methods that a query class may have. */
export interface SubmittedQuery extends Submittable {
  callback?: ((error: unknown, result?: unknown) => void) | undefined;
  handleRowDescription?(message: unknown): void;
  handleDataRow?(message: unknown): void;
  handlePortalSuspended?(connection: Connection): void;
  handleEmptyQuery?(connection: Connection): void;
  handleCommandComplete?(message: unknown, connection: Connection): void;
  handleReadyForQuery?(connection: Connection): void;
  handleCopyInResponse?(connection: Connection): void;
  handleCopyData?(message: unknown, connection: Connection): void;
  handleError?(error: unknown, connection: Connection): void;
}

/** A column of a result. */
export interface FieldDef {
  /** Its name. */
  name: string;
  /** The OID of its table, 0 for an expression. */
  tableID: number;
  /** Its number in that table, 0 for an expression. */
  columnID: number;
  /** The OID of its type. */
  dataTypeID: number;
  /** The size of its type in bytes, negative if it varies. */
  dataTypeSize: number;
  /** `pg_attribute.atttypmod`, -1 for none. */
  dataTypeModifier: number;
  /** `text`, or `binary` if the query wanted that. */
  format: string;
}

/** What every result has. */
export interface QueryResultBase {
  /** The first word of the command tag: `SELECT`, `CREATE`. */
  command: string;
  /** The number of rows in the command tag, null if it has none. */
  rowCount: number | null;
  /** The OID in the command tag of INSERT, which is 0 since PostgreSQL 12; null otherwise. */
  oid: number;
  /** The columns. */
  fields: FieldDef[];
}

/** A row as an object. */
export interface QueryResultRow {
  [column: string]: any;
}

/** A result with rows as objects. */
export interface QueryResult<R extends QueryResultRow = any> extends QueryResultBase {
  /** The rows. */
  rows: R[];
}

/** A result with rows as arrays. */
export interface QueryArrayResult<R extends any[] = any[]> extends QueryResultBase {
  /** The rows. */
  rows: R[];
}

/** A result while it grows, as listeners of the event `row` get it. */
export interface ResultBuilder<R extends QueryResultRow = any> extends QueryResult<R> {
  /** Adds a row. */
  addRow(row: R): void;
}

/** A notification, as the event has it. */
export interface Notification {
  /** The process ID of the session that sent it. */
  processId: number;
  /** Its channel. */
  channel: string;
  /** Its text. */
  payload?: string | undefined;
}

/** What {@linkcode Connection.parse} sends. */
export interface QueryParse {
  name?: string | undefined;
  text: string;
  types?: readonly number[] | undefined;
}

/** What {@linkcode Connection.bind} sends. */
export interface BindConfig {
  portal?: string | undefined;
  statement?: string | undefined;
  binary?: boolean | undefined;
  values?: readonly unknown[] | null | undefined;
  valueMapper?: ((value: unknown, index: number) => unknown) | undefined;
}

/** What {@linkcode Connection.execute} sends. */
export interface ExecuteConfig {
  portal?: string | undefined;
  rows?: number | string | undefined;
}

/** What {@linkcode Connection.describe} and {@linkcode Connection.close} are about. */
export interface MessageConfig {
  /** `S` for a statement, `P` for a portal. */
  type: string;
  name?: string | undefined;
}

/** The options of a {@linkcode Client}. What is not given is taken from `PG*` variables and from `defaults`. */
export interface ClientConfig {
  user?: string | undefined;
  database?: string | undefined;
  /** The password, or a function that gives one for each connection. */
  password?: string | ((params?: any) => string | Promise<string>) | undefined;
  port?: number | undefined;
  /** A host name, an address, or the directory of a Unix socket. */
  host?: string | undefined;
  /** A URL, whose parts take precedence. */
  connectionString?: string | undefined;
  keepAlive?: boolean | undefined;
  /** A connected or connectable stream to use, or a function that makes one. */
  stream?: Duplex | ((config: any) => Duplex) | undefined;
  /** Milliseconds, on the server. */
  statement_timeout?: false | number | undefined;
  /** `true` and objects encrypt and verify the server, unless `rejectUnauthorized` is false. */
  ssl?: boolean | string | ConnectionOptions | undefined;
  sslnegotiation?: "postgres" | "direct" | undefined;
  /** Milliseconds after which a query fails with `Query read timeout`. */
  query_timeout?: number | undefined;
  /** Milliseconds, on the server. */
  lock_timeout?: number | undefined;
  keepAliveInitialDelayMillis?: number | undefined;
  /** Milliseconds, on the server. */
  idle_in_transaction_session_timeout?: number | undefined;
  application_name?: string | undefined;
  fallback_application_name?: string | undefined;
  /** Milliseconds for connecting, 0 for no limit. */
  connectionTimeoutMillis?: number | undefined;
  /** The parsers of types, instead of those of the module. */
  types?: CustomTypesConfig | undefined;
  /** Command-line options for the server, as in `PGOPTIONS`. */
  options?: string | undefined;
  client_encoding?: string | undefined;
  /** Whether values travel in binary, and are given to the binary parsers. Default: false. */
  binary?: boolean | undefined;
  /** Whether queries are sent without waiting for those before them. Default: false. */
  pipeline?: boolean | undefined;
  enableChannelBinding?: boolean | undefined;
  scramMaxIterations?: number | undefined;
  replication?: string | undefined;
  /** The class of the promises that methods return. */
  Promise?: PromiseConstructorLike | undefined;
  /** pyro's own: how many statements are kept prepared on the connection, 0 for none. Default: 256. */
  statementCacheSize?: number | undefined;
  /** pyro's own: whether a local TCP connection may be replaced by the server's Unix socket. Default: false. */
  upgradeToUnixSocket?: boolean | undefined;
}

/** The same, by the name that pg's declarations have too. */
export type ConnectionConfig = ClientConfig;

/** The options of a {@linkcode Pool}, and of its clients. */
export interface PoolConfig extends ClientConfig {
  /** The greatest number of clients. Default: 10. */
  max?: number | undefined;
  /** How many clients are kept although they are idle. Default: 0. */
  min?: number | undefined;
  /** Milliseconds after which an idle client is closed, 0 for never. Default: 10 000. */
  idleTimeoutMillis?: number | undefined | null;
  /** Gets lines about what the pool does. */
  log?: ((...messages: any[]) => void) | undefined;
  /** Whether the process may end while clients are idle. Default: false. */
  allowExitOnIdle?: boolean | undefined;
  /** How often a client is used before it is closed. Default: any number of times. */
  maxUses?: number | undefined;
  /** Seconds after which a client is closed, 0 for never. Default: 0. */
  maxLifetimeSeconds?: number | undefined;
  /** The class of the clients. */
  Client?: (new (config?: any) => ClientLike) | undefined;
  /** Called with each new client before it is used; a rejection fails the caller that waits for it. */
  onConnect?: ((client: any) => unknown) | undefined;
  /** Called with each new client before it is handed out; an error closes it. */
  verify?: ((client: any, done: (error?: Error) => void) => void) | undefined;
}

/** The same, by the name that pg's declarations have too. */
export type PoolOptions = PoolConfig;

/** What a pool needs of its clients' class. */
export type ClientLike = Client;

/** What clients of pools and others have in common. */
export type ClientBase = Client;

/** A client that a pool has lent. */
export interface PoolClient extends Client {
  /** Returns it; an error or `true` closes it. */
  release(error?: Error | boolean): void;
}
