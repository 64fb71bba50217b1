package io.github.consentd.client;

import com.google.protobuf.Duration;
import io.github.consentd.v1.CheckRequest;
import io.github.consentd.v1.CheckResponse;
import io.github.consentd.v1.CheckStreamRequest;
import io.github.consentd.v1.CheckStreamResponse;
import io.github.consentd.v1.StreamedCheck;
import io.github.consentd.v1.StreamedResult;
import io.grpc.ClientCall;
import io.grpc.Metadata;
import io.grpc.Status;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;

/**
 * Carries checks over a CheckStream, one stream at a time, and opens the next when it ends.
 *
 * <p>Batching is natural: the sender runs only while there is something to send. A lone check leaves at once, on its caller's thread;
 * what is asked while others are under way is sent by a thread of the lane, and what is asked while a message is being sent leaves in
 * the next. Nothing waits for a clock. Where the connection takes no more, or {@link #WINDOW} checks are unanswered, the others wait
 * here until their deadlines: none is refused.
 *
 * <p>A stream may be open and yet never answer, as behind a proxy that buffers. Until one has answered as it should, our side of a
 * stream that says nothing for {@link #QUIET_NANOS} is closed, upon which a server answers what is under way and ends it, and a proxy
 * hands on what is complete. Where a stream says nothing for {@link #MUTE_NANOS} one of its checks is asked by a call too. Where the
 * first brings the answers at once, twice in a row, or the second has an answer and the stream none, checks go without streams for a
 * while. (To ask by a call at once, or all of them, would ask a slow server everything twice.)
 *
 * <p>Safe for use by many threads. Only moves of references happen under the lock, so that it never holds a virtual thread for long.
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

  // How long a stream with checks under way may say nothing until our side of it is closed, and until one whose check runs out of
  // time is given up. Most of the default timeout is left after the first.
  private static final long QUIET_NANOS = TimeUnit.MILLISECONDS.toNanos(250);
  private static final long SILENCE_NANOS = TimeUnit.MILLISECONDS.toNanos(500);

  // What comes this soon after our side was closed was held back until then.
  private static final long AT_ONCE_NANOS = TimeUnit.MILLISECONDS.toNanos(150);

  private static final int HELD_TWICE = 2;

  // When it is found out whether calls are answered where a stream never was: beyond the default timeout.
  private static final long MUTE_NANOS = TimeUnit.SECONDS.toNanos(1);

  // How long there are no streams where they were held back, and where one never answered, for whatever reason.
  private static final long WITHOUT_HELD_NANOS = TimeUnit.MINUTES.toNanos(1);
  private static final long WITHOUT_MUTE_NANOS = TimeUnit.SECONDS.toNanos(5);

  // When a stream is replaced: it stays with one server, and with the credentials it was opened with.
  private static final long STREAM_AGE_NANOS = TimeUnit.MINUTES.toNanos(1);

  // Deadlines that are this close to each other are looked after together.
  private static final long TICK_NANOS = TimeUnit.MILLISECONDS.toNanos(1);

  /**
   * The failure of a stream that is no single check's. One other than UNAVAILABLE says nothing of the check: it may be asked by
   * itself.
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

  private final Side side;
  private final Timer timer;
  private final Executor sender;

  private final ReentrantLock lock = new ReentrantLock();
  // All that follows is guarded by the lock, and so are the fields of streams and checks.
  private final ArrayDeque<Check> queue = new ArrayDeque<>();
  private final List<Stream> streams = new ArrayList<>(); // those that have not ended
  private final List<Stream> leaving = new ArrayList<>(); // those that take no more checks, for the sender to half-close
  private Stream stream; // where checks go; null: the sender opens one
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
  private final class Check extends CompletableFuture<CheckResponse> {
    final CheckRequest request;
    final long deadline;
    Stream on; // where it was sent; null: it waits
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
      send();
    } else {
      sender.execute(this::send);
    }
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

  private void kick() {
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
    do {
      if (isCrowded()) {
        Thread.yield();
      }
    } while (sendSome());
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
    Stream to;
    CheckStreamRequest message = null;
    boolean opens = false;
    List<Stream> ended;
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
        stream = new Stream();
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
    ended.forEach(Stream::halfClose);
    if (to != null) {
      to.send(message, opens);
    }
    return true;
  }

  /** Takes what waits, up to a full message; null: nobody waits any more. The lock is held. */
  private CheckStreamRequest gather(Stream to) {
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
      for (Stream s : streams) {
        s.checks.values().removeIf(check -> isLate(check, now, late));
      }
      if (!proven && stream != null && stream.owes(QUIET_NANOS)) {
        stream.quiet = now;
        retire(stream);
      }
      for (Stream s : streams) {
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
    for (Stream s : streams) {
      for (Check check : s.checks.values()) {
        next = Math.min(next, check.deadline - now);
      }
    }
    for (Stream s : streams) {
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
    List<Stream> silent = new ArrayList<>();
    lock.lock();
    try {
      for (Stream s : streams) {
        if (s.isSilent(SILENCE_NANOS)) {
          silent.add(s);
        }
      }
      for (Stream s : silent) {
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
  private void distrust(long nanos) {
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
  private void retire(Stream old) {
    if (stream == old) {
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
      for (Stream s : streams) {
        waiting.addAll(s.checks.values());
        s.checks.clear();
      }
    } finally {
      lock.unlock();
    }
    waiting.forEach(check -> check.completeExceptionally(GrpcTransport.closed()));
  }

  /** One stream. */
  private final class Stream extends ClientCall.Listener<CheckStreamResponse> {
    final ClientCall<CheckStreamRequest, CheckStreamResponse> call = side.open();
    final Map<Long, Check> checks = new HashMap<>();
    final List<Long> cancels = new ArrayList<>();
    final long opened = timer.nanoTime();
    long heard = opened; // when the last message came
    long asked = opened; // when the first was sent after it
    long quiet; // when our side was closed for its silence; 0: it was not
    boolean tried; // by a call
    boolean spoke; // ever
    private boolean ready;
    private long last; // the id given last

    void open() {
      call.start(this, new Metadata());
      call.request(2); // one is read while the other is handed out
    }

    void take(Check check) {
      check.on = this;
      check.id = ++last;
      checks.put(check.id, check);
    }

    boolean isSilent(long nanos) {
      return asked - heard > 0 && timer.nanoTime() - asked >= nanos;
    }

    /** Whether it is silent while checks are under way. */
    boolean owes(long nanos) {
      return !checks.isEmpty() && isSilent(nanos);
    }

    /** Has its checks go by themselves, unless it has spoken meanwhile. */
    void giveUpMute() {
      lock.lock();
      try {
        if (spoke) {
          return;
        }
        retire(this);
        distrust(WITHOUT_MUTE_NANOS);
      } finally {
        lock.unlock();
      }
      fail(ConsentException.of(Status.Code.UNIMPLEMENTED, "the stream does not answer"), true);
      cancel("the stream does not answer");
    }

    void cancel(String why) {
      call.cancel(why, null);
    }

    /** What fails here fails the checks that were to go: those of the stream, or all where it could not begin. */
    void send(CheckStreamRequest message, boolean opens) {
      try {
        if (opens) {
          open();
        } else if (message != null) {
          call.sendMessage(message);
        }
      } catch (RuntimeException | Error e) {
        retireThis();
        fail(e instanceof Error ? e : ConsentException.of(Status.Code.UNAVAILABLE, "the stream was given up"), opens);
        cancel("a message could not be sent");
      }
    }

    private void retireThis() {
      lock.lock();
      try {
        retire(this);
        if (!ready) {
          leaving.remove(this);
          streams.remove(this);
        }
      } finally {
        lock.unlock();
      }
    }

    void halfClose() {
      try {
        call.halfClose();
      } catch (IllegalStateException cancelled) {
        // It has ended another way.
      }
    }

    @Override
    public void onReady() {
      lock.lock();
      try {
        ready = true;
      } finally {
        lock.unlock();
      }
      kick();
    }

    @Override
    public void onMessage(CheckStreamResponse message) {
      List<Check> answered = new ArrayList<>(message.getResultsCount());
      lock.lock();
      try {
        heard = timer.nanoTime();
        learn();
        for (StreamedResult result : message.getResultsList()) {
          answered.add(checks.remove(result.getId()));
        }
        if (message.getDraining()) {
          retire(this);
        } else if (!checks.isEmpty()) {
          asked = heard + 1;
        }
      } finally {
        lock.unlock();
      }
      call.request(1);
      kick();
      for (int i = 0; i < answered.size(); i++) {
        if (answered.get(i) != null) {
          answer(answered.get(i), message.getResults(i));
        }
      }
    }

    /** What an answer shows of streams on this way; the lock is held. */
    private void learn() {
      proven |= quiet == 0;
      boolean wasHeld = !spoke && quiet != 0 && heard - quiet <= AT_ONCE_NANOS;
      spoke = true;
      held = wasHeld ? held + 1 : held;
      if (!proven && held >= HELD_TWICE) {
        held = 0;
        distrust(WITHOUT_HELD_NANOS);
      }
    }

    private void answer(Check check, StreamedResult result) {
      switch (result.getOutcomeCase()) {
        case RESPONSE -> check.complete(result.getResponse());
        case ERROR -> check.completeExceptionally(ConsentException.of(result.getError()));
        case OUTCOME_NOT_SET -> check.completeExceptionally(
            ConsentException.of(Status.Code.INTERNAL, "the server sent an outcome of an unknown kind"));
      }
    }

    @Override
    public void onClose(Status status, Metadata trailers) {
      boolean streamless = status.getCode() == Status.Code.UNIMPLEMENTED; // an older server
      boolean neverOpened;
      lock.lock();
      try {
        neverOpened = !ready;
        if (streamless) {
          distrust(WITHOUT_HELD_NANOS);
        }
        if (stream == this) {
          stream = null;
        }
        streams.remove(this);
      } finally {
        lock.unlock();
      }
      if (status != Link.GIVEN_UP) {
        fail(ending(status, trailers), neverOpened || streamless);
      }
      kick();
    }

    private Throwable ending(Status status, Metadata trailers) {
      if (status.isOk() || status.getCode() == Status.Code.CANCELLED && status.getCause() == null) {
        return ConsentException.of(Status.Code.UNAVAILABLE, "the stream to the server ended before it answered");
      }
      return ConsentException.failure(status, trailers);
    }

    private void fail(Throwable why, boolean waitingToo) {
      Collection<Check> lost;
      lock.lock();
      try {
        lost = new ArrayList<>(checks.values());
        checks.clear();
        if (waitingToo) {
          lost.addAll(queue);
          queue.clear();
        }
      } finally {
        lock.unlock();
      }
      Throwable failure = why instanceof ConsentException e ? new BrokenException(e) : why;
      lost.forEach(check -> check.completeExceptionally(failure));
    }
  }
}
