/** Options of which the record has libpq's text: what it means, and what pyro's settings mean. */
import type { Settings } from "../../../src/options/settings.ts";

/** One of them. Each function gives the meaning in one spelling, and undefined for the default. */
interface OtherOption {
  readonly libpq: (text: string) => string | undefined;
  readonly pyro: (settings: Settings) => string | undefined;
}

/** What libpq's texts mean. */
export function meaningOf(texts: Readonly<Record<string, string>>): Record<string, string> {
  return without(OTHER_OPTIONS.map(([key, { libpq }]) => {
    const text = texts[key];
    return [key, text === undefined ? undefined : libpq(text)];
  }));
}

/** The meaning of pyro's settings. */
export function meaningOfSettings(settings: Settings): Record<string, string> {
  return without(OTHER_OPTIONS.map(([key, { pyro }]) => [key, pyro(settings)]));
}

function without(values: readonly (readonly [key: string, value: string | undefined])[]): Record<string, string> {
  return Object.fromEntries(values.filter((entry): entry is [string, string] => entry[1] !== undefined));
}

/** A text as it is, but for the default, or for an empty one. */
function word(member: keyof Settings, byDefault: string = ""): OtherOption {
  const meaning = (text: unknown): string | undefined => text === byDefault ? undefined : text as string | undefined;
  return { libpq: meaning, pyro: (settings) => meaning(settings[member]) };
}

/** An integer, of which zero and less are the default. libpq's is in units, and pyro's in `perUnit` of a unit. */
function natural(member: keyof Settings, perUnit: number): OtherOption {
  const meaning = (value: number): string | undefined => value > 0 ? String(value) : undefined;
  return {
    libpq: (text) => meaning(Number(text)),
    pyro: (settings) => meaning((settings[member] as number | undefined ?? 0) / perUnit),
  };
}

/** A choice of yes and no, of which yes is the default. */
function flag(member: keyof Settings, isYes: (text: string) => boolean): OtherOption {
  return {
    libpq: (text) => isYes(text) ? undefined : "0",
    pyro: (settings) => settings[member] === false ? "0" : undefined,
  };
}

/** A version of TLS, whose case does not matter. */
function tlsVersion(member: keyof Settings, byDefault: string): OtherOption {
  const { libpq, pyro } = word(member, byDefault);
  return { libpq: (text) => libpq(text.replace(/tls/i, "TLS").replace(/v/i, "v")), pyro };
}

/** A version of the protocol. */
function protocolVersion(member: keyof Settings): OtherOption {
  const { libpq, pyro } = word(member, "3.0");
  return { libpq: (text) => text === "" ? undefined : libpq(text), pyro };
}

export const OTHER_OPTIONS: readonly (readonly [key: string, option: OtherOption])[] = [
  ["sslnegotiation", word("sslNegotiation", "postgres")],
  ["sslrootcert", word("sslRootCert")],
  ["sslcert", word("sslCert")],
  ["sslkey", word("sslKey")],
  ["sslpassword", word("sslPassword")],
  ["sslcertmode", word("sslCertMode", "allow")],
  ["sslcrl", word("sslCrl")],
  ["sslcrldir", word("sslCrlDir")],
  ["sslsni", flag("sslSni", (text) => text.startsWith("1"))],
  ["ssl_min_protocol_version", tlsVersion("sslMinProtocolVersion", "TLSv1.2")],
  ["ssl_max_protocol_version", tlsVersion("sslMaxProtocolVersion", "")],
  ["require_auth", word("requireAuth")],
  ["channel_binding", word("channelBinding", "prefer")],
  ["requirepeer", word("requirePeer")],
  ["min_protocol_version", protocolVersion("minProtocolVersion")],
  ["max_protocol_version", protocolVersion("maxProtocolVersion")],
  ["target_session_attrs", word("targetSessionAttrs", "any")],
  ["load_balance_hosts", {
    libpq: (text) => text === "disable" ? undefined : text,
    pyro: ({ loadBalanceHosts }) => loadBalanceHosts ? "random" : undefined,
  }],
  ["oauth_issuer", word("oauthIssuer")],
  ["oauth_client_id", word("oauthClientId")],
  ["oauth_scope", word("oauthScope")],
  // On Unix sockets libpq does not look at it, so it may be a word.
  ["keepalives", flag("keepAlive", (text) => Number(text) !== 0 && !/^(?:false|no|off)$/i.test(text))],
  ["keepalives_idle", natural("keepAlivesIdle", 1000)],
  ["keepalives_interval", natural("keepAlivesInterval", 1000)],
  ["keepalives_count", natural("keepAlivesCount", 1)],
  ["tcp_user_timeout", natural("tcpUserTimeout", 1)],
];
