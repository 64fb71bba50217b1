package io.github.consentd.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.Any;
import com.google.rpc.RetryInfo;
import io.grpc.Status;
import io.grpc.protobuf.StatusProto;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class RetrierTest {
  private static final Duration SECOND = Duration.ofSeconds(1);

  static ConsentException unavailable(long delayMillis) {
    RetryInfo info =
        RetryInfo.newBuilder()
            .setRetryDelay(
                com.google.protobuf.Duration.newBuilder()
                    .setSeconds(delayMillis / 1000)
                    .setNanos((int) (delayMillis % 1000) * 1_000_000))
            .build();
    return ConsentException.of(
        StatusProto.toStatusRuntimeException(
            com.google.rpc.Status.newBuilder().setCode(Status.Code.UNAVAILABLE.value()).addDetails(Any.pack(info)).build()));
  }

  /** Fails the first n attempts. */
  private static final class Flaky implements Function<Duration, CompletableFuture<String>> {
    final List<Duration> attempts = new ArrayList<>();
    int failures;
    private final ConsentException error;

    Flaky(int failures, ConsentException error) {
      this.failures = failures;
      this.error = error;
    }

    @Override
    public CompletableFuture<String> apply(Duration left) {
      attempts.add(left);
      if (attempts.size() <= failures) {
        return CompletableFuture.failedFuture(error);
      }
      return CompletableFuture.completedFuture("answer");
    }
  }

  static Stream<Arguments> failures() {
    ConsentException down = unavailable(0);
    return Stream.of(
        Arguments.of("success", new Flaky(0, down), SECOND, 1, null, List.of()),
        Arguments.of("one failure", new Flaky(1, down), SECOND, 2, null, List.of(12.5)),
        Arguments.of("three failures", new Flaky(3, down), SECOND, 4, null, List.of(12.5, 25.0, 50.0)),
        Arguments.of("for ever", new Flaky(99, down), SECOND, 4, Status.Code.UNAVAILABLE, List.of(12.5, 25.0, 50.0)),
        Arguments.of("a delay asked for", new Flaky(1, unavailable(300)), SECOND, 2, null, List.of(312.5)),
        Arguments.of("a delay too long", new Flaky(1, unavailable(2000)), SECOND, 1, Status.Code.UNAVAILABLE, List.of()),
        Arguments.of("a long deadline", new Flaky(1, unavailable(2000)), Duration.ofMinutes(1), 2, null, List.of(2012.5)),
        Arguments.of("no end", new Flaky(1, down), Duration.ofSeconds(Long.MAX_VALUE), 2, null, List.of(12.5)),
        Arguments.of("another error", new Flaky(1, ConsentException.of(Status.Code.RESOURCE_EXHAUSTED, "overload")), SECOND, 1,
            Status.Code.RESOURCE_EXHAUSTED, List.of()),
        Arguments.of("a deadline of nothing", new Flaky(0, down), Duration.ZERO, 0, Status.Code.DEADLINE_EXCEEDED, List.of()),
        Arguments.of("a deadline in the past", new Flaky(0, down), SECOND.negated(), 0, Status.Code.DEADLINE_EXCEEDED, List.of()));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("failures")
  void retriesWithinTheDeadline(
      String name, Flaky server, Duration timeout, int attempts, Status.Code code, List<Double> leastSleeps) {
    FakeClock clock = new FakeClock();
    Retrier retrier = new Retrier(clock);
    if (code == null) {
      assertEquals("answer", Futures.await(retrier.run(timeout, server)));
    } else {
      assertEquals(code, assertThrows(ConsentException.class, () -> Futures.await(retrier.run(timeout, server))).code());
    }
    assertEquals(attempts, server.attempts.size());
    assertEquals(leastSleeps.size(), clock.sleeps.size());
    for (int i = 0; i < leastSleeps.size(); i++) {
      double least = leastSleeps.get(i);
      double slept = clock.sleeps.get(i) / 1e6;
      assertTrue(slept >= least && slept < least + 12.5 * (1 << i), "slept " + slept + " ms, want at least " + least);
    }
  }

  @Test
  void allAttemptsShareTheDeadline() {
    Flaky server = new Flaky(1, unavailable(300));
    FakeClock clock = new FakeClock();
    Futures.await(new Retrier(clock).run(SECOND, server));
    assertEquals(List.of(SECOND, SECOND.minusNanos(clock.sleeps.get(0))), server.attempts);
  }

  @Test
  void cancellingEndsTheWaitForTheNextAttempt() {
    Flaky server = new Flaky(9, unavailable(0));
    FakeClock clock = new FakeClock();
    clock.holds = true;
    CompletableFuture<String> call = new Retrier(clock).run(SECOND, server);
    assertEquals(1, clock.sleeps.size());
    assertTrue(call.cancel(true));
    assertEquals(1, server.attempts.size());
  }

  @Test
  void cancellingEndsTheAttemptUnderWay() {
    CompletableFuture<String> attempt = new CompletableFuture<>();
    CompletableFuture<String> call = new Retrier(new FakeClock()).run(SECOND, left -> attempt);
    call.cancel(true);
    assertTrue(attempt.isCancelled());
  }

  @Test
  void aStreamThatTheServerResetAtTheDeadlineHasTimedOut() {
    for (long late : List.of(991L, 500L)) {
      FakeClock clock = new FakeClock();
      Function<Duration, CompletableFuture<String>> reset =
          left -> {
            clock.advance(Duration.ofMillis(late));
            return CompletableFuture.failedFuture(ConsentException.of(Status.Code.CANCELLED, "reset"));
          };
      ConsentException e = assertThrows(ConsentException.class, () -> Futures.await(new Retrier(clock).run(SECOND, reset)));
      assertEquals(late > 990 ? Status.Code.DEADLINE_EXCEEDED : Status.Code.CANCELLED, e.code());
    }
  }

  @Test
  void aServerThatStaysDownGetsFirstAttemptsOnly() {
    Retrier retrier = new Retrier(new FakeClock());
    for (int i = 0; i < 20; i++) {
      attempts(retrier, 1_000_000);
    }
    assertEquals(1, attempts(retrier, 1_000_000));
    for (int i = 0; i < 1_000; i++) {
      attempts(retrier, 0);
    }
    assertEquals(4, attempts(retrier, 1_000_000));
  }

  private static int attempts(Retrier retrier, int failures) {
    Flaky server = new Flaky(failures, unavailable(0));
    try {
      Futures.await(retrier.run(SECOND, server));
    } catch (ConsentException e) {
      assertEquals(Status.Code.UNAVAILABLE, e.code());
    }
    return server.attempts.size();
  }
}
