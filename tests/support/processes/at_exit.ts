/** Runs actions before the process ends. */
import process from "node:process";

/** Calls the action when the process ends by itself. It cannot await. */
export function atExit(action: () => void): void {
  // Deno's test runner does not emit Node's event.
  if ("Deno" in globalThis) globalThis.addEventListener("unload", action, { once: true });
  else process.once("exit", action);
}
