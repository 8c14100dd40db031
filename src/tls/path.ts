/**
 * Looks for a path from a server's certificate to a trusted root, each certificate signed by the next.
 *
 * The server decides what it sends, so the work is bounded: how many certificates are looked at, how many
 * signatures are verified, and how many steps are taken. Names and key identifiers only say where to look;
 * the signatures decide.
 *
 * Source: RFC 5280, section 6.1; RFC 4158.
 */
import { type Certificate, certificateOf } from "./certificate.ts";
import { DerError, equalBytes } from "./der.ts";
import type { AuthorityKey } from "./extensions.ts";
import { isSignedBy, weaknessOfKey, weaknessOfSignature } from "./signature.ts";

/** Certificates from the server's to a root. */
export type Path = readonly Certificate[];

/** Where a search ended without success. */
export interface DeadEnd {
  /** The last certificate of the longest path. */
  readonly last: Certificate;
  /** Why it, or the path, was refused; undefined: its issuer was not found. */
  readonly problem: string | undefined;
}

/** A search for a path. */
export class PathSearch {
  readonly #leaf: Certificate;
  readonly #roots: readonly Certificate[];
  readonly #issuers = new Map<string, Certificate[]>();
  readonly #check: (path: Path) => string | undefined;
  readonly #verified = new Map<Certificate, Map<Certificate, boolean>>();
  #steps = 0;
  #signatures = 0;
  #longest: Path = [];
  /** Of complete paths. */
  #refusal: string | undefined;
  /** Of two certificates that do not fit. */
  #misfit: string | undefined;

  /** `check` says why a complete path must be refused. */
  constructor(
    leaf: Certificate,
    sent: readonly Uint8Array[],
    roots: readonly Certificate[],
    check: (path: Path) => string | undefined,
  ) {
    this.#leaf = leaf;
    this.#roots = roots;
    this.#check = check;
    // Trusted ones first.
    for (const certificate of [...roots, ...readable(sent.slice(0, MAX_SENT))]) {
      const { key } = certificate.subject;
      const known = this.#issuers.get(key);
      if (known === undefined) this.#issuers.set(key, [certificate]);
      else known.push(certificate);
    }
  }

  /** Undefined if there is a path that passes the check. */
  run(): DeadEnd | undefined {
    if (this.#extend([this.#leaf])) return undefined;
    const problem = this.#refusal ?? (this.#isExhausted() ? TANGLED : this.#misfit);
    return { last: this.#longest.at(-1)!, problem };
  }

  #extend(path: Path): boolean {
    const last = path.at(-1)!;
    this.#steps++;
    if (path.length > this.#longest.length) this.#longest = path;
    if (isRoot(last) && this.#roots.some((root) => equalBytes(root.encoded, last.encoded))) {
      const problem = this.#check(path);
      this.#refusal ??= problem;
      return problem === undefined;
    }
    if (path.length > MAX_LENGTH) {
      this.#misfit ??= `its chain is longer than ${MAX_LENGTH} certificates`;
      return false;
    }
    for (const issuer of this.#issuers.get(last.issuer.key) ?? []) {
      if (this.#isExhausted()) return false;
      if (path.some((known) => equalBytes(known.encoded, issuer.encoded))) continue;
      if (this.#isIssuedBy(last, issuer) && this.#extend([...path, issuer])) return true;
    }
    return false;
  }

  #isIssuedBy(certificate: Certificate, issuer: Certificate): boolean {
    if (!isKeyOf(issuer, certificate.extensions.authorityKey)) return false;
    const weakness = weaknessOfSignature(certificate.algorithm) ?? about(1, issuer, weaknessOfKey(issuer.key));
    if (weakness !== undefined) {
      this.#misfit ??= weakness;
      return false;
    }
    const isSigned = this.#isSignedBy(certificate, issuer);
    if (!isSigned) this.#misfit ??= `the key of its issuer (${issuer.subject.text}) has not signed it`;
    return isSigned;
  }

  #isSignedBy(certificate: Certificate, issuer: Certificate): boolean {
    let known = this.#verified.get(certificate);
    if (known === undefined) this.#verified.set(certificate, known = new Map());
    let isSigned = known.get(issuer);
    if (isSigned === undefined) {
      this.#signatures++;
      known.set(issuer, isSigned = isSignedBy(certificate, issuer.key));
    }
    return isSigned;
  }

  #isExhausted(): boolean {
    return this.#steps >= MAX_STEPS || this.#signatures >= MAX_SIGNATURES;
  }
}

/** A problem of a certificate of a path; `index` 0 is the server's. */
export function about(index: number, { subject }: Certificate, problem: string | undefined): string | undefined {
  return problem === undefined || index === 0 ? problem : `of its authority (${subject.text}), ${problem}`;
}

/** Whether subject and issuer are the same. */
export function isSelfIssued({ subject, issuer }: Certificate): boolean {
  return subject.key === issuer.key;
}

/** Whether a certificate ends a path if it is trusted. Its signature would prove nothing. */
function isRoot(certificate: Certificate): boolean {
  return isSelfIssued(certificate) && isKeyOf(certificate, certificate.extensions.authorityKey);
}

/** Whether what an issuer has signed names this certificate's key, or none in particular. */
export function isKeyOf(issuer: Certificate, authorityKey: AuthorityKey | undefined): boolean {
  if (authorityKey === undefined) return true;
  const { identifier, issuer: name, serial } = authorityKey;
  const { subjectKey } = issuer.extensions;
  return (identifier === undefined || subjectKey === undefined || identifier === subjectKey) &&
    (serial === undefined || serial === issuer.serial) && (name === undefined || name === issuer.issuer.key);
}

/** Those that are well-formed. The others cannot be part of a path. */
function readable(encoded: readonly Uint8Array[]): Certificate[] {
  const certificates: Certificate[] = [];
  for (const one of encoded) {
    try {
      certificates.push(certificateOf(one));
    } catch (error) {
      if (!(error instanceof DerError)) throw error;
    }
  }
  return certificates;
}

const TANGLED = "its chain has too many certificates that could be its issuers";

/** How many of the certificates that the server sends are looked at. */
const MAX_SENT = 100;
/** How long a path may be before its root. */
const MAX_LENGTH = 10;
const MAX_STEPS = 500;
const MAX_SIGNATURES = 50;
