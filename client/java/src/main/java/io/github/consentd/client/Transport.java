package io.github.consentd.client;

import io.grpc.MethodDescriptor;
import java.time.Duration;

/** Performs single attempts of calls. */
interface Transport extends AutoCloseable {
  /**
   * Performs one attempt.
   *
   * @param timeout above zero
   * @throws ConsentException if it fails
   */
  <Q, A> A call(MethodDescriptor<Q, A> method, Q request, Duration timeout);

  @Override
  void close();
}
