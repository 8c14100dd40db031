/** Which hash functions each driver uses to authenticate. */
import { type Hashing, nodeHashing, ownHashing } from "../auth/hashing.ts";
import { type PasswordToSalt, Salting } from "../auth/salted_password.ts";
import { runtime } from "../runtime/runtime.ts";

/** Those of the driver that awaits. Deno takes longer to load `node:crypto` than pyro for all else when it connects. */
export const awaitingHashing: Hashing = runtime === "deno" ? ownHashing : nodeHashing;

/** Those of the driver that blocks. */
export const blockingHashing: Hashing = nodeHashing;

/** Salts a password with WebCrypto, while other work goes on. */
export async function saltPassword(given: PasswordToSalt): Promise<Uint8Array> {
  const salting = new Salting(given, ownHashing);
  return salting.keep(salting.known ?? await deriveOnce(salting));
}

/** The connections that a pool opens together wait for one computation. */
function deriveOnce(salting: Salting): Promise<Uint8Array> {
  const { key } = salting;
  const known = underWay.get(key);
  if (known !== undefined) return known;
  const work = derive(salting).finally(() => underWay.delete(key));
  underWay.set(key, work);
  return work;
}

const underWay = new Map<string, Promise<Uint8Array>>();

async function derive({ password, salt, iterations }: Salting): Promise<Uint8Array> {
  const { subtle } = globalThis.crypto;
  const key = await subtle.importKey("raw", password, "PBKDF2", false, ["deriveBits"]);
  return new Uint8Array(await subtle.deriveBits({ name: "PBKDF2", hash: "SHA-256", salt, iterations }, key, 256));
}
