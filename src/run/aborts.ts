/**
 * Listeners of abort signals. A signal has one event listener for any number of calls: runtimes search all listeners
 * when one is added, and warn of more than a few.
 */

const listening = new WeakMap<AbortSignal, Set<() => void>>();

/** Calls `fn` once, when the signal aborts. The returned function prevents that. */
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
