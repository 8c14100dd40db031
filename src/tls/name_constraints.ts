/**
 * Name constraints: for which names an authority may issue certificates.
 *
 * DNS names, IP addresses and directory names are compared. If a certificate has a name of another kind
 * for which there is a constraint, the certificate is refused.
 *
 * Source: RFC 5280, section 4.2.1.10.
 */
import { contextTag, DerError, DerReader, numberOf, onlySequence } from "./der.ts";
import { type GeneralName, nextGeneralName, textOf } from "./general_names.ts";

/** What an authority may certify. */
export interface NameConstraints {
  /** If there are names of a kind here, a name of this kind must be below one of them. */
  readonly permitted: readonly GeneralName[];
  /** No name may be below one of these. */
  readonly excluded: readonly GeneralName[];
}

/** The extension of a certificate. */
export function nameConstraintsOf(value: Uint8Array): NameConstraints {
  const reader = onlySequence(value, "name constraints");
  const permitted = reader.optional(contextTag(0, true));
  const excluded = reader.optional(contextTag(1, true));
  reader.end("name constraints");
  return { permitted: permitted ? subtreesOf(permitted) : [], excluded: excluded ? subtreesOf(excluded) : [] };
}

/** Why a certificate may not have one of these names; undefined if it may have all. */
export function violationOf(names: readonly GeneralName[], constraints: NameConstraints): string | undefined {
  const { permitted, excluded } = constraints;
  if (names.length * (permitted.length + excluded.length) > MAX_COMPARISONS) {
    return "there are too many names and name constraints";
  }
  for (const name of names) {
    const bases = permitted.filter(({ type }) => type === name.type);
    const barred = excluded.filter(({ type }) => type === name.type);
    if (bases.length + barred.length === 0) continue;
    if (!COMPARABLE.has(name.type)) return `pyro cannot check the name constraints for its ${name.type}`;
    if (bases.length > 0 && !bases.some((base) => isBelow(name, base))) return `its ${name.type} is not permitted`;
    if (barred.some((base) => isBelow(name, base) || coversBelow(name, base))) return `its ${name.type} is excluded`;
  }
  return undefined;
}

function subtreesOf(content: Uint8Array): GeneralName[] {
  const list = new DerReader(content);
  const bases: GeneralName[] = [];
  while (!list.done) {
    const reader = list.sequence("name constraint");
    const base = nextGeneralName(reader);
    const minimum = reader.optional(contextTag(0));
    if (minimum !== undefined && numberOf(minimum, "minimum of a name constraint") !== 0) {
      throw new DerError("a name constraint has a minimum");
    }
    reader.end("name constraint");
    if (base.type === "IP address" && base.bytes.length !== 8 && base.bytes.length !== 32) {
      throw new DerError("a name constraint for IP addresses is malformed");
    }
    bases.push(base);
  }
  return bases;
}

/** Whether a name is the base of a constraint, or below it. */
function isBelow(name: GeneralName, base: GeneralName): boolean {
  if (name.type === "directory name") {
    return base.type === name.type && base.name.parts.every((part, i) => part === name.name.parts[i]);
  }
  if (base.type !== name.type) return false;
  if (name.type === "IP address") return isInNetwork(name.bytes, base.bytes);
  return isInDomain(textOf(name.bytes), textOf(base.bytes));
}

/** Whether a name with a wildcard stands for names below the base. */
function coversBelow(name: GeneralName, base: GeneralName): boolean {
  if (name.type !== "DNS name" || base.type !== "DNS name") return false;
  const text = textOf(name.bytes);
  return text.startsWith("*.") && isInDomain(textOf(base.bytes).replace(/^\./, ""), text.slice(1));
}

function isInDomain(name: string, base: string): boolean {
  const [longer, domain] = [name.toLowerCase(), base.toLowerCase()];
  if (domain === "" || longer === domain) return true;
  return longer.endsWith(domain) && longer.length > domain.length &&
    (domain.startsWith(".") || longer.at(-domain.length - 1) === ".");
}

function isInNetwork(address: Uint8Array, network: Uint8Array): boolean {
  const size = address.length;
  return network.length === size * 2 &&
    address.every((byte, i) => ((byte ^ network[i]!) & network[size + i]!) === 0);
}

const COMPARABLE: ReadonlySet<string> = new Set<GeneralName["type"]>(["DNS name", "IP address", "directory name"]);

/** As OpenSSL has it. */
const MAX_COMPARISONS = 2 ** 20;
