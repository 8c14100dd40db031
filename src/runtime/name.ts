/** Which runtime this is. This file needs no module, so that code of threads can import it. */

/** The runtime that this code runs on. */
export const runtime: "deno" | "bun" | "node" = "Deno" in globalThis ? "deno" : "Bun" in globalThis ? "bun" : "node";
