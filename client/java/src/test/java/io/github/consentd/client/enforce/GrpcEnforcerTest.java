package io.github.consentd.client.enforce;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.DescriptorProtos.FileDescriptorProto;
import com.google.protobuf.DescriptorProtos.MethodDescriptorProto;
import com.google.protobuf.DescriptorProtos.MethodOptions;
import com.google.protobuf.DescriptorProtos.ServiceDescriptorProto;
import com.google.protobuf.Descriptors;
import com.google.protobuf.Descriptors.FileDescriptor;
import io.github.consentd.v1.CheckRequest;
import io.github.consentd.v1.CheckResponse;
import io.github.consentd.v1.MethodPurpose;
import io.github.consentd.v1.Options;
import io.github.consentd.v1.Recipient;
import io.grpc.CallOptions;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.InsecureServerCredentials;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.MethodDescriptor.MethodType;
import io.grpc.Server;
import io.grpc.ServerCall;
import io.grpc.ServerInterceptors;
import io.grpc.ServerServiceDefinition;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.ProtoMethodDescriptorSupplier;
import io.grpc.protobuf.ProtoUtils;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.ServerCalls;
import io.grpc.stub.StreamObserver;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Calls through a real server, whose handlers must not run unless they may. */
class GrpcEnforcerTest {
  private static final MethodPurpose SEND =
      MethodPurpose.newBuilder()
          .setName("marketing_email")
          .setSubjectField("subject_id")
          .addDataCategories("user.contact.email")
          .build();

  private final FakeChecker checker = new FakeChecker();
  private final List<String> seen = new CopyOnWriteArrayList<>();
  private final List<String> ran = new CopyOnWriteArrayList<>();
  private final BlockingQueue<Object> heard = new LinkedBlockingQueue<>(); // by the client: answers, and the status at the end
  private final BlockingQueue<String> ends = new LinkedBlockingQueue<>(); // of the handler
  private volatile StreamObserver<CheckResponse> out;
  private Server server;
  private ManagedChannel channel;

  @AfterEach
  void stop() {
    if (channel != null) {
      channel.shutdownNow();
      server.shutdownNow();
    }
  }

  private record Schema(FileDescriptor file, String method) implements ProtoMethodDescriptorSupplier {
    @Override
    public FileDescriptor getFileDescriptor() {
      return file;
    }

    @Override
    public Descriptors.ServiceDescriptor getServiceDescriptor() {
      return file.getServices().get(0);
    }

    @Override
    public Descriptors.MethodDescriptor getMethodDescriptor() {
      return getServiceDescriptor().findMethodByName(method);
    }
  }

  /** A service of the test's own whose methods declare these purposes. */
  private static FileDescriptor file(String service, Map<String, Optional<MethodPurpose>> methods) {
    ServiceDescriptorProto.Builder all = ServiceDescriptorProto.newBuilder().setName(service);
    methods.forEach(
        (name, purpose) -> {
          MethodOptions.Builder options = MethodOptions.newBuilder();
          purpose.ifPresent(p -> options.setExtension(Options.purpose, p));
          String input = "consent.v1.CheckRequest";
          all.addMethod(
              MethodDescriptorProto.newBuilder()
                  .setName(name)
                  .setInputType("." + input)
                  .setOutputType(".consent.v1.CheckResponse")
                  .setOptions(options));
        });
    FileDescriptor types = CheckRequest.getDescriptor().getFile();
    FileDescriptorProto proto =
        FileDescriptorProto.newBuilder().setName("t.proto").setPackage("t").addDependency(types.getName()).addService(all).build();
    try {
      return FileDescriptor.buildFrom(proto, new FileDescriptor[] {types});
    } catch (Descriptors.DescriptorValidationException e) {
      throw new AssertionError(e);
    }
  }

  private static MethodDescriptor<CheckRequest, CheckResponse> method(Schema schema, String name, MethodType type) {
    return MethodDescriptor.<CheckRequest, CheckResponse>newBuilder()
        .setType(type)
        .setFullMethodName(name)
        .setRequestMarshaller(ProtoUtils.marshaller(CheckRequest.getDefaultInstance()))
        .setResponseMarshaller(ProtoUtils.marshaller(CheckResponse.getDefaultInstance()))
        .setSchemaDescriptor(schema)
        .build();
  }

  private GrpcEnforcer.Builder enforcer() {
    return GrpcEnforcer.builder(checker.checker(), "example")
        .exempt(Set.of("t.Exempt"))
        .observer(e -> seen.add(e.where() + " " + e.purpose() + " " + e.outcome()));
  }

  private void serve(GrpcEnforcer enforcer, ServerServiceDefinition... services) throws Exception {
    var builder = Grpc.newServerBuilderForPort(0, InsecureServerCredentials.create());
    for (ServerServiceDefinition s : services) {
      builder.addService(ServerInterceptors.intercept(s, enforcer));
    }
    server = builder.build().start();
    channel = Grpc.newChannelBuilder("localhost:" + server.getPort(), InsecureChannelCredentials.create()).build();
  }

  private void unary(CheckRequest request, StreamObserver<CheckResponse> answer) {
    ran.add(request.getSubjectId());
    assertEquals(GrpcEnforcer.decision() == null ? 0 : 1, GrpcEnforcer.obligations().size());
    answer.onNext(CheckResponse.getDefaultInstance());
    answer.onCompleted();
  }

  private ServerServiceDefinition unaryService(List<MethodDescriptor<CheckRequest, CheckResponse>> methods, String name) {
    ServerServiceDefinition.Builder service = ServerServiceDefinition.builder(name);
    methods.forEach(m -> service.addMethod(m, ServerCalls.asyncUnaryCall(this::unary)));
    return service.build();
  }

  private Status.Code call(MethodDescriptor<CheckRequest, CheckResponse> method, String subject) {
    try {
      CheckRequest request = CheckRequest.newBuilder().setSubjectId(subject).build();
      ClientCalls.blockingUnaryCall(channel, method, CallOptions.DEFAULT.withDeadlineAfter(20, TimeUnit.SECONDS), request);
      return Status.Code.OK;
    } catch (StatusRuntimeException e) {
      assertFalse(String.valueOf(e.getStatus().getDescription()).contains(subject), "it names the subject");
      return e.getStatus().getCode();
    }
  }

  @Test
  void methodsRunOnlyWhereTheirPurposeIsAllowed() throws Exception {
    Map<String, Optional<MethodPurpose>> declared = new LinkedHashMap<>();
    declared.put("Send", Optional.of(SEND));
    declared.put("Nested", Optional.of(SEND.toBuilder().setSubjectField("recipient.id").build()));
    declared.put("Known", Optional.of(MethodPurpose.newBuilder().setName("marketing_email").build()));
    declared.put("None", Optional.of(MethodPurpose.getDefaultInstance()));
    declared.put("Wrong", Optional.of(SEND.toBuilder().setSubjectField("recipient").build()));
    declared.put("Missing", Optional.of(SEND.toBuilder().setSubjectField("recipient.name").build()));
    declared.put("Repeated", Optional.of(SEND.toBuilder().setSubjectField("data_categories").build()));
    declared.put("Silent", Optional.empty());
    FileDescriptor file = file("Mail", declared);
    Map<String, MethodDescriptor<CheckRequest, CheckResponse>> methods = new LinkedHashMap<>();
    declared.keySet().forEach(n -> methods.put(n, method(new Schema(file, n), "t.Mail/" + n, MethodType.UNARY)));
    var exempt = method(null, "t.Exempt/Send", MethodType.UNARY);
    var unknown = method(null, "t.Other/Send", MethodType.UNARY);
    serve(
        enforcer().subject((c, h) -> "").build(),
        unaryService(List.copyOf(methods.values()), "t.Mail"),
        unaryService(List.of(exempt), "t.Exempt"),
        unaryService(List.of(unknown), "t.Other"));
    assertEquals(Status.Code.OK, call(methods.get("Send"), "yes"));
    assertEquals(List.of("user.contact.email"), checker.asked.get(0).getDataCategoriesList());
    assertEquals("example marketing_email", checker.asked.get(0).getController() + " " + checker.asked.get(0).getPurpose());
    assertEquals(Status.Code.OK, call(methods.get("None"), "somebody"));
    assertEquals(Status.Code.OK, call(exempt, "somebody"));
    assertEquals(List.of("yes", "somebody", "somebody"), ran);
    CheckRequest nested = CheckRequest.newBuilder().setRecipient(Recipient.newBuilder().setId("yes")).build();
    ClientCalls.blockingUnaryCall(channel, methods.get("Nested"), CallOptions.DEFAULT, nested);
    ran.clear();
    assertEquals(Status.Code.INVALID_ARGUMENT, call(methods.get("Nested"), "yes"), "it is named elsewhere");
    assertEquals(Status.Code.PERMISSION_DENIED, call(methods.get("Send"), "somebody"));
    assertEquals(Status.Code.UNAVAILABLE, call(methods.get("Send"), "down"));
    StatusRuntimeException unnamed = assertThrows(StatusRuntimeException.class, () -> unnamed(methods.get("Send")));
    assertEquals(Status.Code.INVALID_ARGUMENT, unnamed.getStatus().getCode());
    assertEquals(Status.Code.UNAUTHENTICATED, call(methods.get("Known"), "yes"));
    for (String name : List.of("Wrong", "Missing", "Repeated", "Silent")) {
      assertEquals(Status.Code.INTERNAL, call(methods.get(name), "yes"), name);
    }
    assertEquals(Status.Code.INTERNAL, call(unknown, "yes"));
    assertEquals(List.of(), ran, "what must not run");
    assertEquals("t.Mail/Send marketing_email ALLOWED", seen.get(0));
    assertTrue(seen.contains("t.Mail/Send marketing_email DENIED"));
    assertTrue(seen.contains("t.Mail/Send marketing_email FAILED"));
    assertEquals(5, seen.stream().filter(s -> s.endsWith("  UNDECLARED")).count());
  }

  private void unnamed(MethodDescriptor<CheckRequest, CheckResponse> method) {
    ClientCalls.blockingUnaryCall(channel, method, CallOptions.DEFAULT, CheckRequest.getDefaultInstance());
  }

  private StreamObserver<CheckRequest> handler(StreamObserver<CheckResponse> answers) {
    out = answers;
    ((io.grpc.stub.ServerCallStreamObserver<CheckResponse>) answers).setOnCancelHandler(() -> ends.add("cancelled"));
    ran.add("began");
    return new StreamObserver<>() {
      @Override
      public void onNext(CheckRequest m) {
        ran.add(m.getSubjectId());
        answers.onNext(CheckResponse.newBuilder().setDecisionId(GrpcEnforcer.decision().id()).build());
      }

      @Override
      public void onError(Throwable e) {}

      @Override
      public void onCompleted() {
        answers.onCompleted();
      }
    };
  }

  private StreamObserver<CheckRequest> stream(GrpcEnforcer enforcer, MethodPurpose purpose) throws Exception {
    FileDescriptor file = file("Mail", Map.of("Chat", Optional.of(purpose)));
    var chat = method(new Schema(file, "Chat"), "t.Mail/Chat", MethodType.BIDI_STREAMING);
    var handler = ServerCalls.asyncBidiStreamingCall(this::handler);
    serve(enforcer, ServerServiceDefinition.builder("t.Mail").addMethod(chat, handler).build());
    return ClientCalls.asyncBidiStreamingCall(
        channel.newCall(chat, CallOptions.DEFAULT),
        new StreamObserver<CheckResponse>() {
          @Override
          public void onNext(CheckResponse m) {
            heard.add(m.getDecisionId());
          }

          @Override
          public void onError(Throwable e) {
            heard.add(Status.fromThrowable(e).getCode());
          }

          @Override
          public void onCompleted() {
            heard.add(Status.Code.OK);
          }
        });
  }

  private Object hear() throws InterruptedException {
    return heard.poll(15, TimeUnit.SECONDS);
  }

  private static CheckRequest about(String subject) {
    return CheckRequest.newBuilder().setSubjectId(subject).build();
  }

  @Test
  void aStreamIsDecidedBeforeItsHandlerBeginsAndForEachMessage() throws Exception {
    StreamObserver<CheckRequest> in = stream(enforcer().build(), SEND);
    in.onNext(about("yes"));
    assertEquals("d1", hear());
    assertEquals(List.of("began", "yes"), ran);
    checker.withdrawn = true;
    in.onNext(about("yes"));
    assertEquals(Status.Code.PERMISSION_DENIED, hear());
    assertEquals(List.of("began", "yes"), ran);
    assertEquals("cancelled", ends.poll(15, TimeUnit.SECONDS));
    assertEquals(List.of("t.Mail/Chat marketing_email ALLOWED", "t.Mail/Chat marketing_email DENIED"), seen);
  }

  @Test
  void aStreamThatMayNotBeginDoesNot() throws Exception {
    StreamObserver<CheckRequest> in = stream(enforcer().build(), SEND);
    in.onNext(about("somebody"));
    assertEquals(Status.Code.PERMISSION_DENIED, hear());
    assertEquals(List.of(), ran);
  }

  @Test
  void aStreamWithoutAMessageNamesNobody() throws Exception {
    stream(enforcer().build(), SEND).onCompleted();
    assertEquals(Status.Code.INVALID_ARGUMENT, hear());
    assertEquals(List.of(), ran);
  }

  @Test
  void aStreamIsAboutOneSubject() throws Exception {
    StreamObserver<CheckRequest> in = stream(enforcer().build(), SEND);
    in.onNext(about("yes"));
    assertEquals("d1", hear());
    in.onNext(about("somebody"));
    assertEquals(Status.Code.INVALID_ARGUMENT, hear());
    assertEquals(List.of("began", "yes"), ran);
  }

  @Test
  void nothingIsSentAfterAWithdrawal() throws Exception {
    MethodPurpose noField = SEND.toBuilder().clearSubjectField().build();
    StreamObserver<CheckRequest> in = stream(enforcer().subject((c, h) -> "yes").build(), noField);
    in.onNext(about("anybody"));
    assertEquals("d1", hear());
    checker.withdrawn = true;
    assertThrows(StatusRuntimeException.class, () -> out.onNext(CheckResponse.getDefaultInstance()));
    assertEquals(Status.Code.PERMISSION_DENIED, hear());
  }

  @Test
  void aSilentStreamEndsToo() throws Exception {
    GrpcEnforcer quick = enforcer().streamRecheck(Duration.ofMillis(20)).build();
    StreamObserver<CheckRequest> in = stream(quick, SEND);
    in.onNext(about("yes"));
    assertEquals("d1", hear());
    long end = System.nanoTime() + Duration.ofSeconds(15).toNanos();
    while (checker.asked.size() < 6 && System.nanoTime() < end) {
      Thread.onSpinWait();
    }
    assertTrue(heard.isEmpty(), "it goes on while it is allowed");
    checker.withdrawn = true;
    assertEquals(Status.Code.PERMISSION_DENIED, hear());
    assertEquals("cancelled", ends.poll(15, TimeUnit.SECONDS));
  }

  @Test
  void aStreamThatEndsByItselfIsAskedForNoMore() throws Exception {
    GrpcEnforcer quick = enforcer().streamRecheck(Duration.ofMillis(20)).build();
    StreamObserver<CheckRequest> in = stream(quick, SEND);
    in.onNext(about("yes"));
    in.onCompleted();
    assertEquals("d1", hear());
    assertEquals(Status.Code.OK, hear());
    assertEquals(List.of("began", "yes"), ran);
  }

  /** A call without a connection: its messages come when the test says, also those that a connection had on the way. */
  private static final class BareCall extends ServerCall<CheckRequest, CheckResponse> {
    private final MethodDescriptor<CheckRequest, CheckResponse> method;
    private Status.Code closed;

    BareCall(MethodPurpose purpose) {
      FileDescriptor file = file("Mail", Map.of("Chat", Optional.of(purpose)));
      this.method = method(new Schema(file, "Chat"), "t.Mail/Chat", MethodType.BIDI_STREAMING);
    }

    @Override
    public void request(int n) {}

    @Override
    public void sendHeaders(Metadata headers) {}

    @Override
    public void sendMessage(CheckResponse m) {}

    @Override
    public void close(Status status, Metadata trailers) {
      closed = status.getCode();
    }

    @Override
    public boolean isCancelled() {
      return false;
    }

    @Override
    public MethodDescriptor<CheckRequest, CheckResponse> getMethodDescriptor() {
      return method;
    }
  }

  /** A handler that remembers the messages that it gets, and does something at each. */
  private ServerCall.Listener<CheckRequest> remembering(Runnable each) {
    return new ServerCall.Listener<>() {
      @Override
      public void onMessage(CheckRequest m) {
        ran.add(m.getSubjectId());
        each.run();
      }
    };
  }

  /** A call that its handler has closed is not refused any more: the decision itself must hold the message back. */
  @Test
  void aHandlerThatClosedItsCallGetsNoMessageThatIsNotAllowed() {
    for (boolean down : List.of(false, true)) {
      BareCall call = new BareCall(SEND);
      ServerCall.Listener<CheckRequest> listener =
          enforcer()
              .build()
              .interceptCall(call, new Metadata(), (c, h) -> remembering(() -> c.close(Status.OK, new Metadata())));
      listener.onMessage(about("yes"));
      checker.withdrawn = !down;
      checker.down = down;
      listener.onMessage(about("yes"));
      assertEquals(List.of("yes"), ran);
      assertEquals(Status.Code.OK, call.closed);
      listener.onComplete();
      checker.withdrawn = false;
      ran.clear();
    }
  }

  @Test
  void aHandlerThatIsRefusedAsItBeginsGetsNoMessage() {
    BareCall call = new BareCall(SEND);
    ServerCall.Listener<CheckRequest> listener =
        enforcer()
            .build()
            .interceptCall(
                call,
                new Metadata(),
                (c, h) -> {
                  checker.withdrawn = true;
                  assertThrows(StatusRuntimeException.class, () -> c.sendMessage(CheckResponse.getDefaultInstance()));
                  return remembering(() -> {});
                });
    listener.onMessage(about("yes"));
    assertEquals(Status.Code.PERMISSION_DENIED, call.closed);
    assertEquals(List.of(), ran);
  }
}
