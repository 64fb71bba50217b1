package io.github.consentd.client;

import io.grpc.CallOptions;
import io.grpc.ClientCall;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.concurrent.TimeUnit;

/**
 * Watches whether a server serves, by gRPC's health protocol (grpc.health.v1.Health/Watch), as long as the client
 * lives. A server that does not speak it serves while it is connected. The two messages are written here, which saves a
 * dependency.
 */
final class Health extends ClientCall.Listener<byte[]> {
  private static final long AGAIN_NANOS = TimeUnit.SECONDS.toNanos(1);
  private static final String SERVICE = "consent.v1.DecisionService";
  private static final byte[] SERVING = {8, 1}; // status = SERVING

  static final MethodDescriptor<byte[], byte[]> WATCH =
      MethodDescriptor.<byte[], byte[]>newBuilder(new Bytes(), new Bytes())
          .setType(MethodDescriptor.MethodType.SERVER_STREAMING)
          .setFullMethodName("grpc.health.v1.Health/Watch")
          .build();

  private final Link link;
  private final Server.Calling calling;
  private final Timer timer;
  private final Runnable changed;
  private volatile boolean serving;
  private volatile boolean speechless; // the server does not know the protocol
  private volatile ClientCall<byte[], byte[]> call;

  /**
   * @param changed called when there is news
   */
  Health(Link link, Server.Calling calling, Timer timer, Runnable changed) {
    this.link = link;
    this.calling = calling;
    this.timer = timer;
    this.changed = changed;
  }

  boolean isServing() {
    return (serving || speechless) && link.isReady(); // a link that was replaced is heard of by the next watch
  }

  void watch() {
    if (link.isClosed()) {
      return;
    }
    CallOptions waiting = calling.options().withWaitForReady();
    call = link.newCall(WATCH, waiting, calling.headers());
    call.start(this, new Metadata());
    call.request(Integer.MAX_VALUE);
    call.sendMessage(request());
    call.halfClose();
  }

  private static byte[] request() {
    byte[] name = SERVICE.getBytes(StandardCharsets.UTF_8);
    byte[] message = new byte[name.length + 2];
    message[0] = 10; // service, a string
    message[1] = (byte) name.length;
    System.arraycopy(name, 0, message, 2, name.length);
    return message;
  }

  @Override
  public void onMessage(byte[] message) {
    serving = Arrays.equals(message, SERVING);
    changed.run();
  }

  @Override
  public void onClose(Status status, Metadata trailers) {
    serving = false;
    speechless = status.getCode() == Status.Code.UNIMPLEMENTED;
    changed.run();
    timer.schedule(this::watch, AGAIN_NANOS);
  }

  private static final class Bytes implements MethodDescriptor.Marshaller<byte[]> {
    @Override
    public InputStream stream(byte[] value) {
      return new ByteArrayInputStream(value);
    }

    @Override
    public byte[] parse(InputStream stream) {
      try {
        return stream.readAllBytes();
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }
}
