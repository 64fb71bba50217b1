package io.github.consentd.client.testing;

import com.google.protobuf.Any;
import com.google.protobuf.Empty;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import com.google.protobuf.StringValue;
import com.google.protobuf.UInt32Value;
import io.github.consentd.v1.CheckRequest;
import io.github.consentd.v1.RecordEventsRequest;
import io.grpc.CallOptions;
import io.grpc.ManagedChannel;
import io.grpc.ManagedChannelBuilder;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.ProtoUtils;
import io.grpc.stub.ClientCalls;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** A fake that runs from {@link #start} to {@link #close}, and no longer than this process. It may be used by many threads. */
public final class Fake implements AutoCloseable {
  /** What a change of rules may take: a near cache that does not answer is waited for until its lease has run out. */
  private static final long TIMEOUT_SECONDS = 10;

  private static final MethodDescriptor<StringValue, Empty> SET_RULES =
      method("SetRules", StringValue.getDefaultInstance(), Empty.getDefaultInstance());
  private static final MethodDescriptor<UInt32Value, Any> CALL =
      method("Call", UInt32Value.getDefaultInstance(), Any.getDefaultInstance());

  private final Process process;
  private final String target;
  private final ManagedChannel channel;
  private int first;

  private Fake(Process process, String target) {
    this.process = process;
    this.target = target;
    this.channel = ManagedChannelBuilder.forTarget("dns:///" + target).usePlaintext().build();
  }

  /**
   * Starts a fake that denies everything.
   *
   * @return the fake, which the caller closes
   */
  public static Fake start() {
    return start("");
  }

  /**
   * Starts a fake.
   *
   * @param rules in YAML
   * @return the fake, which the caller closes
   * @throws IllegalArgumentException where the rules have faults; the message has each with its line
   * @throws IllegalStateException where there is no consentctl, or it does not start, with how to get it
   */
  public static Fake start(String rules) {
    Process process = begin();
    Fake fake = new Fake(process, address(process));
    try {
      if (!rules.isEmpty()) {
        fake.rules(rules);
      }
      return fake;
    } catch (RuntimeException e) {
      fake.close();
      throw e;
    }
  }

  /**
   * Where it listens.
   *
   * @return host:port
   */
  public String target() {
    return target;
  }

  /**
   * Replaces the rules. No check that starts after it is answered by those before, by a near cache neither.
   *
   * @param rules in YAML
   * @throws IllegalArgumentException where they have faults; those before stay
   */
  public void rules(String rules) {
    try {
      call(SET_RULES, StringValue.of(rules));
    } catch (StatusRuntimeException e) {
      if (e.getStatus().getCode() == Status.Code.INVALID_ARGUMENT) {
        throw new IllegalArgumentException(e.getStatus().getDescription());
      }
      throw e;
    }
  }

  /**
   * The checks that were made since the start, or since {@link #forget}, whether alone, in batches or on streams.
   *
   * @return the requests, in their order
   */
  public List<CheckRequest> checks() {
    return calls(CheckRequest.class);
  }

  /**
   * The calls of RecordEvents that succeeded.
   *
   * @return the requests, in their order
   */
  public List<RecordEventsRequest> recorded() {
    return calls(RecordEventsRequest.class);
  }

  /**
   * The calls of one kind since the start, or since {@link #forget}, in their order. A check that was refused as invalid is not
   * there; of all else there are the calls that succeeded.
   *
   * @param <M> the method's request
   * @param request the class of the method's request
   * @return the requests
   */
  public synchronized <M extends Message> List<M> calls(Class<M> request) {
    List<M> found = new ArrayList<>();
    for (Any call : all()) {
      try {
        if (call.is(request)) {
          found.add(call.unpack(request));
        }
      } catch (InvalidProtocolBufferException e) {
        throw new UncheckedIOException(e);
      }
    }
    return found;
  }

  /** Begins to count calls anew. */
  public synchronized void forget() {
    first += all().size();
  }

  private List<Any> all() {
    List<Any> found = new ArrayList<>();
    while (true) {
      try {
        found.add(call(CALL, UInt32Value.of(first + found.size())));
      } catch (StatusRuntimeException e) {
        if (e.getStatus().getCode() == Status.Code.OUT_OF_RANGE) {
          return found;
        }
        throw e;
      }
    }
  }

  /** Ends the fake. It may be called again. */
  @Override
  public void close() {
    channel.shutdownNow();
    try {
      process.getOutputStream().close(); // with its standard input it ends
      if (!process.waitFor(TIMEOUT_SECONDS, TimeUnit.SECONDS)) {
        process.destroyForcibly();
      }
    } catch (IOException e) {
      process.destroyForcibly();
    } catch (InterruptedException e) {
      process.destroyForcibly();
      Thread.currentThread().interrupt();
    }
  }

  private <I, O> O call(MethodDescriptor<I, O> method, I request) {
    CallOptions options = CallOptions.DEFAULT.withWaitForReady().withDeadlineAfter(TIMEOUT_SECONDS, TimeUnit.SECONDS);
    return ClientCalls.blockingUnaryCall(channel, method, options, request);
  }

  private static <I extends Message, O extends Message> MethodDescriptor<I, O> method(String name, I input, O output) {
    return MethodDescriptor.<I, O>newBuilder()
        .setType(MethodDescriptor.MethodType.UNARY)
        .setFullMethodName("consentd.fake.v1.FakeService/" + name)
        .setRequestMarshaller(ProtoUtils.marshaller(input))
        .setResponseMarshaller(ProtoUtils.marshaller(output))
        .build();
  }

  private static Process begin() {
    return begin(System.getenv("CONSENTCTL"));
  }

  /** Visible for tests. */
  static Process begin(String named) {
    String program = named == null || named.isEmpty() ? "consentctl" : named;
    try {
      return new ProcessBuilder(program, "fake", "--until-stdin-ends").start();
    } catch (IOException e) {
      throw new IllegalStateException(
          "a fake is run by the program consentctl, and " + program + " cannot be started: "
              + "go install github.com/consentd/consentd/client/consentctl@latest, "
              + "and name it in CONSENTCTL if it is not on the PATH",
          e);
    }
  }

  /** The first line that a fake prints. Visible for tests. */
  static String address(Process process) {
    try {
      String address = new BufferedReader(process.inputReader(StandardCharsets.UTF_8)).readLine();
      if (address == null) {
        String said = new String(process.getErrorStream().readAllBytes(), StandardCharsets.UTF_8);
        throw new IllegalStateException("consentctl fake does not start: " + said.strip());
      }
      return address;
    } catch (IOException e) {
      process.destroyForcibly();
      throw new UncheckedIOException(e);
    }
  }
}
