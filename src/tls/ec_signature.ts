/**
 * Verifies signatures of the curve P-521, with hash functions that a runtime does not have for it. Only public values
 * are computed with, so the time that it takes discloses nothing.
 *
 * Source: FIPS 186-5, section 6.4.2; SEC 1, section 2.3.4; SEC 2, section 2.6.1; the formulas dbl-2001-b and
 * add-2007-bl of the Explicit-Formulas Database.
 */
import { builtin } from "../builtin.ts";
import { bigintOf, integerOf, onlySequence, Tag } from "./der.ts";

/** Whether the owner of a public key of P-521, a point that is not compressed, made the signature. */
export function isP521Signature(key: Uint8Array, hash: string, signed: Uint8Array, signature: Uint8Array): boolean {
  const reader = onlySequence(signature, "signature");
  const r = bigintOf(integerOf(reader.read(Tag.integer, "signature"), "signature"));
  const s = bigintOf(integerOf(reader.read(Tag.integer, "signature"), "signature"));
  reader.end("signature");
  const owner = pointOf(key);
  if (owner === undefined || r <= 0n || r >= ORDER || s <= 0n || s >= ORDER) return false;
  // No hash function has more bits than the order.
  const digest = bigintOf(builtin.crypto.createHash(hash).update(signed).digest());
  const inverse = inverseOf(s, ORDER);
  const [x, , z] = sumOfProducts(digest * inverse % ORDER, GENERATOR, r * inverse % ORDER, owner);
  return z !== 0n && x * inverseOf(z * z % PRIME, PRIME) % PRIME % ORDER === r;
}

/** X, Y and Z in Jacobian coordinates: the point (X / Z², Y / Z³), or none if Z is 0. */
type Point = readonly [x: bigint, y: bigint, z: bigint];

/** The point of a key; undefined if it is compressed, or not on the curve. */
function pointOf(key: Uint8Array): Point | undefined {
  if (key.length !== 1 + 2 * COORDINATE_BYTES || key[0] !== UNCOMPRESSED) return undefined;
  const x = bigintOf(key.subarray(1, 1 + COORDINATE_BYTES));
  const y = bigintOf(key.subarray(1 + COORDINATE_BYTES));
  if (x >= PRIME || y >= PRIME) return undefined;
  return modulo(y * y - (x * x - 3n) * x - B) === 0n ? [x, y, 1n] : undefined;
}

/** a P + b Q. */
function sumOfProducts(a: bigint, p: Point, b: bigint, q: Point): Point {
  const both = add(p, q);
  let sum = NONE;
  for (let bit = BITS - 1n; bit >= 0n; bit--) {
    sum = twice(sum);
    const hasP = (a >> bit & 1n) === 1n;
    const hasQ = (b >> bit & 1n) === 1n;
    if (hasP || hasQ) sum = add(sum, hasP && hasQ ? both : hasP ? p : q);
  }
  return sum;
}

function twice([x, y, z]: Point): Point {
  const delta = z * z % PRIME;
  const gamma = y * y % PRIME;
  const beta = x * gamma % PRIME;
  const alpha = 3n * (x - delta) * (x + delta) % PRIME;
  const x3 = modulo(alpha * alpha - 8n * beta);
  return [x3, modulo(alpha * (4n * beta - x3) - 8n * gamma * gamma), modulo(2n * y * z)];
}

function add(p: Point, q: Point): Point {
  const [x1, y1, z1] = p;
  const [x2, y2, z2] = q;
  if (z1 === 0n) return q;
  if (z2 === 0n) return p;
  const [square1, square2] = [z1 * z1 % PRIME, z2 * z2 % PRIME];
  const [u1, u2] = [x1 * square2 % PRIME, x2 * square1 % PRIME];
  const [s1, s2] = [y1 * z2 % PRIME * square2 % PRIME, y2 * z1 % PRIME * square1 % PRIME];
  if (u1 === u2) return s1 === s2 ? twice(p) : NONE;
  const h = modulo(u2 - u1);
  const r = modulo(s2 - s1);
  const [h2, h3] = [h * h % PRIME, h * h % PRIME * h % PRIME];
  const v = u1 * h2 % PRIME;
  const x3 = modulo(r * r - h3 - 2n * v);
  return [x3, modulo(r * (v - x3) - s1 * h3), z1 * z2 % PRIME * h % PRIME];
}

function modulo(value: bigint): bigint {
  const rest = value % PRIME;
  return rest < 0n ? rest + PRIME : rest;
}

/** The inverse of a value that is not 0, by the extended algorithm of Euclid. */
function inverseOf(value: bigint, modulus: bigint): bigint {
  let [a, b] = [modulus, value % modulus];
  let [x, y] = [0n, 1n];
  while (b !== 0n) {
    const quotient = a / b;
    [a, b] = [b, a - quotient * b];
    [x, y] = [y, x - quotient * y];
  }
  return x < 0n ? x + modulus : x;
}

const BITS = 521n;
const COORDINATE_BYTES = 66;
/** The first byte of a point that is not compressed. */
const UNCOMPRESSED = 4;
const PRIME = 2n ** BITS - 1n;
const B = BigInt(
  "0x51953eb9618e1c9a1f929a21a0b68540eea2da725b99b315f3b8b489918ef109e156193951ec7e937b1652c0bd3bb1bf073573df883d2c34" +
    "f1ef451fd46b503f00",
);
const GENERATOR: Point = [
  BigInt(
    "0xc6858e06b70404e9cd9e3ecb662395b4429c648139053fb521f828af606b4d3dbaa14b5e77efe75928fe1dc127a2ffa8de3348b3c1856a4" +
      "29bf97e7e31c2e5bd66",
  ),
  BigInt(
    "0x11839296a789a3bc0045c8a5fb42c7d1bd998f54449579b446817afbd17273e662c97ee72995ef42640c550b9013fad0761353c7086a272" +
      "c24088be94769fd16650",
  ),
  1n,
];
const ORDER = BigInt(
  "0x1fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47" +
    "aebb6fb71e91386409",
);
const NONE: Point = [1n, 1n, 0n];
