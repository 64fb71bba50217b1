import type { CheckRequest, CheckResponse } from "./gen/consent/v1/decision_service_pb.js";

/** A decision that is kept. */
export interface NearEntry {
  readonly key: string;
  /** Frozen: a caller that changes what it was given must not change what the next one is. */
  readonly response: CheckResponse;
  /** What was asked, for reports. */
  readonly asked: Pick<CheckRequest, "controller" | "purpose" | "dataCategories" | "recipient">;
  /** The revision of the state behind the decision. */
  readonly revision: number;
  /** The hash slot of its subject. */
  readonly slot: number;
  /** When it ends by the server's clock, in milliseconds since the epoch; Infinity: never. */
  readonly validUntilMs: number;
  /** It was of use since the table last looked for room. */
  used: boolean;
  /** How many checks it answered since they were last reported. */
  answers: number;
}

const maxSteps = 64;

/**
 * Keeps entries by their keys, so many at most. Where there is no room, one that was of no use since the last time
 * goes: a hand goes round over the entries, as in the algorithm CLOCK. It is one iterator, kept: a new one would have
 * to step over all places at the front of the map that were emptied before.
 */
export class NearTable {
  private readonly entries = new Map<string, NearEntry>();
  private hand = this.entries.values();

  constructor(private readonly maxEntries: number) {}

  get size(): number {
    return this.entries.size;
  }

  get(key: string): NearEntry | undefined {
    return this.entries.get(key);
  }

  all(): Iterable<NearEntry> {
    return this.entries.values();
  }

  /** Keeps an entry; `stale` says which may go first. Returns the one that is thrown away for it, if one is. */
  put(entry: NearEntry, stale: (e: NearEntry) => boolean): NearEntry | undefined {
    const same = this.entries.get(entry.key);
    if (same !== undefined) {
      this.entries.set(entry.key, entry);
      return same;
    }
    const gone = this.entries.size < this.maxEntries ? undefined : this.victim(stale);
    if (gone !== undefined) {
      this.entries.delete(gone.key);
    }
    this.entries.set(entry.key, entry);
    return gone;
  }

  /** The hand's next that is of no use, or after so many steps whichever it points at: a put must not take long. */
  private victim(stale: (e: NearEntry) => boolean): NearEntry | undefined {
    let e = this.next();
    for (let steps = 1; steps < maxSteps && e !== undefined && e.used && !stale(e); steps++) {
      e.used = false;
      e = this.next();
    }
    return e;
  }

  private next(): NearEntry | undefined {
    const { value, done } = this.hand.next();
    if (done !== true) {
      return value;
    }
    this.hand = this.entries.values();
    return this.hand.next().value;
  }
}
