package io.github.consentd.client;

import com.google.protobuf.Duration;
import io.github.consentd.v1.CheckRequest;
import io.github.consentd.v1.CheckResponse;
import io.github.consentd.v1.CheckStreamRequest;
import io.github.consentd.v1.CheckStreamResponse;
import io.github.consentd.v1.StreamedCheck;
import io.grpc.ClientCall;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Carries checks over a CheckStream, one stream at a time, and opens the next when it ends.
 *
 * <p>Batching is natural: the sender runs only while there is something to send. A lone check leaves at once, on its
 * caller's thread; what is asked while others are under way is sent by a thread of the lane, and what is asked while a
 * message is being sent leaves in the next. Nothing waits for a clock. Where the connection takes no more, or
 * {@link #WINDOW} checks are unanswered, the others wait here until their deadlines: none is refused.
 *
 * <p>A stream may be open and yet never answer, as behind a proxy that buffers. Until one has answered as it should,
 * our side of a stream that says nothing for {@link #QUIET_NANOS} is closed, upon which a server answers what is under
 * way and ends it, and a proxy hands on what is complete. Where a stream says nothing for {@link #MUTE_NANOS} one of
 * its checks is asked by a call too. Where the first brings the answers at once, twice in a row, or the second has an
 * answer and the stream none, checks go without streams for a while. (To ask by a call at once, or all of them, would
 * ask a slow server everything twice.)
 *
 * <p>Safe for use by many threads. Only moves of references happen under the lock, so that it never holds a virtual
 * thread for long.
 */
final class Lane {
  /** How many checks a server takes in one message. */
  static final int MAX_CHECKS = 1_000;

  /** The size from which on a check goes by itself. */
  static final int LARGE_CHECK = 64 << 10;

  // Bounds a message in bytes: it leaves room below the 4 MiB at which one is refused.
  private static final int FULL_FRAME = 256 << 10;

  // A server reads no more while 1,000 checks are unanswered: as many again are on their way to it.
  private static final int WINDOW = 2 * MAX_CHECKS;

  // How long a stream with checks under way may say nothing until our side of it is closed, and until one whose check
  // runs out of time is given up. Most of the default timeout is left after the first.
  private static final long QUIET_NANOS = TimeUnit.MILLISECONDS.toNanos(250);
  private static final long SILENCE_NANOS = TimeUnit.MILLISECONDS.toNanos(500);

  // What comes this soon after our side was closed was held back until then.
  private static final long AT_ONCE_NANOS = TimeUnit.MILLISECONDS.toNanos(150);

  private static final int HELD_TWICE = 2;

  // When it is found out whether calls are answered where a stream never was: beyond the default timeout.
  private static final long MUTE_NANOS = TimeUnit.SECONDS.toNanos(1);

  // How long there are no streams where they were held back, and where one never answered, for whatever reason.
  static final long WITHOUT_HELD_NANOS = TimeUnit.MINUTES.toNanos(1);
  static final long WITHOUT_MUTE_NANOS = TimeUnit.SECONDS.toNanos(5);

  // When a stream is replaced: it stays with one server, and with the credentials it was opened with.
  private static final long STREAM_AGE_NANOS = TimeUnit.MINUTES.toNanos(1);

  // How long a stream without checks is kept: where a server permits few streams, others wait for it to end.
  static final long IDLE_NANOS = TimeUnit.MILLISECONDS.toNanos(50);

  // Deadlines that are this close to each other are looked after together.
  private static final long TICK_NANOS = TimeUnit.MILLISECONDS.toNanos(1);

  /**
   * The failure of a stream that is no single check's. One other than UNAVAILABLE says nothing of the check: it may be
   * asked by itself.
   */
  static final class BrokenException extends RuntimeException {
    private static final long serialVersionUID = 1L;
    private final transient ConsentException why;

    BrokenException(ConsentException why) {
      super(why.getMessage(), why, false, false);
      this.why = why;
    }

    ConsentException why() {
      return why;
    }
  }

  /** What a lane needs of its client. */
  interface Side {
    ClientCall<CheckStreamRequest, CheckStreamResponse> open();

    /** One check by a call of its own. */
    CompletableFuture<CheckResponse> unary(CheckRequest request, long nanos);

    /** A check ran into its deadline. */
    void timedOut();
  }

  final Side side;
  final Timer timer;
  private final Executor sender;

  final ReentrantLock lock = new ReentrantLock();
  // All that follows is guarded by the lock, and so are the fields of streams and checks.
  final ArrayDeque<Check> queue = new ArrayDeque<>();
  final List<CheckStream> streams = new ArrayList<>(); // those that have not ended
  final List<CheckStream> leaving = new ArrayList<>(); // those that take no more checks, for the sender to half-close
  CheckStream stream; // where checks go; null: the sender opens one
  private boolean sending;
  private boolean closed;
  private boolean armed;
  private long wake; // when tick runs next, if armed
  private boolean proven; // a stream has answered while both sides were open
  private int held; // how many in a row answered only after our side was closed
  private boolean distrusted;
  private long distrustedUntil;

  /**
   * @param sender runs what sends, one at a time; it must not be one that callers can fill
   */
  Lane(Side side, Timer timer, Executor sender) {
    this.side = side;
    this.timer = timer;
    this.sender = sender;
  }

  /** One check on its way. */
  final class Check extends CompletableFuture<CheckResponse> {
    final CheckRequest request;
    final long deadline;
    CheckStream on; // where it was sent; null: it waits
    long id;

    Check(CheckRequest request, long deadline) {
      this.request = request;
      this.deadline = deadline;
    }

    @Override
    public <U> CompletableFuture<U> newIncompleteFuture() {
      return new CompletableFuture<>();
    }

    @Override
    public boolean cancel(boolean mayInterrupt) {
      boolean cancelled = super.cancel(mayInterrupt);
      if (cancelled) {
        leave(this);
      }
      return cancelled;
    }
  }

  /** Whether streams work, as far as is known. */
  boolean isUsable() {
    lock.lock();
    try {
      distrusted = distrusted && timer.nanoTime() - distrustedUntil < 0;
      return !distrusted;
    } finally {
      lock.unlock();
    }
  }

  /**
   * Has one check decided.
   *
   * @return the answer; what failed is a {@link ConsentException} of the check or a {@link BrokenException}
   */
  CompletableFuture<CheckResponse> check(CheckRequest request, long nanos) {
    Check check = new Check(request, timer.nanoTime() + nanos);
    boolean alone;
    boolean send;
    lock.lock();
    try {
      if (closed) {
        return CompletableFuture.failedFuture(GrpcTransport.closed());
      }
      queue.add(check);
      arm(check.deadline);
      alone = queue.size() == 1 && (stream == null || stream.checks.isEmpty());
      send = startSending();
    } finally {
      lock.unlock();
    }
    if (send) {
      run(alone);
    }
    return check;
  }

  /** Whether the caller must see to it that the sender runs; the lock is held. */
  private boolean startSending() {
    boolean start = !sending && !closed && isMovable();
    sending |= start;
    return start;
  }

  private void run(boolean here) {
    if (here) {
      sendOwn();
    } else {
      sender.execute(this::send);
    }
  }

  /** On the caller's thread: its own message, and none of others', who could hold it for as long as they ask. */
  private void sendOwn() {
    try {
      if (sendSome() && sendSome()) {
        sender.execute(this::send);
      }
    } catch (RuntimeException | Error e) {
      broke(e);
    }
  }

  /** A fault of the sender fails all that waits; the next check begins anew. */
  private void broke(Throwable fault) {
    CheckStream old;
    List<Check> lost;
    lock.lock();
    try {
      sending = false;
      lost = new ArrayList<>(queue);
      queue.clear();
      old = stream;
      retire(stream);
    } finally {
      lock.unlock();
    }
    if (old != null) {
      old.cancel("a message could not be made");
    }
    lost.forEach(check -> check.completeExceptionally(fault));
  }

  /** Whether something can be sent; the lock is held. */
  private boolean isMovable() {
    if (!leaving.isEmpty()) {
      return true;
    }
    if (queue.isEmpty()) {
      return stream != null && !stream.cancels.isEmpty() && stream.call.isReady();
    }
    return stream == null || (stream.call.isReady() && stream.checks.size() < WINDOW);
  }

  void kick() {
    boolean send;
    lock.lock();
    try {
      send = startSending();
    } finally {
      lock.unlock();
    }
    if (send) {
      run(false);
    }
  }

  private void send() {
    try {
      do {
        if (isCrowded()) {
          Thread.yield();
        }
      } while (sendSome());
    } catch (RuntimeException | Error e) {
      broke(e);
    }
  }

  /** Whether other checks are under way beside the one to be sent: their callers' next ones may come in a moment. */
  private boolean isCrowded() {
    lock.lock();
    try {
      return queue.size() + (stream == null ? 0 : stream.checks.size()) > 1;
    } finally {
      lock.unlock();
    }
  }

  /** Sends one message at most; false where there was nothing to send. No other thread sends meanwhile. */
  private boolean sendSome() {
    CheckStream to;
    CheckStreamRequest message = null;
    boolean opens = false;
    List<CheckStream> ended;
    lock.lock();
    try {
      if (stream != null && timer.nanoTime() - stream.opened > STREAM_AGE_NANOS) {
        retire(stream);
      }
      if (closed || !isMovable()) {
        sending = false;
        return false;
      }
      ended = new ArrayList<>(leaving);
      leaving.clear();
      if (queue.isEmpty() && (stream == null || stream.cancels.isEmpty())) {
        to = null;
      } else if (stream == null) {
        stream = new CheckStream(this);
        streams.add(stream);
        opens = true;
        to = stream;
      } else {
        message = gather(stream);
        to = stream;
      }
    } finally {
      lock.unlock();
    }
    ended.forEach(CheckStream::halfClose);
    if (to != null) {
      to.send(message, opens);
    }
    return true;
  }

  /** Takes what waits, up to a full message; null: nobody waits any more. The lock is held. */
  private CheckStreamRequest gather(CheckStream to) {
    long now = timer.nanoTime();
    CheckStreamRequest.Builder message = CheckStreamRequest.newBuilder().addAllCancel(to.cancels);
    to.cancels.clear();
    int room = Math.min(MAX_CHECKS, WINDOW - to.checks.size());
    for (int size = 0; room > 0 && size < FULL_FRAME && !queue.isEmpty(); ) {
      Check check = queue.poll();
      long left = check.deadline - now;
      if (check.isDone() || left <= 0) {
        expire(check, left);
        continue;
      }
      to.take(check);
      message.addChecks(StreamedCheck.newBuilder().setId(check.id).setCheck(check.request).setTimeout(duration(left)));
      size += check.request.getSerializedSize();
      room--;
    }
    if (message.getChecksCount() == 0 && message.getCancelCount() == 0) {
      return null;
    }
    if (message.getChecksCount() > 0 && to.asked - to.heard <= 0) {
      to.asked = now;
      arm(now + QUIET_NANOS);
    }
    return message.build();
  }

  private static Duration duration(long nanos) {
    return Duration.newBuilder().setSeconds(nanos / 1_000_000_000).setNanos((int) (nanos % 1_000_000_000)).build();
  }

  /** One that waited for too long gets its answer on the timer's thread, where no lock is held. */
  private void expire(Check check, long left) {
    if (left <= 0 && !check.isDone()) {
      timer.schedule(() -> check.completeExceptionally(ConsentException.timeout()), 0);
    }
  }

  /** Has tick run at this time or before; the lock is held. */
  private void arm(long at) {
    if (!armed || at - wake < 0) {
      armed = true;
      wake = at;
      timer.schedule(() -> tick(at), Math.max(0, at - timer.nanoTime()));
    }
  }

  /** Answers the checks whose deadline has passed, and closes our side of a stream that is quiet. */
  private void tick(long at) {
    List<Check> late = new ArrayList<>();
    List<Check> mute = new ArrayList<>();
    lock.lock();
    try {
      if (closed || !armed || wake != at) {
        return; // another one comes before or after it
      }
      armed = false;
      long now = timer.nanoTime();
      queue.removeIf(check -> isLate(check, now, late));
      for (CheckStream s : streams) {
        s.checks.values().removeIf(check -> isLate(check, now, late));
      }
      if (!proven && stream != null && stream.owes(QUIET_NANOS)) {
        stream.quiet = now;
        retire(stream);
      }
      for (CheckStream s : streams) {
        if (!s.spoke && !s.tried && s.owes(MUTE_NANOS)) {
          s.tried = true;
          mute.add(s.checks.values().iterator().next());
        }
      }
      rearm(now);
    } finally {
      lock.unlock();
    }
    mute.forEach(this::tryAlone);
    if (!late.isEmpty()) {
      giveUpSilent();
      side.timedOut();
    }
    late.forEach(check -> check.completeExceptionally(ConsentException.timeout()));
    kick();
  }

  private boolean isLate(Check check, long now, List<Check> late) {
    if (check.isDone()) {
      return check.on == null; // of one that was sent the server is told
    }
    if (check.deadline - now > 0) {
      return false;
    }
    if (check.on != null && check.on == stream) {
      stream.cancels.add(check.id);
    }
    late.add(check);
    return true;
  }

  private void rearm(long now) {
    long next = Long.MAX_VALUE;
    for (Check check : queue) {
      next = Math.min(next, check.deadline - now);
    }
    for (CheckStream s : streams) {
      for (Check check : s.checks.values()) {
        next = Math.min(next, check.deadline - now);
      }
    }
    for (CheckStream s : streams) {
      if (!proven && !s.spoke && !s.tried && s.owes(0)) {
        next = Math.min(next, s.asked + (s == stream ? QUIET_NANOS : MUTE_NANOS) - now);
      }
    }
    if (next != Long.MAX_VALUE) {
      arm(now + Math.max(TICK_NANOS, next));
    }
  }

  /** Streams that have been silent for too long when a check runs out of time are given up with it. */
  private void giveUpSilent() {
    List<CheckStream> silent = new ArrayList<>();
    lock.lock();
    try {
      for (CheckStream s : streams) {
        if (s.isSilent(SILENCE_NANOS)) {
          silent.add(s);
        }
      }
      for (CheckStream s : silent) {
        retire(s);
        if (!s.spoke) {
          distrust(WITHOUT_MUTE_NANOS);
        }
      }
    } finally {
      lock.unlock();
    }
    silent.forEach(s -> s.cancel("the stream is silent"));
  }

  /** Finds out whether a call is answered where a stream is not. */
  private void tryAlone(Check check) {
    long left = check.deadline - timer.nanoTime();
    if (left <= 0) {
      return;
    }
    CompletableFuture<CheckResponse> answer = side.unary(check.request, left);
    answer.whenComplete(
        (response, e) -> {
          if (e == null) {
            check.complete(response);
            timer.schedule(check.on::giveUpMute, QUIET_NANOS); // a server that is busy answers both at about the same time
          }
        });
  }

  /** Has checks go without streams for a while; the lock is held. */
  void distrust(long nanos) {
    distrusted = true;
    distrustedUntil = timer.nanoTime() + nanos;
  }

  /** A check whose caller left. */
  private void leave(Check check) {
    lock.lock();
    try {
      if (check.on != null && check.on.checks.remove(check.id) != null && check.on == stream) {
        stream.cancels.add(check.id);
      }
    } finally {
      lock.unlock();
    }
    kick();
  }

  /** Takes a stream out of use; the lock is held. Who does so ends it, or half-closes it. */
  void retire(CheckStream old) {
    if (old != null && stream == old) {
      stream = null;
      leaving.add(old);
    }
  }

  /** Ends all; checks under way fail with CANCELLED. */
  void close() {
    List<Check> waiting;
    lock.lock();
    try {
      closed = true;
      waiting = new ArrayList<>(queue);
      queue.clear();
      for (CheckStream s : streams) {
        waiting.addAll(s.checks.values());
        s.checks.clear();
      }
    } finally {
      lock.unlock();
    }
    waiting.forEach(check -> check.completeExceptionally(GrpcTransport.closed()));
  }

  /** What an answer shows of streams on this way; the lock is held, and the stream has not been noted to have spoken. */
  void learn(CheckStream s) {
    proven |= s.quiet == 0;
    if (!s.spoke && s.quiet != 0 && s.heard - s.quiet <= AT_ONCE_NANOS) {
      held++;
    }
    if (!proven && held >= HELD_TWICE) {
      held = 0;
      distrust(WITHOUT_HELD_NANOS);
    }
  }
}
