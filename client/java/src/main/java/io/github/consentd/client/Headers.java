package io.github.consentd.client;

import io.grpc.CallCredentials;
import io.grpc.Metadata;
import io.grpc.Status;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.Executor;
import java.util.function.Supplier;

/** What goes along with calls. */
final class Headers {
  static final Metadata NONE = new Metadata(); // not to be changed

  private static final Metadata.Key<String> AUTHORIZATION = Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER);

  private Headers() {}

  /**
   * Reads names and values.
   *
   * @throws IllegalArgumentException for a name that HTTP/2 has not
   */
  static Metadata of(Map<String, String> metadata) {
    Metadata headers = new Metadata();
    Objects.requireNonNull(metadata, "metadata")
        .forEach((name, value) -> headers.put(Metadata.Key.of(name, Metadata.ASCII_STRING_MARSHALLER), value));
    return headers;
  }

  /** A bearer token, which is asked for at each attempt. What the supplier throws is UNAUTHENTICATED. */
  static CallCredentials bearer(Supplier<String> token) {
    return new CallCredentials() {
      @Override
      public void applyRequestMetadata(RequestInfo info, Executor executor, MetadataApplier applier) {
        executor.execute(() -> apply(token, applier));
      }
    };
  }

  private static void apply(Supplier<String> token, CallCredentials.MetadataApplier applier) {
    Metadata headers = new Metadata();
    try {
      headers.put(AUTHORIZATION, "Bearer " + Objects.requireNonNull(token.get(), "token"));
    } catch (RuntimeException e) {
      applier.fail(Status.UNAUTHENTICATED.withDescription("there is no token").withCause(e));
      return;
    }
    applier.apply(headers);
  }
}
