/**
 * A server that shows another server's certificate without having its key. All runtimes must end the
 * handshake at its signature, whatever sslmode says: a certificate alone proves nothing.
 *
 * Deno's TLS does not check the signature if it cannot parse the certificate. So verification, and channel
 * binding, must refuse all such certificates.
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { ConnectionError, Opts } from "../../mod.ts";
import { endPointHash } from "../../src/tls/signature_hash.ts";
import { verifyCertificate } from "../../src/tls/verify.ts";
import {
  alternativeNames,
  authority,
  dnsName,
  extendedKeyUsage,
  extension,
  keyNamed,
  type KeyType,
  keyUsage,
  NOW,
  server,
  signed,
} from "../support/certificates/authority.ts";
import {
  boolean,
  der,
  explicit,
  implicit,
  integer,
  objectIdentifier,
  octetString,
  partsOf,
  sequence,
} from "../support/certificates/der.ts";
import { startImpostor } from "../support/network/impostor.ts";
import { inTime } from "../support/suite/in_time.ts";
import { Random } from "../support/suite/random.ts";
import { test } from "../support/suite/test.ts";
import { type World, worlds, worldsOf } from "../support/suite/worlds.ts";

const root = authority("Root");

function opts(port: number): Opts {
  return new Opts().host("127.0.0.1").port(port).user("u").password("secret").db("d").sslMode("require")
    .upgradeToUnixSocket(false).connectTimeout(3000);
}

/** What the server hears from a client to which it shows a certificate of `type`, signing with a key. */
async function heardBy(
  world: World,
  type: KeyType,
  key: string,
  odd?: { certificate: Uint8Array },
): Promise<string[]> {
  const { certificate } = odd ?? server(root, ["127.0.0.1"], { key: keyNamed("server", type) });
  await using impostor = await startImpostor({ certificate, key: keyNamed(key, type).privateKey });
  await assert.rejects(inTime(() => world.connect(opts(impostor.port))), (error) => {
    assert.ok(error instanceof ConnectionError, String(error));
    const isWrong = /: a signature is wrong: the server does not have the private key /.test(error.message);
    if (odd === undefined) assert.equal(isWrong, key !== "server", error.message);
    return true;
  });
  return await impostor.heard();
}

for (const world of worldsOf("impostor")) {
  for (const type of ["EC", "RSA"] as const) {
    test(`impostor: a certificate without its key is refused (${type}, ${world.name})`, async () => {
      const heard = await heardBy(world, type, "impostor");
      assert.ok(heard.every((record) => record === "alert"), heard.join());
    });

    test(`impostor: with its key, the handshake goes on (${type}, ${world.name})`, async () => {
      const heard = await heardBy(world, type, "server");
      assert.deepEqual(heard.slice(0, 2), ["key exchange", "change of keys"]);
    });
  }
}

/** Whether verification or channel binding would rely on a certificate. */
function isReliedOn(certificate: Uint8Array): boolean {
  if (endPointHash(certificate) !== undefined) return true;
  try {
    const roots = [root.certificate];
    verifyCertificate([certificate], { mode: "verify-ca", roots, rootsName: "", crls: [], host: "" }, NOW);
    return true;
  } catch (error) {
    assert.ok(error instanceof ConnectionError, String(error));
    return false;
  }
}

const usual = [
  alternativeNames(dnsName("db.example")),
  keyUsage("digitalSignature"),
  extendedKeyUsage("1.3.6.1.5.5.7.3.1"),
  extension("1.3.6.1.4.1.11129.2.4.2", octetString(Buffer.from([0]))),
];
const key = keyNamed("server");
const { certificate: good } = server(root, [""], { key, extensions: usual });

/** A certificate with one of its parts replaced. */
function replaced(index: number, ...parts: Uint8Array[]): Buffer {
  return server(root, [""], { key, extensions: usual, alter: (all) => all.toSpliced(index, 1, ...parts) }).certificate;
}

/** Certificates that are odd, and those that are wrong. */
const ODD: Readonly<Record<string, Uint8Array>> = {
  "of version 1": server(root, [""], { key, version: 1, extensions: [] }).certificate,
  "of version 2": server(root, [""], { key, version: 2, extensions: [] }).certificate,
  "with a byte behind it": Buffer.concat([good, Buffer.from([0])]),
  "with a long length": Buffer.concat([Buffer.from([0x30, 0x83, 0]), good.subarray(2)]),
  "with a negative serial number": replaced(1, der(0x02, Buffer.from([0x80]))),
  "with a large serial number": replaced(1, integer(1n << 400n)),
  "with an empty serial number": replaced(1, der(0x02)),
  "with unique identifiers": replaced(7, implicit(1, Buffer.from([0, 1])), explicit(3, sequence(...usual))),
  "without extensions": replaced(7),
  "with an empty list of extensions": replaced(7, explicit(3, sequence())),
  "with an extension twice": replaced(7, explicit(3, sequence(...usual, ...usual))),
  "with malformed timestamps": replaced(7, explicit(3, sequence(extension("1.3.6.1.4.1.11129.2.4.2", sequence())))),
  "with malformed constraints": replaced(7, explicit(3, sequence(extension("2.5.29.19", integer(1))))),
  "with a malformed flag": replaced(
    7,
    explicit(3, sequence(sequence(objectIdentifier("1.2.3"), der(0x01, Buffer.from([1])), octetString(sequence())))),
  ),
  "with a flag that is the default": replaced(
    7,
    explicit(3, sequence(sequence(objectIdentifier("1.2.3"), boolean(false), octetString(sequence())))),
  ),
  "that is none": Buffer.from("hello"),
};

test("impostor: no certificate is relied on whose key the runtime does not check", async () => {
  for (const [name, certificate] of Object.entries(ODD)) {
    const heard = await heardBy(worlds[0]!, "EC", "impostor", { certificate });
    if (heard.includes("key exchange")) assert.equal(isReliedOn(certificate), false, name);
  }
});

test("impostor: the same for certificates with random bytes", async () => {
  const random = new Random(6066);
  const [body] = partsOf(good) as [Buffer];
  let checked = 0;
  for (let i = 0; i < 30; i++) {
    const changed = Buffer.from(body);
    changed[random.below(changed.length)] = random.below(256);
    const certificate = signed(changed, root.key);
    if (!isReliedOn(certificate)) continue;
    checked++;
    const heard = await heardBy(worlds[0]!, "EC", "impostor", { certificate });
    assert.equal(heard.includes("key exchange"), false, certificate.toString("hex"));
  }
  assert.ok(checked > 5, String(checked));
});
