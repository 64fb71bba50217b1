package io.github.consentd.client;

import io.github.consentd.v1.Obligation;
import java.util.List;

/**
 * What is done with a subject's data where it is allowed.
 *
 * @param <T> what comes of it
 * @param <E> what it may throw
 */
@FunctionalInterface
public interface Guarded<T, E extends Exception> {
  /**
   * Uses the data.
   *
   * @param obligations what must also be done
   * @return what {@code guard} returns
   * @throws E where it fails
   */
  T run(List<Obligation> obligations) throws E;
}
