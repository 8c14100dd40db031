/** Options as a plain object. */
import type { ServerFields } from "../errors.ts";
import type { DatesChoice, Int8Choice, JsonChoice, NumericChoice } from "./choices.ts";
import type { DialFunction } from "./dial.ts";
import type { Logger, LogLevel } from "./logger.ts";
import type {
  BlockingTransport,
  ChannelBinding,
  OAuthTokenFunction,
  PasswordFunction,
  ProtocolVersion,
  SslCertMode,
  SslMode,
  SslNegotiation,
  TlsVersion,
} from "./settings.ts";
import type { TlsSettings } from "./tls_settings.ts";
import type { TypeCodec } from "./type_codec.ts";

/** {@linkcode Opts} as a plain object: its keys are the setters' names, its values their arguments. */
export interface OptsObject {
  /** See {@linkcode Opts.host}. */
  readonly host?: string | readonly string[] | undefined;
  /** See {@linkcode Opts.hostAddr}. */
  readonly hostAddr?: string | readonly string[] | undefined;
  /** See {@linkcode Opts.port}. */
  readonly port?: number | readonly number[] | undefined;
  /** See {@linkcode Opts.socket}. */
  readonly socket?: string | undefined;
  /** See {@linkcode Opts.user}. */
  readonly user?: string | undefined;
  /** See {@linkcode Opts.password}. */
  readonly password?: string | PasswordFunction | undefined;
  /** See {@linkcode Opts.oauthToken}. */
  readonly oauthToken?: OAuthTokenFunction | undefined;
  /** See {@linkcode Opts.oauthIssuer}. */
  readonly oauthIssuer?: string | undefined;
  /** See {@linkcode Opts.oauthClientId}. */
  readonly oauthClientId?: string | undefined;
  /** See {@linkcode Opts.oauthScope}. */
  readonly oauthScope?: string | undefined;
  /** See {@linkcode Opts.passfile}. */
  readonly passfile?: string | undefined;
  /** See {@linkcode Opts.service}. */
  readonly service?: string | undefined;
  /** See {@linkcode Opts.serviceFile}. */
  readonly serviceFile?: string | undefined;
  /** See {@linkcode Opts.db}. */
  readonly db?: string | undefined;
  /** See {@linkcode Opts.applicationName}. */
  readonly applicationName?: string | undefined;
  /** See {@linkcode Opts.fallbackApplicationName}. */
  readonly fallbackApplicationName?: string | undefined;
  /** See {@linkcode Opts.sslMode}. */
  readonly sslMode?: SslMode | undefined;
  /** See {@linkcode Opts.sslRootCert}. */
  readonly sslRootCert?: string | undefined;
  /** See {@linkcode Opts.sslCert}. */
  readonly sslCert?: string | undefined;
  /** See {@linkcode Opts.sslKey}. */
  readonly sslKey?: string | undefined;
  /** See {@linkcode Opts.sslPassword}. */
  readonly sslPassword?: string | undefined;
  /** See {@linkcode Opts.sslCertMode}. */
  readonly sslCertMode?: SslCertMode | undefined;
  /** See {@linkcode Opts.sslCrl}. */
  readonly sslCrl?: string | undefined;
  /** See {@linkcode Opts.sslCrlDir}. */
  readonly sslCrlDir?: string | undefined;
  /** See {@linkcode Opts.sslSni}. */
  readonly sslSni?: boolean | undefined;
  /** See {@linkcode Opts.sslNegotiation}. */
  readonly sslNegotiation?: SslNegotiation | undefined;
  /** See {@linkcode Opts.sslMinProtocolVersion}. */
  readonly sslMinProtocolVersion?: TlsVersion | "" | undefined;
  /** See {@linkcode Opts.sslMaxProtocolVersion}. */
  readonly sslMaxProtocolVersion?: TlsVersion | "" | undefined;
  /** See {@linkcode Opts.tls}. */
  readonly tls?: TlsSettings | undefined;
  /** See {@linkcode Opts.requireAuth}. */
  readonly requireAuth?: string | undefined;
  /** See {@linkcode Opts.channelBinding}. */
  readonly channelBinding?: ChannelBinding | undefined;
  /** See {@linkcode Opts.requirePeer}. */
  readonly requirePeer?: string | undefined;
  /** See {@linkcode Opts.upgradeToUnixSocket}. */
  readonly upgradeToUnixSocket?: boolean | undefined;
  /** See {@linkcode Opts.connectTimeout}. */
  readonly connectTimeout?: number | undefined;
  /** See {@linkcode Opts.keepAlive}. */
  readonly keepAlive?: boolean | undefined;
  /** See {@linkcode Opts.minProtocolVersion}. */
  readonly minProtocolVersion?: ProtocolVersion | undefined;
  /** See {@linkcode Opts.maxProtocolVersion}. */
  readonly maxProtocolVersion?: ProtocolVersion | undefined;
  /** See {@linkcode Opts.keepAlivesIdle}. */
  readonly keepAlivesIdle?: number | undefined;
  /** See {@linkcode Opts.keepAlivesInterval}. */
  readonly keepAlivesInterval?: number | undefined;
  /** See {@linkcode Opts.keepAlivesCount}. */
  readonly keepAlivesCount?: number | undefined;
  /** See {@linkcode Opts.tcpUserTimeout}. */
  readonly tcpUserTimeout?: number | undefined;
  /** Server settings by name; see {@linkcode Opts.param}. */
  readonly param?: Readonly<Record<string, string>> | undefined;
  /** See {@linkcode Opts.statementCacheSize}. */
  readonly statementCacheSize?: number | undefined;
  /** See {@linkcode Opts.pgbouncer}. */
  readonly pgbouncer?: boolean | undefined;
  /** See {@linkcode Opts.poolMaxIdleConn}. */
  readonly poolMaxIdleConn?: number | undefined;
  /** See {@linkcode Opts.poolMaxConcurrency}. */
  readonly poolMaxConcurrency?: number | undefined;
  /** See {@linkcode Opts.poolMinIdle}. */
  readonly poolMinIdle?: number | undefined;
  /** See {@linkcode Opts.poolIdleTimeout}. */
  readonly poolIdleTimeout?: number | undefined;
  /** See {@linkcode Opts.poolMaxLifetime}. */
  readonly poolMaxLifetime?: number | undefined;
  /** See {@linkcode Opts.poolAcquireTimeout}. */
  readonly poolAcquireTimeout?: number | undefined;
  /** See {@linkcode Opts.poolMaxWaiting}. */
  readonly poolMaxWaiting?: number | undefined;
  /** See {@linkcode Opts.poolLeakTimeout}. */
  readonly poolLeakTimeout?: number | undefined;
  /** See {@linkcode Opts.poolMaxPipelined}. */
  readonly poolMaxPipelined?: number | undefined;
  /** See {@linkcode Opts.blockingTransport}. */
  readonly blockingTransport?: BlockingTransport | undefined;
  /** See {@linkcode Opts.dial}. */
  readonly dial?: DialFunction | undefined;
  /** See {@linkcode Opts.onNotice}. */
  readonly onNotice?: ((notice: ServerFields) => void) | undefined;
  /** See {@linkcode Opts.trace}. */
  readonly trace?: ((line: string) => void) | undefined;
  /** See {@linkcode Opts.logger}. */
  readonly logger?: Logger | undefined;
  /** See {@linkcode Opts.logLevel}. */
  readonly logLevel?: LogLevel | undefined;
  /** See {@linkcode Opts.int8}. */
  readonly int8?: Int8Choice | undefined;
  /** See {@linkcode Opts.numeric}. */
  readonly numeric?: NumericChoice | undefined;
  /** See {@linkcode Opts.json}. */
  readonly json?: JsonChoice | undefined;
  /** See {@linkcode Opts.dates}. */
  readonly dates?: DatesChoice | undefined;
  /** Codecs by the name or OID of their type; see {@linkcode Opts.codec}. */
  readonly codec?: Readonly<Record<string, TypeCodec>> | undefined;
}
