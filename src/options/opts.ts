/** The options of connections and pools, as users set them. */
import { type ServerFields, UsageError } from "../errors.ts";
import { printAs } from "../inspection.ts";
import { AllowedKeys } from "./allowed_keys.ts";
import type { DatesChoice, Int8Choice, JsonChoice, NamesChoice, NumberArraysChoice, NumericChoice } from "./choices.ts";
import { canonicalUrl, plainObject } from "./display.ts";
import { parseDsn } from "./dsn.ts";
import { foreignString } from "./foreign_strings.ts";
import type { Logger, LogLevel } from "./logger.ts";
import { checkCodec, checkOptions, trimBlanks } from "./option_values.ts";
import { PoolOpts } from "./pool_opts.ts";
import { change, set, setSettings, settingsOf } from "./server_opts.ts";
import type { Settings } from "./settings.ts";
import type { TypeCodec } from "./type_codec.ts";
import { parseUrl } from "./url.ts";

export { settingsOf } from "./server_opts.ts";

/** The options of `new Opts`: limits on a connection string. */
export interface StringOptions {
  /**
   * The only keys that the string may have, for strings that you do not trust; any other key is a `UsageError`. The
   * parts of a URL are the keys `user`, `password`, `host`, `port` and `dbname`, and server settings are keys too. A
   * host that is a Unix socket also needs `socket`. Default: all.
   *
   * Leave out what names files or accounts of the program's machine (`passfile`, `service`, `servicefile`,
   * `socket`, `sslcert`, `sslkey`, `sslrootcert`, `sslcrl`, `sslcrldir`), and what weakens it (`sslmode`, `require_auth`, `channel_binding`): setters add those.
   *
   * @example
   * ```ts
   * import { Opts, UsageError } from "@x/pyro";
   * import assert from "node:assert/strict";
   *
   * const allow = ["host", "port", "user", "password", "dbname"];
   * const opts = new Opts("pg://ada:secret@db.example.com/library", { allow }).sslMode("require");
   * assert.equal(opts.toString(), "pg://ada:***@db.example.com/library?sslmode=require");
   * assert.throws(() => new Opts("pg://db.example.com/library?passfile=/etc/shadow", { allow }), UsageError);
   * ```
   */
  readonly allow?: readonly string[] | undefined;
}

/**
 * Connection options. They are immutable: every setter checks its value at once, and returns new options.
 *
 * When connecting, options that are not set are taken from libpq's service file, if a service is named, then from
 * libpq's environment variables (`PGHOST`, `PGPORT`, `PGUSER`, `PGPASSWORD`, `PGDATABASE`, `PGSSLMODE`, …), then, for
 * the password, from its password file. Otherwise they have their defaults. On Deno, pyro reads only variables and
 * default files that it may read without a prompt.
 *
 * As in libpq, an option whose value in a string or a variable is empty counts as set: it has its default, and no
 * other source is used.
 *
 * The setters are in four groups: {@linkcode ServerOpts} has those for the server and the session,
 * {@linkcode SecurityOpts} those for authentication and encryption, {@linkcode PoolOpts} those for pools, and this
 * class those for reporting and for the decoding of values.
 *
 * @example From a URL, with a change
 * ```ts
 * import { Opts } from "@x/pyro";
 * import assert from "node:assert/strict";
 *
 * const opts = new Opts("pg://ada:secret@db.example.com/library?sslmode=require").applicationName("catalog");
 * assert.equal(
 *   opts.toString(),
 *   "pg://ada:***@db.example.com/library?application_name=catalog&sslmode=require",
 * );
 * ```
 *
 * @example From nothing
 * ```ts
 * import { Opts } from "@x/pyro";
 * import assert from "node:assert/strict";
 *
 * const opts = new Opts().host("db.example.com").port(5433).user("ada").db("library");
 * assert.equal(opts.toString(), "pg://ada@db.example.com:5433/library");
 * ```
 */
export class Opts extends PoolOpts {
  /**
   * Parses a URL (`pg://`, `postgres://` or `postgresql://`) or a libpq keyword/value string
   * (`"host=/run/postgresql dbname=test"`).
   *
   * Query keys of the URL are libpq's names, pyro's own (`socket`, `upgrade_to_unix_socket`,
   * `statement_cache_size`, `pgbouncer`, `strict_transactions`, `blocking_transport`, and those of {@linkcode PoolOpts},
   * as `pool_max_concurrency`, with times in seconds), and any other is a server setting for the session's
   * start (`?statement_timeout=5s`). Other spellings of a key, and other clients' names for it
   * (`Password`, `pwd`, `sslMode`, `schema`), are errors that name the right key.
   *
   * @param text The URL or string; without it, nothing is set.
   * @param options Limits on a string that comes from others.
   * @throws {UsageError} If the string is malformed, or has a libpq key that pyro does not implement, or another client's key.
   */
  constructor(text?: string, options?: StringOptions) {
    super();
    if (text !== undefined) setSettings(this, parse(text, options));
  }

  /**
   * Called with each notice that the server sends. If very many arrive while connecting, it gets only the first ones.
   * Errors that it throws are ignored. Default: none.
   */
  onNotice(listener: (notice: ServerFields) => void): this {
    return set(this, "onNotice", listener);
  }

  /**
   * Called with each message that the connection sends or receives, as a line of text in the format of
   * libpq's `PQtrace`: the local time, `F` for the client (frontend) or `B` for the server (backend),
   * the message's length in bytes, its name and its fields, with tabs in between. Cancel requests, and
   * the connections that an upgrade tries, are in it. Passwords, other authentication data and cancel
   * keys are shown as `***`; statements, parameters and rows are shown as they are. Errors that the
   * listener throws are ignored; its calls on the connection are refused with a `UsageError`. Default:
   * none.
   *
   * The environment variable `PYRO_TRACE` names a file to which the lines of all connections are
   * appended; with `-` they are written to standard error.
   *
   * Source: PostgreSQL manual, libpq, "Control Functions", PQtrace.
   *
   * @example
   * ```ts
   * import { Conn, Opts } from "@x/pyro";
   * import assert from "node:assert/strict";
   *
   * const lines: string[] = [];
   * await using conn = await Conn.connect(new Opts("pg://").trace((line) => lines.push(line)));
   * lines.length = 0;
   * await conn.query("select 1 as n");
   * const [, side, length, name, fields] = lines[0]!.split("\t");
   * assert.deepEqual([side, length, name, fields], ["F", "18", "Query", ' "select 1 as n"']);
   * ```
   */
  trace(listener: (line: string) => void): this {
    return set(this, "trace", listener);
  }

  /**
   * The object to which pyro logs. It has some of the methods `debug`, `info`, `warn` and `error`, as `console` does.
   * The log never contains secrets, and values only with {@linkcode logValues}; see {@linkcode Logger}. Default:
   * none.
   *
   * @throws {UsageError} If it has none of these methods.
   */
  logger(logger: Logger): this {
    return set(this, "logger", logger);
  }

  /**
   * The lowest level that is logged: `"debug"` (every call), `"info"` (connections opened and closed), `"warn"`
   * (problems) or `"error"`. Default: `"info"`.
   *
   * @throws {UsageError} For any other value.
   */
  logLevel(level: LogLevel): this {
    return set(this, "logLevel", level);
  }

  /**
   * How many milliseconds a call may take before it is reported as slow; 0 is never. It is reported to the logger at
   * level `warn` or, without a logger, by `console.warn`, with its SQL, the types of its parameters and its duration.
   * Calls that run your own code (`tx`, `execIter`, streams, pipelines) are not reported, but the calls that this
   * code makes are. Default: 0.
   *
   * @throws {UsageError} If it is not an integer from 0 to 2^31-1.
   *
   * @example
   * ```ts
   * import { Conn, type LogFields, Opts } from "@x/pyro";
   * import assert from "node:assert/strict";
   *
   * const slow: LogFields[] = [];
   * const logger = { warn: (_message: string, fields: LogFields) => slow.push(fields) };
   * await using conn = await Conn.connect(new Opts("pg://").logger(logger).slow(50));
   * await conn.exec("select pg_sleep($1), 'secret'", [0.1]);
   * assert.equal(slow[0]!.sql, "select pg_sleep($1), ?");
   * assert.deepEqual(slow[0]!.parameterTypes, ["number"]);
   * ```
   */
  slow(milliseconds: number): this {
    return set(this, "slow", milliseconds);
  }

  /**
   * Whether pyro refuses two kinds of calls that are usually mistakes: a call on the connection, or on an outer
   * transaction, while a transaction inside of it is open, since the call would become part of that; and a call on
   * the pool inside of a function of `tx`, since it would not be part of the transaction. The `UsageError` has the
   * stack of the call, and its cause has the stack of the beginning of the transaction. For development and tests,
   * since each call on a connection takes a few microseconds more. In the URL: `strict_transactions=true`. Default:
   * false.
   *
   * @example
   * ```ts
   * import { Opts, Pool, UsageError } from "@x/pyro";
   * import assert from "node:assert/strict";
   *
   * await using pool = new Pool(new Opts("pg://").strictTransactions(true));
   * await pool.tx(async (tx) => {
   *   await tx.execDrop("select 1");
   *   await assert.rejects(pool.execDrop("select 1"), UsageError);
   * });
   * ```
   */
  strictTransactions(wanted: boolean): this {
    return set(this, "strictTransactions", wanted);
  }

  /**
   * Whether the log shows the values of parameters, and the literals in SQL: for development, since values may be
   * secrets. Long values are cut, bytes are counted, and statements with `passw` in their text are redacted all the
   * same. Together with `logLevel("debug")`, each call is logged with its values. Default: false.
   */
  logValues(wanted: boolean): this {
    return set(this, "logValues", wanted);
  }

  /**
   * How int8 is decoded: `"bigint"`, `"number"`, with a `DecodeError` for values beyond 2^53-1, or `"string"`.
   * Default: `"bigint"`.
   */
  int8(choice: Int8Choice): this {
    return set(this, "int8", choice);
  }

  /** How numeric is decoded: `"string"`, or by a function of that string. Default: `"string"`. */
  numeric(choice: NumericChoice): this {
    return set(this, "numeric", choice);
  }

  /**
   * How json and jsonb are decoded: `"value"` parsed, `"string"` as JSON text, or by a function of that
   * text. Default: `"value"`, whose numbers are doubles.
   *
   * `"lossless"` parses too, but an integer that a double cannot represent is a bigint, and any other such number is
   * a {@linkcode JsonNumber}. Both are sent as numbers in JSON. Only JSON with such numbers takes longer to parse.
   */
  json(choice: JsonChoice): this {
    return set(this, "json", choice);
  }

  /**
   * How dates and times are decoded: `"temporal"` as Temporal's types, `"date"` as JavaScript's Date
   * (only milliseconds; `time` is then a string), `"string"` as PostgreSQL's ISO text, with timestamptz
   * in UTC. Default: `"temporal"`.
   */
  dates(choice: DatesChoice): this {
    return set(this, "dates", choice);
  }

  /**
   * How the names of columns, and of attributes of composite types, are spelled in objects: `"database"` as in the
   * database, or `"camel"` in camel case, with `userId` for `user_id`. This applies to rows, to objects for
   * `copyRows` and to parameters of composite types. `sql.camel` converts such names in SQL. The `columns` of
   * results, and objects inside of json, are unchanged. Default: `"database"`.
   *
   * @example
   * ```ts
   * import { Conn, Opts } from "@x/pyro";
   * import assert from "node:assert/strict";
   *
   * await using conn = await Conn.connect(new Opts("pg://").names("camel"));
   * assert.deepEqual(await conn.exec("select 7 as user_id"), [{ userId: 7 }]);
   * ```
   */
  names(choice: NamesChoice): this {
    return set(this, "names", choice);
  }

  /**
   * How arrays of float4, float8, int2, int4, int8 and oid are decoded: `"array"`, or `"typed"` as `Float32Array`,
   * `Float64Array`, `Int16Array`, `Int32Array`, `BigInt64Array` and `Uint32Array`. A typed array has one dimension
   * and no NULL: other values are a `DecodeError`. If {@linkcode int8} is `"number"` or `"string"`, arrays of int8
   * are ordinary arrays. Default: `"array"`.
   */
  numberArrays(choice: NumberArraysChoice): this {
    return set(this, "numberArrays", choice);
  }

  /**
   * Sets the codec of a type, instead of pyro's: for a type of an extension, or for values in classes of your
   * own. It is also used inside of arrays, ranges and composites. An array type can have a codec for the
   * array as a whole.
   *
   * A domain can have a codec too. It encodes parameters, and decodes values in arrays, in composites, and in
   * columns of tables and views that are declared with the domain. For expressions (`price + 1`,
   * `max(price)`, `1::price`) and columns of a UNION the server reports the base type only, whose codec is
   * used. If there is a codec for a type that does not come with PostgreSQL, a query finds a table's columns
   * declared with a domain when the table is first seen.
   *
   * @param nameOrOid The type's name as in `pg_type.typname` (`"numeric"`, `"_int4"`; with its schema if
   *   needed, `"public.geometry"`) or as in SQL (`"integer"`, `"int4[]"`), or its OID.
   * @param codec How its values are decoded and encoded; see {@linkcode TypeCodec} for complete examples.
   * @throws {UsageError} If the name is empty, the OID not an integer, or the codec has no `parse`.
   */
  codec(nameOrOid: string | number, codec: TypeCodec): this {
    const [key, checked] = checkCodec(nameOrOid, codec);
    return change(this, "codec", { ...settingsOf(this).codec, [key]: checked });
  }

  /** A canonical URL: the same for equal options, with `***` for the password and for settings such as `app.token`. */
  override toString(): string {
    return canonicalUrl(settingsOf(this));
  }

  /**
   * The options that are set, by the names of their setters, with `"***"` for the password and for
   * settings such as `app.token`.
   */
  toJSON(): Record<string, unknown> {
    return plainObject(settingsOf(this));
  }

  static {
    printAs<Opts>(this.prototype, (opts) => `Opts ${opts}`);
  }
}

function parse(text: string, options: StringOptions | undefined): Settings {
  if (typeof text !== "string") {
    const note = typeof text === "object"
      ? "; connections and pools take objects of options, and URLs, themselves"
      : "";
    throw new UsageError(`Cannot read the connection string: it must be a string, not ${typeof text}${note}`);
  }
  const { allow } = checkOptions(options, ["allow"], '{ allow: ["host", "dbname"] }');
  const allowed = allow === undefined ? undefined : new AllowedKeys(allow);
  const problem = foreignString(trimBlanks(text));
  if (problem !== undefined) throw new UsageError(`Cannot read the connection string: ${problem}`);
  // A keyword has no "://"; the value of one may have it.
  const isDsn = text.includes("=") && !/^[^=]*:\/\//.test(text);
  const settings = isDsn ? parseDsn(text, allowed) : parseUrl(trimBlanks(text), allowed);
  allowed?.checkHosts(settings);
  allowed?.checkPassword(settings);
  return settings;
}
