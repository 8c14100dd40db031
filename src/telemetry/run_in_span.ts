/** Runs work inside a span. */
import type { Span } from "../protocol/request.ts";

/** Runs work that is awaited inside a span. */
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

/** Runs work that blocks inside a span. */
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
