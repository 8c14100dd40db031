/**
 * The certificate and the cipher suite of an encrypted connection, in the form of `node:tls`.
 *
 * Source: Node.js documentation, "TLS", `tlsSocket.getPeerCertificate` and `tlsSocket.getCipher`.
 */
import type { CipherNameAndProtocol, DetailedPeerCertificate, PeerCertificate } from "node:tls";
import type { OpenedConnection } from "../async/opened.ts";
import { builtin } from "../builtin.ts";

/** The version, cipher suite and certificates of an encrypted connection. */
type TlsSession = NonNullable<OpenedConnection["link"]["tls"]>;

/** The server's certificate; with details, it leads to that of its issuer, and the last one to itself if it is a root. */
export function peerCertificateOf({ chain }: TlsSession, isDetailed: boolean): PeerCertificate {
  const parsed = chain.map((der) => new builtin.crypto.X509Certificate(der));
  const certificates = parsed.map((certificate) => certificate.toLegacyObject() as DetailedPeerCertificate);
  if (isDetailed) {
    parsed.forEach((certificate, i) => {
      const issuer = certificate.checkIssued(certificate) ? certificates[i] : certificates[i + 1];
      if (issuer !== undefined) certificates[i]!.issuerCertificate = issuer;
    });
  }
  return certificates[0] ?? {} as PeerCertificate;
}

/** The cipher suite, by OpenSSL's name and by IANA's. */
export function cipherOf({ cipher, protocol }: TlsSession): CipherNameAndProtocol {
  return { name: openSslName(cipher), standardName: cipher, version: protocol };
}

/** OpenSSL has names of its own for the suites of TLS 1.2. */
function openSslName(standardName: string): string {
  const [start, end] = standardName.split("_WITH_");
  if (end === undefined) return standardName;
  const cipher = end.replace(/^AES_(\d+)_(CBC_)?/, "AES$1_").replace(/(POLY1305)_SHA256$/, "$1");
  return `${start!.replace(/^TLS_/, "")}_${cipher}`.replace(/^RSA_/, "").replaceAll("_", "-");
}
