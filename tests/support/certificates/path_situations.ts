/** Which certificates a chain has, and when they are valid. */
import * as x509 from "./authority.ts";
import { DAY, type Issued, NOW } from "./authority.ts";
import { below, direct, HOST, leaf, middle, root, selfSigned, type Situation } from "./chains.ts";

/** A chain of so many intermediate authorities. */
function long(count: number): readonly Issued[] {
  const authorities: Issued[] = [];
  for (let i = 0; i < count; i++) {
    authorities.unshift(
      x509.authority(`Authority ${i}`, { issuer: authorities[0] ?? root, key: x509.keyNamed("one") }),
    );
  }
  return [x509.server(authorities[0]!, [HOST]), ...authorities];
}

export const ofPaths: readonly Situation[] = [
  { name: "an intermediate authority", chain: [leaf, middle], roots: [root] },
  { name: "no intermediate authority", chain: [direct], roots: [root] },
  { name: "the root sent too", chain: [leaf, middle, root], roots: [root] },
  { name: "the intermediate missing", chain: [leaf], roots: [root], refusal: /its issuer \(CN=Middle\) is not in / },
  { name: "the intermediate among the roots", chain: [leaf], roots: [middle, root] },
  {
    name: "the intermediate among the roots, but no root",
    chain: [leaf],
    roots: [middle],
    refusal: /its issuer \(CN=Root\) is not in /,
  },
  {
    name: "another root",
    chain: [leaf, middle],
    roots: [x509.authority("Another")],
    refusal: /its issuer \(CN=Root\) is not in /,
  },
  {
    name: "another root, the own one sent",
    chain: [leaf, middle, root],
    roots: [x509.authority("Another")],
    refusal: /its root \(CN=Root\) is not in /,
  },
  { name: "no root", chain: [leaf, middle], roots: [], refusal: /its issuer \(CN=Root\) is not in / },
  { name: "long, in disorder", chain: shuffled(long(5)), roots: [root] },
  { name: "certificates that do not belong to it", chain: [leaf, ...long(3), middle, selfSigned], roots: [root] },
  { name: "as long as it may be", chain: long(9), roots: [root] },
  {
    name: "too long",
    chain: long(10),
    roots: [root],
    refusal: /its chain is longer than 10 certificates/,
    departs: "OpenSSL allows 100",
  },
  { name: "self-signed", chain: [selfSigned], roots: [root], refusal: /it is self-signed, and is not in / },
  { name: "self-signed, among the roots", chain: [selfSigned], roots: [root, selfSigned] },
  {
    name: "among the roots, but not self-signed",
    chain: [direct],
    roots: [direct],
    refusal: /its issuer \(CN=Root\) is not in /,
  },
  {
    name: "signed by another key of the same name",
    chain: [x509.server({ ...root, key: x509.keyNamed("stranger") }, [HOST])],
    roots: [root],
    refusal: /the key of its issuer \(CN=Root\) has not signed it/,
  },
  {
    name: "an intermediate with another key of the same name",
    chain: [leaf, x509.authority("Middle", { issuer: root, key: x509.keyNamed("stranger") })],
    roots: [root],
    refusal: /the key of its issuer \(CN=Middle\) has not signed it/,
  },
  {
    name: "two roots of the same name, key identifiers that differ",
    chain: [x509.server(keyed("b"), [HOST], { extensions: [x509.authorityKey("b")] })],
    roots: [keyed("a"), keyed("b")],
  },
  {
    name: "a key identifier that no issuer has",
    chain: [x509.server(keyed("b"), [HOST], { extensions: [x509.authorityKey("c")] })],
    roots: [keyed("b")],
    refusal: /its issuer \(CN=Keyed\) is not in /,
  },
  {
    name: "two roots of the same name, no key identifiers",
    chain: [direct],
    roots: [x509.authority("Root", { key: x509.keyNamed("stranger") }), root],
    departs: "OpenSSL tries one issuer only",
  },
  {
    name: "an authority that has two issuers, one of them trusted",
    chain: [leaf, x509.authority("Middle", { issuer: x509.authority("Unknown") }), middle],
    roots: [root],
    departs: "OpenSSL tries one issuer only",
  },
  {
    name: "authorities that issued each other",
    chain: [
      x509.server(x509.authority("A"), [HOST]),
      x509.authority("A", { issuer: x509.authority("B") }),
      x509.authority("B", { issuer: x509.authority("A") }),
    ],
    roots: [root],
    refusal: /its issuer \(CN=.\) is not in /,
  },
  {
    name: "names that differ in case, blanks and type",
    chain: [
      x509.server({ ...x509.authority("Some  Authority"), subject: x509.commonName(" some AUTHORITY ", 0x13) }, [HOST]),
    ],
    roots: [x509.authority("Some  Authority")],
  },
  {
    name: "names that differ in other letters",
    chain: [x509.server({ ...x509.authority("Ä"), subject: x509.commonName("ä") }, [HOST])],
    roots: [x509.authority("Ä")],
    refusal: /its issuer \(CN=ä\) is not in /,
  },
];

export const ofTimes: readonly Situation[] = [
  {
    name: "expired",
    chain: [direct],
    roots: [root],
    now: NOW + DAY + 1000,
    refusal: /it expired at 2031-05-07T07:08:09Z/,
  },
  {
    name: "not yet valid",
    chain: [direct],
    roots: [root],
    now: NOW - DAY - 1000,
    refusal: /it is valid from 2031-05-05T/,
  },
  { name: "in its last second", chain: [direct], roots: [root], now: NOW + DAY - 1 },
  { name: "in its first second", chain: [direct], roots: [root], now: NOW - DAY },
  {
    name: "an expired intermediate",
    chain: below({ notAfter: NOW - 1000 }),
    roots: [root],
    refusal: /of its authority \(CN=Middle\), it expired at/,
  },
  {
    name: "an expired root",
    chain: [direct],
    roots: [x509.authority("Root", { notAfter: NOW - 1000 })],
    refusal: /of its authority \(CN=Root\), it expired at/,
  },
  {
    name: "an expired intermediate, and its successor",
    chain: [leaf, x509.authority("Middle", { issuer: root, notAfter: NOW - 1000 }), middle],
    roots: [root],
  },
  {
    name: "valid until after 2050",
    chain: [x509.server(root, [HOST], { notAfter: Date.UTC(2060, 0) })],
    roots: [root],
  },
];

function shuffled([first, ...rest]: readonly Issued[]): readonly Issued[] {
  return [first!, ...rest.filter((_, i) => i % 2 === 1), ...rest.filter((_, i) => i % 2 === 0).reverse()];
}

/** A root with a key identifier. */
function keyed(identifier: string): Issued {
  return x509.authority("Keyed", {
    key: x509.keyNamed(identifier),
    extensions: [x509.basicConstraints(true), x509.subjectKey(identifier)],
  });
}
