package io.github.consentd.client;

import java.time.Duration;
import java.util.Objects;

/** How long calls may take. */
final class Timeouts {
  /** Of calls that name none, all attempts together. */
  static final Duration DEFAULT = Duration.ofSeconds(1);

  /**
   * Of a write with a fence that names none: three of the server's leases as they are by default. A fence takes two at
   * most, and the write itself some time too.
   */
  static final Duration FENCE = Duration.ofSeconds(6);

  static final int LEASES_PER_FENCE = 3;

  /** The longest: what is meant as "for ever" must neither overflow nor hold a connection's memory for ever. */
  static final Duration MAX = Duration.ofHours(1);

  private Timeouts() {}

  /** Above zero and at most {@link #MAX}; zero and less mean the default. */
  static Duration ofClient(Duration timeout) {
    Duration bounded = bounded(timeout);
    return bounded.isZero() ? DEFAULT : bounded;
  }

  /** At most {@link #MAX}; zero for what has passed already. */
  static Duration bounded(Duration timeout) {
    if (Objects.requireNonNull(timeout, "timeout").isNegative()) {
      return Duration.ZERO;
    }
    return timeout.compareTo(MAX) > 0 ? MAX : timeout;
  }
}
