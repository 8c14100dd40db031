/**
 * Whether a certificate of a path is revoked, as OpenSSL checks it with all its revocation checks: every
 * certificate, the root too, needs a current list of its issuer.
 *
 * Source: RFC 5280, section 6.3.
 */
import type { Certificate } from "./certificate.ts";
import { KeyUsage } from "./extensions.ts";
import { about, isKeyOf, type Path } from "./path.ts";
import { timeText } from "./path_rules.ts";
import type { RevocationList } from "./revocation_list.ts";
import { isSignedBy, weaknessOfSignature } from "./signature.ts";

/** Checks paths against lists. */
export class Revocation {
  readonly #lists: readonly RevocationList[];
  readonly #now: number;
  readonly #signed = new Map<RevocationList, Map<Certificate, boolean>>();

  /** `now`: Unix milliseconds. */
  constructor(lists: readonly RevocationList[], now: number) {
    this.#lists = lists;
    this.#now = now;
  }

  /** Why a path must not be trusted; undefined if it may. */
  problemOf(path: Path): string | undefined {
    for (const [i, certificate] of path.entries()) {
      const problem = this.#problemOf(certificate, path[i + 1] ?? certificate);
      if (problem !== undefined) return about(i, certificate, problem);
    }
    return undefined;
  }

  #problemOf(certificate: Certificate, issuer: Certificate): string | undefined {
    const lists = this.#lists.filter((list) =>
      list.issuer.key === certificate.issuer.key && isKeyOf(issuer, list.authorityKey) && isInScope(certificate, list)
    );
    if (lists.length === 0) return `it may be revoked: there is no revocation list of ${issuer.subject.text} for it`;
    let problem: string | undefined;
    let newest: RevocationList | undefined;
    for (const list of lists) {
      const unusable = this.#problemOfList(list, issuer);
      if (unusable !== undefined) problem ??= unusable;
      else if (newest === undefined || list.thisUpdate > newest.thisUpdate) newest = list;
    }
    if (newest === undefined) return `it may be revoked: of the revocation list of ${issuer.subject.text}, ${problem}`;
    return newest.revoked.has(certificate.serial) ? `it is revoked (serial number ${certificate.serial})` : undefined;
  }

  #problemOfList(list: RevocationList, issuer: Certificate): string | undefined {
    const { thisUpdate, nextUpdate, problem } = list;
    if (problem !== undefined) return problem;
    if (thisUpdate > this.#now) return `it is valid from ${timeText(thisUpdate)} on`;
    if (nextUpdate !== undefined && nextUpdate <= this.#now) return `it expired at ${timeText(nextUpdate)}`;
    const { keyUsage } = issuer.extensions;
    if (keyUsage !== undefined && (keyUsage & KeyUsage.listSigning) === 0) {
      return "its issuer's key usage does not allow it to sign revocation lists";
    }
    return weaknessOfSignature(list.algorithm) ??
      (this.#isSignedBy(list, issuer) ? undefined : "it is not signed by the key of its issuer");
  }

  #isSignedBy(list: RevocationList, issuer: Certificate): boolean {
    let known = this.#signed.get(list);
    if (known === undefined) this.#signed.set(list, known = new Map());
    let isSigned = known.get(issuer);
    if (isSigned === undefined) known.set(issuer, isSigned = isSignedBy(list, issuer.key));
    return isSigned;
  }
}

/** Whether a list is meant to have the certificate if it is revoked. */
function isInScope({ extensions }: Certificate, { scope }: RevocationList): boolean {
  const isAuthority = extensions.basicConstraints?.isAuthority ?? false;
  if (isAuthority ? scope.onlyUsers : scope.onlyAuthorities) return false;
  const { names } = scope;
  if (names === undefined) return true;
  return (extensions.distributionPoints ?? []).some((point) =>
    !point.isPartial && (point.names?.some((name) => names.includes(name)) ?? false)
  );
}
