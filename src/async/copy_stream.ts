/** COPY TO STDOUT of connections that await. */
import type { Calls, Copy } from "../calls.ts";
import type { AsyncLink } from "../drive/async_link.ts";

/** The data of a COPY, read from the server as it is read from the stream. */
export function copyStream(calls: Calls, link: AsyncLink, copy: Copy): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream({
    async pull(controller): Promise<void> {
      try {
        const chunk = await link.run(calls.nextChunk(copy));
        if (chunk === undefined) controller.close();
        else controller.enqueue(chunk);
      } catch (error) {
        await link.run(calls.closeCopy(copy));
        throw error;
      }
    },
    cancel: () => link.run(calls.closeCopy(copy)),
  }, { highWaterMark: 0 });
}
