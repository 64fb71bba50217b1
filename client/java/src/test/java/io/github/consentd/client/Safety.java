package io.github.consentd.client;

import io.github.consentd.v1.BatchCheckRequest;
import io.github.consentd.v1.WatchInvalidationsResponse;
import java.io.BufferedOutputStream;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;

/**
 * A client of the near cache's safety suite: it checks and writes down what it was told, until stdin ends. The suite's side,
 * and what the environment says, is ../../nearcache_languages_internal_test.go.
 */
final class Safety {
  private static final int SUBJECTS = 64;
  private static final int CHECKERS = 3;
  private static final int BURST = 100;
  private static final int RECORD_BYTES = 20;
  private static final int IDS = Integer.parseInt(System.getenv("SAFETY_IDS"));

  /** Checks that miss while the network is stalled must not keep the next from asking the cache as soon as it has a lease. */
  private static final Duration TIMEOUT = Duration.ofMillis(20);

  private static final Duration WARM_UP = Duration.ofSeconds(10);

  private static volatile long offset; // of the wall clock, nanoseconds
  private static volatile boolean ended;

  private final Client client;
  private final OutputStream records;

  private Safety(Client client, int number) throws IOException {
    this.client = client;
    Path file = Path.of(System.getenv("SAFETY_RECORDS") + "-" + number);
    this.records = new BufferedOutputStream(Files.newOutputStream(file), 1 << 16);
  }

  public static void main(String[] args) throws IOException, InterruptedException {
    Client client = Client.builder(System.getenv("SAFETY_TARGET")).timeout(TIMEOUT).near(Safety::stepped).build();
    warmUp(client);
    NearCacheStats before = client.nearCacheStats();
    List<Thread> checkers = new ArrayList<>();
    for (int i = 0; i < CHECKERS; i++) {
      checkers.add(new Thread(new Safety(client, i)::checkUntilEnded));
    }
    checkers.forEach(Thread::start);
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      offset = Long.parseLong(line.trim());
    }
    ended = true;
    for (Thread t : checkers) {
      t.join();
    }
    NearCacheStats stats = client.nearCacheStats();
    long hits = stats.hits() - before.hits();
    long misses = stats.misses() - before.misses();
    System.out.printf("{\"Hits\":%d,\"Misses\":%d,\"Streams\":%d}%n", hits, misses, stats.streams());
    client.close();
  }

  /** The first calls of a JVM take longer than checks may: the suite is not to begin with them. */
  private static void warmUp(Client client) {
    for (int i = 0; i < 5000; i++) {
      BatchCheckRequest.Builder two = BatchCheckRequest.newBuilder();
      two.addRequests(Requests.check("example", id(i % SUBJECTS), "ai_training"));
      two.addRequests(Requests.check("example", id((i + 1) % SUBJECTS), "ai_training"));
      try {
        client.check(two.getRequests(0), WARM_UP);
        client.batchCheck(two.build(), WARM_UP);
      } catch (ConsentException e) {
        continue; // the suite says so if it goes on
      }
    }
  }

  /** A near cache whose wall clock is off, with the fault that was asked for. */
  private static NearCache stepped(Transport transport) {
    NearClock clock =
        new NearClock() {
          @Override
          public long mono() {
            return System.nanoTime();
          }

          @Override
          public long wall() {
            return NearClock.SYSTEM.wall() + offset;
          }
        };
    NearCache near = new NearCache(NearCache.DEFAULT_ENTRIES, NearCache.REPORT_EVERY, clock, Timer.SYSTEM, transport);
    switch (System.getenv().getOrDefault("SAFETY_PLANT", "")) {
      case "floor" -> near.tap((session, m) -> signed(m.toBuilder().clearSlots()));
      case "lease" -> near.tap((session, m) -> leaseFromReceipt(session, clock, m));
      case "policy" -> near.tap(Safety::ignorePolicy);
      default -> {
        // none
      }
    }
    return near;
  }

  private static WatchInvalidationsResponse signed(WatchInvalidationsResponse.Builder m) {
    return m.setChecksum(NearWire.checksum(m.build())).build();
  }

  private static WatchInvalidationsResponse leaseFromReceipt(NearSession session, NearClock clock, WatchInvalidationsResponse m) {
    synchronized (session.sent) {
      Arrays.fill(session.sent, clock.read());
    }
    return m;
  }

  private static WatchInvalidationsResponse ignorePolicy(NearSession session, WatchInvalidationsResponse m) {
    return signed(m.toBuilder().clearPolicyRevision());
  }

  /** Bursts at full speed, and pauses that leave the machine to the others. */
  private void checkUntilEnded() {
    try (records) {
      while (!ended) {
        burst();
        Thread.sleep(2);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void burst() throws IOException {
    ThreadLocalRandom random = ThreadLocalRandom.current();
    int subject = random.nextInt(SUBJECTS);
    for (int n = 0; n < BURST; ) {
      int size = 1 + random.nextInt(2) * random.nextInt(8);
      BatchCheckRequest.Builder some = BatchCheckRequest.newBuilder();
      for (int i = 0; i < size; i++) {
        some.addRequests(Requests.check("example", id((subject + i) % SUBJECTS), "ai_training"));
      }
      long start = System.nanoTime();
      List<Boolean> allowed;
      try {
        allowed = ask(some.build());
      } catch (ConsentException e) {
        return;
      }
      record(start, subject, allowed);
      subject = (subject + size) % SUBJECTS;
      n += size;
    }
  }

  private static String id(int subject) {
    int n = ThreadLocalRandom.current().nextInt(IDS);
    return "subject-" + subject + (n == 0 ? "" : "/" + n);
  }

  /** Who is allowed: one by check, several by batchCheck. */
  private List<Boolean> ask(BatchCheckRequest some) {
    if (some.getRequestsCount() == 1) {
      return List.of(client.check(some.getRequests(0)).allowed());
    }
    List<BatchResult> results = client.batchCheck(some);
    results.forEach(
        r ->
            r.error()
                .ifPresent(
                    e -> {
                      throw e;
                    }));
    return results.stream().map(r -> r.decision().allowed()).toList();
  }

  private void record(long start, int subject, List<Boolean> allowed) throws IOException {
    long end = System.nanoTime();
    ByteBuffer lines = ByteBuffer.allocate(RECORD_BYTES * allowed.size()).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < allowed.size(); i++) {
      lines.putLong(start).putLong(end).putShort((short) ((subject + i) % SUBJECTS));
      lines.put((byte) (allowed.get(i) ? 1 : 0)).put((byte) 0);
    }
    records.write(lines.array());
  }
}
