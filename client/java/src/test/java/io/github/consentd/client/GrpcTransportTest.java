package io.github.consentd.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.consentd.v1.CheckRequest;
import io.github.consentd.v1.CheckResponse;
import io.github.consentd.v1.DecisionServiceGrpc;
import io.grpc.CallCredentials;
import io.grpc.Grpc;
import io.grpc.InsecureServerCredentials;
import io.grpc.Metadata;
import io.grpc.Server;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.Status;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class GrpcTransportTest {
  private static final Metadata.Key<String> AUTHORIZATION = Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER);
  private static final Metadata.Key<String> USER_AGENT = Metadata.Key.of("user-agent", Metadata.ASCII_STRING_MARSHALLER);
  private static final CheckRequest ASK = Requests.check("example", "u", "p").build();

  private final AtomicReference<Metadata> seen = new AtomicReference<>();
  private Consumer<StreamObserver<CheckResponse>> handle =
      answer -> {
        answer.onNext(DecisionTest.allow().build());
        answer.onCompleted();
      };
  private Server server;

  private final class Service extends DecisionServiceGrpc.DecisionServiceImplBase {
    @Override
    public void check(CheckRequest request, StreamObserver<CheckResponse> answer) {
      handle.accept(answer);
    }
  }

  private final class Headers implements ServerInterceptor {
    @Override
    public <Q, A> ServerCall.Listener<Q> interceptCall(ServerCall<Q, A> call, Metadata headers, ServerCallHandler<Q, A> next) {
      seen.set(headers);
      return next.startCall(call, headers);
    }
  }

  private static final class Bearer extends CallCredentials {
    @Override
    public void applyRequestMetadata(RequestInfo info, Executor executor, MetadataApplier applier) {
      Metadata headers = new Metadata();
      headers.put(AUTHORIZATION, "Bearer t");
      applier.apply(headers);
    }
  }

  @BeforeEach
  void start() throws IOException {
    server =
        Grpc.newServerBuilderForPort(0, InsecureServerCredentials.create())
            .addService(new Service())
            .intercept(new Headers())
            .build()
            .start();
  }

  @AfterEach
  void stop() {
    server.shutdownNow();
  }

  private ClientBuilder builder() {
    return Client.builder("localhost:" + server.getPort()).timeout(Duration.ofSeconds(10));
  }

  @Test
  void credentialsAndTheUserAgentGoAlong() {
    try (Client client = builder().credentials(new Bearer()).build()) {
      assertTrue(client.isAllowed(ASK));
      assertEquals("Bearer t", seen.get().get(AUTHORIZATION));
      assertTrue(seen.get().get(USER_AGENT).startsWith("consentd-java "), seen.get().get(USER_AGENT));
    }
  }

  @Test
  void aCallUnderWayEndsWithItsDeadline() {
    handle = answer -> {};
    try (Client client = builder().build()) {
      ConsentException e = assertThrows(ConsentException.class, () -> client.check(ASK, Duration.ofMillis(50)));
      assertEquals(Status.Code.DEADLINE_EXCEEDED, e.code());
    }
  }

  @Test
  void closingTheClientEndsACallUnderWay() {
    try (Client client = builder().timeout(Duration.ofMinutes(1)).build()) {
      handle = answer -> client.close();
      assertEquals(Status.Code.CANCELLED, assertThrows(ConsentException.class, () -> client.check(ASK)).code());
    }
  }

  @Test
  void anInterruptEndsACallUnderWay() {
    Thread caller = Thread.currentThread();
    handle = answer -> caller.interrupt();
    try (Client client = builder().timeout(Duration.ofMinutes(1)).build()) {
      ConsentException e = assertThrows(ConsentException.class, () -> client.check(ASK));
      assertTrue(Thread.interrupted(), "the interrupt was lost");
      assertEquals(Status.Code.CANCELLED, e.code());
    }
  }
}
