/** Waits for processes. */
import type { ChildProcess } from "node:child_process";
import process from "node:process";

/** Resolves when a process has ended, also if it had ended before. */
export function ended(child: ChildProcess): Promise<void> {
  const isOver = child.exitCode !== null || (child.signalCode !== null && !exists(child));
  return isOver ? Promise.resolve() : new Promise((resolve) => child.once("exit", () => resolve()));
}

/** Deno says `signalCode` as soon as the signal is sent. */
function exists({ pid }: ChildProcess): boolean {
  try {
    process.kill(pid!, 0);
    return true;
  } catch {
    return false;
  }
}
