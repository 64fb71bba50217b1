package io.github.consentd.client;

import io.grpc.Status;
import java.time.Duration;
import java.util.List;

/**
 * What a session's calls show of the servers: they do not share a store, so what is written through one is not part of
 * the state behind another's answers, not even a withdrawal. A server refused the token of the session's newest write,
 * or answered or wrote with another store than the session's first. Its code is FAILED_PRECONDITION. Events whose
 * {@code recordEvents} throws it are recorded, in the other store.
 *
 * <p>A token is never dropped. Give the client servers of one store; where a store was replaced, or an older copy of it
 * restored, make a new session.
 */
public final class StoreMismatchException extends ConsentException {
  private static final long serialVersionUID = 1L;

  StoreMismatchException(String what, Throwable cause) {
    this(
        Status.FAILED_PRECONDITION
            .withDescription(
                "the servers do not share a store: " + what + ": give the client servers of one store; after a store was replaced"
                    + " make a new session")
            .withCause(cause));
  }

  private StoreMismatchException(Status status) {
    super(status, List.of(), Duration.ZERO);
  }

  @Override
  StoreMismatchException causedBy(Throwable cause) {
    return new StoreMismatchException(Status.FAILED_PRECONDITION.withDescription(getMessage()).withCause(cause));
  }
}
