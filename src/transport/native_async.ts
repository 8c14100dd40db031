/** Chooses the sockets of this runtime, for connections that await. */
import type { AsyncDialer } from "./transport.ts";
import { runtime } from "../runtime/runtime.ts";

/** The dialer of this runtime. */
export async function nativeDialer(): Promise<AsyncDialer> {
  switch (runtime) {
    case "deno":
      return (await import("./deno.ts")).denoDialer;
    case "bun":
      return (await import("./bun.ts")).bunDialer;
    case "node":
      return (await import("./node.ts")).nodeDialer;
  }
}
