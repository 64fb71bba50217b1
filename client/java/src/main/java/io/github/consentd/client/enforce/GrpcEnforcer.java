package io.github.consentd.client.enforce;

import io.github.consentd.client.Checker;
import io.github.consentd.client.Decision;
import io.github.consentd.client.Requests;
import io.github.consentd.v1.CheckRequest;
import io.github.consentd.v1.Obligation;
import io.grpc.Context;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.Status;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.BiFunction;
import java.util.function.Consumer;
import java.util.function.Supplier;

/**
 * Lets calls of a gRPC server run only where their subject allows the purpose that the method declares:
 *
 * <pre>
 * rpc SendNewsletter(SendNewsletterRequest) returns (SendNewsletterResponse) {
 *   option (consent.v1.purpose) = {name: "marketing_email", subject_field: "user_id"};
 * }
 * </pre>
 *
 * <p>A denial is PERMISSION_DENIED with the reasons, which do not name the subject; no decision is UNAVAILABLE; a request
 * that names no subject is INVALID_ARGUMENT; a subject that cannot be told is UNAUTHENTICATED; a method that declares nothing
 * is INTERNAL. gRPC's own services, such as health, need declare nothing.
 *
 * <p>A stream's handler begins after an ALLOW; where the method names a field, after its first message. Then it is decided
 * again for each message, before the handler gets it or it is sent; at the decision's validUntil; and when two seconds, or
 * what {@link Builder#streamRecheck} says, have passed without. Once it is denied, or there is no decision, nothing passes
 * any more, the handler's call is cancelled and the caller gets that status. All messages of a stream are about one subject.
 * A client with a near cache makes this cheap.
 *
 * <p>Decisions are waited for on the server's executor: do not give the server a direct one. Safe for use by many threads.
 */
public final class GrpcEnforcer implements ServerInterceptor {
  private static final Context.Key<Supplier<Decision>> DECISION = Context.key("consentd-decision");
  private static final Duration STREAM_RECHECK = Duration.ofSeconds(2);

  private final Checker checker;
  private final String controller;
  private final BiFunction<ServerCall<?, ?>, Metadata, String> subject; // null: none
  private final Set<String> exempt;
  private final Consumer<Event> observer;
  private final long recheckNanos;
  private final Map<MethodDescriptor<?, ?>, GrpcRule> rules = new ConcurrentHashMap<>();

  private GrpcEnforcer(Builder b) {
    this.checker = b.checker;
    this.controller = b.controller;
    this.subject = b.subject;
    this.exempt = Set.copyOf(b.exempt);
    this.observer = b.observer;
    this.recheckNanos = b.streamRecheck.toNanos();
  }

  /**
   * Begins one.
   *
   * @param checker decides, such as a client
   * @param controller whose policy decides
   * @return its builder
   */
  public static Builder builder(Checker checker, String controller) {
    return new Builder(checker, controller);
  }

  /** Says what is enforced and how. For one thread. */
  public static final class Builder {
    private final Checker checker;
    private final String controller;
    private BiFunction<ServerCall<?, ?>, Metadata, String> subject;
    private Set<String> exempt = Set.of();
    private Consumer<Event> observer = e -> {};
    private Duration streamRecheck = STREAM_RECHECK;

    private Builder(Checker checker, String controller) {
      this.checker = Objects.requireNonNull(checker, "checker");
      this.controller = Objects.requireNonNull(controller, "controller");
    }

    /**
     * Tells the subject of methods that name no field for it, such as the user who is logged in. Default: they are refused.
     *
     * @param subject null or empty: the call is UNAUTHENTICATED
     * @return this
     */
    public Builder subject(BiFunction<ServerCall<?, ?>, Metadata, String> subject) {
      this.subject = Objects.requireNonNull(subject, "subject");
      return this;
    }

    /**
     * Lets services through that declare nothing.
     *
     * @param services full names
     * @return this
     */
    public Builder exempt(Set<String> services) {
      this.exempt = Objects.requireNonNull(services, "services");
      return this;
    }

    /**
     * Is told of every outcome; it must be quick.
     *
     * @param observer called by many threads
     * @return this
     */
    public Builder observer(Consumer<Event> observer) {
      this.observer = Objects.requireNonNull(observer, "observer");
      return this;
    }

    /**
     * How long a stream goes on by one decision while no message passes. Default two seconds.
     *
     * @param every above zero
     * @return this
     * @throws IllegalArgumentException if it is not
     */
    public Builder streamRecheck(Duration every) {
      if (every.isZero() || every.isNegative()) {
        throw new IllegalArgumentException("streamRecheck is " + every + ": must be above zero");
      }
      this.streamRecheck = every;
      return this;
    }

    /**
     * Makes it.
     *
     * @return to be given to the server's builder
     */
    public GrpcEnforcer build() {
      return new GrpcEnforcer(this);
    }
  }

  /**
   * The decision that lets the call run whose context is the current one, of a stream the newest.
   *
   * @return null where there is none
   */
  public static Decision decision() {
    Supplier<Decision> newest = DECISION.get();
    return newest == null ? null : newest.get();
  }

  /**
   * What the call must also do whose context is the current one.
   *
   * @return none where no decision was needed
   */
  public static List<Obligation> obligations() {
    Decision d = decision();
    return d == null ? List.of() : d.obligations();
  }

  @Override
  public <Q, A> ServerCall.Listener<Q> interceptCall(ServerCall<Q, A> call, Metadata headers, ServerCallHandler<Q, A> next) {
    MethodDescriptor<Q, A> method = call.getMethodDescriptor();
    String service = method.getServiceName();
    GrpcRule rule =
        service != null && (service.startsWith("grpc.") || exempt.contains(service))
            ? GrpcRule.EXEMPT
            : rules.computeIfAbsent(method, GrpcRule::of);
    if (rule.fault() == null && rule.purpose().isEmpty()) {
      return next.startCall(call, headers);
    }
    EnforcedCall<Q, A> enforced = new EnforcedCall<>(this, rule, call, headers, next);
    enforced.start();
    return enforced;
  }

  /** The subject of a call whose method names no field. */
  String subject(ServerCall<?, ?> call, Metadata headers) {
    if (subject == null) {
      String why = "the method names no subject_field, and nothing else tells the subject";
      throw Status.INTERNAL.withDescription(why).asRuntimeException();
    }
    String told = subject.apply(call, headers);
    if (told == null || told.isEmpty()) {
      throw Status.UNAUTHENTICATED.withDescription("who the data are about cannot be told").asRuntimeException();
    }
    return told;
  }

  CheckRequest request(GrpcRule rule, String subject) {
    return Requests.check(controller, subject, rule.purpose()).addAllDataCategories(rule.categories()).build();
  }

  Checker checker() {
    return checker;
  }

  long recheckNanos() {
    return recheckNanos;
  }

  void count(String where, String purpose, Outcome outcome) {
    observer.accept(new Event(where, purpose, outcome));
  }

  static Context with(Supplier<Decision> newest) {
    return Context.current().withValue(DECISION, newest);
  }
}
