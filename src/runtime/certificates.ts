/** The certificates that the system trusts. */
import { getCACertificates, rootCertificates } from "node:tls";

/** The system's certificates in PEM, or if it has none those that come with the runtime. */
export function systemCertificates(): readonly string[] {
  const certificates = getCACertificates("system");
  return certificates.length > 0 ? certificates : rootCertificates;
}
