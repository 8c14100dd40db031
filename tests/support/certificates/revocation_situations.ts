/** Revocation lists. */
import { Buffer } from "node:buffer";
import * as x509 from "./authority.ts";
import { NOW } from "./authority.ts";
import { direct, HOST, leaf, middle, root, selfSigned, type Situation, withExtensions } from "./chains.ts";
import { der, explicit, implicit, integer, sequence } from "./der.ts";

const list = x509.revocationList({ issuer: root });
const middleList = x509.revocationList({ issuer: middle });
const other = x509.server(root, [HOST]);

/** Revoked certificates are checked with the lists of all issuers. */
export const ofRevocation: readonly Situation[] = [
  { name: "not revoked", chain: [leaf, middle], roots: [root], crls: [list, middleList] },
  {
    name: "revoked",
    chain: [direct],
    roots: [root],
    crls: [x509.revocationList({ issuer: root, revoked: [other.serial, direct.serial] })],
    refusal: /: it is revoked \(serial number [0-9a-f]+\)/,
  },
  {
    name: "an intermediate that is revoked",
    chain: [leaf, middle],
    roots: [root],
    crls: [middleList, x509.revocationList({ issuer: root, revoked: [middle.serial] })],
    refusal: /of its authority \(CN=Middle\), it is revoked/,
  },
  {
    name: "a root that has revoked itself",
    chain: [direct],
    roots: [root],
    crls: [x509.revocationList({ issuer: root, revoked: [root.serial] })],
    refusal: /of its authority \(CN=Root\), it is revoked/,
  },
  {
    name: "no list of the intermediate",
    chain: [leaf, middle],
    roots: [root],
    crls: [list],
    refusal: /: it may be revoked: there is no revocation list of CN=Middle for it/,
  },
  {
    name: "no list of the root",
    chain: [leaf, middle],
    roots: [root],
    crls: [middleList],
    refusal: /of its authority \(CN=Middle\), it may be revoked: there is no revocation list of CN=Root for it/,
  },
  {
    name: "an expired list",
    chain: [direct],
    roots: [root],
    crls: [x509.revocationList({ issuer: root, nextUpdate: NOW - 1000 })],
    refusal: /it may be revoked: of the revocation list of CN=Root, it expired at 2031-05-06T07:08:08Z/,
  },
  {
    name: "a list without an end",
    chain: [direct],
    roots: [root],
    crls: [x509.revocationList({ issuer: root, nextUpdate: null })],
  },
  {
    name: "a list that is not yet valid",
    chain: [direct],
    roots: [root],
    crls: [x509.revocationList({ issuer: root, thisUpdate: NOW + 1000 })],
    refusal: /of the revocation list of CN=Root, it is valid from /,
  },
  {
    name: "an expired list, and its successor",
    chain: [direct],
    roots: [root],
    crls: [x509.revocationList({ issuer: root, revoked: [direct.serial], nextUpdate: NOW - 1000 }), list],
  },
  {
    name: "two lists, the newer revokes",
    chain: [direct],
    roots: [root],
    crls: [list, x509.revocationList({ issuer: root, thisUpdate: NOW - 1000, revoked: [direct.serial] })],
    refusal: /it is revoked/,
  },
  {
    name: "a list that a stranger signed",
    chain: [direct],
    roots: [root],
    crls: [x509.revocationList({ issuer: root, key: x509.keyNamed("stranger") })],
    refusal: /of the revocation list of CN=Root, it is not signed by the key of its issuer/,
  },
  {
    name: "an issuer that must not sign lists",
    chain: [direct],
    roots: [x509.authority("Root", { extensions: [x509.basicConstraints(true), x509.keyUsage("certificateSigning")] })],
    crls: [list],
    refusal: /its issuer's key usage does not allow it to sign revocation lists/,
  },
  {
    name: "a list with an unknown critical extension",
    chain: [direct],
    roots: [root],
    crls: [x509.revocationList({ issuer: root, extensions: [x509.extension("1.2.3.4", Buffer.from([5, 0]), true)] })],
    refusal: /it has a critical extension that pyro does not know \(1\.2\.3\.4\)/,
  },
  {
    name: "a list with a number",
    chain: [direct],
    roots: [root],
    crls: [x509.revocationList({ issuer: root, extensions: [x509.extension("2.5.29.20", integer(7))] })],
  },
  {
    name: "a list of changes",
    chain: [direct],
    roots: [root],
    crls: [x509.revocationList({ issuer: root, extensions: [x509.extension("2.5.29.27", integer(1), true)] })],
    refusal: /it has changes only/,
    departs: "OpenSSL takes it for a whole list",
  },
  {
    name: "an entry with an unknown critical extension",
    chain: [direct],
    roots: [root],
    crls: [
      x509.revocationList({
        issuer: root,
        revoked: [other.serial],
        entryExtensions: [x509.extension("1.2.3.4", Buffer.from([5, 0]), true)],
      }),
    ],
    refusal: /it has a critical extension/,
  },
  {
    name: "an entry with a reason",
    chain: [direct],
    roots: [root],
    crls: [
      x509.revocationList({
        issuer: root,
        revoked: [direct.serial],
        entryExtensions: [x509.extension("2.5.29.21", der(0x0a, Buffer.from([1])))],
      }),
    ],
    refusal: /it is revoked/,
  },
  scoped("a list for authorities only", implicit(2, Buffer.from([0xff])), /there is no revocation list/),
  scoped("a list for some reasons only", implicit(3, Buffer.from([6, 0x40])), /it is for some reasons/),
  scoped("a list of another distribution point", point("http://b.example"), /there is no revocation list/),
  {
    name: "a self-signed server that is revoked",
    chain: [selfSigned],
    roots: [selfSigned],
    crls: [x509.revocationList({ issuer: selfSigned, revoked: [selfSigned.serial] })],
    refusal: /it is revoked/,
  },
];

/** A list with an issuing distribution point. */
function scoped(name: string, part: Uint8Array, refusal: RegExp): Situation {
  const points = x509.extension("2.5.29.31", sequence(sequence(point("http://a.example"))));
  const scope = x509.extension("2.5.29.28", sequence(part), true);
  return {
    name,
    chain: [withExtensions(points)],
    roots: [root],
    crls: [x509.revocationList({ issuer: root, extensions: [scope] })],
    refusal,
  };
}

/** The name of a distribution point. */
function point(url: string): Uint8Array {
  return explicit(0, explicit(0, implicit(6, Buffer.from(url))));
}
