/**
 * Where the revocation lists of a certificate are to be found: it tells which list is meant for it.
 *
 * Source: RFC 5280, sections 4.2.1.13 and 5.2.5.
 */
import { contextTag, DerReader, hex, onlySequence } from "./der.ts";
import { generalNamesOf } from "./general_names.ts";

/** A distribution point of a certificate. */
export interface DistributionPoint {
  /** A key for each of its names; undefined if it has no name. */
  readonly names: readonly string[] | undefined;
  /** Whether it is for some reasons only, or for lists of another issuer. */
  readonly isPartial: boolean;
}

/** The extension of a certificate. */
export function distributionPointsOf(value: Uint8Array): DistributionPoint[] {
  const list = onlySequence(value, "distribution points");
  const points: DistributionPoint[] = [];
  while (!list.done) {
    const reader = list.sequence("distribution point");
    const names = reader.optional(contextTag(0, true));
    const reasons = reader.optional(contextTag(1));
    const issuer = reader.optional(contextTag(2, true));
    reader.end("distribution point");
    points.push({
      names: names && pointNamesOf(names),
      isPartial: reasons !== undefined || issuer !== undefined,
    });
  }
  return points;
}

/** Keys for the names of a distribution point, of which equal names have equal ones. */
export function pointNamesOf(content: Uint8Array): string[] {
  const reader = new DerReader(content);
  const { tag, content: names } = reader.next();
  reader.end("name of a distribution point");
  if (tag !== contextTag(0, true)) return [`relative:${hex(names)}`];
  return generalNamesOf(names).map((name) =>
    name.type === "directory name" ? `${name.type}:${name.name.key}` : `${name.type}:${hex(name.bytes)}`
  );
}
