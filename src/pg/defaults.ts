/** The defaults of clients and pools, which programs may change. */
import { type TypeParser, types } from "./types.ts";

/** What pg's `defaults` has. Values that a program sets apply to everything that is made after that. */
export interface Defaults {
  /** The host, or the directory of the socket. */
  host: string;
  /** The role. */
  user: string | undefined;
  /** The database. */
  database: string | undefined;
  /** The password, or a function that gives it. */
  password: string | null;
  /** A URL that takes precedence. */
  connectionString: string | undefined;
  /** The port. */
  port: number;
  /** Rows to fetch at a time; no effect here. */
  rows: number;
  /** Whether values are given to the parsers of the binary format. */
  binary: boolean;
  /** The greatest number of clients of a pool; pools have a default of their own. */
  max: number;
  /** Milliseconds until an idle client is closed; pools have a default of their own. */
  idleTimeoutMillis: number;
  /** The encoding; pyro uses UTF8 only. */
  client_encoding: string;
  /** Whether and how to encrypt. */
  ssl: boolean;
  /** Whether encryption starts with a request (`postgres`) or at once (`direct`). */
  sslnegotiation: string | undefined;
  /** The name of the application. */
  application_name: string | undefined;
  /** The name of the application, if `application_name` is not given. */
  fallback_application_name: string | undefined;
  /** Command-line options for the server. */
  options: string | undefined;
  /** Whether a Date is sent as UTC, and not as local time with its offset. */
  parseInputDatesAsUTC: boolean;
  /** Milliseconds for a statement, on the server. */
  statement_timeout: number | false;
  /** Milliseconds for waiting for a lock, on the server. */
  lock_timeout: number | false;
  /** Milliseconds for being idle in a transaction, on the server. */
  idle_in_transaction_session_timeout: number | false;
  /** Milliseconds until a query fails with `Query read timeout`. */
  query_timeout: number | false;
  /** Seconds for connecting. */
  connect_timeout: number;
  /** 1 or 0: whether TCP keep-alive is on. */
  keepalives: number;
  /** Seconds until the first keep-alive message. */
  keepalives_idle: number;
  /** Setting it to true makes int8 a number, for all clients. It cannot be read. */
  parseInt8: boolean;
  /** What a program adds. */
  [name: string]: unknown;
}

/** The defaults. */
export const defaults: Defaults = {
  host: "localhost",
  user: environmentUser(),
  database: undefined,
  password: null,
  connectionString: undefined,
  port: 5432,
  rows: 0,
  binary: false,
  max: 10,
  idleTimeoutMillis: 30_000,
  client_encoding: "",
  ssl: false,
  sslnegotiation: undefined,
  application_name: undefined,
  fallback_application_name: undefined,
  options: undefined,
  parseInputDatesAsUTC: false,
  statement_timeout: false,
  lock_timeout: false,
  idle_in_transaction_session_timeout: false,
  query_timeout: false,
  connect_timeout: 0,
  keepalives: 1,
  keepalives_idle: 0,
} as Partial<Defaults> as Defaults;

const { INT8, INT8_ARRAY, INT4, INT4_ARRAY } = { INT8: 20, INT8_ARRAY: 1016, INT4: 23, INT4_ARRAY: 1007 };
const parserOf = (oid: number): TypeParser => types.getTypeParser(oid, "text");
const int8Parser = parserOf(INT8);
const int8ArrayParser = parserOf(INT8_ARRAY);

Object.defineProperty(defaults, "parseInt8", {
  configurable: true,
  enumerable: true,
  set(asNumber: boolean) {
    types.setTypeParser(INT8, "text", asNumber ? parserOf(INT4) : int8Parser);
    types.setTypeParser(INT8_ARRAY, "text", asNumber ? parserOf(INT4_ARRAY) : int8ArrayParser);
  },
});

function environmentUser(): string | undefined {
  return environmentVariable(process.platform === "win32" ? "USERNAME" : "USER");
}

/** A variable of the environment; undefined if it is not set, or if Deno does not permit it. */
export function environmentVariable(name: string): string | undefined {
  try {
    return process.env[name];
  } catch {
    return undefined;
  }
}
