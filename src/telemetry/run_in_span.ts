/** Work that somebody watches. */
import type { Span } from "../protocol/request.ts";

/** Does something that is awaited while it is watched. */
export async function runInSpan<T>(span: Span, work: () => Promise<T>): Promise<T> {
  let value: T;
  try {
    value = await span.start(work);
  } catch (error) {
    span.fail(error);
    throw error;
  }
  span.succeed(value);
  return value;
}

/** Does something that blocks while it is watched. */
export function runInSpanBlocking<T>(span: Span, work: () => T): T {
  let value: T;
  try {
    value = span.start(work);
  } catch (error) {
    span.fail(error);
    throw error;
  }
  span.succeed(value);
  return value;
}
