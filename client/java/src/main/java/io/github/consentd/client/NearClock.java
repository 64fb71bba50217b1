package io.github.consentd.client;

/**
 * The clocks by which a lease ends, in nanoseconds.
 *
 * <p>{@link System#nanoTime} never steps, and goes on while the process is stopped or collects garbage; but it stands still
 * while the machine is suspended, on Linux and macOS at least. So the wall clock is read beside it, which goes on then, and
 * also tells of a process that was checkpointed and restored. It can only end a lease early: a step of it ends one without
 * need, or is of no matter.
 */
interface NearClock {
  /** By how much less than what has passed the wall clock may show: it is read in milliseconds. */
  long WALL_GRAIN = 1_000_000;

  /** Both clocks, read one after the other. */
  record Reading(long mono, long wall) {}

  /** Of a clock that only grows. */
  long mono();

  /** Since the epoch. */
  long wall();

  /** Reads both. */
  default Reading read() {
    return new Reading(mono(), wall());
  }

  /** This machine's. */
  NearClock SYSTEM =
      new NearClock() {
        @Override
        public long mono() {
          return System.nanoTime();
        }

        @Override
        public long wall() {
          return System.currentTimeMillis() * WALL_GRAIN;
        }
      };
}
