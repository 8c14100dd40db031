/** The certificates that the system trusts. */
import { builtin } from "../builtin.ts";
import { UsageError } from "../errors.ts";
import { granted, runtime } from "./runtime.ts";

/** The system's certificates in PEM, or if it has none those that come with the runtime. */
export function systemCertificates(): readonly string[] {
  // Deno's types do not have this kind.
  if (runtime === "deno" && !granted({ name: "sys", kind: "ca" as "uid" })) {
    throw new UsageError("Cannot read the certificates that the system trusts: Deno needs --allow-sys");
  }
  const certificates = builtin.tls.getCACertificates("system");
  return certificates.length > 0 ? certificates : builtin.tls.rootCertificates;
}
