package io.github.consentd.client;

import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import com.google.rpc.BadRequest;
import com.google.rpc.RetryInfo;
import io.github.consentd.v1.CheckError;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import java.nio.channels.ClosedChannelException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;

/**
 * The only exception that calls throw: a gRPC status other than OK. A session's may be a
 * {@link StoreMismatchException}, that of {@code guard} a {@link DeniedException}. It can be serialized; what caused it
 * then is a description.
 *
 * @serial exclude
 */
public sealed class ConsentException extends RuntimeException permits StoreMismatchException, DeniedException {
  private static final long serialVersionUID = 1L;

  private static final int MAX_CAUSES = 10;

  private final Status.Code code;
  private final List<Violation> violations;
  private final Duration retryDelay;

  ConsentException(Status status, List<Violation> violations, Duration retryDelay) {
    this(status, status.getCause(), violations, retryDelay);
  }

  private ConsentException(Status status, Throwable cause, List<Violation> violations, Duration retryDelay) {
    super(status.getDescription(), cause);
    // An error that says OK must not look like an answer.
    this.code = status.isOk() ? Status.Code.UNKNOWN : status.getCode();
    this.violations = List.copyOf(violations);
    this.retryDelay = retryDelay;
  }

  /** The same, with another cause, of the thread that makes it. */
  ConsentException causedBy(Throwable cause) {
    return new ConsentException(code.toStatus().withDescription(getMessage()), cause, violations, retryDelay);
  }

  /** The same, to be thrown to a caller: its stack is the caller's, that of gRPC's thread is in its cause. */
  final ConsentException here() {
    return causedBy(this);
  }

  /** Causes such as gRPC's cannot be serialized. */
  final Object writeReplace() {
    ConsentException plain = causedBy(described(getCause(), 0));
    plain.setStackTrace(getStackTrace());
    return plain;
  }

  private static Throwable described(Throwable cause, int depth) {
    if (cause == null || depth == MAX_CAUSES) {
      return null;
    }
    RuntimeException description = new RuntimeException(cause.toString(), described(cause.getCause(), depth + 1));
    description.setStackTrace(cause.getStackTrace());
    return description;
  }

  static ConsentException of(Status.Code code, String message) {
    return new ConsentException(code.toStatus().withDescription(message), List.of(), Duration.ZERO);
  }

  static ConsentException timeout() {
    return of(Status.Code.DEADLINE_EXCEEDED, "the deadline has passed");
  }

  /** What gRPC reports. An Error behind it, such as a method that is missing, is the program's fault and comes out as itself. */
  static Throwable failure(Status status, Metadata trailers) {
    Throwable cause = status.getCause();
    for (int depth = 0; cause != null && depth < MAX_CAUSES; depth++) {
      if (cause instanceof Error) {
        return cause;
      }
      cause = cause.getCause();
    }
    return of(status.asRuntimeException(trailers));
  }

  /** What gRPC reports; details that cannot be read count as none. */
  static ConsentException of(StatusRuntimeException e) {
    List<Any> details = detailsOf(e);
    List<Violation> violations = new ArrayList<>();
    for (BadRequest request : unpack(details, BadRequest.class)) {
      request.getFieldViolationsList().forEach(v -> violations.add(new Violation(v.getField(), v.getDescription())));
    }
    Duration delay = Duration.ZERO;
    for (RetryInfo info : unpack(details, RetryInfo.class)) {
      delay = duration(info.getRetryDelay());
    }
    Status status = codeOf(e.getStatus()).toStatus().withDescription(e.getStatus().getDescription()).withCause(e);
    return new ConsentException(status, violations, delay);
  }

  /** The status that gRPC means where grpc-java reports another one for what happened on this side of the connection. */
  private static Status.Code codeOf(Status status) {
    if (status.getCode() == Status.Code.UNKNOWN && isCausedBy(status, ClosedChannelException.class)) {
      return Status.Code.UNAVAILABLE; // the connection was closed while it was being made
    }
    if (status.getCode() == Status.Code.CANCELLED && isCausedBy(status, InvalidProtocolBufferException.class)) {
      return Status.Code.INTERNAL; // the answer cannot be read
    }
    return status.getCode();
  }

  private static boolean isCausedBy(Status status, Class<? extends Throwable> type) {
    return Stream.iterate(status.getCause(), Objects::nonNull, Throwable::getCause).limit(MAX_CAUSES).anyMatch(type::isInstance);
  }

  /** The error of one request of a batch, as the call for it alone would have thrown it. */
  static ConsentException of(CheckError error) {
    Status status = Status.fromCodeValue(error.getCode());
    List<Violation> violations =
        error.getFieldViolationsList().stream().map(v -> new Violation(v.getField(), v.getDescription())).toList();
    return new ConsentException(
        status.getCode().toStatus().withDescription(error.getMessage()), violations, duration(error.getRetryDelay()));
  }

  /**
   * The gRPC status; never OK.
   *
   * @return such as UNAVAILABLE
   */
  public Status.Code code() {
    return code;
  }

  /**
   * The fields at fault; empty where the server names none.
   *
   * @return not to be changed
   */
  public List<Violation> violations() {
    return violations;
  }

  /**
   * How long the server asks to wait before the next attempt; zero: it does not say.
   *
   * @return zero and more
   */
  public Duration retryDelay() {
    return retryDelay;
  }

  private static Duration duration(com.google.protobuf.Duration d) {
    Duration delay = Duration.ofSeconds(Math.min(d.getSeconds(), Integer.MAX_VALUE), d.getNanos());
    return delay.isNegative() ? Duration.ZERO : delay;
  }

  private static List<Any> detailsOf(StatusRuntimeException e) {
    try {
      com.google.rpc.Status status = StatusProto.fromThrowable(e);
      return status == null ? List.of() : status.getDetailsList();
    } catch (RuntimeException unreadable) {
      return List.of();
    }
  }

  private static <M extends Message> List<M> unpack(List<Any> details, Class<M> type) {
    List<M> found = new ArrayList<>();
    for (Any detail : details) {
      try {
        if (detail.is(type)) {
          found.add(detail.unpack(type));
        }
      } catch (InvalidProtocolBufferException unreadable) {
        // Counts as none: the status itself says what happened.
      }
    }
    return found;
  }
}
