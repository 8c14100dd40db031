/** The certificates that the system trusts. */
// Cloudflare's workerd has neither of these names, and refuses the import of names that do not exist.
import tls from "node:tls";

/** The system's certificates in PEM, or if it has none those that come with the runtime. */
export function systemCertificates(): readonly string[] {
  const certificates = tls.getCACertificates?.("system") ?? [];
  return certificates.length > 0 ? certificates : tls.rootCertificates ?? [];
}
