/**
 * Listeners of abort signals. A signal has one listener, however many calls it is for: runtimes look
 * through all listeners for each that is added, and warn of more than a few.
 */

const listening = new WeakMap<AbortSignal, Set<() => void>>();

/** Calls the function when the signal aborts, once. The function that it gives ends that. */
export function onAbort(signal: AbortSignal, fn: () => void): () => void {
  const listeners = listening.get(signal) ?? listen(signal);
  listeners.add(fn);
  return () => {
    if (!listeners.delete(fn) || listeners.size > 0) return;
    signal.removeEventListener("abort", notify);
    listening.delete(signal);
  };
}

function listen(signal: AbortSignal): Set<() => void> {
  const listeners = new Set<() => void>();
  listening.set(signal, listeners);
  signal.addEventListener("abort", notify, { once: true });
  return listeners;
}

function notify({ target }: Event): void {
  const signal = target as AbortSignal;
  const listeners = listening.get(signal);
  listening.delete(signal);
  for (const listener of listeners ?? []) listener();
}
