/** What a client's parameters are as pyro's options. */
import { MAX_KEEPALIVE_SECONDS } from "../options/option_values.ts";
import { Opts } from "../options/opts.ts";
import type { TlsSettings } from "../options/tls_settings.ts";
import type { TlsVersion } from "../options/settings.ts";
import type { ConnectionParameters } from "./connection_parameters.ts";
import type { ClientConfig } from "./interfaces.ts";

/** The options, without those of the password and of the stream. */
export function optsOf(params: ConnectionParameters, config: ClientConfig): Opts {
  let opts = new Opts().host(params.host).port(params.port).connectTimeout(0)
    .upgradeToUnixSocket(isOn(params.upgradeToUnixSocket))
    // pyro's own values are never made, so that runtimes without Temporal will do.
    .dates("string");
  if (params.user) opts = opts.user(params.user);
  if (params.database) opts = opts.db(params.database);
  if (params.application_name) opts = opts.applicationName(params.application_name);
  if (params.fallback_application_name) opts = opts.fallbackApplicationName(params.fallback_application_name);
  for (const name of ["statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"] as const) {
    const value = params[name];
    if (value) opts = opts.param(name, String(parseInt(String(value), 10)));
  }
  if (params.options) opts = opts.param("options", params.options);
  if (params.replication) opts = opts.param("replication", String(params.replication));
  if (config.keepAlive !== undefined) opts = opts.keepAlive(Boolean(config.keepAlive));
  const idle = keepAliveIdle(config.keepAliveInitialDelayMillis);
  if (config.keepAlive && idle > 0) opts = opts.keepAlivesIdle(idle);
  if (config.enableChannelBinding) opts = opts.channelBinding("prefer");
  const { statementCacheSize } = params;
  if (statementCacheSize !== undefined) opts = opts.statementCacheSize(Number(statementCacheSize));
  if (isOn(params.pgbouncer)) opts = opts.pgbouncer(true);
  return withSsl(opts, params);
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
function withSsl(opts: Opts, { ssl, sslnegotiation }: ConnectionParameters): Opts {
  if (!ssl) return opts.sslMode("disable");
  if (sslnegotiation === "direct") opts = opts.sslNegotiation("direct");
  if (ssl === true) return opts.sslMode("verify-full").sslRootCert("system");
  const tls = tlsOf(ssl);
  if (Object.keys(tls).length > 0) opts = opts.tls(tls);
  if (ssl.rejectUnauthorized === false) return opts.sslMode("require");
  if (ssl.checkServerIdentity !== undefined) {
    // pyro verifies the certificate itself, and does not have node's object of it.
    if (ssl.checkServerIdentity.length > 0 || tls.ca === undefined) {
      throw new Error(
        "Cannot use ssl.checkServerIdentity: it must be a function without parameters, which accepts every host name, " +
          "together with ssl.ca; otherwise leave it out",
      );
    }
    return opts.sslMode("verify-ca");
  }
  opts = opts.sslMode("verify-full");
  return tls.ca === undefined ? opts.sslRootCert("system") : opts;
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
