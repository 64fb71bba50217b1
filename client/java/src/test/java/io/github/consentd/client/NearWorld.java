package io.github.consentd.client;

import com.google.protobuf.ByteString;
import com.google.protobuf.Duration;
import com.google.protobuf.Timestamp;
import io.github.consentd.v1.CheckRequest;
import io.github.consentd.v1.CheckResponse;
import io.github.consentd.v1.WatchHello;
import io.github.consentd.v1.WatchInvalidationsRequest;
import io.github.consentd.v1.WatchInvalidationsResponse;
import io.grpc.CallCredentials;
import io.grpc.ClientCall;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Future;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;

/** A near cache whose server, network, timer and clocks are the test's. Nothing happens by itself. */
final class NearWorld implements Transport, Timer, NearClock {
  static final long SECOND = 1_000_000_000;
  static final long MILLISECOND = 1_000_000;
  static final long LEASE = 2 * SECOND;
  static final long INTERVAL = SECOND / 2;
  static final long HELLO = 5 * SECOND;

  /** What the server's clock shows when the test's shows 0. */
  static final long SERVER_TIME = 1_000_000 * SECOND;

  static final byte[] STORE = new byte[16];

  /** A stream, as the server has it. */
  final class Call extends ClientCall<WatchInvalidationsRequest, WatchInvalidationsResponse> {
    Listener<WatchInvalidationsResponse> listener;
    final List<WatchInvalidationsRequest> sent = new ArrayList<>();
    boolean halfClosed;
    boolean cancelled;

    @Override
    public void start(Listener<WatchInvalidationsResponse> listener, Metadata headers) {
      this.listener = listener;
    }

    @Override
    public void request(int n) {}

    @Override
    public void sendMessage(WatchInvalidationsRequest m) {
      if (halfClosed || cancelled) {
        throw new IllegalStateException("it is over");
      }
      sent.add(m);
      onSent.accept(m);
    }

    @Override
    public void halfClose() {
      halfClosed = true;
      close(Status.OK); // as a server does
    }

    @Override
    public void cancel(String message, Throwable cause) {
      if (!cancelled) {
        cancelled = true;
        close(Status.CANCELLED);
      }
    }

    void close(Status status) {
      listener.onClose(status, new Metadata());
    }

    WatchInvalidationsRequest last() {
      return sent.get(sent.size() - 1);
    }
  }

  private record Task(Runnable work, long nanos, CompletableFuture<Void> pending) {}

  long mono = 5 * SECOND;
  long wall = 1_700_000_000 * SECOND;
  Runnable onClock = () -> {}; // before the clock is read
  Consumer<WatchInvalidationsRequest> onSent = m -> {};
  final List<Call> calls = new ArrayList<>();
  final List<Task> tasks = new ArrayList<>();
  final NearCache near;
  long revision;
  long position;
  String policy = "p1";

  NearWorld() {
    this(64);
  }

  NearWorld(int maxEntries) {
    near = new NearCache(maxEntries, java.time.Duration.ofSeconds(60), this, this, this);
    near.lookup(ask("u"));
    fire(0);
    greet();
    grant();
  }

  /** The server greets on the newest stream, at position 5 and revision 70. */
  void greet() {
    position = 5;
    revision = 70;
    hear(hello().build());
  }

  Call call() {
    return calls.get(calls.size() - 1);
  }

  @Override
  public long mono() {
    onClock.run();
    return mono;
  }

  @Override
  public long wall() {
    return wall;
  }

  /** Both clocks go on; the timer does nothing. */
  void pass(long nanos) {
    mono += nanos;
    wall += nanos;
  }

  @Override
  public long nanoTime() {
    return mono;
  }

  @Override
  public Future<?> schedule(Runnable work, long nanos) {
    tasks.add(new Task(work, nanos, new CompletableFuture<>()));
    return tasks.get(tasks.size() - 1).pending;
  }

  /** Runs what was to be done after a time. */
  void fire(long nanos) {
    fireWithin(nanos, nanos);
  }

  void fireWithin(long from, long to) {
    Task task =
        tasks.stream()
            .filter(t -> t.nanos >= from && t.nanos <= to && !t.pending.isDone())
            .findFirst()
            .orElseThrow(() -> new AssertionError("nothing waits for " + from + " to " + to + " ns"));
    tasks.remove(task);
    task.work.run();
  }

  boolean waits(long nanos) {
    return tasks.stream().anyMatch(t -> t.nanos == nanos && !t.pending.isDone());
  }

  static WatchInvalidationsResponse signed(WatchInvalidationsResponse.Builder m) {
    return m.setChecksum(NearWire.checksum(m.build())).build();
  }

  static WatchInvalidationsResponse.Builder hello() {
    WatchHello.Builder terms =
        WatchHello.newBuilder()
            .setStoreId(ByteString.copyFrom(STORE))
            .setSlotKey(ByteString.copyFrom(new byte[32]))
            .setSlotCount(1 << 16)
            .setLease(Duration.newBuilder().setSeconds(2))
            .setHeartbeatInterval(Duration.newBuilder().setNanos((int) INTERVAL));
    return message(5, 5, 70).setPolicyRevision("p1").setHello(terms);
  }

  static WatchInvalidationsResponse.Builder message(long from, long to, long revision) {
    return WatchInvalidationsResponse.newBuilder().setFromPosition(from).setPosition(to).setRevision(revision);
  }

  /** A message arrives whose checksum is right. */
  void hear(WatchInvalidationsResponse m) {
    call().listener.onMessage(signed(m.toBuilder()));
  }

  /** The number of the heartbeat that was sent last. */
  long lastBeat() {
    return call().sent.stream().mapToLong(WatchInvalidationsRequest::getHeartbeat).max().orElseThrow();
  }

  /** The next heartbeat is sent; its number. */
  long beat() {
    fire(INTERVAL);
    return lastBeat();
  }

  /** The answer to a heartbeat arrives. */
  void echo(long heartbeat) {
    WatchInvalidationsResponse.Builder m = message(position, position, revision).setPolicyRevision(policy);
    hear(m.setHeartbeat(heartbeat).setServerTime(SERVER_TIME + mono).build());
  }

  /** The heartbeat that was sent last is answered. */
  void grant() {
    echo(lastBeat());
  }

  /** A heartbeat is sent and answered. */
  void renew() {
    echo(beat());
  }

  /** A change of these ids, of one person, is told. */
  void change(String... subjects) {
    WatchInvalidationsResponse.Builder m = message(position, position + subjects.length, ++revision);
    for (String s : subjects) {
      m.addSlots(NearWire.slot(hello().getHello(), "example", s));
    }
    position += subjects.length;
    hear(m.build());
  }

  /** Other policies come into force. */
  void activate(String policy) {
    this.policy = policy;
    hear(message(position, ++position, revision).setPolicyRevision(policy).build());
  }

  static CheckRequest ask(String subject) {
    return Requests.check("example", subject, "p").build();
  }

  static String token(long revision) {
    return NearWire.tokenText(STORE, revision);
  }

  static CheckResponse.Builder answer(long revision) {
    return DecisionTest.allow().setPolicyRevision("p1").setConsistencyToken(token(revision)).setDecisionId("d1");
  }

  static Timestamp timestamp(long nanos) {
    return Timestamp.newBuilder().setSeconds(nanos / SECOND).setNanos((int) (nanos % SECOND)).build();
  }

  /** The server is asked and its answer kept, where it may be. */
  void learn(CheckRequest request, UnaryOperator<CheckResponse.Builder> answer) {
    CheckResponse response = answer.apply(answer(revision).setPolicyRevision(policy)).build();
    if (near.lookup(request) != null) {
      throw new AssertionError("the test says nothing: the cache answers already");
    }
    near.admit(near.ticket(request.getConsistency()), request, response, Decision.of(response));
  }

  void learn(String subject) {
    learn(ask(subject), r -> r);
  }

  /** Whether the cache answers. */
  boolean knows(String subject) {
    return near.lookup(ask(subject)) != null;
  }

  boolean knows(CheckRequest request) {
    return near.lookup(request) != null;
  }

  @Override
  @SuppressWarnings("unchecked") // near caches open nothing else
  public <Q, A> ClientCall<Q, A> open(MethodDescriptor<Q, A> method) {
    calls.add(new Call());
    return (ClientCall<Q, A>) call();
  }

  @Override
  public <Q, A> CompletableFuture<A> call(MethodDescriptor<Q, A> method, Q request, java.time.Duration timeout) {
    return CompletableFuture.failedFuture(new UnsupportedOperationException(method.getFullMethodName()));
  }

  @Override
  public Transport with(Metadata headers, CallCredentials credentials) {
    throw new UnsupportedOperationException();
  }

  @Override
  public void close() {}
}
