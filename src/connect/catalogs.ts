/**
 * Catalogs of databases, shared by the connections to each of them.
 *
 * A catalog is handed on for as long as a connection lives that has it: so a server that was replaced
 * by another at the same address is asked anew. Connections are counted, not remembered: V8 keeps what a
 * weak reference leads to until the script lets go, which one that blocks does not.
 */
import { Catalog } from "../codecs/catalog.ts";
import { endpointName } from "../transport/transport.ts";
import type { ConnectPlan } from "./connect.ts";
import type { Link } from "./handshake.ts";

/** What is known of a database, and how many connections know it. */
interface SharedCatalog {
  readonly catalog: Catalog;
  useCount: number;
}

const catalogs = new Map<string, SharedCatalog>();

/** The catalog of the database that a new connection is to, for as long as its session is not lost. */
export function catalogOf({ endpoint, session }: Link, { parameters }: ConnectPlan): Catalog {
  const database = parameters.find(([name]) => name === "database")?.[1];
  const key = JSON.stringify([endpointName(endpoint), database]);
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
