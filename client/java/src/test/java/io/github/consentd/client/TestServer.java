package io.github.consentd.client;

import io.github.consentd.v1.CheckRequest;
import io.github.consentd.v1.CheckResponse;
import io.github.consentd.v1.CheckStreamRequest;
import io.github.consentd.v1.CheckStreamResponse;
import io.github.consentd.v1.DecisionServiceGrpc;
import io.github.consentd.v1.StreamedCheck;
import io.github.consentd.v1.StreamedResult;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.InsecureServerCredentials;
import io.grpc.Server;
import io.grpc.ServerServiceDefinition;
import io.grpc.stub.ServerCalls;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BiConsumer;
import java.util.stream.Stream;

/** A server whose streams do what a test says. Checks of their own are allowed. */
final class TestServer extends DecisionServiceGrpc.DecisionServiceImplBase implements AutoCloseable {
  /** One stream, as the server has it. */
  static final class Streamed implements StreamObserver<CheckStreamRequest> {
    final StreamObserver<CheckStreamResponse> answers;
    final List<CheckStreamRequest> messages = new CopyOnWriteArrayList<>();
    volatile boolean halfClosed;
    private final TestServer server;

    Streamed(TestServer server, StreamObserver<CheckStreamResponse> answers) {
      this.server = server;
      this.answers = answers;
    }

    @Override
    public void onNext(CheckStreamRequest message) {
      messages.add(message);
      server.onMessage.accept(this, message);
    }

    @Override
    public void onError(Throwable e) {}

    @Override
    public void onCompleted() {
      halfClosed = true;
      server.onHalfClose.accept(this);
    }

    Stream<StreamedCheck> checks() {
      return messages.stream().flatMap(m -> m.getChecksList().stream());
    }
  }

  final List<Streamed> streams = new CopyOnWriteArrayList<>();
  final AtomicInteger alone = new AtomicInteger(); // checks of their own
  volatile BiConsumer<Streamed, CheckStreamRequest> onMessage = TestServer::allow;
  volatile java.util.function.Consumer<Streamed> onHalfClose = s -> s.answers.onCompleted();
  final Server server;

  final AtomicInteger asked = new AtomicInteger(); // for its health

  TestServer() throws IOException {
    server = Grpc.newServerBuilderForPort(0, InsecureServerCredentials.create()).addService(this).build().start();
  }

  /** One that tells its health. */
  TestServer(boolean serving) throws IOException {
    ServerServiceDefinition health =
        ServerServiceDefinition.builder("grpc.health.v1.Health")
            .addMethod(
                Health.WATCH,
                ServerCalls.asyncServerStreamingCall(
                    (request, answers) -> {
                      answers.onNext(new byte[] {8, (byte) (serving ? 1 : 2)});
                      asked.incrementAndGet();
                    }))
            .build();
    server =
        Grpc.newServerBuilderForPort(0, InsecureServerCredentials.create()).addService(this).addService(health).build().start();
  }

  /** Answers all checks of a message in one. */
  static void allow(Streamed stream, CheckStreamRequest message) {
    CheckStreamResponse.Builder answer = CheckStreamResponse.newBuilder();
    message.getChecksList().forEach(c -> answer.addResults(allowed(c.getId())));
    stream.answers.onNext(answer.build());
  }

  static StreamedResult allowed(long id) {
    return StreamedResult.newBuilder().setId(id).setResponse(DecisionTest.allow()).build();
  }

  String target() {
    return "localhost:" + server.getPort();
  }

  /** A transport to it, or to what is before it. */
  static GrpcTransport transport(Timer timer, String... targets) {
    io.github.consentd.client.Server.Calling calling =
        new io.github.consentd.client.Server.Calling(Servers.options(null), Headers.NONE);
    List<Target> parsed = Stream.of(targets).map(Target::parse).toList();
    return new GrpcTransport(new Servers(parsed, InsecureChannelCredentials.create(), calling, timer), calling, true);
  }

  @Override
  public void check(CheckRequest request, StreamObserver<CheckResponse> answer) {
    alone.incrementAndGet();
    answer.onNext(DecisionTest.allow().build());
    answer.onCompleted();
  }

  @Override
  public StreamObserver<CheckStreamRequest> checkStream(StreamObserver<CheckStreamResponse> answers) {
    Streamed stream = new Streamed(this, answers);
    streams.add(stream);
    return stream;
  }

  @Override
  public void close() {
    server.shutdownNow();
  }
}
