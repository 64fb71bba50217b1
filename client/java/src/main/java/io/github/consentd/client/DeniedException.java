package io.github.consentd.client;

import io.grpc.Status;
import java.time.Duration;
import java.util.List;

/** What {@code guard} throws where the use is denied: PERMISSION_DENIED, with the reasons as its message. */
public final class DeniedException extends ConsentException {
  private static final long serialVersionUID = 1L;

  private final transient Decision decision; // null once it was serialized

  DeniedException(Decision decision) {
    this(decision, Status.PERMISSION_DENIED.withDescription(decision.toString()));
  }

  private DeniedException(Decision decision, Status status) {
    super(status, List.of(), Duration.ZERO);
    this.decision = decision;
  }

  /**
   * The denial; one without reasons after the exception was serialized.
   *
   * @return one that denies
   */
  public Decision decision() {
    return decision == null ? Decision.NONE : decision;
  }

  @Override
  DeniedException causedBy(Throwable cause) {
    return new DeniedException(decision, Status.PERMISSION_DENIED.withDescription(getMessage()).withCause(cause));
  }
}
