/** The certificates that the system trusts. */
import { builtin } from "../builtin.ts";

/** The system's certificates in PEM, or if it has none those that come with the runtime. */
export function systemCertificates(): readonly string[] {
  const certificates = builtin.tls.getCACertificates("system");
  return certificates.length > 0 ? certificates : builtin.tls.rootCertificates;
}
