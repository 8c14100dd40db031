/** Notifications as server-sent events: `note` with the payload as JSON, and `gap` where some may have been missed. */
import type { Pool } from "../../mod.ts";

/**
 * A response that goes on until the signal aborts or the client leaves. It begins once the server has confirmed the
 * LISTEN: a client that loads its data after the beginning misses nothing.
 *
 * All clients share the one connection by which the pool listens.
 */
export async function events(pool: Pool, channel: string, signal: AbortSignal): Promise<Response> {
  const notifications = await pool.listen(channel, { signal });
  const encoder = new TextEncoder();
  let timer: ReturnType<typeof setInterval>;
  const body = new ReadableStream<Uint8Array>({
    start(controller): void {
      // How long to wait before connecting again, in milliseconds; sent at once, so that the headers are.
      controller.enqueue(encoder.encode("retry: 1000\n\n"));
      timer = setInterval(() => {
        // Who has read nothing since the last time is gone, or too slow to store notifications for.
        if (controller.desiredSize! > 0) return controller.enqueue(encoder.encode(":\n\n"));
        clearInterval(timer);
        void notifications.return();
      }, BEAT);
    },
    async pull(controller): Promise<void> {
      const { done, value } = await notifications.next();
      if (done) {
        clearInterval(timer);
        controller.close();
      } else {
        const event = value.gap ? "gap" : "note";
        controller.enqueue(encoder.encode(`event: ${event}\ndata: ${JSON.stringify(value.payload ?? null)}\n\n`));
      }
    },
    async cancel(): Promise<void> {
      clearInterval(timer);
      await notifications.return();
    },
  });
  return new Response(body, { headers: { "content-type": "text/event-stream", "cache-control": "no-store" } });
}

/** Milliseconds between comments, which keep proxies from ending a connection on which nothing happens. */
const BEAT = 15_000;
