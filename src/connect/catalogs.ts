/**
 * Shares catalogs between the connections to a database.
 *
 * A catalog is shared as long as one of its connections is open: so if another server takes over the
 * address, its types are looked up. Connections are counted, not tracked by weak references: V8 keeps
 * the targets of weak references until the script yields, which a blocking script does not.
 */
import { Catalog } from "../codecs/catalog.ts";
import { endpointName } from "../transport/transport.ts";
import type { ConnectPlan } from "./connect.ts";
import type { Link } from "./handshake.ts";

/** The catalog of a database, and how many connections use it. */
interface SharedCatalog {
  readonly catalog: Catalog;
  useCount: number;
}

const catalogs = new Map<string, SharedCatalog>();
/** Numbers of the functions that dial: an address means another server to each. */
const dialNumbers = new WeakMap<object, number>();
let lastDialNumber = 0;

/** The catalog for a new connection. The connection counts until its session is lost. */
export function catalogOf({ endpoint, session }: Link, { database, dial }: ConnectPlan): Catalog {
  // No address or name of a database contains a null character.
  const key = `${dialNumber(dial)}\0${endpointName(endpoint)}\0${database}`;
  let shared = catalogs.get(key);
  if (shared === undefined) {
    shared = { catalog: new Catalog(), useCount: 0 };
    catalogs.set(key, shared);
  }
  const { catalog } = shared;
  shared.useCount++;
  session.onLost = () => {
    if (--shared.useCount === 0) catalogs.delete(key);
  };
  if (session.lost !== undefined) session.onLost();
  return catalog;
}

function dialNumber(dial: object | undefined): number {
  if (dial === undefined) return 0;
  let number = dialNumbers.get(dial);
  if (number === undefined) dialNumbers.set(dial, number = ++lastDialNumber);
  return number;
}
