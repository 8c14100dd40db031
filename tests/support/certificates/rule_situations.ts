/** What certificates allow: authorities, extensions, keys, names. */
import { Buffer } from "node:buffer";
import * as x509 from "./authority.ts";
import { below, CLIENT, direct, HOST, root, SERVER, type Situation, withExtensions } from "./chains.ts";
import { explicit, flags, implicit, objectIdentifier, sequence, text } from "./der.ts";

export const ofAuthorities: readonly Situation[] = [
  {
    name: "a server as an authority",
    chain: [x509.server(direct, [HOST]), direct],
    roots: [root],
    refusal: /of its authority \(CN=db.example\), it is not an authority, and must not issue certificates/,
  },
  {
    name: "an authority that says that it is none",
    chain: below({ extensions: [x509.basicConstraints(false)] }),
    roots: [root],
    refusal: /it is not an authority/,
  },
  {
    name: "an authority that must not issue certificates",
    chain: below({ extensions: [x509.basicConstraints(true), x509.keyUsage("listSigning")] }),
    roots: [root],
    refusal: /its key usage does not allow it to issue certificates/,
  },
  {
    name: "an intermediate of version 1",
    chain: below({ version: 1, extensions: [] }),
    roots: [root],
    refusal: /it is not an authority/,
  },
  {
    name: "a root of version 1",
    chain: [x509.server(x509.authority("Old", { version: 1, extensions: [] }), [HOST])],
    roots: [x509.authority("Old", { version: 1, extensions: [] })],
  },
  {
    name: "a root of version 3 without extensions",
    chain: [x509.server(x509.authority("Old", { extensions: [] }), [HOST])],
    roots: [x509.authority("Old", { extensions: [] })],
    refusal: /it is not an authority/,
  },
  {
    name: "a path length that is kept",
    chain: below({ extensions: [x509.basicConstraints(true, 0)] }),
    roots: [x509.authority("Root", { extensions: [x509.basicConstraints(true, 1)] })],
  },
  {
    name: "a path length that is exceeded",
    chain: below({}),
    roots: [x509.authority("Root", { extensions: [x509.basicConstraints(true, 0)] })],
    refusal: /its authority \(CN=Root\) allows 0 authorities below it, not 1/,
  },
  {
    name: "an authority that does not serve for servers",
    chain: below({ extensions: [x509.basicConstraints(true), x509.extendedKeyUsage(CLIENT)] }),
    roots: [root],
    refusal: /of its authority \(CN=Middle\), its extended key usage does not allow it for servers/,
  },
  {
    name: "an authority that serves for servers too",
    chain: below({ extensions: [x509.basicConstraints(true), x509.extendedKeyUsage(CLIENT, SERVER)] }),
    roots: [root],
  },
];

export const ofExtensions: readonly Situation[] = [
  { name: "for servers", chain: [withExtensions(x509.extendedKeyUsage(SERVER))], roots: [root] },
  {
    name: "for Netscape's servers",
    chain: [withExtensions(x509.extendedKeyUsage("2.16.840.1.113730.4.1"))],
    roots: [root],
  },
  {
    name: "for clients",
    chain: [withExtensions(x509.extendedKeyUsage(CLIENT))],
    roots: [root],
    refusal: /: its extended key usage does not allow it for servers/,
  },
  {
    name: "for any usage",
    chain: [withExtensions(x509.extendedKeyUsage("2.5.29.37.0"))],
    roots: [root],
    refusal: /: its extended key usage does not allow it for servers/,
  },
  {
    name: "a server's key usage",
    chain: [withExtensions(x509.keyUsage("digitalSignature", "keyEncipherment"))],
    roots: [root],
  },
  { name: "key agreement", chain: [withExtensions(x509.keyUsage("keyAgreement"))], roots: [root] },
  {
    name: "another key usage",
    chain: [withExtensions(x509.keyUsage("dataEncipherment"))],
    roots: [root],
    refusal: /its key usage is not one of a server/,
  },
  {
    name: "Netscape's type for servers",
    chain: [withExtensions(x509.extension("2.16.840.1.113730.1.1", flags(1)))],
    roots: [root],
  },
  {
    name: "Netscape's type for clients",
    chain: [withExtensions(x509.extension("2.16.840.1.113730.1.1", flags(0)))],
    roots: [root],
    refusal: /does not allow it for servers/,
  },
  {
    name: "an unknown critical extension",
    chain: [withExtensions(x509.extension("1.2.3.4", Buffer.from([5, 0]), true))],
    roots: [root],
    refusal: /: it has a critical extension that pyro does not know \(1\.2\.3\.4\)/,
  },
  {
    name: "an unknown critical extension of an authority",
    chain: below({ extensions: [x509.basicConstraints(true), x509.extension("1.2.3.4", Buffer.from([5, 0]), true)] }),
    roots: [root],
    refusal: /of its authority \(CN=Middle\), it has a critical extension/,
  },
  {
    name: "an unknown extension that is not critical",
    chain: [withExtensions(x509.extension("1.2.3.4", Buffer.from([5, 0])))],
    roots: [root],
  },
  {
    name: "critical policies",
    chain: [
      withExtensions(x509.extension("2.5.29.32", sequence(sequence(objectIdentifier("2.5.29.32.0"))), true)),
    ],
    roots: [root],
  },
  {
    name: "a proxy certificate",
    chain: [
      withExtensions(
        x509.extension("1.3.6.1.5.5.7.1.14", sequence(sequence(objectIdentifier("1.3.6.1.5.5.7.21.1"))), true),
      ),
    ],
    roots: [root],
    refusal: /it is a proxy certificate/,
  },
];

export const ofKeys: readonly Situation[] = [
  ...(["P-384", "RSA", "RSA-PSS", "RSA-PSS, long salt", "Ed25519"] as const).map((type): Situation => {
    const own = x509.authority(type, { key: x509.keyNamed("root", type) });
    const key = x509.keyNamed("server", type.startsWith("RSA-PSS") ? "RSA" : type);
    return { name: `keys of type ${type}`, chain: [x509.server(own, [HOST], { key })], roots: [own] };
  }),
  ...(["sha384", "sha512"] as const).map((hash): Situation => ({
    name: `a signature with ${hash}`,
    chain: [x509.server(root, [HOST], { hash })],
    roots: [root],
  })),
  {
    name: "a signature with SHA-1",
    chain: [x509.server(root, [HOST], { hash: "sha1" })],
    roots: [root],
    refusal: /its signature uses SHA1, which is not secure/,
  },
  { name: "a root that signed itself with SHA-1", chain: [direct], roots: [x509.authority("Root", { hash: "sha1" })] },
  {
    name: "a short RSA key",
    chain: [x509.server(root, [HOST], { key: x509.keyNamed("short", "RSA 1024") })],
    roots: [root],
    refusal: /: its RSA key has 1024 bits, and must have at least 2048/,
  },
  {
    name: "a short RSA key of the root",
    chain: [x509.server(x509.authority("Short", { key: x509.keyNamed("short", "RSA 1024") }), [HOST])],
    roots: [x509.authority("Short", { key: x509.keyNamed("short", "RSA 1024") })],
    refusal: /of its authority \(CN=Short\), its RSA key has 1024 bits/,
  },
  {
    name: "a root whose own signature is wrong",
    chain: [direct],
    roots: [{ ...root, certificate: x509.damagedSignature(root.certificate) }],
  },
  {
    name: "a signature that is wrong",
    chain: [{ ...direct, certificate: x509.damagedSignature(direct.certificate) }],
    roots: [root],
    refusal: /the key of its issuer \(CN=Root\) has not signed it/,
  },
];

export const ofConstraints: readonly Situation[] = [
  constrained("a permitted name", [x509.dnsName("example")], []),
  constrained("a permitted name, itself", [x509.dnsName("DB.example")], []),
  constrained("a permitted domain with a dot", [x509.dnsName(".example")], []),
  constrained(
    "a name of another domain",
    [x509.dnsName("b.example")],
    [],
    /its DNS name is not permitted by its authority/,
  ),
  constrained(
    "an excluded name",
    [],
    [x509.dnsName("example")],
    /its DNS name is excluded by its authority \(CN=Middle\)/,
  ),
  constrained("a name that is not excluded", [], [x509.dnsName("x.db.example")]),
  constrained("only an address permitted", [x509.ipAddress(10, 0, 0, 0, 255, 0, 0, 0)], []),
  constrained("a permitted subject", [explicit(4, sequence())], []),
  constrained(
    "another subject permitted",
    [explicit(4, x509.commonName("Other"))],
    [],
    /its directory name is not permitted/,
  ),
  constrained("a permitted address", [x509.ipAddress(10, 0, 0, 0, 255, 0, 0, 0)], [], undefined, [10, 1, 2, 3]),
  constrained(
    "an address of another network",
    [x509.ipAddress(10, 0, 0, 0, 255, 0, 0, 0)],
    [],
    /its IP address is not permitted/,
    [11, 1, 2, 3],
  ),
  constrained("an excluded address", [], [x509.ipAddress(10, 0, 0, 0, 255, 0, 0, 0)], /its IP address is excluded/, [
    10,
    1,
    2,
    3,
  ]),
  constrained("an address of another version", [], [x509.ipAddress(...Array<number>(32).fill(0))], undefined, [
    10,
    1,
    2,
    3,
  ]),
  {
    name: "name constraints for the common name",
    chain: below({ extensions: constraints([x509.dnsName("other.example")]) }, {
      extensions: [x509.keyUsage("digitalSignature")],
    }),
    roots: [root],
    refusal: /its DNS name is not permitted/,
  },
  {
    name: "name constraints for a wildcard that covers an excluded name",
    chain: below({ extensions: constraints([], [x509.dnsName("secret.example")]) }, {
      extensions: [x509.alternativeNames(x509.dnsName("*.example"))],
    }),
    roots: [root],
    refusal: /its DNS name is excluded/,
    departs: "OpenSSL compares the names as they are",
  },
  {
    name: "name constraints that pyro does not compare",
    chain: below({ extensions: constraints([implicit(1, Buffer.from("example"))]) }, {
      subject: x509.distinguishedName(["1.2.840.113549.1.9.1", text(0x16, "me@example")]),
      key: x509.keyNamed(HOST),
    }),
    roots: [root],
    refusal: /pyro cannot check the name constraints for its e-mail address/,
    departs: "OpenSSL compares e-mail addresses",
  },
];

function constraints(permitted: readonly Uint8Array[], excluded: readonly Uint8Array[] = []): Uint8Array[] {
  return [x509.basicConstraints(true), x509.nameConstraints(permitted, excluded)];
}

function constrained(
  name: string,
  permitted: readonly Uint8Array[],
  excluded: readonly Uint8Array[],
  refusal?: RegExp,
  address?: number[],
): Situation {
  const names = [x509.dnsName(HOST), ...(address === undefined ? [] : [x509.ipAddress(...address)])];
  return {
    name: `name constraints: ${name}`,
    chain: below({ extensions: constraints(permitted, excluded) }, { extensions: [x509.alternativeNames(...names)] }),
    roots: [root],
    ...(refusal === undefined ? {} : { refusal }),
  };
}
