package io.github.consentd.client.conformance;

import com.google.gson.Gson;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import com.google.protobuf.MessageOrBuilder;
import com.google.protobuf.util.JsonFormat;
import io.github.consentd.client.BatchResult;
import io.github.consentd.client.Checker;
import io.github.consentd.client.Client;
import io.github.consentd.client.ClientBuilder;
import io.github.consentd.client.ConsentException;
import io.github.consentd.client.Decision;
import io.github.consentd.client.DeniedException;
import io.github.consentd.client.EnumNames;
import io.github.consentd.client.NearCacheStats;
import io.github.consentd.client.Outcomes;
import io.github.consentd.client.PurposeDecision;
import io.github.consentd.client.Requests;
import io.github.consentd.client.StoreMismatchException;
import io.github.consentd.v1.BatchCheckRequest;
import io.github.consentd.v1.CheckRequest;
import io.github.consentd.v1.EventOutcome;
import io.github.consentd.v1.ExplainRequest;
import io.github.consentd.v1.GetPolicyRequest;
import io.github.consentd.v1.GetSubjectRequest;
import io.github.consentd.v1.LedgerEntry;
import io.github.consentd.v1.LinkSubjectsRequest;
import io.github.consentd.v1.LinkSubjectsResponse;
import io.github.consentd.v1.ListControllersRequest;
import io.github.consentd.v1.ListEventsRequest;
import io.github.consentd.v1.ListPurposesRequest;
import io.github.consentd.v1.Obligation;
import io.github.consentd.v1.RecordEventsRequest;
import io.github.consentd.v1.RecordEventsResponse;
import io.github.consentd.v1.UnlinkSubjectsRequest;
import io.github.consentd.v1.UnlinkSubjectsResponse;
import io.grpc.TlsChannelCredentials;
import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.stream.Collector;
import java.util.stream.IntStream;

/**
 * The conformance suite's runner: reads operations as JSON lines from stdin, makes the calls with the client as its users would,
 * and writes what came of them to stdout. It never dies of a failed call. The protocol: client/conformance.
 */
public final class Runner {
  /** An operation that may fail in any way. */
  private interface Operation {
    JsonObject run(JsonObject o) throws Exception;
  }

  /** The threads of a burst: a program that has as many callers at once has not as many threads. */
  private static final int THREADS = 512;

  /** The longest that a caller can say. */
  private static final Duration ENDLESS = Duration.ofSeconds(Long.MAX_VALUE, 999_999_999);

  private static final Gson GSON = new Gson();
  private static final JsonFormat.Printer PRINTER = JsonFormat.printer().omittingInsignificantWhitespace();

  private final Map<String, Client> clients = new ConcurrentHashMap<>();
  private final Map<String, Checker> sessions = new ConcurrentHashMap<>();
  private final PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
  private final Map<String, Operation> operations =
      Map.ofEntries(
          Map.entry("open", this::open),
          Map.entry("close", this::close),
          Map.entry("check", this::check),
          Map.entry("is_allowed", this::isAllowed),
          Map.entry("batch_check", this::batchCheck),
          Map.entry("list_purposes", this::listPurposes),
          Map.entry("record_events", this::recordEvents),
          Map.entry("link_subjects", this::linkSubjects),
          Map.entry("unlink_subjects", this::unlinkSubjects),
          Map.entry("get_subject", this::getSubject),
          Map.entry("list_events", this::listEvents),
          Map.entry("get_policy", this::getPolicy),
          Map.entry("list_controllers", this::listControllers),
          Map.entry("burst", this::burst),
          Map.entry("guard", this::guard),
          Map.entry("explain", this::explain),
          Map.entry("near_stats", this::nearStats),
          Map.entry("new_event", o -> response(Requests.newEvent(o.get("source").getAsString()))));

  /** Runs until stdin ends. */
  public static void main(String[] args) throws IOException, InterruptedException {
    new Runner().serve();
  }

  private void serve() throws IOException, InterruptedException {
    write(object("ready", true, "client", "java " + Runtime.version().feature()));
    ExecutorService calls = Executors.newCachedThreadPool();
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      JsonObject o = JsonParser.parseString(line).getAsJsonObject();
      calls.execute(() -> answer(o));
    }
    calls.shutdown();
    calls.awaitTermination(1, TimeUnit.MINUTES);
    clients.values().forEach(Client::close);
  }

  private void answer(JsonObject o) {
    JsonObject result;
    try {
      result = operations.get(o.get("op").getAsString()).run(o);
    } catch (Exception e) {
      result = object("error", error(e));
    }
    result.add("id", o.get("id"));
    write(result);
  }

  private synchronized void write(JsonObject line) {
    out.println(GSON.toJson(line));
  }

  private JsonObject nearStats(JsonObject o) {
    NearCacheStats stats = client(o).nearCacheStats();
    return object("near", object("hits", stats.hits(), "misses", stats.misses()));
  }

  private JsonObject open(JsonObject o) {
    try {
      ClientBuilder builder = Client.builder(o.get("target").getAsString());
      if (o.has("timeout_ms")) {
        builder.timeout(Duration.ofMillis(o.get("timeout_ms").getAsLong()));
      }
      if (isTrue(o, "near_cache")) {
        builder.nearCache();
      }
      if (isTrue(o, "endless")) {
        builder.timeout(ENDLESS);
      }
      if (o.has("coalesce") && !isTrue(o, "coalesce")) {
        builder.withoutCoalescing();
      }
      if (o.has("metadata")) {
        Map<String, String> metadata = new HashMap<>();
        o.getAsJsonObject("metadata").entrySet().forEach(e -> metadata.put(e.getKey(), e.getValue().getAsString()));
        builder.metadata(metadata);
      }
      if (isTrue(o, "insecure")) {
        builder.insecure();
      }
      if (o.has("ca_file")) {
        builder.tls(TlsChannelCredentials.newBuilder().trustManager(new File(o.get("ca_file").getAsString())).build());
      } else if (isTrue(o, "tls")) {
        builder.tls();
      }
      clients.put(name(o), builder.build());
      return new JsonObject();
    } catch (IllegalArgumentException | IOException e) {
      return object("error", object("code", "OPTIONS", "message", e.getMessage()));
    }
  }

  private JsonObject close(JsonObject o) {
    client(o).close();
    return new JsonObject();
  }

  private JsonObject check(JsonObject o) throws IOException {
    CheckRequest request = request(o, CheckRequest.newBuilder()).build();
    return object("decision", decision(checker(o).check(request, timeout(o))));
  }

  private JsonObject isAllowed(JsonObject o) throws IOException {
    CheckRequest request = request(o, CheckRequest.newBuilder()).build();
    return object("allowed", checker(o).isAllowed(request, timeout(o)));
  }

  private JsonObject batchCheck(JsonObject o) throws IOException {
    BatchCheckRequest request = request(o, BatchCheckRequest.newBuilder()).build();
    return object("results", array(checker(o).batchCheck(request, timeout(o)), Runner::result));
  }

  private static JsonObject result(BatchResult r) {
    return r.error().map(e -> object("error", error(e))).orElseGet(() -> object("decision", decision(r.decision())));
  }

  private JsonObject listPurposes(JsonObject o) throws IOException {
    ListPurposesRequest request = request(o, ListPurposesRequest.newBuilder()).build();
    List<PurposeDecision> purposes = checker(o).listPurposes(request, timeout(o));
    return object("purposes", array(purposes, p -> object("purpose", p.purpose(), "decision", decision(p.decision()))));
  }

  private JsonObject recordEvents(JsonObject o) throws IOException {
    RecordEventsRequest request = request(o, RecordEventsRequest.newBuilder()).build();
    RecordEventsResponse answer = isBound(o) ? checker(o).recordEvents(request, timeout(o)) : checker(o).recordEvents(request);
    return written(answer, answer.getOutcomesList());
  }

  private JsonObject linkSubjects(JsonObject o) throws IOException {
    LinkSubjectsRequest request = request(o, LinkSubjectsRequest.newBuilder()).build();
    LinkSubjectsResponse answer = isBound(o) ? checker(o).linkSubjects(request, timeout(o)) : checker(o).linkSubjects(request);
    return written(answer, List.of(answer.getOutcome()));
  }

  private JsonObject unlinkSubjects(JsonObject o) throws IOException {
    UnlinkSubjectsRequest request = request(o, UnlinkSubjectsRequest.newBuilder()).build();
    UnlinkSubjectsResponse answer = isBound(o) ? checker(o).unlinkSubjects(request, timeout(o)) : checker(o).unlinkSubjects(request);
    return written(answer, List.of(answer.getOutcome()));
  }

  private static JsonObject written(Message answer, List<EventOutcome> outcomes) throws IOException {
    JsonObject result = response(answer);
    result.add("outcomes", array(outcomes, e -> GSON.toJsonTree(Outcomes.text(e))));
    return result;
  }

  private JsonObject getSubject(JsonObject o) throws IOException {
    return response(client(o).getSubject(request(o, GetSubjectRequest.newBuilder()).build(), timeout(o)));
  }

  private JsonObject listEvents(JsonObject o) throws IOException {
    JsonArray entries = new JsonArray();
    JsonObject result = new JsonObject();
    result.add("entries", entries);
    try {
      for (LedgerEntry e : client(o).listEvents(request(o, ListEventsRequest.newBuilder()).build(), timeout(o))) {
        entries.add(JsonParser.parseString(PRINTER.print(e)));
      }
    } catch (RuntimeException e) {
      result.add("error", error(e));
    }
    return result;
  }

  private JsonObject getPolicy(JsonObject o) throws IOException {
    return response(client(o).getPolicy(request(o, GetPolicyRequest.newBuilder()).build(), timeout(o)));
  }

  private JsonObject listControllers(JsonObject o) throws IOException {
    return response(client(o).listControllers(request(o, ListControllersRequest.newBuilder()).build(), timeout(o)));
  }

  private JsonObject burst(JsonObject o) throws IOException, InterruptedException {
    Client client = client(o);
    CheckRequest.Builder model = request(o, CheckRequest.newBuilder());
    String prefix = o.has("prefix") ? o.get("prefix").getAsString() : "";
    List<CheckRequest> requests =
        IntStream.range(0, o.get("subjects").getAsInt()).mapToObj(i -> model.setSubjectId(prefix + i).build()).toList();
    int atOnce = o.has("at_once") ? o.get("at_once").getAsInt() : 0;
    Tally tally = new Tally();
    switch (o.get("how").getAsString()) {
      case "check" -> {
        if (atOnce == 0) {
          allAtOnce(client, requests, tally);
        } else {
          atOnce(atOnce, requests, r -> tally.add(() -> client.check(r).allowed()));
        }
      }
      case "is_allowed" -> atOnce(atOnce, requests, r -> tally.add(() -> client.isAllowed(r)));
      case "session" -> atOnce(atOnce, requests, r -> tally.add(() -> client.session().check(r).allowed()));
      case "batch" -> batches(client, requests, tally);
      case "filter" -> filter(client, requests, tally);
      default -> throw new IllegalArgumentException("a burst by " + o.get("how"));
    }
    return tally.json();
  }

  /** Begins all checks before it waits for any. */
  private static void allAtOnce(Client client, List<CheckRequest> requests, Tally tally) {
    List<CompletableFuture<Decision>> under = requests.stream().map(client::checkAsync).toList();
    for (CompletableFuture<Decision> one : under) {
      try {
        boolean allowed = one.join().allowed();
        tally.add(() -> allowed);
      } catch (CompletionException e) {
        tally.fail((Exception) e.getCause());
      }
    }
  }

  /** Asks for those who are allowed. */
  private static void filter(Client client, List<CheckRequest> requests, Tally tally) {
    try {
      int allowed = client.filter(requests).size();
      for (int i = 0; i < requests.size(); i++) {
        boolean one = i < allowed;
        tally.add(() -> one);
      }
    } catch (RuntimeException e) {
      tally.fail(e);
    }
  }

  /** Has check called for every request, by that many threads; 0 stands for the most. */
  private static void atOnce(int threads, List<CheckRequest> requests, Consumer<CheckRequest> check) throws InterruptedException {
    ExecutorService pool = Executors.newFixedThreadPool(threads == 0 ? THREADS : Math.min(threads, THREADS));
    requests.forEach(r -> pool.execute(() -> check.accept(r)));
    pool.shutdown();
    pool.awaitTermination(10, TimeUnit.MINUTES);
  }

  /** Asks in batches of the greatest size, one after the other. */
  private static void batches(Client client, List<CheckRequest> requests, Tally tally) {
    for (int i = 0; i < requests.size(); i += 1000) {
      List<CheckRequest> some = requests.subList(i, Math.min(i + 1000, requests.size()));
      try {
        for (BatchResult r : client.batchCheck(BatchCheckRequest.newBuilder().addAllRequests(some).build())) {
          r.error().ifPresentOrElse(tally::fail, () -> tally.add(() -> r.decision().allowed()));
        }
      } catch (RuntimeException e) {
        some.forEach(r -> tally.fail(e));
      }
    }
  }

  /** Counts what comes of the checks of a burst. */
  private static final class Tally {
    private final LongAdder allowed = new LongAdder();
    private final LongAdder denied = new LongAdder();
    private final Map<String, LongAdder> errors = new ConcurrentHashMap<>();
    private final long began = System.nanoTime();
    private final long cpu = processCpu();

    void add(BooleanSupplier check) {
      try {
        (check.getAsBoolean() ? allowed : denied).increment();
      } catch (RuntimeException e) {
        fail(e);
      }
    }

    void fail(Exception e) {
      errors.computeIfAbsent(error(e).get("code").getAsString(), code -> new LongAdder()).increment();
    }

    JsonObject json() {
      double ms = (System.nanoTime() - began) / 1e6;
      long cpuUs = (processCpu() - cpu) / 1000;
      return object(
          "burst",
          object("allowed", allowed.sum(), "denied", denied.sum(), "errors", counts(), "ms", ms, "cpu_us", cpuUs));
    }

    private JsonObject counts() {
      JsonObject counts = new JsonObject();
      errors.forEach((code, n) -> counts.addProperty(code, n.sum()));
      return counts;
    }

    /** User and system, nanoseconds. */
    private static long processCpu() {
      return ((com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean()).getProcessCpuTime();
    }
  }

  private JsonObject explain(JsonObject o) throws IOException {
    return response(checker(o).explain(request(o, ExplainRequest.newBuilder()).build(), timeout(o)));
  }

  /** Tells whether the guarded function ran, and with which obligations. */
  private JsonObject guard(JsonObject o) throws IOException {
    CheckRequest request = request(o, CheckRequest.newBuilder()).build();
    try {
      List<Obligation> must = checker(o).guard(request, timeout(o), obligations -> obligations);
      JsonArray names = array(must, b -> GSON.toJsonTree(EnumNames.of(b.getCode(), b.getCodeValue())));
      return object("ran", true, "obligations", names);
    } catch (DeniedException e) {
      return object("ran", false);
    }
  }

  private Client client(JsonObject o) {
    return clients.get(name(o));
  }

  private Checker checker(JsonObject o) {
    Client client = client(o);
    return o.has("session")
        ? sessions.computeIfAbsent(name(o) + "/" + o.get("session").getAsString(), s -> client.session())
        : client;
  }

  /** Whether the call has a deadline of its own. */
  private static boolean isBound(JsonObject o) {
    return isTrue(o, "endless") || o.has("deadline_ms");
  }

  private Duration timeout(JsonObject o) {
    if (isTrue(o, "endless")) {
      return ENDLESS;
    }
    return o.has("deadline_ms") ? Duration.ofMillis(o.get("deadline_ms").getAsLong()) : client(o).timeout();
  }

  private static String name(JsonObject o) {
    return o.get("client").getAsString();
  }

  private static boolean isTrue(JsonObject o, String field) {
    return o.has(field) && o.get(field).getAsBoolean();
  }

  private static <B extends Message.Builder> B request(JsonObject o, B builder) throws InvalidProtocolBufferException {
    JsonFormat.parser().merge(o.has("request") ? GSON.toJson(o.get("request")) : "{}", builder);
    return builder;
  }

  private static JsonObject response(MessageOrBuilder message) throws InvalidProtocolBufferException {
    return object("response", JsonParser.parseString(PRINTER.print(message)));
  }

  private static JsonObject decision(Decision d) {
    JsonObject json =
        object(
            "allowed", d.allowed(),
            "reasons", array(d.reasons(), r -> GSON.toJsonTree(EnumNames.of(r.getCode(), r.getCodeValue()))),
            "legal_basis", EnumNames.of(d.legalBasis(), d.legalBasisValue()),
            "obligations", array(d.obligations(), b -> GSON.toJsonTree(EnumNames.of(b.getCode(), b.getCodeValue()))),
            "permitted_data_categories", GSON.toJsonTree(d.permittedDataCategories()),
            "consistency_token", d.consistencyToken(),
            "policy_revision", d.policyRevision(),
            "id", d.id(),
            "text", d.toString());
    d.validUntil().ifPresent(t -> json.addProperty("valid_until", t.toString()));
    if (d.degradedValue() != 0) {
      json.addProperty("degraded", EnumNames.of(d.degraded(), d.degradedValue()));
    }
    d.stateAge().ifPresent(age -> json.addProperty("state_age_ms", age.toMillis()));
    return json;
  }

  private static JsonObject error(Exception e) {
    if (!(e instanceof ConsentException c)) {
      return object("code", "UNDOCUMENTED", "message", e.toString());
    }
    return object(
        "code", c.code().name(),
        "message", String.valueOf(c.getMessage()),
        "store_mismatch", c instanceof StoreMismatchException,
        "violations", array(c.violations(), v -> object("field", v.field(), "description", v.description())));
  }

  private static <T> JsonArray array(List<T> items, Function<T, JsonElement> json) {
    return items.stream().map(json).collect(Collector.of(JsonArray::new, JsonArray::add, (a, b) -> a));
  }

  private static JsonObject object(Object... namesAndValues) {
    JsonObject json = new JsonObject();
    for (int i = 0; i < namesAndValues.length; i += 2) {
      json.add((String) namesAndValues[i], GSON.toJsonTree(namesAndValues[i + 1]));
    }
    return json;
  }
}
