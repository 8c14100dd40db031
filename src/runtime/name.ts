/** Which runtime this is, and on which system. This file needs no module, so that code of threads can import it. */

/** The runtime that this code runs on. */
export const runtime: "deno" | "bun" | "node" = "Deno" in globalThis ? "deno" : "Bun" in globalThis ? "bun" : "node";

/** The operating system, as the runtime calls it. On Deno, to load `process` takes longer than to connect. */
export const system: string = runtime === "deno" ? Deno.build.os : process.platform;
