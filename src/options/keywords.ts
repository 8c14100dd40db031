/**
 * The keys of URLs and of keyword/value strings: libpq's, pyro's own, and any other is the name of a
 * server setting.
 *
 * A libpq key that is not implemented is an error, unless its value requires nothing: pyro must neither
 * ignore what a user relies on nor send it to the server.
 *
 * Source: PostgreSQL manual, libpq, "Parameter Key Words".
 */
import { lazy } from "../lazy.ts";
import { UsageError } from "../errors.ts";
import { canonicalName, refuseAlias } from "./aliases.ts";
import type { AllowedKeys } from "./allowed_keys.ts";
import { memberOf, NOT_IMPLEMENTED, type Option, OPTIONS } from "./option_table.ts";
import { bad, checkText, parseSsl } from "./option_values.ts";
import type { Settings } from "./settings.ts";

/** The settings with `key=value` added. `name` is the user's name for the key, for errors. */
export function applyKeyword(settings: Settings, key: string, value: string, name: string = key): Settings {
  const keyword = keywords().get(key);
  if (keyword !== undefined) return { ...settings, [keyword.member]: keyword.parse(name, value) };
  if (IGNORED.has(key)) {
    checkHarmless(key, value, name);
    return { ...settings, accepted: { ...settings.accepted, [key]: value } };
  }
  refuseAlias(key, "key", "use key", value);
  const [param, text] = checkParam(key, value);
  return { ...settings, param: { ...settings.param, [param]: text } };
}

function checkHarmless(key: string, value: string, name: string): void {
  if (key === "client_encoding") {
    if (!/^(utf-?8|unicode|auto|)$/i.test(value)) throw bad(name, value, "pyro reads and writes UTF8 only");
    return;
  }
  const { harmless } = NOT_IMPLEMENTED.get(key)!;
  if (harmless.includes(value)) return;
  const shown = harmless.filter((word) => word !== "");
  const allowed = shown.length === 0 ? "" : `; only the values ${shown.join(", ")} are accepted`;
  throw new UsageError(
    `Cannot use ${name}: it is a connection parameter of libpq's that is not implemented${allowed}`,
  );
}

/**
 * The settings with all pairs added. Of equal keys only the last one is read, as in libpq, and so it is of keys for
 * the same setting (`sslmode`, `requiressl`, `ssl`); all of them must be allowed.
 */
export function applyKeywords(
  settings: Settings,
  pairs: readonly (readonly [key: string, value: string])[],
  allowed?: AllowedKeys,
): Settings {
  const last = new Map<string, readonly [key: string, value: string]>();
  for (const pair of pairs) {
    const [key] = pair;
    if (!isMisnamed(key)) allowed?.check(key);
    const setting = keywords().get(key)?.member ?? key;
    last.delete(setting);
    last.set(setting, pair);
  }
  return [...last.values()].reduce((added, [key, value]) => applyKeyword(added, key, value), settings);
}

/** Whether the settings have a value for a key, so that nothing else is looked at for it. An empty value is one. */
export function isGiven(settings: Settings, key: string): boolean {
  const keyword = keywords().get(key);
  if (keyword !== undefined) return settings[keyword.member] !== undefined;
  if (IGNORED.has(key)) return settings.accepted?.[key] !== undefined;
  const { param } = settings;
  return param !== undefined && Object.keys(param).some((name) => name.toLowerCase() === key.toLowerCase());
}

/** Whether it is a key in the right spelling, and no server setting. */
export function isKey(key: string): boolean {
  return keywords().has(key) || IGNORED.has(key) || key === "options";
}

/** Whether it is refused anyway, by an error that names the right key. */
function isMisnamed(key: string): boolean {
  return !isKey(key) && canonicalName(key, "key") !== undefined;
}

/** Whether libpq has the key, so that its service files may have it. */
export function isLibpqKey(key: string): boolean {
  return isKey(key) && !keywords().get(key)?.isOwnKey;
}

/** A server setting for the session's start. */
export function checkParam(name: unknown, value: unknown): readonly [name: string, value: string] {
  const key = checkText("param", name);
  refuseAlias(key, "param", "set param");
  if (/^_pq_\./i.test(key)) {
    throw new UsageError(
      `Cannot set param ${JSON.stringify(key)}: names that begin with _pq_ are for options of the protocol`,
    );
  }
  if (!/^[A-Za-z_][A-Za-z0-9_$]*(\.[A-Za-z_][A-Za-z0-9_$]*)*$/.test(key)) {
    throw new UsageError(`Cannot set param ${JSON.stringify(key)}: it must be the name of a server setting`);
  }
  if (typeof value !== "number") return [key, checkText(`param ${key}`, value)];
  if (Number.isFinite(value)) return [key, String(value)];
  throw new UsageError(`Cannot set param ${key} to ${value}: it must be a string or a finite number`);
}

/** The setting that a key sets, and how its value is read. */
interface Keyword {
  readonly member: keyof Settings;
  readonly isOwnKey: boolean;
  readonly parse: (name: string, value: string) => unknown;
}

function keywordOf(name: string, option: Option): Keyword {
  return {
    member: memberOf(name, option),
    isOwnKey: option.isOwnKey ?? false,
    parse: option.parse ?? option.check,
  };
}

const keywords = lazy((): ReadonlyMap<string, Keyword> =>
  new Map<string, Keyword>([
    ...Object.entries(OPTIONS).filter(([, { key }]) => key !== undefined).map(([name, option]): [string, Keyword] => [
      option.key!,
      keywordOf(name, option),
    ]),
    // JDBC's spelling, which libpq accepts in strings too.
    ["ssl", { member: "sslMode", isOwnKey: true, parse: parseSsl }],
    // The older spelling of sslmode: only the first character counts.
    ["requiressl", {
      member: "sslMode",
      isOwnKey: true,
      parse: (_, value) => value.startsWith("1") ? "require" : "prefer",
    }],
  ])
);

/** libpq's keys that are checked, and need nothing of pyro. */
const IGNORED: ReadonlySet<string> = new Set([...NOT_IMPLEMENTED.keys(), "client_encoding"]);
