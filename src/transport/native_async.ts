/** Chooses the sockets of this runtime, for connections that await, or the user's function that dials instead. */
import type { DialFunction } from "../options/dial.ts";
import type { AsyncDialer } from "./transport.ts";
import { runtime } from "../runtime/runtime.ts";

/** The dialer of this runtime, or of the user's function if there is one. */
export async function nativeDialer(dial?: DialFunction): Promise<AsyncDialer> {
  if (dial !== undefined) return (await import("./custom_async.ts")).customDialer(dial);
  return dialer ??= await dialerOfRuntime();
}

let dialer: AsyncDialer | undefined;

async function dialerOfRuntime(): Promise<AsyncDialer> {
  switch (runtime) {
    case "deno":
      return (await import("./deno.ts")).denoDialer;
    case "bun":
      return (await import("./bun.ts")).bunDialer;
    case "node":
      return (await import("./node.ts")).nodeDialer;
  }
}
