/**
 * Catalogs of databases, shared by the connections to each of them.
 *
 * A catalog is handed on for as long as a connection lives that has it: so a server that was replaced
 * by another at the same address is asked anew.
 */
import { Catalog } from "../types/catalog.ts";
import type { Session } from "../protocol/session.ts";
import { endpointName } from "../transport/transport.ts";
import type { ConnectPlan } from "./connect.ts";
import type { Link } from "./handshake.ts";

/** What is known of a database, and the sessions that know it. */
interface Shared {
  readonly catalog: Catalog;
  readonly sessions: Set<WeakRef<Session>>;
}

const catalogs = new Map<string, Shared>();

/** The catalog of the database that a new connection is to. */
export function catalogOf({ endpoint, session }: Link, { parameters }: ConnectPlan): Catalog {
  dropUnused();
  const database = parameters.find(([name]) => name === "database")?.[1];
  const key = JSON.stringify([endpointName(endpoint), database]);
  let shared = catalogs.get(key);
  if (shared === undefined) {
    shared = { catalog: new Catalog(), sessions: new Set() };
    catalogs.set(key, shared);
  }
  shared.sessions.add(new WeakRef(session));
  return shared.catalog;
}

function dropUnused(): void {
  for (const [key, { sessions }] of catalogs) {
    for (const reference of sessions) {
      const session = reference.deref();
      if (session === undefined || session.lost !== undefined) sessions.delete(reference);
    }
    if (sessions.size === 0) catalogs.delete(key);
  }
}
