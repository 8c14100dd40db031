/** Warns of configuration that is not used, such as a password file that others may read. */
import { warn } from "../runtime/runtime.ts";
import type { Log } from "./log.ts";

/** Warns in the log; without one the process is warned, once of each thing. */
export function configurationWarner(log: Log | undefined): (message: string) => void {
  return (message) => {
    if (log !== undefined) return log.warn("configuration is not used", { reason: message });
    if (WARNED.has(message)) return;
    WARNED.add(message);
    warn(message, "ConfigurationWarning", "");
  };
}

const WARNED = new Set<string>();
