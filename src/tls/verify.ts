/**
 * Verifies the certificate of a server as libpq does with OpenSSL, on all runtimes alike.
 *
 * Source: PostgreSQL manual, "Client Verification of Server Certificates".
 */
import { ConnectionError, NOT_RETRYABLE } from "../errors.ts";
import { type Certificate, certificateOf, oddityOf } from "./certificate.ts";
import { DerError } from "./der.ts";
import { escaped, quoted } from "./distinguished_name.ts";
import { compareNames, namesIn } from "./host_names.ts";
import { type DeadEnd, isSelfIssued, PathSearch } from "./path.ts";
import { problemOfPath } from "./path_rules.ts";
import { Revocation } from "./revocation.ts";
import { type RevocationList, revocationListOf } from "./revocation_list.ts";

/** What is expected of a server's certificate. */
export interface Verification {
  /** `verify-ca`: a trusted authority has issued it. `verify-full`: and it is for the host. */
  readonly mode: "verify-ca" | "verify-full";
  /** The certificates of the trusted authorities, in DER. */
  readonly roots: readonly Uint8Array[];
  /** Where they are from, for messages: `the file "/home/me/root.crt" (sslrootcert)`. */
  readonly rootsName: string;
  /** Revocation lists, in DER. If there are none, revocation is not checked. */
  readonly crls: readonly Uint8Array[];
  /** The host as the user gave it: a name, or an IP address without brackets. */
  readonly host: string;
}

/**
 * Verifies a chain, the server's certificate first, in DER. `now`: Unix milliseconds. Throws a
 * {@linkcode ConnectionError} if the server must not be trusted.
 */
export function verifyCertificate(chain: readonly Uint8Array[], verification: Verification, now: number): void {
  const { mode, roots, crls, host } = verification;
  const [first, ...sent] = chain;
  if (first === undefined) throw untrusted(host, undefined, "it has not sent any");
  const leaf = leafOf(first, host);
  const revocation = crls.length === 0 ? undefined : new Revocation(listsOf(crls, host), now);
  const search = new PathSearch(
    leaf,
    sent,
    roots.map(rootOf).filter((root) => root !== undefined),
    (path) => problemOfPath(path, host, now) ?? revocation?.problemOf(path),
  );
  const end = search.run();
  if (end !== undefined) throw untrusted(host, leaf, reasonOf(end, leaf, verification), codeOf(end, leaf));
  if (mode === "verify-full") checkHost(leaf, host);
}

/** Reads the server's certificate, whose form must be beyond doubt: see `der.ts`. */
function leafOf(encoded: Uint8Array, host: string): Certificate {
  let leaf: Certificate;
  try {
    leaf = certificateOf(encoded);
  } catch (error) {
    if (!(error instanceof DerError)) throw error;
    throw untrusted(host, undefined, `it is malformed: ${error.message}`);
  }
  const oddity = oddityOf(leaf);
  if (oddity !== undefined) throw untrusted(host, leaf, oddity);
  return leaf;
}

function rootOf(encoded: Uint8Array): Certificate | undefined {
  let root = ROOTS.get(encoded);
  if (root === undefined) ROOTS.set(encoded, root = attempt(() => certificateOf(encoded)) ?? UNREADABLE);
  return root === UNREADABLE ? undefined : root as Certificate;
}

function listsOf(crls: readonly Uint8Array[], host: string): RevocationList[] {
  return crls.map((encoded) => {
    const list = LISTS.get(encoded) ?? attempt(() => revocationListOf(encoded));
    if (list === undefined) throw untrusted(host, undefined, "a revocation list (sslcrl, sslcrldir) is malformed");
    LISTS.set(encoded, list);
    return list;
  });
}

function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof DerError) return undefined;
    throw error;
  }
}

function reasonOf({ last, problem }: DeadEnd, leaf: Certificate, { rootsName }: Verification): string {
  if (problem !== undefined) return problem;
  const advice = "sslrootcert must name a file with the certificate of a trusted authority";
  if (isSelfIssued(last)) {
    return last === leaf
      ? `it is self-signed, and is not in ${rootsName}: ${advice}, or this certificate itself`
      : `its root (${last.subject.text}) is not in ${rootsName}: ${advice}`;
  }
  return `its issuer (${last.issuer.text}) is not in ${rootsName}, and the server has not sent it: ${advice}`;
}

/** The error code of `node:tls`, which is OpenSSL's name; undefined for reasons that few programs tell apart. */
function codeOf({ last, problem }: DeadEnd, leaf: Certificate): string | undefined {
  if (problem !== undefined) return CODES.find(([start]) => start.test(problem))?.[1];
  if (isSelfIssued(last)) return last === leaf ? "DEPTH_ZERO_SELF_SIGNED_CERT" : "SELF_SIGNED_CERT_IN_CHAIN";
  return last === leaf ? "UNABLE_TO_VERIFY_LEAF_SIGNATURE" : "UNABLE_TO_GET_ISSUER_CERT_LOCALLY";
}

function checkHost(leaf: Certificate, host: string): void {
  if (host === "") throw untrusted(host, leaf, "sslmode=verify-full needs a host with whose name it can be compared");
  const comparison = compareNames(leaf, host);
  if (comparison === "match") return;
  const names = namesIn(leaf, host);
  if (comparison === "malformed") {
    throw untrusted(host, leaf, `one of its names is malformed (${listed(names)})`);
  }
  throw untrusted(
    host,
    leaf,
    `it is for ${names.length === 0 ? "no host" : listed(names)}: host must be a name that the certificate has; ` +
      "sslmode=verify-ca does not compare names",
    "ERR_TLS_CERT_ALTNAME_INVALID",
  );
}

function listed(names: readonly string[]): string {
  const shown = names.slice(0, MAX_NAMES).map(quoted).join(", ");
  return names.length > MAX_NAMES ? `${shown} and ${names.length - MAX_NAMES} more` : shown;
}

function untrusted(host: string, leaf: Certificate | undefined, reason: string, code?: string): ConnectionError {
  const subject = leaf === undefined ? "" : ` (${leaf.subject.text})`;
  return new ConnectionError(
    `Cannot trust the server's certificate${subject} for the host "${escaped(host)}": ${reason}`,
    { ...NOT_RETRYABLE, code },
  );
}

/** Codes by the words of the problem, which may be that of an authority. */
const CODES: readonly (readonly [start: RegExp, code: string])[] = [
  [/(?:^|, )it expired at /, "CERT_HAS_EXPIRED"],
  [/(?:^|, )it is valid from /, "CERT_NOT_YET_VALID"],
  [/(?:^|, )it is revoked /, "CERT_REVOKED"],
];

/** Roots and lists are the same for many connections. */
const ROOTS = new WeakMap<Uint8Array, Certificate | typeof UNREADABLE>();
const LISTS = new WeakMap<Uint8Array, RevocationList>();
const UNREADABLE: unique symbol = Symbol("unreadable");

const MAX_NAMES = 4;
