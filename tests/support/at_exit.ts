/** What is to be done before the process ends. */
import process from "node:process";

/** Calls it when the process ends by itself; there is no time to wait for anything. */
export function atExit(action: () => void): void {
  // Deno's test runner ends without Node's event.
  if ("Deno" in globalThis) globalThis.addEventListener("unload", action, { once: true });
  else process.once("exit", action);
}
