package io.github.consentd.client;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;

/**
 * Does a list of things in parts, a few at once, and puts what comes of them together in their order. The first failure ends it.
 */
final class Parts<Q, A> extends CompletableFuture<List<A>> {
  // Two keep a server busy while answers travel; more would take turns from other callers.
  private static final int AT_ONCE = 4;

  private final List<List<Q>> parts;
  private final List<List<A>> answers;
  private final Function<List<Q>, CompletableFuture<List<A>>> work;
  private final AtomicInteger next = new AtomicInteger();
  private final AtomicInteger open;

  private Parts(List<List<Q>> parts, Function<List<Q>, CompletableFuture<List<A>>> work) {
    this.parts = parts;
    this.work = work;
    this.answers = Arrays.asList(newLists(parts.size()));
    this.open = new AtomicInteger(parts.size());
  }

  @SuppressWarnings({"unchecked", "rawtypes"}) // arrays have no type parameters
  private static <A> List<A>[] newLists(int size) {
    return new List[size];
  }

  static <Q, A> CompletableFuture<List<A>> of(List<Q> all, int size, Function<List<Q>, CompletableFuture<List<A>>> work) {
    List<List<Q>> parts = new ArrayList<>();
    for (int from = 0; from < all.size(); from += size) {
      parts.add(all.subList(from, Math.min(all.size(), from + size)));
    }
    Parts<Q, A> started = new Parts<>(parts, work);
    for (int i = 0; i < Math.min(AT_ONCE, parts.size()); i++) {
      started.begin();
    }
    return started;
  }

  @Override
  public <U> CompletableFuture<U> newIncompleteFuture() {
    return new CompletableFuture<>();
  }

  private void begin() {
    int i = next.getAndIncrement();
    if (i >= parts.size() || isDone()) {
      return;
    }
    CompletableFuture<List<A>> part = Futures.start(() -> work.apply(parts.get(i)));
    part.whenComplete((answer, e) -> ended(i, answer, e));
    Futures.linkCancel(this, part);
  }

  private void ended(int i, List<A> answer, Throwable e) {
    if (e != null) {
      completeExceptionally(Futures.cause(e));
      return;
    }
    answers.set(i, answer);
    if (open.decrementAndGet() > 0) {
      begin();
      return;
    }
    List<A> all = new ArrayList<>();
    answers.forEach(all::addAll);
    complete(List.copyOf(all));
  }
}
