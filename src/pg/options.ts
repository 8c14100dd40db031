/** What a client's parameters are as pyro's options. */
import { MAX_KEEPALIVE_SECONDS } from "../options/option_values.ts";
import { Opts } from "../options/opts.ts";
import type { OptsObject } from "../options/opts_object.ts";
import { setAll } from "../options/set_all.ts";
import type { TlsSettings } from "../options/tls_settings.ts";
import type { TlsVersion } from "../options/settings.ts";
import type { ConnectionParameters } from "./connection_parameters.ts";
import type { ClientConfig } from "./interfaces.ts";

/** The options. `more` are those that are no parameters. */
export function optsOf(params: ConnectionParameters, config: ClientConfig, more: OptsObject = {}): Opts {
  const idle = config.keepAlive ? keepAliveIdle(config.keepAliveInitialDelayMillis) : 0;
  const { statementCacheSize } = params;
  const opts = setAll(new Opts(), {
    host: params.host,
    port: params.port,
    connectTimeout: 0,
    upgradeToUnixSocket: isOn(params.upgradeToUnixSocket),
    // pyro's own values are never made, so that runtimes without Temporal will do.
    dates: "string",
    user: params.user || undefined,
    db: params.database || undefined,
    applicationName: params.application_name || undefined,
    fallbackApplicationName: params.fallback_application_name || undefined,
    keepAlive: config.keepAlive === undefined ? undefined : Boolean(config.keepAlive),
    keepAlivesIdle: idle || undefined,
    channelBinding: config.enableChannelBinding ? "prefer" : undefined,
    statementCacheSize: statementCacheSize === undefined ? undefined : Number(statementCacheSize),
    pgbouncer: isOn(params.pgbouncer) || undefined,
    ...sslOptionsOf(params),
    ...more,
  });
  return withSettings(opts, params);
}

/** The options with the settings that the session begins with. */
function withSettings(opts: Opts, params: ConnectionParameters): Opts {
  for (const name of ["statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"] as const) {
    const value = params[name];
    if (value) opts = opts.param(name, String(parseInt(String(value), 10)));
  }
  if (params.options) opts = opts.param("options", params.options);
  if (params.replication) opts = opts.param("replication", String(params.replication));
  return opts;
}

/** Whole seconds, which the system counts in, as milliseconds; 0 for its default. More than it can count is no error. */
function keepAliveIdle(milliseconds: unknown): number {
  const seconds = Math.trunc(Number(milliseconds ?? 0) / 1000);
  return seconds > 0 ? Math.min(seconds, MAX_KEEPALIVE_SECONDS) * 1000 : 0;
}

/** In connection strings, all values are texts. */
function isOn(value: unknown): boolean {
  return value === true || value === "true" || value === "1";
}

/**
 * pg's `ssl`: nothing for a connection in clear; `true`, or an object of `node:tls`, to encrypt. The server is verified
 * as `node:tls` does, with the certificates in `ca` or those that the system trusts, unless `rejectUnauthorized` is
 * false.
 */
function sslOptionsOf({ ssl, sslnegotiation }: ConnectionParameters): OptsObject {
  if (!ssl) return { sslMode: "disable" };
  const sslNegotiation = sslnegotiation === "direct" ? sslnegotiation : undefined;
  if (ssl === true) return { sslNegotiation, sslMode: "verify-full", sslRootCert: "system" };
  const given = tlsOf(ssl);
  const tls = Object.keys(given).length > 0 ? given : undefined;
  if (ssl.rejectUnauthorized === false) return { sslNegotiation, tls, sslMode: "require" };
  if (ssl.checkServerIdentity === undefined) {
    return { sslNegotiation, tls, sslMode: "verify-full", sslRootCert: given.ca === undefined ? "system" : undefined };
  }
  // pyro verifies the certificate itself, and does not have node's object of it.
  if (ssl.checkServerIdentity.length > 0 || given.ca === undefined) {
    throw new Error(
      "Cannot use ssl.checkServerIdentity: it must be a function without parameters, which accepts every host name, " +
        "together with ssl.ca; otherwise leave it out",
    );
  }
  return { sslNegotiation, tls, sslMode: "verify-ca" };
}

function tlsOf(ssl: Exclude<ConnectionParameters["ssl"], boolean>): TlsSettings {
  const { ca, cert, key, passphrase, servername, crl, minVersion, maxVersion } = ssl;
  return {
    ...(ca ? { ca: textsOf(ca) } : {}),
    ...(cert ? { cert: textsOf(cert).join("\n") } : {}),
    ...(key ? { key: textsOf(key as string).join("\n") } : {}),
    ...(passphrase ? { passphrase } : {}),
    ...(servername ? { serverName: servername } : {}),
    ...(crl ? { crl: textsOf(crl) } : {}),
    ...(minVersion ? { minVersion: minVersion as TlsVersion } : {}),
    ...(maxVersion ? { maxVersion: maxVersion as TlsVersion } : {}),
  };
}

/** `node:tls` takes texts and Buffers, one or several. */
function textsOf(value: string | Uint8Array | readonly (string | Uint8Array)[]): string[] {
  const list = typeof value === "string" || value instanceof Uint8Array ? [value] : value;
  return list.map((item) => typeof item === "string" ? item : new TextDecoder().decode(item));
}
