/** Notifications as server-sent events: `note` with the payload as JSON, and `gap` where some may have been missed. */
import type { Pool } from "../../mod.ts";

/**
 * A response that goes on until the signal aborts or the client disconnects. It begins once the server has confirmed
 * the LISTEN: a client that loads its data after the beginning misses nothing.
 *
 * All clients share the one connection by which the pool listens.
 */
export async function events(pool: Pool, channel: string, signal: AbortSignal): Promise<Response> {
  const notifications = await pool.listen(channel, { signal });
  const encoder = new TextEncoder();
  let timer: ReturnType<typeof setInterval>;
  const body = new ReadableStream<Uint8Array>({
    start(controller): void {
      // Milliseconds that the client waits before it reconnects; sent at once, so that the headers are sent too.
      controller.enqueue(encoder.encode("retry: 1000\n\n"));
      timer = setInterval(() => {
        // A client that has read nothing since the last comment is gone, or too slow to keep notifications for.
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

/** Milliseconds between comments, which keep proxies from ending an idle connection. */
const BEAT = 15_000;
