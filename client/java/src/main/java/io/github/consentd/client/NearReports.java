package io.github.consentd.client;

import io.github.consentd.client.NearTable.Entry;
import io.github.consentd.v1.DecisionServiceGrpc;
import io.github.consentd.v1.ReportAnswersRequest;
import io.github.consentd.v1.ReportedAnswers;
import io.grpc.Status;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Gathers what a near cache answered and tells the server of it afterwards, by counts, so that its decision log and its
 * record of processing know. A hit costs one addition; all else happens here, off the path of checks, and whatever goes wrong
 * with it concerns no check. What was counted since the last report is missing when the process is killed. Safe for use by
 * many threads, but for {@link #report}, which is called again when the last one is done.
 */
final class NearReports {
  /** How many decisions one call may tell of, by the API. */
  static final int MAX_REPORTED = 1000;

  /** Bounds the decisions that are kept only to be reported, and the reports that could not be sent. */
  static final int MAX_GONE = 1 << 16;

  /** Answers to what one right is for are beside each other by it. */
  private static final Comparator<ReportedAnswers> BY_RIGHT =
      Comparator.comparing(ReportedAnswers::getController)
          .thenComparing(ReportedAnswers::getPurpose)
          .thenComparing(ReportedAnswers::getRecipientKindValue);

  private final Transport transport;
  private volatile boolean off; // nobody is told: it is not wanted, or the server does not know the call

  private final ReentrantLock lock = new ReentrantLock();
  private List<Entry> gone = new ArrayList<>(); // in no table any more; guarded by the lock
  private List<ReportedAnswers> unsent = new ArrayList<>(); // what could not be sent; guarded by the lock

  NearReports(Transport transport, boolean wanted) {
    this.transport = transport;
    this.off = !wanted;
  }

  /** Keeps an entry (null: none) that is thrown away until it is reported. A lookup that found it before may still count. */
  void retire(Entry e) {
    if (e == null || off || e.answers.get() == 0) {
      return;
    }
    lock.lock();
    try {
      if (gone.size() < MAX_GONE) {
        gone.add(e);
      }
    } finally {
      lock.unlock();
    }
  }

  /**
   * Tells what was answered since the last time. What the server cannot be told now it is told next time, but for what may
   * have arrived.
   *
   * @param table of the stream under way; null: there is none
   * @param within how long it may take
   * @return completed, never with a failure, when it is done
   */
  CompletableFuture<Void> report(NearTable table, Duration within) {
    return new Report(take(table), System.nanoTime() + within.toNanos()).next().exceptionally(e -> null);
  }

  private List<ReportedAnswers> take(NearTable table) {
    List<ReportedAnswers> answers;
    List<Entry> old;
    lock.lock();
    try {
      answers = unsent;
      old = gone;
      unsent = new ArrayList<>();
      gone = new ArrayList<>();
    } finally {
      lock.unlock();
    }
    old.forEach(e -> take(answers, e));
    if (table != null) {
      table.forEach(e -> take(answers, e));
    }
    return answers;
  }

  private static void take(List<ReportedAnswers> answers, Entry e) {
    long count = e.answers.getAndSet(0);
    if (count == 0) {
      return;
    }
    answers.add(
        ReportedAnswers.newBuilder()
            .setDecisionId(e.decision.id())
            .setCount(count)
            .setController(e.key.getController())
            .setPurpose(e.key.getPurpose())
            .addAllDataCategories(e.key.getDataCategoriesList())
            .setRecipientKindValue(e.key.getRecipient().getKindValue())
            .setDecision(
                e.decision.allowed()
                    ? io.github.consentd.v1.Decision.DECISION_ALLOW
                    : io.github.consentd.v1.Decision.DECISION_DENY)
            .build());
  }

  private void keep(List<ReportedAnswers> answers) {
    lock.lock();
    try {
      unsent.addAll(answers.subList(0, Math.min(answers.size(), MAX_GONE - unsent.size())));
    } finally {
      lock.unlock();
    }
  }

  /** One report, in as many calls as it takes, one after the other. */
  private final class Report {
    private List<ReportedAnswers> answers;
    private final long end;
    private boolean apart; // what one right is for goes in a call of its own

    Report(List<ReportedAnswers> answers, long end) {
      this.answers = answers;
      this.end = end;
    }

    CompletableFuture<Void> next() {
      if (answers.isEmpty() || off) {
        return CompletableFuture.completedFuture(null);
      }
      List<ReportedAnswers> some = answers.subList(0, Math.min(answers.size(), MAX_REPORTED));
      List<ReportedAnswers> told = apart ? alike(some) : some;
      return Futures.start(() -> tell(told)).handle((ok, e) -> after(told.size(), e)).thenCompose(more -> more);
    }

    private CompletableFuture<?> tell(List<ReportedAnswers> some) {
      Duration left = Duration.ofNanos(Math.max(1, end - System.nanoTime()));
      ReportAnswersRequest request = ReportAnswersRequest.newBuilder().addAllAnswers(some).build();
      return transport.call(DecisionServiceGrpc.getReportAnswersMethod(), request, left);
    }

    private CompletableFuture<Void> after(int told, Throwable failure) {
      switch (codeOf(failure)) {
        case UNIMPLEMENTED -> off = true; // an older server
        case UNAVAILABLE, RESOURCE_EXHAUSTED, UNAUTHENTICATED -> {
          keep(answers);
          return CompletableFuture.completedFuture(null);
        }
        case PERMISSION_DENIED -> {
          // The server refuses a report whole where one purpose in it is not this caller's any more.
          if (!apart) {
            apart = true;
            answers = answers.stream().sorted(BY_RIGHT).toList();
            return next();
          }
        }
        default -> {
          // It is told, or it may have arrived.
        }
      }
      answers = answers.subList(told, answers.size());
      return next();
    }
  }

  private static List<ReportedAnswers> alike(List<ReportedAnswers> answers) {
    int n = 1;
    while (n < answers.size() && BY_RIGHT.compare(answers.get(0), answers.get(n)) == 0) {
      n++;
    }
    return answers.subList(0, n);
  }

  private static Status.Code codeOf(Throwable failure) {
    if (failure == null) {
      return Status.Code.OK;
    }
    return Futures.cause(failure) instanceof ConsentException e ? e.code() : Status.Code.UNKNOWN;
  }
}
