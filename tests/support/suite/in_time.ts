/**
 * Retries connections whose upgrade to the Unix socket lacked time: it may take at most half a second,
 * in which a busy machine may not even start a thread. Imports nothing, so that scripts can use it.
 */

/** The result of an upgrade. */
interface Upgraded {
  readonly upgrade: { readonly reason: string | undefined; readonly tried: readonly { readonly reason: string }[] };
}

/** Whether the upgrade may have failed for lack of time. */
export function lackedTime({ upgrade: { reason, tried } }: Upgraded): boolean {
  return [reason, ...tried.map(({ reason }) => reason)].some((said) => /timed out$|no time left/.test(said ?? ""));
}

/** Connects until the upgrade has not lacked time; after several attempts, returns the last connection. */
export async function inTime<T extends Upgraded & { close(): unknown }>(connect: () => T | Promise<T>): Promise<T> {
  for (let attempt = 1;; attempt++) {
    const conn = await connect();
    if (attempt === ATTEMPTS || !lackedTime(conn)) return conn;
    await conn.close();
  }
}

const ATTEMPTS = 40;
