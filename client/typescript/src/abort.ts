/**
 * What is to happen when a signal is aborted. One listener for all calls that share a signal: Node.js warns of a leak
 * from the eleventh on, and a signal of a request or a process is shared by thousands.
 */
const reactions = new WeakMap<AbortSignal, Set<() => void>>();

/** Has `react` run when the signal is aborted, until the function that it returns is called. */
export function onAbort(signal: AbortSignal, react: () => void): () => void {
  if (signal.aborted) {
    queueMicrotask(react);
    return () => undefined;
  }
  const waiting = reactions.get(signal) ?? listen(signal);
  waiting.add(react);
  return () => {
    waiting.delete(react);
    if (waiting.size === 0) {
      reactions.delete(signal);
      signal.removeEventListener("abort", listeners.get(waiting)!);
    }
  };
}

const listeners = new WeakMap<Set<() => void>, () => void>();

function listen(signal: AbortSignal): Set<() => void> {
  const waiting = new Set<() => void>();
  const listener = () => {
    reactions.delete(signal);
    waiting.forEach((react) => react());
  };
  reactions.set(signal, waiting);
  listeners.set(waiting, listener);
  signal.addEventListener("abort", listener, { once: true });
  return waiting;
}
