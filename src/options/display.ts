/** Shows options, without the password. */
import { lazy } from "../lazy.ts";
import { isSecretName } from "./aliases.ts";
import { memberOf, type Option, OPTIONS } from "./option_table.ts";
import type { OptionName } from "./opts_object.ts";
import type { Settings } from "./settings.ts";
import type { TlsSettings } from "./tls_settings.ts";

/** A canonical URL; equal settings give equal URLs. */
export function canonicalUrl(settings: Settings): string {
  const { user = "", db = "" } = settings;
  const account = encode(user) + (settings.password === undefined ? "" : ":***");
  const database = db === "" ? "" : `/${encode(db)}`;
  const query = queryOf(settings).sort().map(([key, value]) => `${encode(key)}=${encode(value)}`).join("&");
  return `pg://${account === "" ? "" : `${account}@`}${hostList(settings)}${database}${
    query === "" ? "" : `?${query}`
  }`;
}

/** The options that are set, by the names of their setters. */
export function plainObject(settings: Settings): Record<string, unknown> {
  // A logger is the user's object: it may refer to itself or contain secrets.
  const { hosts, hostAddrs, ports, tls, param, logger: _, accepted: __, ...others } = settings;
  return {
    ...(hosts === undefined ? {} : { host: hosts.length === 1 ? hosts[0] : [...hosts] }),
    ...(hostAddrs === undefined ? {} : { hostAddr: hostAddrs.length === 1 ? hostAddrs[0] : [...hostAddrs] }),
    ...(ports === undefined ? {} : { port: ports.length === 1 ? ports[0] : ports.map((port) => port ?? DEFAULT_PORT) }),
    ...(tls === undefined ? {} : { tls: shownTls(tls) }),
    ...(param === undefined ? {} : { param: shownParams(param) }),
    ...others,
    ...Object.fromEntries(secrets().filter((name) => others[name] !== undefined).map((name) => [name, HIDDEN])),
  };
}

function shownTls({ key, passphrase, ...others }: TlsSettings): TlsSettings {
  return {
    ...others,
    ...(key === undefined ? {} : { key: HIDDEN }),
    ...(passphrase === undefined ? {} : { passphrase: HIDDEN }),
  };
}

function hostList({ hosts = [""], ports = [] }: Settings): string {
  return hosts.map((host, i) => {
    // Paths of sockets may have colons too.
    const isAddress = /^[\dA-Fa-f.]*:[\dA-Fa-f:.]*(?:%.+)?$/s.test(host);
    const name = isAddress ? `[${encode(host).replaceAll("%3A", ":")}]` : encode(host);
    const port = ports.length === 1 ? ports[0] : ports[i];
    return port === undefined ? name : `${name}:${port}`;
  }).join(",");
}

function queryOf(settings: Settings): [key: string, value: string][] {
  const query = [
    ...emptyParts(settings),
    ...shownOptions().map((
      [name, option],
    ): [string, unknown] => [option.key!, shown(settings[memberOf(name, option)], option)]),
    ...Object.entries(settings.accepted ?? {}),
    ...Object.entries(shownParams(settings.param ?? {})),
  ];
  return query.filter(([, value]) => value !== undefined).map(([key, value]) => [key, String(value)]);
}

/** Keys are in seconds, as in libpq; setters take milliseconds. */
function shown(setting: unknown, { isSecret, isInSeconds, show }: Option): unknown {
  if (setting === undefined) return undefined;
  return isSecret ? HIDDEN : isInSeconds ? setting as number / 1000 : show?.(setting) ?? setting;
}

/** Parts that are set and empty, as a URL can say only in its query. */
function emptyParts({ user, db, hosts, ports }: Settings): [key: string, value: string | undefined][] {
  return [
    ["user", user === "" ? "" : undefined],
    ["dbname", db === "" ? "" : undefined],
    ["host", hosts?.length === 1 && hosts[0] === "" ? "" : undefined],
    ["port", ports?.length === 1 && ports[0] === undefined ? "" : undefined],
  ];
}

/**
 * Server settings, without the values of those from which a policy or a trigger reads a secret, such as
 * `app.token`.
 */
function shownParams(param: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(param).map(([name, value]) => [name, isSecretName(name) ? HIDDEN : value]));
}

/** As `encodeURIComponent`, but readable for paths. */
function encode(text: string): string {
  return encodeURIComponent(text).replaceAll("%2C", ",");
}

const DEFAULT_PORT = 5432;
const HIDDEN = "***";
const rows = lazy(() => Object.entries(OPTIONS) as [OptionName, Option][]);
const secrets = lazy(() =>
  rows().filter(([, { isSecret }]) => isSecret).map(([name]) => name) as ("password" | "sslPassword")[]
);

/** The options that a URL has in its query. */
const shownOptions = lazy(() =>
  rows().filter(([name, { key }]) => key !== undefined && !["user", "password", "host", "port", "db"].includes(name))
);
