/**
 * Checks the values of options, and reads those of connection strings. Every function throws a `UsageError` that says
 * what is allowed, and never shows a secret. `name` is the user's name for the option.
 */
import { isAddress } from "./ip_address.ts";
import { UsageError } from "../errors.ts";
import { sslModeNote, sslModeOf } from "./foreign_ssl_modes.ts";
import { MAX_MILLISECONDS } from "./pool_options.ts";
import { argumentError } from "../revoked.ts";
import type { OAuthTokenFunction, PasswordFunction, SslMode } from "./settings.ts";
import type { TypeCodec } from "./type_codec.ts";

/** Text without zero bytes, with which the protocol ends strings. */
export function checkText(name: string, value: unknown): string {
  if (typeof value !== "string") throw new UsageError(`Cannot set ${name}: it must be a string, not ${typeof value}`);
  if (value.includes("\0")) throw new UsageError(`Cannot set ${name}: it contains a NUL character`);
  if (!value.isWellFormed()) throw new UsageError(`Cannot set ${name}: it contains a lone surrogate`);
  return value;
}

/**
 * The options of a function, an object with members of these names. Anything else is refused, since it would be ignored.
 * `example` is such an object, and `note` says more about other names.
 */
export function checkOptions(
  options: unknown,
  names: readonly string[],
  example: string,
  note: string = "",
): Readonly<Record<string, unknown>> {
  if (options === undefined) return {};
  if (!isOptions(options)) throw new UsageError(`Cannot use the options: they must be an object such as ${example}`);
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined || names.includes(name)) continue;
    const known = names.length === 1 ? `there is only ${names[0]}` : `there are ${names.join(", ")}`;
    throw new UsageError(`Cannot use option ${JSON.stringify(name)}: ${known}${note}`);
  }
  return options;
}

/** Whether a value can be an object of options: of another class, its options would have to be its own members. */
export function isOptions(value: unknown): value is Readonly<Record<string, unknown>> {
  try {
    return mayHaveOptions(value);
  } catch (error) {
    throw argumentError(error, "use the options");
  }
}

function mayHaveOptions(value: unknown): boolean {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  // The prototype of a plain object of any realm has none itself.
  return prototype === null || Object.getPrototypeOf(prototype) === null || Object.keys(value).length > 0;
}

/** One of the allowed words. */
export function checkChoice<T extends string>(name: string, value: unknown, allowed: readonly T[]): T {
  const found = allowed.find((word) => word === value);
  if (found === undefined) throw bad(name, value, `it must be one of ${allowed.join(", ")}`);
  return found;
}

/** An integer from `min` to `max`. */
export function checkInteger(name: string, value: unknown, min: number, max: number): number {
  if (!Number.isInteger(value) || (value as number) < min || (value as number) > max) {
    throw bad(name, value, `it must be an integer from ${min} to ${max}`);
  }
  return value as number;
}

/** A time in milliseconds; 0 is no limit. */
export function checkMilliseconds(name: string, value: unknown): number {
  return checkInteger(name, value, 0, MAX_MILLISECONDS);
}

/** A time of keepalives: whole seconds, in milliseconds; 0 is the system's default. */
export function checkKeepAliveTime(name: string, value: unknown): number {
  const time = checkInteger(name, value, 0, MAX_KEEPALIVE_SECONDS * 1000);
  if (time % 1000 !== 0) {
    throw bad(name, value, "it must be whole seconds, in milliseconds, which the system counts in");
  }
  return time;
}

export function checkBoolean(name: string, value: unknown): boolean {
  if (typeof value !== "boolean") throw bad(name, value, "it must be true or false");
  return value;
}

export function checkFunction<F>(name: string, value: unknown): F {
  if (typeof value !== "function") throw bad(name, value, "it must be a function");
  return value as F;
}

/** A password, or a function that gives one. */
export function checkPassword(name: string, value: unknown): string | PasswordFunction {
  return typeof value === "function" ? value as PasswordFunction : checkText(name, value);
}

/** A function that gives a token. A text may be the token itself, and is not shown. */
export function checkToken(name: string, value: unknown): OAuthTokenFunction {
  if (typeof value === "function") return value as OAuthTokenFunction;
  throw new UsageError(`Cannot set ${name}: it must be a function, not ${typeof value}`);
}

/** One of libpq's modes. */
export function checkSslMode(name: string, value: unknown): SslMode {
  const mode = typeof value === "string" ? sslModeOf(value) : undefined;
  if (mode !== undefined && mode !== String(value).toLowerCase()) {
    throw bad(name, value, `use ${mode} instead${sslModeNote(mode)}`);
  }
  return checkChoice(name, value, SSL_MODES);
}

/** Hosts: a list, or one string with commas. */
export function checkHosts(name: string, value: unknown): readonly string[] {
  const list = typeof value === "string" ? value.split(",") : value;
  if (!Array.isArray(list) || list.length === 0) throw bad(name, value, "it must be a host, or a list of hosts");
  return list.map((host) => checkHost(name, host));
}

/** The hosts of a connection string. As in libpq, an empty one is the default. */
export function parseHosts(name: string, value: string): readonly string[] {
  return checkText(name, value).split(",").map((host) => host === "" ? host : checkHost(name, host));
}

/** A name, an address (IPv6 with or without brackets), a socket directory, or the beginning of an abstract name. */
function checkHost(name: string, value: unknown): string {
  const text = checkText(name, value);
  const inner = text.startsWith("[") && text.endsWith("]") ? text.slice(1, -1) : "";
  const host = inner.includes(":") && !isSocketHost(inner) ? inner : text;
  if (host === "" || (!isSocketHost(host) && /[\s/?#@\\[\];=]/.test(host))) {
    throw new UsageError(`Cannot set ${name}: it must be a name, an IP address, or the path of a socket directory`);
  }
  return host;
}

/** IP addresses: a list, or one string with commas. An empty one is none. */
export function checkHostAddrs(name: string, value: unknown): readonly string[] {
  const list = typeof value === "string" ? value.split(",") : value;
  if (!Array.isArray(list) || list.length === 0) throw bad(name, value, "it must be an IP address, or a list of them");
  for (const address of list) {
    if (checkText(name, address) === "" || isAddress(address)) continue;
    throw bad(name, address, `it must be an IP address${address.startsWith("[") ? ", without brackets" : ""}`);
  }
  return [...list];
}

/** Whether a host is a directory of Unix sockets, or the beginning of an abstract socket's name. */
export function isSocketHost(host: string): boolean {
  return host.startsWith("/") || host.startsWith("@");
}

/** Ports, one for all hosts or one each. */
export function checkPorts(name: string, value: unknown): readonly number[] {
  const list = Array.isArray(value) ? value : [value];
  if (list.length === 0) throw bad(name, value, "it must be a port, or a list of ports");
  return list.map((port) => checkInteger(name, port, 1, 65_535));
}

/** The whole path of a socket file. */
export function checkSocket(name: string, value: unknown): string {
  const path = checkText(name, value);
  if (!path.startsWith("/")) throw bad(name, path, "it must be the whole path of a socket file");
  return path;
}

/** A user's codec, and the name or OID of its type. */
export function checkCodec(type: unknown, codec: unknown): readonly [key: string, codec: TypeCodec] {
  const key = typeof type === "number" ? String(checkInteger("codec", type, 1, 0xffff_ffff)) : checkText("codec", type);
  if (key.trim() === "") throw bad("codec", type, "its type must be a name as in pg_type, or an OID");
  if (typeof codec !== "object" || codec === null) {
    throw new UsageError(`Cannot set the codec of ${key}: it must be an object with a function parse`);
  }
  const given = codec as Record<string, unknown>;
  if (typeof given["parse"] !== "function") {
    throw new UsageError(`Cannot set the codec of ${key}: it has no function parse, which every codec needs`);
  }
  for (const member of ["format", "decode", "encode", "isValue"]) {
    if (given[member] !== undefined && typeof given[member] !== "function") {
      throw new UsageError(`Cannot set the codec of ${key}: its ${member} must be a function`);
    }
  }
  return [catalogName(key), codec as TypeCodec];
}

/** The name in `pg_type` of a type that is named as in SQL. An array type's name begins with an underscore. */
function catalogName(type: string): string {
  const element = type.replace(/(?:\s*\[\])+$/, "");
  const name = SQL_NAMES.get(element.toLowerCase()) ?? element;
  return element === type ? name : name.replace(/[^.]*$/, "_$&");
}

/** A boolean in any of the spellings that PostgreSQL users write. */
export function parseBoolean(name: string, value: string): boolean {
  const word = value.toLowerCase();
  if (TRUE.includes(word)) return true;
  if (FALSE.includes(word)) return false;
  throw bad(name, value, `it must be one of ${[...TRUE, ...FALSE].join(", ")}`);
}

/** Ports as libpq writes them: separated by commas, empty for the default. */
export function parsePorts(name: string, value: string): readonly (number | undefined)[] {
  return value.split(",").map((port) => port === "" ? undefined : parseInteger(name, port, 1, 65_535));
}

export function parseInteger(name: string, value: string, min: number, max: number): number {
  const text = trimBlanks(value);
  if (!/^[+-]?\d+$/.test(text)) throw bad(name, value, `it must be an integer from ${min} to ${max}`);
  return checkInteger(name, Number(text), min, max);
}

/** A time in seconds, as milliseconds. */
export function parseSeconds(name: string, value: string): number {
  return parseInteger(name, value, 0, Math.floor(MAX_MILLISECONDS / 1000)) * 1000;
}

/** `connect_timeout`: as in libpq, any integer of 32 bits. Zero and less are no limit. */
export function parseTimeout(name: string, value: string): number {
  return Math.min(parseNatural(name, value, 0x7fff_ffff), Math.floor(MAX_MILLISECONDS / 1000)) * 1000;
}

/** An integer up to `max`. As in libpq, a negative one of 32 bits is 0, but errors name only what makes sense. */
export function parseNatural(name: string, value: string, max: number): number {
  const text = trimBlanks(value);
  return /^-\d+$/.test(text) && Number(text) >= -0x8000_0000 ? 0 : parseInteger(name, value, 0, max);
}

/** `keepalives`: in libpq any integer of 32 bits, where 0 is false. */
export function parseKeepAlive(name: string, value: string): boolean {
  const text = trimBlanks(value);
  const isInteger = /^[+-]?\d+$/.test(text) && Number(text) === (Number(text) | 0);
  return isInteger ? Number(text) !== 0 : parseBoolean(name, value);
}

/** `ssl`: a boolean. Other clients also take words of `sslmode`. */
export function parseSsl(name: string, value: string): "require" | "disable" {
  const mode = [...TRUE, ...FALSE].includes(value.toLowerCase()) ? undefined : sslModeOf(value);
  if (mode !== undefined) throw bad(name, value, `use sslmode=${mode} instead${sslModeNote(mode)}`);
  return parseBoolean(name, value) ? "require" : "disable";
}

/** Whether a character is white space as libpq sees it: C's `isspace` in the C locale. Others, such as U+00A0, are text. */
export function isBlank(char: string | undefined): boolean {
  return char !== undefined && char !== "" && BLANKS.includes(char);
}

/** The text without blanks at its ends. */
export function trimBlanks(text: string): string {
  return text.replace(/^[ \t\n\v\f\r]+|[ \t\n\v\f\r]+$/g, "");
}

/** The error for a value that is not allowed. */
export function bad(name: string, value: unknown, allowed: string): UsageError {
  return new UsageError(`Cannot set ${name}${shown(value)}: ${allowed}`);
}

/**
 * A value for a message, unless it may contain another key's secret, as `require;password=…` from
 * another client's string.
 */
function shown(value: unknown): string {
  if (typeof value === "string") return /[;=&]/.test(value) ? "" : ` to ${JSON.stringify(value)}`;
  if (typeof value === "object" && value !== null) return Array.isArray(value) ? " to an array" : " to an object";
  return typeof value === "function" ? " to a function" : ` to ${String(value)}`;
}

/** The longest time of keepalives that Linux accepts, and the largest number of them. */
export const MAX_KEEPALIVE_SECONDS = 32_767;
export const MAX_KEEPALIVE_COUNT = 127;

const SSL_MODES: readonly SslMode[] = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"];

/** SQL's names of types that the catalog does not have. */
const SQL_NAMES: ReadonlyMap<string, string> = new Map([
  ["bigint", "int8"],
  ["bit varying", "varbit"],
  ["boolean", "bool"],
  ["character", "bpchar"],
  ["character varying", "varchar"],
  ["decimal", "numeric"],
  ["double precision", "float8"],
  ["int", "int4"],
  ["integer", "int4"],
  ["real", "float4"],
  ["smallint", "int2"],
  ["time with time zone", "timetz"],
  ["time without time zone", "time"],
  ["timestamp with time zone", "timestamptz"],
  ["timestamp without time zone", "timestamp"],
]);

const TRUE = ["true", "1", "yes", "on"];
const FALSE = ["false", "0", "no", "off"];
const BLANKS = " \t\n\v\f\r";
