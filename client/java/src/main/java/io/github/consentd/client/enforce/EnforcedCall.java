package io.github.consentd.client.enforce;

import io.github.consentd.client.Decision;
import io.github.consentd.v1.CheckRequest;
import io.grpc.Context;
import io.grpc.ForwardingServerCall.SimpleForwardingServerCall;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;

/**
 * A call that asks before its handler begins, and, of a stream, before a message passes in either direction. gRPC calls the
 * listener's methods one after the other; what the handler sends, and the timer, come from other threads.
 */
final class EnforcedCall<Q, A> extends ServerCall.Listener<Q> {
  private static final ScheduledThreadPoolExecutor TIMER = timer();

  private final GrpcEnforcer enforcer;
  private final GrpcRule rule;
  private final ServerCall<Q, A> call;
  private final Metadata headers;
  private final ServerCallHandler<Q, A> next;
  private final boolean streams;
  private final Context context;

  // The listener's own.
  private ServerCall.Listener<Q> handler; // null: it has not begun
  private boolean ready;

  private volatile CheckRequest use; // null: the subject is not told yet
  private volatile Decision newest; // the decision that holds
  private volatile long decided; // when it was asked for
  private volatile Future<?> recheck;

  private final ReentrantLock lock = new ReentrantLock(); // held by whoever uses the call
  private boolean ended; // the call was closed, by the handler or here; guarded by the lock
  private volatile Status refusal; // why it was closed here; null: it was not
  private boolean ahead; // a message was asked for before the handler did; guarded by the lock

  EnforcedCall(GrpcEnforcer enforcer, GrpcRule rule, ServerCall<Q, A> call, Metadata headers, ServerCallHandler<Q, A> next) {
    this.enforcer = enforcer;
    this.rule = rule;
    this.call = call;
    this.headers = headers;
    this.next = next;
    this.streams = call.getMethodDescriptor().getType() != io.grpc.MethodDescriptor.MethodType.UNARY;
    this.context = GrpcEnforcer.with(() -> newest);
  }

  private static ScheduledThreadPoolExecutor timer() {
    ScheduledThreadPoolExecutor executor =
        new ScheduledThreadPoolExecutor(
            1,
            work -> {
              Thread thread = new Thread(work, "consentd-enforce");
              thread.setDaemon(true);
              return thread;
            });
    executor.setRemoveOnCancelPolicy(true);
    executor.setKeepAliveTime(10, TimeUnit.SECONDS);
    executor.allowCoreThreadTimeOut(true);
    return executor;
  }

  void start() {
    if (rule.fault() != null) {
      refuse(rule.fault(), Outcome.UNDECLARED);
    } else if (rule.namesSubject()) {
      ahead = true;
      call.request(1);
    } else {
      begin(null);
    }
  }

  /** Has the handler begin where it is allowed. */
  private void begin(Q first) {
    String subject = subject(first);
    if (subject == null) {
      return;
    }
    use = enforcer.request(rule, subject);
    if (!decide()) {
      return;
    }
    count(Outcome.ALLOWED);
    context.run(() -> handler = next.startCall(new Guarded(), headers));
    if (ready) {
      context.run(handler::onReady);
    }
    if (streams) {
      watch();
    }
  }

  /** Who a message, or the call, is about; null: that cannot be told, and the call is refused. */
  private String subject(Q message) {
    try {
      if (!rule.namesSubject()) {
        return use == null ? enforcer.subject(call, headers) : use.getSubjectId();
      }
      String named = rule.subject(message);
      if (named.isEmpty()) {
        refuse(Status.INVALID_ARGUMENT.withDescription(rule.path() + ": is required: it names the subject"), Outcome.FAILED);
        return null;
      }
      return named;
    } catch (StatusRuntimeException e) {
      refuse(e.getStatus(), Outcome.FAILED);
    } catch (RuntimeException e) {
      refuse(Status.UNAUTHENTICATED.withDescription("who the data are about cannot be told"), Outcome.FAILED);
    }
    return null;
  }

  /** Makes the decision anew, and returns whether the call may go on. */
  private boolean decide() {
    if (refusal != null) {
      return false;
    }
    long now = System.nanoTime();
    try {
      Decision d = enforcer.checker().check(use);
      heard(d, now);
      return d.allowed() && refusal == null; // a call that has ended already is not refused any more
    } catch (RuntimeException e) {
      undecided();
      return false;
    }
  }

  private void heard(Decision d, long asked) {
    if (d.allowed()) {
      newest = d;
      decided = asked;
    } else {
      refuse(Status.PERMISSION_DENIED.withDescription(d.toString()), Outcome.DENIED);
    }
  }

  private void undecided() {
    refuse(Status.UNAVAILABLE.withDescription("consent cannot be checked at the moment"), Outcome.FAILED);
  }

  /** Decides anew where no message has it done. */
  private void watch() {
    lock.lock();
    try {
      if (!ended) {
        recheck = TIMER.schedule(this::tick, Math.max(1, due()), TimeUnit.NANOSECONDS);
      }
    } finally {
      lock.unlock();
    }
  }

  private void tick() {
    if (due() > 0) {
      watch();
      return;
    }
    long now = System.nanoTime();
    try {
      enforcer
          .checker()
          .checkAsync(use)
          .whenComplete(
              (d, e) -> {
                if (e == null) {
                  heard(d, now);
                } else {
                  undecided();
                }
                watch();
              });
    } catch (RuntimeException e) {
      undecided();
    }
  }

  /** How long until the next decision, in nanoseconds: at validUntil, if that is still to come by this machine's clock. */
  private long due() {
    long left = decided + enforcer.recheckNanos() - System.nanoTime();
    long until = newest.validUntil().map(t -> Duration.between(Instant.now(), t)).map(EnforcedCall::nanos).orElse(Long.MAX_VALUE);
    return until > 0 ? Math.min(left, until) : left;
  }

  private static long nanos(Duration d) {
    return d.compareTo(Duration.ofHours(1)) > 0 ? Long.MAX_VALUE : d.toNanos();
  }

  private void count(Outcome outcome) {
    enforcer.count(call.getMethodDescriptor().getFullMethodName(), rule.purpose(), outcome);
  }

  /** Ends the call, unless it has ended. */
  private void refuse(Status why, Outcome outcome) {
    lock.lock();
    try {
      if (ended) {
        return;
      }
      ended = true;
      refusal = why;
      call.close(why, new Metadata());
    } finally {
      lock.unlock();
    }
    stop();
    count(outcome);
  }

  private void stop() {
    lock.lock();
    try {
      ended = true;
      if (recheck != null) {
        recheck.cancel(false);
      }
    } finally {
      lock.unlock();
    }
  }

  @Override
  public void onMessage(Q message) {
    if (refusal != null) {
      return;
    }
    if (handler == null) {
      begin(message);
    } else if (!mayPass(message)) {
      return;
    }
    if (handler != null && refusal == null) {
      context.run(() -> handler.onMessage(message));
    }
  }

  private boolean mayPass(Q message) {
    String subject = subject(message);
    if (subject == null) {
      return false;
    }
    if (!subject.equals(use.getSubjectId())) {
      String why = rule.path() + ": names another subject than the messages before";
      refuse(Status.INVALID_ARGUMENT.withDescription(why), Outcome.FAILED);
      return false;
    }
    return !streams || decide();
  }

  @Override
  public void onHalfClose() {
    if (handler != null && refusal == null) {
      context.run(handler::onHalfClose);
    } else if (refusal == null) {
      refuse(Status.INVALID_ARGUMENT.withDescription(rule.path() + ": no message names the subject"), Outcome.FAILED);
    }
  }

  @Override
  public void onCancel() {
    stop();
    if (handler != null) {
      context.run(handler::onCancel);
    }
  }

  @Override
  public void onComplete() {
    stop();
    if (handler != null) {
      context.run(refusal == null ? handler::onComplete : handler::onCancel);
    }
  }

  @Override
  public void onReady() {
    ready = true;
    if (handler != null) {
      context.run(handler::onReady);
    }
  }

  /** The call as the handler has it. */
  private final class Guarded extends SimpleForwardingServerCall<Q, A> {
    Guarded() {
      super(call);
    }

    @Override
    public void request(int n) {
      lock.lock();
      try {
        int more = ahead ? n - 1 : n;
        ahead = false;
        if (more > 0) {
          super.request(more);
        }
      } finally {
        lock.unlock();
      }
    }

    @Override
    public void sendHeaders(Metadata headers) {
      lock.lock();
      try {
        requireNotRefused();
        super.sendHeaders(headers);
      } finally {
        lock.unlock();
      }
    }

    @Override
    public void sendMessage(A message) {
      if (streams) {
        decide();
      }
      lock.lock();
      try {
        requireNotRefused();
        super.sendMessage(message);
      } finally {
        lock.unlock();
      }
    }

    private void requireNotRefused() {
      if (refusal != null) {
        throw refusal.asRuntimeException();
      }
    }

    @Override
    public boolean isCancelled() {
      return refusal != null || super.isCancelled();
    }

    @Override
    public void close(Status status, Metadata trailers) {
      lock.lock();
      try {
        if (refusal == null) {
          ended = true;
          super.close(status, trailers);
        }
      } finally {
        lock.unlock();
      }
    }
  }
}
