package io.github.consentd.client;

import io.github.consentd.v1.Consistency;
import io.grpc.Status;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Function;

/**
 * What a session knows: its newest write, and the store that it belongs to, which is that of the first token it heard. Safe for
 * use by many threads.
 */
final class Freshness {
  private final AtomicReference<Written> newest = new AtomicReference<>(new Written("", 0));
  private final AtomicReference<String> store = new AtomicReference<>();
  private volatile boolean torn; // there were writes to more than one store: no server knows them all

  /** A token and the revision that it stands for. */
  private record Written(String token, long revision) {
    /** A server that tells no revision has written what it acknowledges last. Revisions are unsigned. */
    Written or(Written later) {
      boolean newer = later.revision == 0 || Long.compareUnsigned(later.revision, revision) > 0;
      return newer && !later.token.isEmpty() ? later : this;
    }
  }

  /**
   * Keeps a write's token if it is the newest.
   *
   * @param token the write's
   * @param revision that the token stands for; 0: the server does not tell
   * @throws StoreMismatchException if it is of another store
   */
  void note(String token, long revision) {
    try {
      hear(List.of(token));
    } catch (StoreMismatchException e) {
      torn = true;
      throw new StoreMismatchException("the events are recorded, but in another store than what came before", e);
    }
    newest.accumulateAndGet(new Written(token, revision), Written::or);
  }

  /**
   * Asks on a state that reflects the session's writes, unless the caller says how fresh it must be.
   *
   * @param chosen what the caller says
   * @param call asks with a consistency
   * @param tokens are those in the answer
   * @return the answer. It fails with a {@link StoreMismatchException} if no server can meet it, the one that is asked refuses a
   *     token which it would know if it shared the store, or its answer is of another store
   */
  <A> CompletableFuture<A> ask(
      Optional<Consistency> chosen,
      Function<Optional<Consistency>, CompletableFuture<A>> call,
      Function<A, List<String>> tokens) {
    if (torn) {
      throw new StoreMismatchException("events were recorded in more than one", null);
    }
    String token = newest.get().token;
    boolean own = chosen.isEmpty() && !token.isEmpty();
    CompletableFuture<A> answer = call.apply(own ? Optional.of(Requests.atLeastAsFresh(token)) : chosen);
    CompletableFuture<A> heard =
        answer.handle(
            (value, failure) -> {
              if (failure != null) {
                throw new CompletionException(mismatch(Futures.cause(failure), own, chosen));
              }
              hear(tokens.apply(value));
              return value;
            });
    Futures.linkCancel(heard, answer);
    return heard;
  }

  private Throwable mismatch(Throwable failure, boolean own, Optional<Consistency> chosen) {
    if (failure instanceof ConsentException e && refusesToken(e) && (own || isOfStore(chosen))) {
      return new StoreMismatchException("a server refuses the token of a write: " + e.getMessage(), e);
    }
    return failure;
  }

  private void hear(List<String> tokens) {
    for (String token : tokens) {
      String got = storeOf(token);
      if (got == null) {
        continue;
      }
      store.compareAndSet(null, got);
      String first = store.get();
      if (!first.equals(got)) {
        throw new StoreMismatchException(
            "an answer is of store " + got.substring(0, 8) + ", earlier ones are of store " + first.substring(0, 8), null);
      }
    }
  }

  /** Whether a token that the caller chose is of the session's store. */
  private boolean isOfStore(Optional<Consistency> chosen) {
    String named = chosen.map(c -> storeOf(c.getAtLeastAsFresh())).orElse(null);
    return named != null && named.equals(store.get());
  }

  /** Whether a server says that its store is another than the token's, or has lost what the token stands for. */
  private static boolean refusesToken(ConsentException e) {
    boolean refuses = e.code() == Status.Code.INVALID_ARGUMENT || e.code() == Status.Code.FAILED_PRECONDITION;
    return refuses
        && e.violations().stream().anyMatch(v -> v.field().equals("consistency.at_least_as_fresh"));
  }

  /** The id of the store that a consistency token is of; null where this version cannot read it. */
  static String storeOf(String token) {
    byte[] bytes = NearWire.tokenBytes(token);
    return bytes == null ? null : HexFormat.of().formatHex(bytes, 1, 17);
  }
}
