/**
 * What libpq 18, of npm's PostgreSQL, makes of a connection string, an environment and files: called in this process
 * through Deno's FFI, without a server. It changes the process's environment, so tests use `libpq_process.ts`.
 *
 * Everything is learned of libpq itself. It reads the string (`PQconninfoParse`); it is made to complete the options,
 * and to fail before it connects, by a value that it refuses last; then it is made to check them, with hosts that lead
 * nowhere: sockets that do not exist, and a port of this machine that is closed.
 */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";
import { type ConnectionCase, fileOf } from "../../options/libpq/connection_case.ts";
import { meaningOf } from "../../options/libpq/other_options.ts";
import type { Connected, Outcome } from "../../options/libpq/recorded.ts";
import { install } from "./postgres.ts";

type Texts = Readonly<Record<string, string>>;

/** The library, and the files of the case that it is given. On runtimes other than Deno it cannot be opened. */
export class LibpqReader implements Disposable {
  readonly #library = Deno.dlopen(join(install(18), "lib", "libpq.so.5"), {
    PQconninfoParse: { parameters: ["buffer", "buffer"], result: "pointer" },
    PQconninfoFree: { parameters: ["pointer"], result: "void" },
    PQconnectStart: { parameters: ["buffer"], result: "pointer" },
    PQconninfo: { parameters: ["pointer"], result: "pointer" },
    PQerrorMessage: { parameters: ["pointer"], result: "pointer" },
    PQpass: { parameters: ["pointer"], result: "pointer" },
    PQfinish: { parameters: ["pointer"], result: "void" },
    PQfreemem: { parameters: ["pointer"], result: "void" },
  });
  readonly #libc = Deno.dlopen("libc.so.6", {
    getaddrinfo: { parameters: ["buffer", "pointer", "buffer", "buffer"], result: "i32" },
    freeaddrinfo: { parameters: ["pointer"], result: "void" },
  });
  readonly #directory: string = mkdtempSync(join(tmpdir(), "pyro-libpq-"));
  readonly #osUser: string = userInfo().username;

  outcomeOf({ text, variables, files }: ConnectionCase): Outcome {
    const placed = (text: string): string => text.replaceAll("{dir}", this.#directory);
    const read = this.#read(placed(text));
    if (typeof read === "string") return { refused: read };
    const home = join(this.#directory, "home");
    for (const [path, spec] of Object.entries(files)) {
      const { mode, text } = fileOf(spec);
      mkdirSync(dirname(placed(path)), { recursive: true });
      writeFileSync(placed(path), placed(text));
      chmodSync(placed(path), mode);
    }
    const environment = {
      HOME: home,
      PGSYSCONFDIR: join(this.#directory, "none"),
      ...Object.fromEntries(Object.entries(variables).map(([name, value]) => [name, placed(value)])),
    };
    try {
      const { options, password, message } = withVariables(
        environment,
        () => this.#start({ ...read, target_session_attrs: REFUSED_LAST }),
      );
      if (!message.includes(`"${REFUSED_LAST}"`)) return { refused: message };
      const attributes = read["target_session_attrs"] ?? variables["PGTARGETSESSIONATTRS"] ?? "any";
      const all = { ...options, target_session_attrs: attributes };
      const refusal = withVariables({ HOME: home }, () => this.#check(all));
      return refusal === undefined ? this.#connected(all, password) : { refused: refusal };
    } finally {
      for (const path of Object.keys(files)) rmSync(placed(path), { force: true });
    }
  }

  /** The options of a string, or why it is refused. */
  #read(text: string): Texts | string {
    const { PQconninfoParse, PQconninfoFree, PQfreemem } = this.#library.symbols;
    const message = new BigUint64Array(1);
    const options = PQconninfoParse(cString(text), new Uint8Array(message.buffer));
    if (options === null) {
      const pointer = Deno.UnsafePointer.create(message[0]!);
      const refusal = textAt(pointer) ?? "";
      PQfreemem(pointer);
      return refusal.trim();
    }
    const read = optionsAt(options);
    PQconninfoFree(options);
    return read;
  }

  /** Starts to connect, and gives up at once: the options after the environment, and what libpq says. */
  #start(options: Texts): { readonly options: Texts; readonly password: string; readonly message: string } {
    const { PQconnectStart, PQconninfo, PQconninfoFree, PQerrorMessage, PQpass, PQfinish } = this.#library.symbols;
    const text = Object.entries(options).map(([key, value]) => `${key}='${value.replace(/['\\]/g, "\\$&")}'`);
    const conn = PQconnectStart(cString(text.join(" ")));
    const all = PQconninfo(conn);
    const result = {
      options: optionsAt(all),
      password: textAt(PQpass(conn)) ?? "",
      message: (textAt(PQerrorMessage(conn)) ?? "").trim(),
    };
    PQconninfoFree(all);
    PQfinish(conn);
    return result;
  }

  /** Why libpq refuses complete options; undefined if it would connect. */
  #check({ service: _, ...options }: Texts): string | undefined {
    const hosts = listOf(options["host"]);
    const addresses = listOf(options["hostaddr"]);
    const nowhere = (hosts.length > 0 ? hosts : addresses.length > 0 ? addresses : [""]).map(() => NOWHERE).join(",");
    // As many as there are, and each of them empty, so that the host is dialled.
    const hostaddr = addresses.slice(1).map(() => ",").join("");
    const { message } = this.#start({ ...options, host: nowhere, hostaddr });
    if (!message.includes(`"${NOWHERE}/`)) return message;
    if (addresses.length > 0 && !addresses.some((address) => address === "" || this.#isAddress(address))) {
      return `could not parse network address "${addresses[0]}"`;
    }
    const isTcp = addresses.some((address) => address !== "") || hosts.length === 0 ||
      hosts.some((host) => !/^[/@]/.test(host));
    const tcp = isTcp ? this.#checkTcp(options) : undefined;
    // The time limit is looked at last, by the function that reads this one.
    const { connect_timeout } = options;
    return tcp ?? (connect_timeout === undefined ? undefined : this.#checkTcp({ tcp_user_timeout: connect_timeout }));
  }

  /** Why libpq refuses the options of TCP sockets. What only the system refuses counts for its own options. */
  #checkTcp(options: Texts): string | undefined {
    const given = TCP_OPTIONS.filter((key) => options[key] !== undefined);
    if (given.length === 0) return undefined;
    const { message } = this.#start({
      hostaddr: "127.0.0.1",
      port: "1",
      user: "u",
      ...Object.fromEntries(given.map((key) => [key, options[key]!])),
    });
    return /invalid integer value|setsockopt/.test(message) ? message : undefined;
  }

  /** Whether the C library reads a text as an address, as libpq asks it to. */
  #isAddress(text: string): boolean {
    const { getaddrinfo, freeaddrinfo } = this.#libc.symbols;
    const hints = new Uint8Array(48);
    new DataView(hints.buffer).setInt32(0, AI_NUMERICHOST, true);
    const found = new BigUint64Array(1);
    if (getaddrinfo(cString(text), null, hints, new Uint8Array(found.buffer)) !== 0) return false;
    freeaddrinfo(Deno.UnsafePointer.create(found[0]!));
    return true;
  }

  #connected(options: Texts, password: string): Connected {
    const { application_name, fallback_application_name, connect_timeout, sslmode = "", replication } = options;
    const name = application_name ?? fallback_application_name;
    const others = meaningOf(options);
    const texts = Object.fromEntries(Object.keys(others).map((key) => [key, options[key]!]));
    return JSON.parse(
      JSON.stringify({
        addresses: addressesOf(options),
        passwords: [password || null],
        user: this.#named(options["user"]!),
        dbname: this.#named(options["dbname"]!),
        sslmode,
        application_name: name || undefined,
        options: options["options"] || undefined,
        connect_timeout,
        settings: replication ? { replication } : undefined,
        others: Object.keys(others).length === 0 ? undefined : texts,
      }).replaceAll(this.#directory, "{dir}"),
    );
  }

  #named(user: string): string {
    return user === this.#osUser ? "{osuser}" : user;
  }

  [Symbol.dispose](): void {
    this.#library.close();
    this.#libc.close();
    rmSync(this.#directory, { recursive: true });
  }
}

/** Where libpq would connect to, in the terms of the record. */
function addressesOf(options: Texts): string[] {
  const hosts = listOf(options["host"]);
  const addresses = listOf(options["hostaddr"]);
  const ports = (options["port"] ?? "").split(",").map((port) => port === "" ? 5432 : Number(port));
  const count = Math.max(hosts.length, addresses.length, 1);
  return Array.from({ length: count }, (_, i) => {
    const port = ports.length === 1 ? ports[0] : ports[i];
    const host = addresses[i] || hosts[i] || "";
    if (host === "") return `default ${port}`;
    return /^[/@]/.test(host) ? `unix ${host}/.s.PGSQL.${port}` : `tcp ${host} ${port}`;
  });
}

function listOf(text: string | undefined): string[] {
  return text ? text.split(",") : [];
}

/** Runs `work` with these variables, and no other that libpq reads. */
function withVariables<T>(variables: Texts, work: () => T): T {
  const before = VARIABLES.map((name): [string, string | undefined] => [name, process.env[name]]);
  const set = (values: readonly (readonly [string, string | undefined])[]): void => {
    for (const [name, value] of values) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  };
  set(VARIABLES.map((name) => [name, variables[name]]));
  try {
    return work();
  } finally {
    set(before);
  }
}

/** The options with a value of an array of `PQconninfoOption`, as in libpq-fe.h. */
function optionsAt(first: Deno.PointerValue): Texts {
  const options: Record<string, string> = {};
  if (first === null) return options;
  const view = new Deno.UnsafePointerView(first);
  for (let at = 0;; at += OPTION_SIZE) {
    const keyword = textAt(view.getPointer(at));
    if (keyword === undefined) return options;
    const value = textAt(view.getPointer(at + OPTION_VALUE));
    if (value !== undefined) options[keyword] = value;
  }
}

function textAt(pointer: Deno.PointerValue): string | undefined {
  return pointer === null ? undefined : new Deno.UnsafePointerView(pointer).getCString();
}

function cString(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(`${text}\0`);
}

/** The size of a `PQconninfoOption`, and the offset of its value. */
const OPTION_SIZE = 56;
const OPTION_VALUE = 24;
const AI_NUMERICHOST = 4;

/** Where no socket is. */
const NOWHERE = "/nonexistent/pyro";
/** A value that libpq refuses after it has completed the options. */
const REFUSED_LAST = "refused last";

const TCP_OPTIONS = ["keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout"];

/** The variables that libpq reads. */
const VARIABLES = [
  "HOME",
  ...["HOST", "HOSTADDR", "PORT", "DATABASE", "USER", "PASSWORD", "PASSFILE", "SERVICE", "SERVICEFILE"],
  ...["OPTIONS", "APPNAME", "SSLMODE", "REQUIRESSL", "SSLNEGOTIATION", "SSLCOMPRESSION", "SSLCERT", "SSLKEY"],
  ...["SSLCERTMODE", "SSLROOTCERT", "SSLCRL", "SSLCRLDIR", "SSLSNI", "REQUIREPEER", "SSLMINPROTOCOLVERSION"],
  ...["SSLMAXPROTOCOLVERSION", "GSSENCMODE", "KRBSRVNAME", "GSSLIB", "GSSDELEGATION", "CONNECT_TIMEOUT"],
  ...["CLIENTENCODING", "TARGETSESSIONATTRS", "LOADBALANCEHOSTS", "MINPROTOCOLVERSION", "MAXPROTOCOLVERSION"],
  ...["REQUIREAUTH", "CHANNELBINDING", "DATESTYLE", "TZ", "GEQO", "SYSCONFDIR", "LOCALEDIR"],
].map((name) => name === "HOME" ? name : `PG${name}`);
