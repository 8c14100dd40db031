/** Chains that several tests verify, and what a test says about a chain. */
import * as x509 from "./authority.ts";
import type { CertificateOptions, Issued } from "./authority.ts";

/** A situation. */
export interface Situation {
  readonly name: string;
  /** What the server sends. */
  readonly chain: readonly Issued[];
  readonly roots: readonly Issued[];
  readonly crls?: readonly Uint8Array[];
  /** Unix milliseconds. Default: {@linkcode NOW}. */
  readonly now?: number;
  /** What the message says; undefined: the chain is accepted. */
  readonly refusal?: RegExp;
  /** Why OpenSSL decides otherwise. */
  readonly departs?: string;
}

/** The host of all servers here. */
export const HOST = "db.example";
/** The usage of servers, and of clients. */
export const SERVER = "1.3.6.1.5.5.7.3.1";
export const CLIENT = "1.3.6.1.5.5.7.3.2";

export const root: Issued = x509.authority("Root");
/** An intermediate authority. */
export const middle: Issued = x509.authority("Middle", { issuer: root });
/** A server below the intermediate authority. */
export const leaf: Issued = x509.server(middle, [HOST]);
/** A server below the root. */
export const direct: Issued = x509.server(root, [HOST]);
export const selfSigned: Issued = x509.certificate({
  subject: HOST,
  extensions: [x509.alternativeNames(x509.dnsName(HOST))],
});

/** A server's certificate with other extensions, issued by the root. */
export function withExtensions(...extensions: Uint8Array[]): Issued {
  return x509.server(root, [HOST], { extensions });
}

/** A chain whose intermediate authority is made with these options. */
export function below(options: CertificateOptions, server: CertificateOptions = {}): readonly Issued[] {
  const authority = x509.authority("Middle", { issuer: root, ...options });
  return [x509.server(authority, [HOST], server), authority];
}
