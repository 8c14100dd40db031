/**
 * Other names of options: in another case, with other separators, or as in another client's connection
 * strings.
 *
 * An unknown key is a server setting, and is sent and shown. So these names must be refused:
 * `Password=…` would otherwise be sent as a setting, and `sslMode=require` would encrypt nothing.
 */
import { UsageError } from "../errors.ts";
import { lazy } from "../lazy.ts";
import { sslModeNote, sslModeOfOption } from "./foreign_ssl_modes.ts";
import { ADDED_OPTIONS, NOT_IMPLEMENTED, OPTIONS } from "./option_table.ts";

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
  if (use === "key" && folded === "timeout") return TIMEOUT_ADVICE;
  const option = optionsByName().get(folded);
  if (option !== undefined) return instead(option, use);
  const setting = settingsByName().get(folded);
  if (setting !== undefined && !isSetting(name, setting)) return instead({ setting }, use);
  return adviceByName().get(folded);
}

/** The key for which a name is another client's; undefined if it is none of those, or a key itself. */
export function keyOfAlias(name: string): string | undefined {
  const key = optionsByName().get(fold(name))?.key;
  return key === name ? undefined : key;
}

/**
 * Throws for names that `canonicalName` corrects, for those with a typing error, and for names of secrets, since no
 * built-in server setting is one. `what` precedes the name. The value says more, if it is a known word.
 */
export function refuseAlias(name: string, use: NameUse, what: string, value: string = ""): void {
  const right = valueInstead(name, use, value) ?? canonicalName(name, use) ?? nearestOption(name, use) ??
    (isSecretName(name) && !name.includes(".") ? SECRET_ADVICE : undefined);
  if (right !== undefined) throw new UsageError(`Cannot ${what} ${JSON.stringify(name)}: ${right}`);
}

/** True if the name says that its value is a secret: `app.jwt_secret`, but not `password_encryption`. */
export function isSecretName(name: string): boolean {
  return /(?:passw(?:or)?d|pass|pwd|psw|passphrase|passcode|secret|token|credentials?|apikey|privatekey|accesskey)$/
    .test(fold(name));
}

/** What a name stands for: an option, with a `key`, a `setter` or both, or a server `setting`. */
interface Meaning {
  readonly key?: string | undefined;
  readonly setter?: string | undefined;
  readonly setting?: string | undefined;
  readonly isInSeconds?: boolean | undefined;
}

function instead({ key, setter, setting, isInSeconds }: Meaning, use: NameUse): string {
  if (setting !== undefined) {
    return use === "option" ? `use param: { ${setting}: … } instead` : `use ${setting} instead`;
  }
  if (use === "key") {
    if (key === undefined) return `use Opts.${setter}() instead, which has no key`;
    return `use ${key} instead${isInSeconds ? ", in seconds" : ""}`;
  }
  if (setter === undefined) return `it is ${key} of libpq's, which is not implemented`;
  const unit = isInSeconds ? ", in milliseconds" : "";
  return `use ${setter}${use === "param" ? "()" : ""} instead${unit}`;
}

/**
 * The advice for one of pyro's own names with a typing error. Aliases are not corrected:
 * `tcp_keepalives_count` is a server setting, and Npgsql has `TCP Keepalive Count`.
 */
function nearestOption(name: string, use: NameUse): string | undefined {
  if (/[ .]/.test(name)) return undefined;
  const folded = fold(name);
  for (const option of new Set(optionsByName().values())) {
    const { key = "", setter = "" } = option;
    const names = use === "option" ? [fold(key), fold(setter)] : key === "" ? [] : [fold(key), fold(setter)];
    if (names.some((name) => name.length >= SHORTEST && isOneErrorFrom(folded, name))) return instead(option, use);
  }
  return undefined;
}

/** Whether a letter is missing, added or another one, or two neighbours have changed places. */
function isOneErrorFrom(given: string, right: string): boolean {
  if (Math.abs(given.length - right.length) > 1) return false;
  let start = 0;
  while (start < given.length && given[start] === right[start]) start++;
  const [a, b] = [given.slice(start), right.slice(start)];
  return a.slice(1) === b.slice(1) || a.slice(1) === b || a === b.slice(1) ||
    (a[0] === b[1] && a[1] === b[0] && a.slice(2) === b.slice(2));
}

/** What must be written instead of another client's key and value that choose whether to encrypt. */
function valueInstead(name: string, use: NameUse, value: string): string | undefined {
  if (use !== "key" || optionsByName().get(fold(name))?.key !== "sslmode") return undefined;
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
    "failedhostreconnectdelay wrapperplugins wrapperdialect",
    "leave it out, and list the nodes as hosts: pyro does not ask a cluster for its nodes",
  ],
  ["supa workaround", "leave it out: it tells only where the string comes from"],
  ["adapter driver dialect", "leave it out: the scheme postgresql:// says the same"],
  ["cluster", "use options=--cluster%3D… instead, with the name of the cluster"],
  ["fetchtypes", "leave it out: types are looked up when they are needed"],
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

/** In other clients' strings it limits connecting, and calls have another word. */
const TIMEOUT_ADVICE = "use connect_timeout instead, or call_timeout, which limits each call; both are in seconds";

/** Shorter names are not corrected: many words differ from one by a letter. */
const SHORTEST = 4;

const SECRET_ADVICE = "it is no server setting; the key for a password is password";

/** Options and keys by each of their names. */
const optionsByName = lazy((): ReadonlyMap<string, Meaning> =>
  new Map([
    ...Object.entries(OPTIONS).flatMap(([setter, { key, isInSeconds, aliases }]) =>
      named({ key, setter, isInSeconds }, aliases)
    ),
    ...Object.entries(ADDED_OPTIONS).flatMap(([setter, aliases]) => named({ setter }, aliases)),
    ...[...NOT_IMPLEMENTED].flatMap(([key, { aliases }]) => named({ key }, aliases)),
    ["ssl", { key: "ssl", setter: "sslMode" }],
    // In strings of other clients it says whether to encrypt, and in objects how.
    ["tls", { key: "sslmode", setter: "tls" }],
  ])
);

function named(meaning: Meaning, aliases: string = ""): [name: string, meaning: Meaning][] {
  const names = [fold(meaning.key ?? ""), fold(meaning.setter ?? ""), ...aliases.split(" ")];
  return names.filter((name) => name !== "").map((name) => [name, meaning]);
}

const settingsByName = lazy((): ReadonlyMap<string, string> =>
  new Map(
    SETTINGS.flatMap(([setting, others]) => others.split(" ").map((name): [string, string] => [name, setting])),
  )
);

const adviceByName = lazy((): ReadonlyMap<string, string> =>
  new Map(
    ADVICE.flatMap(([names, advice]) => names.split(" ").map((name): [string, string] => [name, advice])),
  )
);
