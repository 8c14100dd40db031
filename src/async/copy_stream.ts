/** COPY TO STDOUT of connections that await. */
import type { Copy } from "../calls.ts";
import type { AsyncLink } from "../drive/async_link.ts";

/** The data of a COPY, read from the server as it is read from the stream. */
export function copyStream(
  link: AsyncLink,
  { source, given: { limit } }: Copy,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream({
    async pull(controller): Promise<void> {
      try {
        const chunk = await link.run({ op: source.next(), limit });
        if (chunk === undefined) controller.close();
        else controller.enqueue(chunk);
      } catch (error) {
        await link.run({ op: source.close(), limit: undefined });
        throw error;
      }
    },
    cancel: () => link.run({ op: source.close(), limit: undefined }),
  }, { highWaterMark: 0 });
}
