/** The options of a server and of the session on it, and what all options have in common. */
import type { DialFunction } from "./dial.ts";
import { checkParam } from "./keywords.ts";
import { memberOf, type Option, OPTIONS } from "./option_table.ts";
import type { OptionName, OptsObject } from "./opts_object.ts";
import type { BlockingTransport, ProtocolVersion, Settings, TargetSessionAttrs } from "./settings.ts";

/** The settings of `Opts`, for the modules that connect. */
export let settingsOf: (opts: ServerOpts) => Settings;

/** Gives settings to options that nobody else has yet. */
export let setSettings: (opts: ServerOpts, settings: Settings) => void;

/** New options with an option set, whose value is checked by the table. */
export function set<O extends ServerOpts, N extends OptionName>(opts: O, name: N, value: OptsObject[N]): O {
  const option: Option = OPTIONS[name];
  return change(opts, memberOf(name, option), option.check(name, value));
}

/** New options with a setting changed, whose value has been checked. */
export function change<O extends ServerOpts>(opts: O, member: keyof Settings, value: unknown): O {
  const changed = new (opts.constructor as new () => O)();
  // V8 is slow at a computed member in a literal.
  const settings: Record<string, unknown> = { ...settingsOf(opts) };
  settings[member] = value;
  setSettings(changed, settings);
  return changed;
}

/** The setters of {@linkcode Opts} for where the server is, how it is reached, and how the session begins. */
export abstract class ServerOpts {
  #settings: Settings = NONE;

  /**
   * The server's host: a name, an IP address, or the directory of its Unix socket (which starts with `/`, or with `@`
   * for an abstract socket of Linux). A list of hosts, or a string of hosts with commas, is tried in order, and so
   * are the addresses of each name. Default: `localhost`.
   *
   * @throws {UsageError} If it is none of these.
   */
  host(host: string | readonly string[]): this {
    return set(this, "host", host);
  }

  /**
   * The IP address to connect to, so that {@linkcode host} is not looked up: one for each host, in a list or in one
   * string with commas; if one is empty, its host is looked up. The password file, the verification of the
   * certificate and the name that is sent when encryption starts (SNI) still use the host. Without a host, the
   * address is the host. Default: none.
   *
   * @example
   * ```ts
   * import { Opts } from "@x/pyro";
   *
   * const opts = new Opts("pg://ada@db.example.com/library").hostAddr("192.0.2.7");
   * console.log(String(opts)); // pg://ada@db.example.com/library?hostaddr=192.0.2.7
   * ```
   *
   * @throws {UsageError} If it is no IP address. If there are not as many as hosts, connecting throws it.
   */
  hostAddr(address: string | readonly string[]): this {
    return set(this, "hostAddr", address);
  }

  /**
   * The server's port, from 1 to 65535; a list gives each host its own. Default: 5432.
   *
   * @throws {UsageError} If it is not such a number.
   */
  port(port: number | readonly number[]): this {
    return set(this, "port", port);
  }

  /**
   * The session that a connection to one of several hosts must have: `"any"`; one that can write (`"read-write"`) or
   * cannot (`"read-only"`); one on a primary (`"primary"`) or a standby (`"standby"`); or one on a standby, and on
   * any server if there is no standby (`"prefer-standby"`). Other hosts, and other addresses of a host, are skipped.
   * If a server does not report whether it is a primary or a standby (PostgreSQL before 14, and other engines), pyro
   * sends a query to find out. Default: `"any"`.
   *
   * Source: PostgreSQL manual, libpq, "Parameter Key Words", target_session_attrs.
   *
   * @throws {UsageError} For any other value.
   *
   * @example
   * ```ts
   * import { Conn, Opts } from "@x/pyro";
   * import assert from "node:assert/strict";
   *
   * await using conn = await Conn.connect(new Opts("pg://").targetSessionAttrs("primary"));
   * assert.equal(await conn.execValue("select pg_is_in_recovery()"), false);
   * ```
   */
  targetSessionAttrs(attrs: TargetSessionAttrs): this {
    return set(this, "targetSessionAttrs", attrs);
  }

  /**
   * Whether each connection tries the hosts, and the addresses of each host, in a random order. In the URL:
   * `load_balance_hosts=random` or `disable`. Default: false; they are tried in the order of the list.
   *
   * Source: PostgreSQL manual, libpq, "Parameter Key Words", load_balance_hosts.
   */
  loadBalanceHosts(wanted: boolean): this {
    return set(this, "loadBalanceHosts", wanted);
  }

  /**
   * How long a pool over several hosts remembers, in milliseconds, that a host is a primary or a standby, or that it
   * does not answer. With 0, it does not remember this. In the URL: `host_recheck`, in seconds. Default: 10 000.
   *
   * @throws {UsageError} If it is not an integer from 0 to 2^31-1.
   */
  hostRecheck(milliseconds: number): this {
    return set(this, "hostRecheck", milliseconds);
  }

  /**
   * The whole path of the server's Unix socket file, such as `/run/postgresql/.s.PGSQL.5432`. Host and
   * port then have no effect. Default: none.
   *
   * @throws {UsageError} If the path does not start with `/`.
   */
  socket(path: string): this {
    return set(this, "socket", path);
  }

  /**
   * Whether pyro replaces a TCP connection to a server on this machine by one through the server's Unix socket, which
   * is faster. A password, or a proof of it, is sent to a socket only if the socket is known to be the server's;
   * otherwise TCP is kept. Default: true.
   */
  upgradeToUnixSocket(wanted: boolean): this {
    return set(this, "upgradeToUnixSocket", wanted);
  }

  /**
   * The name of the section of libpq's service file from which options that are not set here are taken; it has
   * precedence over environment variables. If no file has this section, connecting throws a `UsageError`. Default:
   * none.
   */
  service(name: string): this {
    return set(this, "service", name);
  }

  /**
   * The path of the service file in which {@linkcode service} is looked up. Default:
   * `.pg_service.conf` in the home directory, then `pg_service.conf` in the directory that `PGSYSCONFDIR`
   * names.
   *
   * On Deno a file that is named needs `--allow-read`; without it, connecting throws a `UsageError`.
   */
  serviceFile(path: string): this {
    return set(this, "serviceFile", path);
  }

  /** The database. Default: the one named like the user. */
  db(name: string): this {
    return set(this, "db", name);
  }

  /** The name that the server shows in `pg_stat_activity` and its log. Default: none. */
  applicationName(name: string): this {
    return set(this, "applicationName", name);
  }

  /**
   * The application name that is used if neither these options, nor the service file, nor `PGAPPNAME` set one; for
   * programs whose users may set another name. Default: none.
   */
  fallbackApplicationName(name: string): this {
    return set(this, "fallbackApplicationName", name);
  }

  /**
   * A server setting that the session starts with. Each call adds one. In the URL: the setting's name. Default: none.
   *
   * @throws {UsageError} If the name cannot be a setting's, or the setting has a setter of its own.
   *
   * @example
   * ```ts
   * import { Conn, Opts } from "@x/pyro";
   * import assert from "node:assert/strict";
   *
   * await using conn = await Conn.connect(new Opts("pg://").param("statement_timeout", "10s"));
   * assert.equal(await conn.execValue("show statement_timeout"), "10s");
   * ```
   */
  param(name: string, value: string): this {
    const [key, text] = checkParam(name, value);
    return change(this, "param", { ...settingsOf(this).param, [key]: text });
  }

  /**
   * How long connecting may take, in milliseconds, for each host of a list; 0 is no limit. The addresses of a host
   * share the time. Default: 30 000.
   *
   * @throws {UsageError} If it is not an integer from 0 to 2^31-1.
   */
  connectTimeout(milliseconds: number): this {
    return set(this, "connectTimeout", milliseconds);
  }

  /**
   * The default `timeout` of every call on the connection except `listen`, in milliseconds; 0 is no limit. A call's
   * own `timeout` takes precedence, even if it is 0. It also limits the whole of a `tx`, and `copyIn`, `copyRows` and
   * `execBatch` including the time that their sources take. In the URL: `call_timeout`, in seconds. Default: 0.
   *
   * @throws {UsageError} If it is not an integer from 0 to 2^31-1.
   *
   * @example
   * ```ts
   * import { Conn, Opts, TimeoutError } from "@x/pyro";
   * import assert from "node:assert/strict";
   *
   * await using conn = await Conn.connect(new Opts("pg://").timeout(100));
   * await assert.rejects(conn.query("select pg_sleep(60)"), TimeoutError);
   * await conn.query("select pg_sleep(0.2)", { timeout: 0 });
   * ```
   */
  timeout(milliseconds: number): this {
    return set(this, "timeout", milliseconds);
  }

  /** Whether the operating system probes idle TCP connections, so that dead ones are noticed. Default: true. */
  keepAlive(wanted: boolean): this {
    return set(this, "keepAlive", wanted);
  }

  /**
   * How long a TCP connection must be idle before the operating system probes it, in milliseconds, in whole seconds;
   * 0 is the system's default (two hours on Linux). Has no effect without {@linkcode keepAlive}, nor on Unix sockets.
   * In the URL: `keepalives_idle`, in seconds. Default: 0.
   *
   * Not every runtime can set this and the three options below: `docs/options.md` has a table. Where it
   * cannot, connecting over TCP throws a `UsageError`.
   *
   * Source: PostgreSQL manual, libpq, "Parameter Key Words", keepalives_idle.
   *
   * @example
   * ```ts
   * import { Opts } from "@x/pyro";
   *
   * const opts = new Opts("pg://db.example.com").keepAlivesIdle(60_000);
   * console.log(String(opts)); // pg://db.example.com?keepalives_idle=60
   * ```
   *
   * @throws {UsageError} If it is not a multiple of 1000 from 0 to 32 767 000.
   */
  keepAlivesIdle(milliseconds: number): this {
    return set(this, "keepAlivesIdle", milliseconds);
  }

  /**
   * The time between probes that are not answered, in milliseconds, in whole seconds; 0 is the system's default
   * (75 seconds on Linux). See {@linkcode keepAlivesIdle}. In the URL: `keepalives_interval`, in seconds.
   * Default: 0.
   *
   * @throws {UsageError} If it is not a multiple of 1000 from 0 to 32 767 000.
   */
  keepAlivesInterval(milliseconds: number): this {
    return set(this, "keepAlivesInterval", milliseconds);
  }

  /**
   * The number of probes without an answer after which a connection counts as lost; 0 is the system's default
   * (9 on Linux). See {@linkcode keepAlivesIdle}. In the URL: `keepalives_count`. Default: 0.
   *
   * @throws {UsageError} If it is not an integer from 0 to 127.
   */
  keepAlivesCount(count: number): this {
    return set(this, "keepAlivesCount", count);
  }

  /**
   * How long sent data may stay unacknowledged before a TCP connection counts as lost, in milliseconds; 0 is the
   * system's default, about 15 minutes. Has no effect on Unix sockets. See {@linkcode keepAlivesIdle} for the
   * runtimes that have it. In the URL: `tcp_user_timeout`, in milliseconds too. Default: 0.
   *
   * Source: PostgreSQL manual, libpq, "Parameter Key Words", tcp_user_timeout.
   *
   * @throws {UsageError} If it is not an integer from 0 to 2^31-1.
   */
  tcpUserTimeout(milliseconds: number): this {
    return set(this, "tcpUserTimeout", milliseconds);
  }

  /**
   * The oldest version of the protocol that the session may have: `"3.0"`, `"3.2"` or `"latest"`. Connecting to a
   * server or pooler that only has an older one fails; so does connecting if
   * {@linkcode maxProtocolVersion} is an older one. Default: `"3.0"`.
   *
   * Source: PostgreSQL manual, libpq, "Parameter Key Words", min_protocol_version.
   *
   * @throws {UsageError} For any other value.
   */
  minProtocolVersion(version: ProtocolVersion): this {
    return set(this, "minProtocolVersion", version);
  }

  /**
   * The version of the protocol to ask for: `"3.0"`, `"3.2"` (PostgreSQL 18), or `"latest"`, the newest that pyro has,
   * now 3.2. A server that has only an older one uses that. In 3.2 the keys of cancel requests are longer, and so
   * cannot be guessed. Some poolers refuse versions that they do not know, hence the default, which is libpq's: `"3.0"`, or
   * `"latest"` if {@linkcode minProtocolVersion} is a newer one.
   *
   * Source: PostgreSQL manual, libpq, "Parameter Key Words", max_protocol_version.
   *
   * @example
   * ```ts
   * import { Conn, Opts } from "@x/pyro";
   * import assert from "node:assert/strict";
   *
   * await using conn = await Conn.connect(new Opts("pg://").maxProtocolVersion("latest"));
   * assert.ok(conn.cancelKey!.secret.length >= 4);
   * ```
   *
   * @throws {UsageError} For any other value.
   */
  maxProtocolVersion(version: ProtocolVersion): this {
    return set(this, "maxProtocolVersion", version);
  }

  /**
   * How many SQL strings a connection keeps as prepared statements. With 0, it uses unnamed statements, and remembers
   * the types of 256 strings. Default: 256.
   *
   * @throws {UsageError} If it is not an integer from 0 to 1 000 000.
   */
  statementCacheSize(count: number): this {
    return set(this, "statementCacheSize", count);
  }

  /**
   * Whether there is a pooler in front of the server that assigns server connections for each transaction, such as
   * PgBouncer in transaction mode. Prepared statements then have no names, and there is no upgrade to the server's
   * Unix socket, whatever {@linkcode upgradeToUnixSocket} says; {@linkcode statementCacheSize} is the number of
   * strings whose types are remembered. In the URL: `pgbouncer=true`. Default: false.
   *
   * @example
   * ```ts
   * import { Opts } from "@x/pyro";
   * import assert from "node:assert/strict";
   *
   * const opts = new Opts("pg://ada@pooler.example.com:6432/library?pgbouncer=true");
   * assert.deepEqual(opts.toJSON(), new Opts().user("ada").host("pooler.example.com").port(6432).db("library").pgbouncer(true).toJSON());
   * ```
   */
  pgbouncer(present: boolean): this {
    return set(this, "pgbouncer", present);
  }

  /**
   * How blocking connections use their socket: `"ffi"` through the C library, `"worker"` through a worker thread.
   * `"auto"` is FFI if it is permitted without a prompt, and a worker otherwise and for TLS. On Node, whose FFI is
   * experimental, `"auto"` is the worker. Default: `"auto"`.
   *
   * @throws {UsageError} For any other value.
   */
  blockingTransport(kind: BlockingTransport): this {
    return set(this, "blockingTransport", kind);
  }

  /**
   * A function that opens connections in place of pyro: through a proxy, a tunnel or a WebSocket, or to a server in
   * the process. It gets the address as in the options, and returns two Web streams of bytes, or for blocking
   * connections an object with `read`, `write` and `close`: see {@linkcode DialFunction}. It is also called for
   * cancel requests. Default: none.
   *
   * Names are not looked up, there is no upgrade to a Unix socket, and options of TCP sockets are refused. `sslmode`
   * means what it always means, and encryption is up to the connection's `startTls`; without it, `prefer` stays in clear
   * text, and `require` and stricter modes are refused. `conn.transport` is the name that the connection gives, and
   * `conn.cancelKey` undefined.
   *
   * @throws {UsageError} If it is not a function.
   *
   * @example
   * ```ts
   * import { Conn, Opts } from "@x/pyro";
   * import assert from "node:assert/strict";
   *
   * // Deno's sockets are such streams.
   * const opts = new Opts("pg://").dial(async ({ host, port }, { signal }) => {
   *   return await Deno.connect({ hostname: host!, port: port!, signal });
   * });
   * await using conn = await Conn.connect(opts);
   * assert.equal(conn.transport, "dial");
   * ```
   */
  dial(fn: DialFunction): this {
    return set(this, "dial", fn);
  }

  static {
    settingsOf = (opts) => opts.#settings;
    setSettings = (opts, settings) => opts.#settings = settings;
  }
}

const NONE: Settings = {};
