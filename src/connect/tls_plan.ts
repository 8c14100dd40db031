/**
 * What encryption needs: certificates, keys and lists, from the options or from libpq's files. Files are read when a
 * connection starts TLS, as libpq does, so that a changed one is noticed.
 *
 * Source: PostgreSQL manual, libpq, "SSL Support"; `initialize_SSL` in libpq's `fe-secure-openssl.c`.
 */
import { ConnectionError, NOT_RETRYABLE, UsageError } from "../errors.ts";
import type { Environment } from "../options/environment.ts";
import { type FileContent, type FileState, readNamedFile } from "../options/files.ts";
import type { Settings, SslMode } from "../options/settings.ts";
import { textsOf, TLS_VERSIONS } from "../options/tls_settings.ts";
import { certificatesIn, pemOfCertificates, revocationListsIn } from "../tls/pem.ts";
import { checkKeyOf, pemOf, privateKeyOf } from "../tls/private_key.ts";
import type { Verification } from "../tls/verify.ts";
import type { TlsOptions } from "../transport/transport.ts";

/** How connections are encrypted. */
export interface TlsPlan {
  readonly mode: SslMode;
  /** Whether TLS starts without a request. */
  readonly isDirect: boolean;
  /** The name for SNI; undefined for the host, empty to send none. */
  readonly serverName: string | undefined;
  /** Reads the files. Throws a {@linkcode ConnectionError} if one cannot be used. */
  prepare(): TlsPreparation;
  /** Unix milliseconds. */
  date(): number;
}

/** The parts of the environment that encryption needs. */
export interface TlsEnvironment extends Pick<Environment, "homeDirectory" | "readFile"> {
  /** The names in a directory; undefined if it cannot be read. */
  readDirectory(path: string): readonly string[] | undefined;
  /** The certificates that the system trusts, in PEM. */
  readonly systemCertificates: () => readonly string[];
  /** Unix milliseconds. */
  date(): number;
}

/** What one connection is encrypted with. */
export interface TlsPreparation {
  readonly options: TlsOptions;
  /** The demands on the certificate; undefined if it is not verified. */
  readonly verification: Demands | undefined;
}

/** What is expected of a certificate, whatever the host. */
export interface Demands extends Omit<Verification, "host"> {
  /** Whether the trusted authorities are the system's. */
  readonly trustsSystem: boolean;
}

/** The mode: if the system's certificates are to verify the server, the strictest is the default. */
export function effectiveSslMode({ sslMode, sslRootCert }: Settings): SslMode {
  return sslMode ?? (sslRootCert === "system" ? "verify-full" : "prefer");
}

/** The plan. Throws a {@linkcode UsageError} for options that contradict each other. */
export function tlsPlanOf(settings: Settings, environment: TlsEnvironment): TlsPlan {
  const mode = effectiveSslMode(settings);
  const { sslRootCert, sslNegotiation = "postgres", sslSni = true, tls = {} } = settings;
  if (sslRootCert === "system" && tls.ca === undefined && mode !== "verify-full") {
    throw new UsageError(
      `Cannot connect: sslmode=${mode} is too weak for sslrootcert=system; it must be verify-full`,
    );
  }
  if (sslRootCert === "system" && tls.ca === undefined && (tls.crl ?? (settings.sslCrl || settings.sslCrlDir))) {
    throw new UsageError(
      "Cannot connect: revocation lists (sslcrl, sslcrldir, tls.crl) are not used with sslrootcert=system; " +
        "sslrootcert must name a file",
    );
  }
  if (sslNegotiation === "direct" && !STRICT.includes(mode)) {
    throw new UsageError(
      `Cannot connect: sslmode=${mode} is too weak for sslnegotiation=direct; it must be one of ${STRICT.join(", ")}`,
    );
  }
  const versions = versionsOf(settings);
  return {
    mode,
    isDirect: sslNegotiation === "direct",
    serverName: sslSni ? tls.serverName : "",
    prepare: () => ({
      options: { ...versions, ...clientCertificate(settings, environment) },
      verification: verificationOf(settings, environment, mode),
    }),
    date: environment.date,
  };
}

function versionsOf(settings: Settings): Pick<TlsOptions, "minVersion" | "maxVersion"> {
  const { sslMinProtocolVersion = "TLSv1.2", sslMaxProtocolVersion = "", tls = {} } = settings;
  const minVersion = (tls.minVersion ?? sslMinProtocolVersion) || undefined;
  const maxVersion = (tls.maxVersion ?? sslMaxProtocolVersion) || undefined;
  if (minVersion && maxVersion && TLS_VERSIONS.indexOf(minVersion) > TLS_VERSIONS.indexOf(maxVersion)) {
    throw new UsageError(
      `Cannot connect: ssl_min_protocol_version ${minVersion} is newer than ssl_max_protocol_version ${maxVersion}`,
    );
  }
  return { minVersion, maxVersion };
}

/** The client's certificate and key; nothing if there is none. */
function clientCertificate(
  settings: Settings,
  environment: TlsEnvironment,
): Pick<TlsOptions, "certificate" | "privateKey"> {
  const { sslCertMode, sslCert, sslKey, sslPassword, tls = {} } = settings;
  if (sslCertMode === "disable") return {};
  if (tls.cert !== undefined) {
    return {
      certificate: pemOfCertificates(certificatesOf(tls.cert, "tls.cert")),
      privateKey: pemOf(privateKeyOf(tls.key!, tls.passphrase, "tls.key", "passphrase")),
    };
  }
  const certificate = findFile("certificate", "sslcert", sslCert, "postgresql.crt", environment);
  if (certificate === undefined) return {};
  const key = findFile("private key", "sslkey", sslKey, "postgresql.key", environment);
  if (key === undefined) {
    throw unusable(`there is a certificate, ${certificate.name}, and no private key for it: sslkey must name its file`);
  }
  if (!key.file.isPrivate && !key.file.isRootsKey) {
    throw unusable(
      `the private key ${key.name} can be read by its group or others: its permissions must be u=rw (0600) or less, ` +
        "or u=rw,g=r (0640) or less if root owns it",
    );
  }
  return connecting(() => {
    const certificates = certificatesIn(certificate.file.text, `the certificate ${certificate.name}`);
    const content = key.file.text.includes("-----BEGIN") ? key.file.text : key.file.bytes!;
    const privateKey = privateKeyOf(content, sslPassword, `the private key ${key.name}`, "sslpassword");
    checkKeyOf(privateKey, `the private key ${key.name}`, certificates[0]!, `the certificate ${certificate.name}`);
    return { certificate: pemOfCertificates(certificates), privateKey: pemOf(privateKey) };
  });
}

/** What the server's certificate must prove. As in libpq, it is verified in every mode if there are root certificates. */
function verificationOf(
  settings: Settings,
  environment: TlsEnvironment,
  mode: SslMode,
): Demands | undefined {
  const { sslRootCert, tls = {} } = settings;
  const strength = mode === "verify-full" ? "verify-full" : "verify-ca";
  if (tls.ca !== undefined) {
    const roots = textsOf("tls.ca", tls.ca).flatMap((text) => certificatesOf(text, "tls.ca"));
    const crls = revocationLists(settings, environment);
    return { mode: strength, roots, rootsName: "tls.ca", crls, trustsSystem: false };
  }
  if (sslRootCert === "system") {
    const rootsName = "the certificates that the system trusts (sslrootcert=system)";
    // A transport that verifies by itself needs no list of them, and may run where there is none.
    return {
      mode: strength,
      get roots() {
        return systemRoots(environment);
      },
      rootsName,
      crls: [],
      trustsSystem: true,
    };
  }
  const found = findFile("root certificate", "sslrootcert", sslRootCert, "root.crt", environment);
  if (found === undefined) {
    if (mode !== "verify-ca" && mode !== "verify-full") return undefined;
    const missing = sslRootCert
      ? `the file ${JSON.stringify(sslRootCert)} (sslrootcert) does not exist`
      : "there is no file .postgresql/root.crt in the home directory, or it may not be read";
    throw unusable(
      `sslmode=${mode} needs root certificates, and ${missing}: sslrootcert must name a file with them, ` +
        "or be system for those that the system trusts; or give them by tls({ ca })",
    );
  }
  const rootsName = `the file ${found.name} (sslrootcert)`;
  const roots = connecting(() => certificatesOf(found.file.text, rootsName));
  return { mode: strength, roots, rootsName, crls: revocationLists(settings, environment), trustsSystem: false };
}

/** The revocation lists. As in libpq, a file that does not exist is ignored, but a directory must have the lists. */
function revocationLists(settings: Settings, environment: TlsEnvironment): readonly Uint8Array[] {
  const { sslCrl, sslCrlDir, tls = {} } = settings;
  if (tls.crl !== undefined) {
    return textsOf("tls.crl", tls.crl).flatMap((text) => revocationListsOf(text, "tls.crl"));
  }
  const file = sslCrl || !sslCrlDir
    ? findFile("revocation list", "sslcrl", sslCrl, "root.crl", environment)
    : undefined;
  const lists = file === undefined
    ? []
    : connecting(() => revocationListsOf(file.file.text, `the revocation list ${file.name}`));
  if (!sslCrlDir) return lists;
  const all = [...lists, ...listsInDirectory(sslCrlDir, environment)];
  if (all.length > 0) return all;
  throw unusable(`the directory ${JSON.stringify(sslCrlDir)} (sslcrldir) has no revocation list`);
}

function listsInDirectory(directory: string, environment: TlsEnvironment): readonly Uint8Array[] {
  const names = environment.readDirectory(directory) ?? [];
  return names.filter((name) => /^[0-9a-f]{8}\.r\d+$/.test(name)).flatMap((name) => {
    const path = `${directory}/${name}`;
    const file = environment.readFile(path);
    if (file.state !== "read") return [];
    return connecting(() => revocationListsOf(file.text, `the revocation list ${JSON.stringify(path)}`));
  });
}

/** A file, and its path in quotes. */
interface Found {
  readonly name: string;
  readonly file: FileContent;
}

/** The file that the user named, or the default one in `~/.postgresql`; undefined if it does not exist. */
function findFile(
  what: string,
  option: string,
  named: string | undefined,
  defaultName: string,
  environment: TlsEnvironment,
): Found | undefined {
  const home = environment.homeDirectory();
  const path = named || (home && `${home}/.postgresql/${defaultName}`);
  if (!path) return undefined;
  const file: FileState = named ? readNamedFile(what, path, environment) : environment.readFile(path);
  const name = JSON.stringify(path);
  if (file.state === "read") return { name, file };
  if (file.state === "absent" || file.state === "not permitted") return undefined;
  const problem = file.state === "special" ? "it is not a plain file" : "the operating system does not permit it";
  throw unusable(`the ${what} ${name} (${option}) cannot be read: ${problem}`);
}

/** The certificates that the system trusts. They are read once. */
function systemRoots({ systemCertificates }: TlsEnvironment): readonly Uint8Array[] {
  let roots = SYSTEM_ROOTS.get(systemCertificates);
  if (roots === undefined) {
    roots = systemCertificates().flatMap((text) => {
      try {
        return certificatesIn(text, "a certificate of the system");
      } catch {
        // One that is malformed cannot have issued anything.
        return [];
      }
    });
    SYSTEM_ROOTS.set(systemCertificates, roots);
  }
  return roots;
}

const SYSTEM_ROOTS = new WeakMap<() => readonly string[], readonly Uint8Array[]>();

/**
 * Remembers what the last texts contained, since the connections of a pool all read the same files, and since the
 * verification remembers what it has read of a certificate.
 */
function remembering(
  parse: (text: string, what: string) => readonly Uint8Array[],
): (text: string, what: string) => readonly Uint8Array[] {
  const known = new Map<string, readonly Uint8Array[]>();
  return (text, what) => {
    let parsed = known.get(text);
    if (parsed === undefined) {
      parsed = parse(text, what);
      if (known.size >= MAX_REMEMBERED) known.delete(known.keys().next().value!);
      known.set(text, parsed);
    }
    return parsed;
  };
}

const certificatesOf = remembering(certificatesIn);
const revocationListsOf = remembering(revocationListsIn);
const MAX_REMEMBERED = 16;

/** Runs `work`. A malformed file fails the connection like a refusal of the server: `prefer` then connects in clear. */
function connecting<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof UsageError) throw new ConnectionError(error.message, { ...NOT_RETRYABLE, cause: error });
    throw error;
  }
}

function unusable(problem: string): ConnectionError {
  return new ConnectionError(`Cannot start TLS: ${problem}`, NOT_RETRYABLE);
}

const STRICT: readonly SslMode[] = ["require", "verify-ca", "verify-full"];
