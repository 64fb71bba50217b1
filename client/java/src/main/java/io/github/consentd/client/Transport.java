package io.github.consentd.client;

import io.grpc.CallCredentials;
import io.grpc.ClientCall;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;

/** Performs single attempts of calls. */
interface Transport extends AutoCloseable {
  /**
   * Performs one attempt. Nothing that is done with the future may block: it is completed on a thread of gRPC's.
   *
   * @param timeout above zero
   * @return the answer, or what failed: a {@link ConsentException}, or an {@link Error} of the program's. To cancel it
   *     ends the attempt
   */
  <Q, A> CompletableFuture<A> call(MethodDescriptor<Q, A> method, Q request, Duration timeout);

  /** A call that is not started yet, such as a stream, with the client's credentials and without a deadline. It waits for a connection. */
  <Q, A> ClientCall<Q, A> open(MethodDescriptor<Q, A> method);

  /**
   * The same transport, with more that goes along with its calls. To close either closes both.
   *
   * @param headers beside those there are
   * @param credentials instead of those there are; null: those there are
   */
  Transport with(Metadata headers, CallCredentials credentials);

  @Override
  void close();
}
