import { onAbort } from "./abort.js";
import { ConsentError } from "./errors.js";
import type { Bounds } from "./transport.js";

/**
 * Lets so many calls be under way at once. A call of gRPC costs about 0.2 ms of this process: of thousands that begin
 * at once none would be answered before its deadline, while those that wait here leave the time to those before them.
 */
export class Gate {
  private inside = 0;
  private readonly waiting = new Set<() => void>();

  constructor(private readonly width: number) {}

  /**
   * @throws ConsentError DEADLINE_EXCEEDED or CANCELLED if the call's turn does not come before; else what work
   * throws.
   */
  async run<T>(bounds: Bounds, work: (bounds: Bounds) => Promise<T>): Promise<T> {
    let left = bounds;
    if (this.inside < this.width) {
      this.inside++;
    } else {
      const end = performance.now() + bounds.timeoutMs;
      await this.turn(bounds);
      left = { ...bounds, timeoutMs: Math.max(end - performance.now(), 1) };
    }
    try {
      return await work(left);
    } finally {
      this.leave();
    }
  }

  private leave(): void {
    const [next] = this.waiting;
    if (next === undefined) {
      this.inside--;
    } else {
      next(); // takes the place
    }
  }

  private turn({ timeoutMs, signal }: Bounds): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = (settle: () => void) => {
        this.waiting.delete(enter);
        clearTimeout(late);
        forget?.();
        settle();
      };
      const enter = () => end(resolve);
      const fail = (code: "DEADLINE_EXCEEDED" | "CANCELLED", text: string) => end(() => reject(new ConsentError(code, text)));
      const late = setTimeout(() => fail("DEADLINE_EXCEEDED", "the deadline has passed before the call could leave"), timeoutMs);
      const forget = signal && onAbort(signal, () => fail("CANCELLED", "the caller's signal was aborted"));
      this.waiting.add(enter);
    });
  }
}
