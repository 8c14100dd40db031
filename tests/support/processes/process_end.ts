/** Waits for processes. */
import type { ChildProcess } from "node:child_process";

/** Resolves when a process has ended, also if it had ended before. */
export function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => child.once("exit", () => resolve()));
}
