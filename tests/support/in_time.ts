/**
 * Connections whose upgrade to the Unix socket had its time: it takes half a second at most, in which a
 * busy machine does not even start a thread. Imports nothing, so that scripts can use it.
 */

/** What became of an upgrade. */
interface Upgraded {
  readonly upgrade: { readonly reason: string | undefined; readonly tried: readonly { readonly reason: string }[] };
}

/** Whether it might have come out otherwise, had there been more time. */
export function lackedTime({ upgrade: { reason, tried } }: Upgraded): boolean {
  return [reason, ...tried.map(({ reason }) => reason)].some((said) => /timed out$|no time left/.test(said ?? ""));
}

/** Connects until the upgrade has not lacked time; what came last, if it always does. */
export async function inTime<T extends Upgraded & { close(): unknown }>(connect: () => T | Promise<T>): Promise<T> {
  for (let attempt = 1;; attempt++) {
    const conn = await connect();
    if (attempt === ATTEMPTS || !lackedTime(conn)) return conn;
    await conn.close();
  }
}

const ATTEMPTS = 40;
