/** Shows options, without the password. */
import { isSecretName } from "./aliases.ts";
import { POOL_OPTION_LIST } from "./pool_options.ts";
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
  const { hosts, hostAddrs, ports, password, sslPassword, tls, param, logger: _, accepted: __, ...others } = settings;
  return {
    ...(hosts === undefined ? {} : { host: hosts.length === 1 ? hosts[0] : [...hosts] }),
    ...(hostAddrs === undefined ? {} : { hostAddr: hostAddrs.length === 1 ? hostAddrs[0] : [...hostAddrs] }),
    ...(ports === undefined ? {} : { port: ports.length === 1 ? ports[0] : ports.map((port) => port ?? DEFAULT_PORT) }),
    ...(password === undefined ? {} : { password: "***" }),
    ...(sslPassword === undefined ? {} : { sslPassword: "***" }),
    ...(tls === undefined ? {} : { tls: shownTls(tls) }),
    ...(param === undefined ? {} : { param: shownParams(param) }),
    ...others,
  };
}

function shownTls({ key, passphrase, ...others }: TlsSettings): TlsSettings {
  return {
    ...others,
    ...(key === undefined ? {} : { key: "***" }),
    ...(passphrase === undefined ? {} : { passphrase: "***" }),
  };
}

function hostList({ hosts = [""], ports = [] }: Settings): string {
  return hosts.map((host, i) => {
    const name = host.includes(":") ? `[${encode(host).replaceAll("%3A", ":")}]` : encode(host);
    const port = ports.length === 1 ? ports[0] : ports[i];
    return port === undefined ? name : `${name}:${port}`;
  }).join(",");
}

function queryOf(settings: Settings): [key: string, value: string][] {
  const query: [string, unknown][] = [
    ["application_name", settings.applicationName],
    ["blocking_transport", settings.blockingTransport],
    ...emptyParts(settings),
    ["fallback_application_name", settings.fallbackApplicationName],
    ["hostaddr", settings.hostAddrs?.join(",")],
    ["oauth_client_id", settings.oauthClientId],
    ["oauth_issuer", settings.oauthIssuer],
    ["oauth_scope", settings.oauthScope],
    ["passfile", settings.passfile],
    ["service", settings.service],
    ["servicefile", settings.serviceFile],
    ...Object.entries(settings.accepted ?? {}),
    ["channel_binding", settings.channelBinding],
    ["connect_timeout", seconds(settings.connectTimeout)],
    ["keepalives", settings.keepAlive === undefined ? undefined : Number(settings.keepAlive)],
    ["max_protocol_version", settings.maxProtocolVersion],
    ["min_protocol_version", settings.minProtocolVersion],
    ["keepalives_idle", seconds(settings.keepAlivesIdle)],
    ["keepalives_interval", seconds(settings.keepAlivesInterval)],
    ["keepalives_count", settings.keepAlivesCount],
    ["pgbouncer", settings.pgbouncer],
    ...POOL_OPTION_LIST.map(([name, { keyword, unit }]): [string, unknown] => [
      keyword,
      unit === "time" ? seconds(settings[name]) : settings[name],
    ]),
    ["require_auth", settings.requireAuth],
    ["requirepeer", settings.requirePeer],
    ["socket", settings.socket],
    ["sslmode", settings.sslMode],
    ["sslnegotiation", settings.sslNegotiation],
    ["sslrootcert", settings.sslRootCert],
    ["sslcert", settings.sslCert],
    ["sslkey", settings.sslKey],
    ["sslpassword", settings.sslPassword === undefined ? undefined : "***"],
    ["sslcertmode", settings.sslCertMode],
    ["sslcrl", settings.sslCrl],
    ["sslcrldir", settings.sslCrlDir],
    ["sslsni", settings.sslSni === undefined ? undefined : Number(settings.sslSni)],
    ["ssl_min_protocol_version", settings.sslMinProtocolVersion],
    ["ssl_max_protocol_version", settings.sslMaxProtocolVersion],
    ["statement_cache_size", settings.statementCacheSize],
    ["tcp_user_timeout", settings.tcpUserTimeout],
    ["upgrade_to_unix_socket", settings.upgradeToUnixSocket],
    ...Object.entries(shownParams(settings.param ?? {})),
  ];
  return query.filter(([, value]) => value !== undefined).map(([key, value]) => [key, String(value)]);
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
  return Object.fromEntries(Object.entries(param).map(([name, value]) => [name, isSecretName(name) ? "***" : value]));
}

/** Keys are in seconds, as in libpq; setters take milliseconds. */
function seconds(milliseconds: number | undefined): number | undefined {
  return milliseconds === undefined ? undefined : milliseconds / 1000;
}

/** As `encodeURIComponent`, but readable for paths. */
function encode(text: string): string {
  return encodeURIComponent(text).replaceAll("%2C", ",");
}

const DEFAULT_PORT = 5432;
