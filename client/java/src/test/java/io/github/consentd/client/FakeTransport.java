package io.github.consentd.client;

import com.google.protobuf.Message;
import io.grpc.CallCredentials;
import io.grpc.ClientCall;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;

/** A transport whose server is a function, and which remembers the attempts. */
final class FakeTransport implements Transport {
  /** One attempt. */
  record Attempt(String method, Message request, Duration timeout) {}

  final List<Attempt> attempts = Collections.synchronizedList(new ArrayList<>());
  Metadata headers = Headers.NONE; // those of the view made last
  private final Function<Attempt, Message> answer;

  FakeTransport(Function<Attempt, Message> answer) {
    this.answer = answer;
  }

  @Override
  @SuppressWarnings("unchecked")
  public <Q, A> CompletableFuture<A> call(MethodDescriptor<Q, A> method, Q request, Duration timeout) {
    Attempt attempt = new Attempt(method.getBareMethodName(), (Message) request, timeout);
    attempts.add(attempt);
    try {
      return CompletableFuture.completedFuture((A) answer.apply(attempt));
    } catch (RuntimeException | Error e) {
      return CompletableFuture.failedFuture(e);
    }
  }

  @Override
  public <Q, A> ClientCall<Q, A> open(MethodDescriptor<Q, A> method) {
    throw new UnsupportedOperationException(method.getFullMethodName());
  }

  @Override
  public Transport with(Metadata headers, CallCredentials credentials) {
    this.headers = headers;
    return this;
  }

  @Override
  public void close() {}

  /** A client over this transport, with time that stands still but for sleeps. */
  Client client() {
    return new Client(this, new Retrier(new FakeClock()), Timeouts.DEFAULT);
  }

  Attempt last() {
    return attempts.get(attempts.size() - 1);
  }
}
