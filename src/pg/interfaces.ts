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
  /** Rows are arrays. */
  rowMode: "array";
}

/** A query that talks to the connection itself, such as those of pg-cursor and pg-query-stream. */
export interface Submittable {
  /** Sends its first messages. */
  submit: (connection: Connection) => unknown;
}

/** The methods that a query class may have. */
export interface SubmittedQuery extends Submittable {
  /** Gets the outcome. */
  callback?: ((error: unknown, result?: unknown) => void) | undefined;
  /** The SQL text. */
  text?: string | undefined;
  /** The name under which the statement is prepared. */
  name?: string | undefined;
  /** Gets the columns. */
  handleRowDescription?(message: any): void;
  /** Gets the texts of a row. */
  handleDataRow?(message: any): void;
  /** Called when the server has sent as many rows as it was asked for. */
  handlePortalSuspended?(connection: Connection): void;
  /** Called for an empty text. */
  handleEmptyQuery?(connection: Connection): void;
  /** Gets the command tag. */
  handleCommandComplete?(message: any, connection: Connection): void;
  /** Called when the server is ready for the next query. */
  handleReadyForQuery?(connection: Connection): void;
  /** Called when the server waits for data of a COPY. */
  handleCopyInResponse?(connection: Connection): void;
  /** Gets data of a COPY. */
  handleCopyData?(message: unknown, connection: Connection): void;
  /** Gets the error that ends the query. */
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
  /** The value of a column. */
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
  /** The name of the statement or portal, "" for none. */
  name?: string | undefined;
  /** The SQL text. */
  text: string;
  /** The OIDs of the types of parameters; others are inferred. */
  types?: readonly number[] | undefined;
}

/** What {@linkcode Connection.bind} sends. */
export interface BindConfig {
  /** The name of the portal, "" for none. */
  portal?: string | undefined;
  /** The name of the statement, "" for none. */
  statement?: string | undefined;
  /** Whether values are given to the parsers of the binary format. */
  binary?: boolean | undefined;
  /** The values of the parameters. */
  values?: readonly unknown[] | null | undefined;
  /** Makes what is sent of each value. */
  valueMapper?: ((value: unknown, index: number) => unknown) | undefined;
}

/** What {@linkcode Connection.execute} sends. */
export interface ExecuteConfig {
  /** The name of the portal, "" for none. */
  portal?: string | undefined;
  /** Rows to fetch at a time; no effect here. */
  rows?: number | string | undefined;
}

/** What {@linkcode Connection.describe} and {@linkcode Connection.close} are about. */
export interface MessageConfig {
  /** `S` for a statement, `P` for a portal. */
  type: string;
  /** The name of the statement or portal, "" for none. */
  name?: string | undefined;
}

/** The options of a {@linkcode Client}. What is not given is taken from `PG*` variables and from `defaults`. */
export interface ClientConfig {
  /** The role. */
  user?: string | undefined;
  /** The database. */
  database?: string | undefined;
  /** The password, or a function that gives one for each connection. */
  password?: string | ((params?: any) => string | Promise<string>) | undefined;
  /** The port. */
  port?: number | undefined;
  /** A host name, an address, or the directory of a Unix socket. */
  host?: string | undefined;
  /** A URL, whose parts take precedence. */
  connectionString?: string | undefined;
  /** Whether TCP keep-alive is on. */
  keepAlive?: boolean | undefined;
  /** A connected or connectable stream to use, or a function that makes one. */
  stream?: Duplex | ((config: any) => Duplex) | undefined;
  /** Milliseconds, on the server. */
  statement_timeout?: false | number | undefined;
  /** `true` and objects encrypt and verify the server, unless `rejectUnauthorized` is false. */
  ssl?: boolean | string | ConnectionOptions | undefined;
  /** Whether encryption starts with a request (`postgres`) or at once (`direct`). */
  sslnegotiation?: "postgres" | "direct" | undefined;
  /** Milliseconds after which a query fails with `Query read timeout`. */
  query_timeout?: number | undefined;
  /** Milliseconds, on the server. */
  lock_timeout?: number | undefined;
  /** Milliseconds until the first keep-alive message. */
  keepAliveInitialDelayMillis?: number | undefined;
  /** Milliseconds, on the server. */
  idle_in_transaction_session_timeout?: number | undefined;
  /** The name of the application. */
  application_name?: string | undefined;
  /** The name of the application, if `application_name` is not given. */
  fallback_application_name?: string | undefined;
  /** Milliseconds for connecting, 0 for no limit. */
  connectionTimeoutMillis?: number | undefined;
  /** The parsers of types, instead of those of the module. */
  types?: CustomTypesConfig | undefined;
  /** Command-line options for the server, as in `PGOPTIONS`. */
  options?: string | undefined;
  /** The encoding; pyro uses UTF8 only. */
  client_encoding?: string | undefined;
  /** Whether values travel in binary, and are given to the binary parsers. Default: false. */
  binary?: boolean | undefined;
  /** Whether queries are sent without waiting for those before them. Default: false. */
  pipeline?: boolean | undefined;
  /** Whether SCRAM is bound to TLS; here it is, wherever that is possible. */
  enableChannelBinding?: boolean | undefined;
  /** How many iterations of SCRAM's hash the server may ask for, 0 for pyro's own limit of 1 000 000. Default: 100 000. */
  scramMaxIterations?: number | undefined;
  /** A replication connection, which is refused. */
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

/** The events of a {@linkcode Client}, with their arguments. */
export interface ClientEvents {
  /** It is connected. */
  connect: [];
  /** All queries have been executed. */
  drain: [];
  /** The connection is closed or lost. */
  end: [];
  /** The connection is lost. */
  error: [error: Error];
  /** The server has sent a notice. */
  notice: [notice: any];
  /** Somebody has notified a channel that the connection listens to. */
  notification: [message: Notification];
}

/** The events of a {@linkcode Pool}, with their arguments. */
export interface PoolEvents {
  /** There is a new client. */
  connect: [client: PoolClient];
  /** A client is lent. */
  acquire: [client: PoolClient];
  /** A client is returned. */
  release: [error: Error | boolean | undefined, client: PoolClient];
  /** A client has been closed. */
  remove: [client: PoolClient];
  /** An idle client is lost. */
  error: [error: Error, client: PoolClient];
}

/** The events of a {@linkcode Query}, with their arguments. */
export interface QueryEvents<R extends QueryResultRow = any> {
  /** A row has arrived. */
  row: [row: R, result: ResultBuilder<R>];
  /** All rows have arrived. With several statements, there are several results. */
  end: [result: any];
  /** The query has failed. */
  error: [error: any];
}
