package io.github.consentd.client;

import io.grpc.CallCredentials;
import io.grpc.CallOptions;
import io.grpc.ChannelCredentials;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Stream;

/**
 * The servers of a client. Of several, calls go in turn to those whose health is SERVING; where none is, as at first, a
 * call waits a moment for one and then tries the next. Safe for use by many threads.
 */
final class Servers implements AutoCloseable {
  // As long as a call of the default timeout can spare and still have an answer after it.
  private static final long PATIENCE_NANOS = TimeUnit.MILLISECONDS.toNanos(500);

  private final Timer timer;
  private final ThreadPoolExecutor sender =
      new ThreadPoolExecutor(0, 1, 10, TimeUnit.SECONDS, new LinkedBlockingQueue<>(), Servers::daemon);
  private final List<Server> all;
  private final List<Health> health;
  private final AtomicInteger turn = new AtomicInteger();
  private final AtomicBoolean watching = new AtomicBoolean();
  final AtomicReference<CompletableFuture<Void>> news = new AtomicReference<>(new CompletableFuture<>());

  /** What is done with a server within a time. */
  interface Use<T> {
    CompletableFuture<T> with(Server server, long nanos);
  }

  Servers(List<Target> targets, ChannelCredentials connection, Server.Calling calling, Timer timer) {
    this.timer = timer;
    this.all =
        targets.stream().map(t -> new Server(new Link(() -> Channels.make(t, connection), timer), calling, timer, sender)).toList();
    Stream<Server> watched = all.size() > 1 ? all.stream() : Stream.empty();
    this.health = watched.map(s -> new Health(s.link, calling, timer, this::changed)).toList();
  }

  /** gRPC's options of each call. Credentials may take their time, so that calls with them are not run on gRPC's own threads. */
  static CallOptions options(CallCredentials credentials) {
    return credentials == null
        ? CallOptions.DEFAULT.withExecutor(Runnable::run)
        : CallOptions.DEFAULT.withCallCredentials(credentials);
  }

  private static Thread daemon(Runnable work) {
    Thread thread = new Thread(work, "consentd-client-sender");
    thread.setDaemon(true);
    thread.setContextClassLoader(Servers.class.getClassLoader());
    return thread;
  }

  /** Uses the server whose turn it is. */
  <T> CompletableFuture<T> withOne(long nanos, Use<T> use) {
    if (all.size() == 1) {
      return use.with(all.get(0), nanos);
    }
    if (watching.compareAndSet(false, true)) {
      health.forEach(Health::watch);
    }
    Server serving = serving();
    return serving != null ? use.with(serving, nanos) : afterNews(nanos, use);
  }

  private <T> CompletableFuture<T> afterNews(long nanos, Use<T> use) {
    long end = timer.nanoTime() + nanos;
    CompletableFuture<Void> waiting = new CompletableFuture<>();
    var patience = timer.schedule(() -> waiting.complete(null), Math.min(nanos / 2, PATIENCE_NANOS));
    // anyOf, unlike whenComplete, leaves nothing behind on the news that do not come.
    return CompletableFuture.anyOf(news.get(), waiting).thenCompose(
        v -> {
          patience.cancel(false);
          return use.with(any(), Math.max(1, end - timer.nanoTime()));
        });
  }

  /** One that serves, in turn; null: none is known to. */
  private Server serving() {
    int first = turn.getAndIncrement();
    for (int i = 0; i < all.size(); i++) {
      int next = Math.floorMod(first + i, all.size());
      if (health.get(next).isServing()) {
        return all.get(next);
      }
    }
    return null;
  }

  /** One that serves, else any. */
  Server any() {
    Server serving = all.size() == 1 ? all.get(0) : serving();
    return serving != null ? serving : all.get(Math.floorMod(turn.getAndIncrement(), all.size()));
  }

  private void changed() {
    if (health.stream().anyMatch(Health::isServing)) {
      news.getAndSet(new CompletableFuture<>()).complete(null);
    }
  }

  boolean areSeveral() {
    return all.size() > 1;
  }

  @Override
  public void close() {
    all.forEach(Server::close);
    sender.shutdown();
  }
}
