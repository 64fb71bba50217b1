package io.github.consentd.client;

import com.google.protobuf.Timestamp;
import io.github.consentd.v1.CheckResponse;
import io.github.consentd.v1.Degradation;
import io.github.consentd.v1.LegalBasis;
import io.github.consentd.v1.Obligation;
import io.github.consentd.v1.ObligationCode;
import io.github.consentd.v1.Reason;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * The answer to a check.
 *
 * @param allowed true only where the server said ALLOW and this package understood the obligations that the permission hangs
 *     on: an obligation of an unknown code cannot be met, so it denies
 * @param reasons why, in order of precedence
 * @param legalBasis the one in effect, on a denial too; unspecified where the purpose is undeclared or prohibited
 * @param legalBasisValue its number on the wire, for one that this version does not know
 * @param obligations what you must also do, whether allowed or denied
 * @param permittedDataCategories those of the request that are permitted
 * @param validUntil the first instant at which time alone could change the decision; empty if none can. It does not say that
 *     no event will change it sooner
 * @param consistencyToken stands for the state that was read; hand it to {@link Requests#atLeastAsFresh}
 * @param policyRevision the digest of the policies that decided
 * @param id names the decision in logs
 * @param degraded that the server could not read the subject's state, and decided as the controller declares for then;
 *     unspecified: it could. Such a decision is for this check alone: ask again rather than keep it
 * @param degradedValue its number on the wire, for one that this version does not know
 * @param stateAge of a {@link Degradation#DEGRADATION_STALE stale} one, how old the state may be by which it was decided
 */
public record Decision(
    boolean allowed,
    List<Reason> reasons,
    LegalBasis legalBasis,
    int legalBasisValue,
    List<Obligation> obligations,
    List<String> permittedDataCategories,
    Optional<Instant> validUntil,
    String consistencyToken,
    String policyRevision,
    String id,
    Degradation degraded,
    int degradedValue,
    Optional<Duration> stateAge) {

  private static final long FIRST_SECOND = -62135596800L; // 0001-01-01T00:00:00Z
  private static final long LAST_SECOND = 253402300799L; // 9999-12-31T23:59:59Z

  private static final long LONGEST = 315_576_000_000L; // seconds: what protobuf allows of a duration

  /**
   * A decision that is not degraded.
   *
   * @param allowed as of the record
   * @param reasons as of the record
   * @param legalBasis as of the record
   * @param legalBasisValue as of the record
   * @param obligations as of the record
   * @param permittedDataCategories as of the record
   * @param validUntil as of the record
   * @param consistencyToken as of the record
   * @param policyRevision as of the record
   * @param id as of the record
   */
  public Decision(
      boolean allowed,
      List<Reason> reasons,
      LegalBasis legalBasis,
      int legalBasisValue,
      List<Obligation> obligations,
      List<String> permittedDataCategories,
      Optional<Instant> validUntil,
      String consistencyToken,
      String policyRevision,
      String id) {
    this(
        allowed,
        reasons,
        legalBasis,
        legalBasisValue,
        obligations,
        permittedDataCategories,
        validUntil,
        consistencyToken,
        policyRevision,
        id,
        Degradation.DEGRADATION_UNSPECIFIED,
        0,
        Optional.empty());
  }

  /** The decision without an answer, which denies. */
  static final Decision NONE = of(CheckResponse.getDefaultInstance());

  static Decision of(CheckResponse r) {
    return new Decision(
        allows(r),
        List.copyOf(r.getReasonsList()),
        r.getLegalBasis(),
        r.getLegalBasisValue(),
        List.copyOf(r.getObligationsList()),
        List.copyOf(r.getPermittedDataCategoriesList()),
        r.hasValidUntil() ? instant(r.getValidUntil()) : Optional.empty(),
        r.getConsistencyToken(),
        r.getPolicyRevision(),
        r.getDecisionId(),
        r.getDegraded(),
        r.getDegradedValue(),
        r.hasStateAge() ? age(r.getStateAge()) : Optional.empty());
  }

  /** The decision and its reasons for people: "DENY: CONSENT_MISSING (jasminai §3.7)". */
  @Override
  public String toString() {
    String effect = allowed ? "ALLOW" : "DENY";
    if (degradedValue != 0) {
      effect += " (degraded: " + EnumNames.of(degraded, degradedValue) + ")";
    }
    String why = reasons.stream().map(Decision::text).collect(Collectors.joining(", "));
    return why.isEmpty() ? effect : effect + ": " + why;
  }

  /**
   * The only place that turns an answer into a permission. An unreadable valid_until would come out as "never ends", so it
   * denies.
   */
  private static boolean allows(CheckResponse r) {
    return r.getDecision() == io.github.consentd.v1.Decision.DECISION_ALLOW
        && (!r.hasValidUntil() || isValid(r.getValidUntil()))
        && r.getObligationsList().stream().map(Obligation::getCode).allMatch(Decision::isUnderstood);
  }

  private static boolean isUnderstood(ObligationCode code) {
    return code != ObligationCode.UNRECOGNIZED && code != ObligationCode.OBLIGATION_CODE_UNSPECIFIED;
  }

  private static boolean isValid(Timestamp t) {
    return t.getSeconds() >= FIRST_SECOND && t.getSeconds() <= LAST_SECOND && t.getNanos() >= 0 && t.getNanos() <= 999_999_999;
  }

  /** The time that a timestamp stands for; empty if it is none. */
  static Optional<Instant> instant(Timestamp t) {
    return isValid(t) ? Optional.of(Instant.ofEpochSecond(t.getSeconds(), t.getNanos())) : Optional.empty();
  }

  /** The time that a duration stands for; empty if it is none. */
  private static Optional<Duration> age(com.google.protobuf.Duration d) {
    boolean valid = d.getSeconds() >= 0 && d.getSeconds() <= LONGEST && d.getNanos() >= 0 && d.getNanos() <= 999_999_999;
    return valid ? Optional.of(Duration.ofSeconds(d.getSeconds(), d.getNanos())) : Optional.empty();
  }

  private static String text(Reason r) {
    String code = EnumNames.of(r.getCode(), r.getCodeValue());
    return r.getClause().isEmpty() ? code : code + " (" + r.getClause() + ")";
  }
}
