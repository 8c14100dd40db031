/** The options of encryption: libpq's, and the texts of certificates and keys that a program has. */
import { UsageError } from "../errors.ts";
import { checkKeyOf, privateKeyOf } from "../tls/private_key.ts";
import { certificatesIn, revocationListsIn } from "../tls/pem.ts";
import { bad, checkChoice, checkText, isOptions } from "./option_values.ts";
import type { SslCertMode, TlsVersion } from "./settings.ts";

/** Certificates and keys as texts, for {@linkcode Opts.tls}; they take the place of libpq's files. All are optional. */
export interface TlsSettings {
  /** The certificates of the authorities to trust, in PEM: one text, or several. In place of `sslrootcert`. */
  readonly ca?: string | readonly string[] | undefined;
  /** The client's certificate in PEM, and behind it those of its issuers. In place of `sslcert`. */
  readonly cert?: string | undefined;
  /** The private key of that certificate, in PEM. In place of `sslkey`. */
  readonly key?: string | undefined;
  /** The passphrase of the key, if that is encrypted. In place of `sslpassword`. */
  readonly passphrase?: string | undefined;
  /** The name that is sent when encryption starts (SNI). Default: the host, if it is a name. */
  readonly serverName?: string | undefined;
  /** Revocation lists in PEM: one text, or several. In place of `sslcrl`. */
  readonly crl?: string | readonly string[] | undefined;
  /** The oldest version of TLS. Default: `"TLSv1.2"`. In place of `ssl_min_protocol_version`. */
  readonly minVersion?: TlsVersion | undefined;
  /** The newest version of TLS. Default: no limit. In place of `ssl_max_protocol_version`. */
  readonly maxVersion?: TlsVersion | undefined;
}

/** Checks the texts, and copies the lists of them. */
export function checkTls(_: string, value: unknown): TlsSettings {
  if (!isOptions(value)) {
    // A text may be a key.
    throw new UsageError("Cannot set tls: it must be an object such as { ca }; sslMode says whether to encrypt");
  }
  for (const name of Object.keys(value)) {
    if (!MEMBERS.includes(name)) {
      throw new UsageError(`Cannot set tls: it has ${JSON.stringify(name)}, and its members are ${MEMBERS.join(", ")}`);
    }
  }
  const { ca, cert, key, passphrase, serverName, crl, minVersion, maxVersion } = value as TlsSettings;
  if (ca !== undefined) textsOf("tls.ca", ca).forEach((text) => certificatesIn(text, "tls.ca"));
  if (crl !== undefined) textsOf("tls.crl", crl).forEach((text) => revocationListsIn(text, "tls.crl"));
  if ((cert === undefined) !== (key === undefined)) {
    throw new UsageError("Cannot set tls: cert and key belong together, and one of them is missing");
  }
  if (passphrase !== undefined) checkText("tls.passphrase", passphrase);
  if (cert !== undefined && key !== undefined) {
    const [own] = certificatesIn(checkText("tls.cert", cert), "tls.cert");
    const privateKey = privateKeyOf(checkText("tls.key", key), passphrase, "tls.key", "passphrase");
    checkKeyOf(privateKey, "tls.key", own!, "tls.cert");
  }
  if (serverName !== undefined) checkText("tls.serverName", serverName);
  return {
    ...value,
    ...(typeof ca === "object" ? { ca: [...ca] } : {}),
    ...(typeof crl === "object" ? { crl: [...crl] } : {}),
    ...(minVersion === undefined ? {} : { minVersion: checkVersion("tls.minVersion", minVersion) }),
    ...(maxVersion === undefined ? {} : { maxVersion: checkVersion("tls.maxVersion", maxVersion) }),
  };
}

/** One text or several, as a list. */
export function textsOf(name: string, value: string | readonly string[]): readonly string[] {
  const list = Array.isArray(value) ? value : [value];
  return list.map((text) => checkText(name, text));
}

/** A version of TLS, in any case. As in libpq, empty is no limit. */
export function checkTlsVersion(name: string, value: unknown): TlsVersion | "" {
  return value === "" ? "" : checkVersion(name, value);
}

function checkVersion(name: string, value: unknown): TlsVersion {
  const found = TLS_VERSIONS.find((version) => version.toLowerCase() === String(value).toLowerCase());
  if (found === undefined) throw bad(name, value, `it must be one of ${TLS_VERSIONS.join(", ")}`);
  return found;
}

/** The versions, from the oldest to the newest. */
export const TLS_VERSIONS: readonly TlsVersion[] = ["TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"];

const MEMBERS: readonly string[] = [
  "ca",
  "cert",
  "key",
  "passphrase",
  "serverName",
  "crl",
  "minVersion",
  "maxVersion",
];

/** Checks a mode. libpq's `require` is refused. */
export function checkSslCertMode(name: string, value: unknown): SslCertMode {
  if (value === "require") {
    throw new UsageError(
      `Cannot set ${name} to require: no runtime tells whether the server has asked for a certificate; ` +
        "use allow, and let the server require it (clientcert in its pg_hba.conf)",
    );
  }
  return checkChoice(name, value, ["disable", "allow"]);
}
