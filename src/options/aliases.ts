/**
 * Other names of options: in another case, with other separators, or as in another client's connection
 * strings.
 *
 * An unknown key is a server setting, and is sent and shown. So these names must be refused:
 * `Password=…` would otherwise be sent as a setting, and `sslMode=require` would encrypt nothing.
 */
import { UsageError } from "../errors.ts";
import { sslModeNote, sslModeOfOption } from "./foreign_ssl_modes.ts";
import { POOL_OPTION_LIST } from "./pool_options.ts";

/**
 * Where a name was given: as a key of a URL or a keyword/value string, as a member of an object, or to `Opts.param`.
 */
export type NameUse = "key" | "option" | "param";

/**
 * What must be used instead of a name that is not known in this spelling; undefined if the name has no
 * meaning in any spelling, as those of server settings.
 */
export function canonicalName(name: string, use: NameUse): string | undefined {
  const folded = fold(name);
  const option = OPTIONS_BY_NAME.get(folded);
  if (option !== undefined) return instead(option, use);
  const setting = SETTINGS_BY_NAME.get(folded);
  if (setting !== undefined && !isSetting(name, setting)) return instead({ setting }, use);
  return ADVICE_BY_NAME.get(folded);
}

/** The key for which a name is another client's; undefined if it is none of those, or a key itself. */
export function keyOfAlias(name: string): string | undefined {
  const key = OPTIONS_BY_NAME.get(fold(name))?.key;
  return key === name ? undefined : key;
}

/**
 * Throws for names that `canonicalName` corrects, and for names of secrets, since no built-in server
 * setting is one. `what` precedes the name. The value says more, if it is a known word.
 */
export function refuseAlias(name: string, use: NameUse, what: string, value: string = ""): void {
  const right = valueInstead(name, use, value) ?? canonicalName(name, use) ??
    (isSecretName(name) && !name.includes(".") ? SECRET_ADVICE : undefined);
  if (right !== undefined) throw new UsageError(`Cannot ${what} ${JSON.stringify(name)}: ${right}`);
}

/** True if the name says that its value is a secret: `app.jwt_secret`, but not `password_encryption`. */
export function isSecretName(name: string): boolean {
  return /(?:passw(?:or)?d|pass|pwd|psw|passphrase|passcode|secret|token|credentials?|apikey|privatekey|accesskey)$/
    .test(fold(name));
}

/** An option has a `key`, a `setter` or both; a server setting has only its name. */
interface Option {
  readonly key?: string | undefined;
  readonly setter?: string | undefined;
  readonly setting?: string | undefined;
}

function instead({ key, setter, setting }: Option, use: NameUse): string {
  if (setting !== undefined) {
    return use === "option" ? `use param: { ${setting}: … } instead` : `use ${setting} instead`;
  }
  if (use === "key") {
    if (key === undefined) return `use Opts.${setter}() instead, which has no key`;
    return `use ${key} instead${IN_SECONDS.has(key) ? ", in seconds" : ""}`;
  }
  if (setter === undefined) return `it is ${key} of libpq's, which is not implemented`;
  const unit = key !== undefined && IN_SECONDS.has(key) ? ", in milliseconds" : "";
  return `use ${setter}${use === "param" ? "()" : ""} instead${unit}`;
}

/** What must be written instead of another client's key and value that choose whether to encrypt. */
function valueInstead(name: string, use: NameUse, value: string): string | undefined {
  if (use !== "key" || OPTIONS_BY_NAME.get(fold(name))?.key !== "sslmode") return undefined;
  const mode = sslModeOfOption(name, value);
  return mode === undefined ? undefined : `use sslmode=${mode} instead${sslModeNote(mode)}`;
}

/** The server accepts the names of settings in any case, but `options` in lower case only. */
function isSetting(name: string, setting: string): boolean {
  return setting === "options" ? name === setting : name.toLowerCase() === setting.toLowerCase();
}

/** Drops case and separators. */
function fold(name: string): string {
  return name.toLowerCase().replace(/[\s_+-]+/g, "");
}

type Row = readonly [key: string | undefined, setter: string | undefined, others?: string];

/**
 * Each option's key, setter, and other names, folded.
 *
 * Sources: the manuals of libpq, Npgsql and ADO.NET, JDBC, node-postgres, postgres.js, Bun, Prisma,
 * SQLAlchemy and asyncpg, pgx, SQLx.
 */
const OPTIONS: readonly Row[] = [
  ["host", "host", "hostname server servername address addr networkaddress datasource pghost"],
  ["hostaddr", "hostAddr", "hostaddress pghostaddr"],
  ["port", "port", "pgport portnumber"],
  ["user", "user", "username userid uid uname login pguser"],
  ["password", "password", "pass passwd pwd psw passphrase passcode userpassword secret pgpassword"],
  ["dbname", "db", "database databasename dbase initialcatalog catalog pgdatabase"],
  ["socket", "socket", "unixsocket socketpath unixsocketpath sockpath unixsock"],
  ["application_name", "applicationName", "appname application programname pgappname"],
  ["fallback_application_name", "fallbackApplicationName"],
  ["passfile", "passfile", "pgpassfile"],
  ["service", "service", "pgservice"],
  ["servicefile", "serviceFile", "pgservicefile"],
  [
    "sslmode",
    "sslMode",
    "sslaccept tls tlsmode usessl requiressl encrypt encryption trustservercertificate sslrejectunauthorized " +
    "rejectunauthorized pgsslmode sslrequire sslfactory sslfactoryarg sslhostnameverifier",
  ],
  ["ssl", "sslMode"],
  ["require_auth", "requireAuth", "pgrequireauth"],
  [undefined, "oauthToken"],
  ["oauth_issuer", "oauthIssuer"],
  ["oauth_client_id", "oauthClientId"],
  ["oauth_scope", "oauthScope"],
  ["requirepeer", "requirePeer", "pgrequirepeer"],
  ["channel_binding", "channelBinding", "enablechannelbinding pgchannelbinding"],
  [
    "connect_timeout",
    "connectTimeout",
    "timeout connectiontimeout connectiontimeoutmillis connectiontimeoutmilliseconds connecttimeoutms logintimeout dialtimeout pgconnecttimeout",
  ],
  ["keepalives", "keepAlive", "tcpkeepalive tcpkeepalives usekeepalive"],
  ["min_protocol_version", "minProtocolVersion", "pgminprotocolversion"],
  ["max_protocol_version", "maxProtocolVersion", "protocolversion pgmaxprotocolversion"],
  ["keepalives_idle", "keepAlivesIdle", "tcpkeepalivetime keepaliveinitialdelaymillis"],
  ["keepalives_interval", "keepAlivesInterval", "tcpkeepaliveinterval"],
  ["keepalives_count", "keepAlivesCount", "tcpkeepalivecount"],
  ["tcp_user_timeout", "tcpUserTimeout"],
  [
    "statement_cache_size",
    "statementCacheSize",
    "preparedstatementcachesize preparedstatementcachequeries statementcachecapacity statementcachemode maxautoprepare " +
    "autopreparemin autoprepareminusages preparethreshold prepare preparedstatements defaultqueryexecmode " +
    "descriptioncachecapacity maxcachedstatementlifetime maxcacheablestatementsize preferquerymode",
  ],
  ["pgbouncer", "pgbouncer", "noresetonclose"],
  ["upgrade_to_unix_socket", "upgradeToUnixSocket"],
  ...POOL_OPTION_LIST.map(([name, { keyword, aliases }]): Row => [keyword, name, aliases]),
  ["blocking_transport", "blockingTransport"],
  [undefined, "dial", "dialer dialfunc stream"],
  [undefined, "onNotice", "onnotice noticelistener"],
  [undefined, "trace", "debug"],
  [undefined, "logger", "log"],
  [undefined, "logLevel", "loggerlevel"],
  [undefined, "int8", "bigint"],
  [undefined, "numeric"],
  [undefined, "json"],
  [undefined, "dates"],
  [undefined, "codec", "types codecs"],
  [undefined, "param", "connection runtimeparams serversettings"],
  // Keys of libpq that are not implemented.
  ["gssdelegation", undefined, "gssapidelegation"],
  ["gssencmode", undefined, "gssencryptionmode gssencmode"],
  ["gsslib", undefined, "usespnego"],
  ["krbsrvname", undefined, "kerberosservicename kerberosservername includerealm"],
  ["load_balance_hosts", undefined],
  ["oauth_client_secret", undefined, "clientsecret"],
  ["replication", undefined, "replicationmode"],
  ["scram_client_key", undefined],
  ["scram_server_key", undefined],
  ["ssl_max_protocol_version", "sslMaxProtocolVersion", "sslprotocols"],
  ["ssl_min_protocol_version", "sslMinProtocolVersion"],
  ["sslcert", "sslCert", "sslcertificate sslidentity clientcertificate"],
  ["sslcertmode", "sslCertMode"],
  ["sslcompression", undefined],
  ["sslcrl", "sslCrl", "checkcertificaterevocation"],
  ["sslcrldir", "sslCrlDir"],
  ["sslkey", "sslKey", "clientkey"],
  ["sslkeylogfile", undefined],
  ["sslnegotiation", "sslNegotiation"],
  ["sslpassword", "sslPassword", "sslkeypassword"],
  ["sslrootcert", "sslRootCert", "rootcertificate sslca sslcafile cafile servercertificate"],
  ["sslsni", "sslSni"],
  ["target_session_attrs", undefined, "targetsessionattributes targetservertype"],
];

/** Server settings for which other clients have keys. A name in another case is still the setting. */
const SETTINGS: readonly (readonly [setting: string, others: string])[] = [
  ["search_path", "searchpath schema currentschema defaultschema schemas schemasearchpath"],
  ["statement_timeout", "statementtimeout commandtimeout sockettimeout querytimeout"],
  ["lock_timeout", "locktimeout"],
  ["idle_in_transaction_session_timeout", "idleintransactionsessiontimeout"],
  ["default_transaction_read_only", "readonly defaulttransactionreadonly"],
  ["default_transaction_isolation", "defaultisolationlevel isolationlevel defaulttransactionisolation"],
  ["TimeZone", "timezone tz pgtz"],
  ["DateStyle", "datestyle pgdatestyle"],
  ["client_min_messages", "clientminmessages minmessages"],
  ["options", "options commandlineoptions pgoptions"],
];

/** Names without a counterpart in pyro. */
const ADVICE: readonly (readonly [names: string, advice: string])[] = [
  ["uselibpqcompat", "leave it out: sslmode has libpq's meaning already"],
  ["singleuseconnections binaryparameters", "leave it out: there is no such choice"],
  ["clientencoding encoding charset characterset pgclientencoding", "leave it out: pyro reads and writes UTF8 only"],
  ["persistsecurityinfo", "leave it out: passwords are never shown"],
  ["pooling", "leave it out: a Pool is a pool, and a Conn is one connection"],
  ["multiplexing", "leave it out: a Pool shares connections by itself, see pool_max_pipelined"],
  [
    "includeerrordetail logparameters includefailedbatchedcommand",
    "leave it out: errors have all fields of the server's",
  ],
  ["connectionstring connectionuri dsn uri url jdbcurl databaseurl", "give its value in place of the whole"],
  [
    "loadbalance topologykeys ybserversrefreshinterval fallbacktotopologykeysonly failedhostreconnectdelaysecs " +
    "failedhostreconnectdelay hostrecheckseconds wrapperplugins wrapperdialect",
    "leave it out, and list the nodes as hosts: pyro does not ask a cluster for its nodes",
  ],
  ["supa workaround", "leave it out: it tells only where the string comes from"],
  ["adapter driver dialect", "leave it out: the scheme postgresql:// says the same"],
  ["cluster", "use options=--cluster%3D… instead, with the name of the cluster"],
  ["fetchtypes", "leave it out: types are looked up when they are needed"],
  ["maxuses", "leave it out: a pool closes connections by their age, see pool_max_lifetime"],
  ["poolpreping connhealthchecks", "leave it out: a pool checks its connections by itself"],
  ["rewritebatchedinserts", "leave it out: execBatch sends its sets together"],
  ["sslinline", "leave it out: sslcert, sslkey and sslrootcert are paths of files"],
  [
    "socketfactory socketfactoryarg cloudsqlinstance iptypes enableiamauth",
    "leave it out, and give the server's address, or that of a proxy in front of it, as host",
  ],
  [
    "allowexitonidle keepalivetimeout enlist binary reapingfrequency advisorylocks reconnect variables queuetarget " +
    "queueinterval pooluselifo asyncfallback poolclass stringtype binarytransfer binarytransferenable " +
    "binarytransferdisable autosave cleanupsavepoints assumeminserverversion defaultrowfetchsize adaptivefetch " +
    "unknownlength logunclosedconnections disablecolumnsanitiser escapesyntaxcallmode groupstartupparameters " +
    "hideunprivilegedobjects quotereturningidentifiers tcpnodelay localsocketaddress servercompatibilitymode " +
    "arraynullabilitymode writebuffersize readbuffersize socketreceivebuffersize socketsendbuffersize " +
    "receivebuffersize sendbuffersize internalcommandtimeout cancellationtimeout cancelsignaltimeout " +
    "connectionpruninginterval loadtablecomposites writecoalescingbufferthresholdbytes",
    "leave it out: there is no such choice",
  ],
];

/** The keys of times, which are in seconds, while setters take milliseconds. */
const IN_SECONDS: ReadonlySet<string> = new Set([
  "connect_timeout",
  "keepalives_idle",
  "keepalives_interval",
  ...POOL_OPTION_LIST.filter(([, { unit }]) => unit === "time").map(([, { keyword }]) => keyword),
]);

const SECRET_ADVICE = "it is no server setting; the key for a password is password";

/** If two rows have the same name, the first one wins. */
const OPTIONS_BY_NAME: ReadonlyMap<string, Option> = new Map([
  ...OPTIONS.toReversed().flatMap(([key, setter, others = ""]) => {
    const names = [...others.split(" "), fold(setter ?? ""), fold(key ?? "")].filter((name) => name !== "");
    return names.map((name): [string, Option] => [name, { key, setter }]);
  }),
  // In strings of other clients it says whether to encrypt, and in objects how.
  ["tls", { key: "sslmode", setter: "tls" }],
]);

const SETTINGS_BY_NAME: ReadonlyMap<string, string> = new Map(
  SETTINGS.flatMap(([setting, others]) => others.split(" ").map((name): [string, string] => [name, setting])),
);

const ADVICE_BY_NAME: ReadonlyMap<string, string> = new Map(
  ADVICE.flatMap(([names, advice]) => names.split(" ").map((name): [string, string] => [name, advice])),
);
