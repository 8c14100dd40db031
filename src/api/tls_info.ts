/** What a connection tells of its encryption. */
import type { X509Certificate } from "node:crypto";
import { builtin } from "../builtin.ts";
import type { TlsSession } from "../transport/transport.ts";

/** What encryption has agreed on, and who the server says it is. */
export interface TlsInfo {
  /** The version of TLS: `"TLSv1.3"`. */
  readonly protocol: string;
  /** The cipher suite, by its name in IANA's registry: `"TLS_AES_256_GCM_SHA384"`. */
  readonly cipher: string;
  /** The server's certificate; undefined if it has sent none. */
  readonly peer: PeerCertificate | undefined;
}

/**
 * The certificate of a server. Its names are the server's own claim unless it was verified: see
 * {@linkcode Opts.sslMode}.
 */
export interface PeerCertificate {
  /** For whom it is: `"CN=db.example.com"`, with a line for each part. */
  readonly subject: string;
  /** The name of the authority that issued it. */
  readonly issuer: string;
  /** The names and addresses of the server: `"DNS:db.example.com, IP Address:192.0.2.1"`; undefined for none. */
  readonly subjectAltName: string | undefined;
  /** When it begins to be valid. */
  readonly validFrom: Date;
  /** When it expires. */
  readonly validTo: Date;
  /** The serial number, in hexadecimal. */
  readonly serialNumber: string;
  /** The SHA-256 hash of the certificate, as `openssl x509 -fingerprint -sha256` prints it. */
  readonly fingerprint256: string;
  /** The certificate in DER. */
  readonly raw: Uint8Array;
}

const infos = new WeakMap<TlsSession, TlsInfo>();

/** The information for users; the same object each time. */
export function tlsInfoOf(session: TlsSession): TlsInfo {
  let info = infos.get(session);
  if (info === undefined) {
    const { protocol, cipher, chain: [first] } = session;
    infos.set(session, info = { protocol, cipher, peer: first && peerOf(first) });
  }
  return info;
}

/** Undefined for what is no certificate: that of a server which was not verified can be anything. */
function peerOf(raw: Uint8Array): PeerCertificate | undefined {
  let certificate: X509Certificate;
  try {
    certificate = new builtin.crypto.X509Certificate(raw);
  } catch {
    return undefined;
  }
  const { subject, issuer, subjectAltName, validFrom, validTo, serialNumber, fingerprint256 } = certificate;
  return {
    subject,
    issuer,
    subjectAltName,
    validFrom: new Date(validFrom),
    validTo: new Date(validTo),
    serialNumber,
    fingerprint256,
    raw,
  };
}
