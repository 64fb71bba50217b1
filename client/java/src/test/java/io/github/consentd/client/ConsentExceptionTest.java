package io.github.consentd.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.google.protobuf.Any;
import com.google.rpc.BadRequest;
import io.github.consentd.v1.CheckRequest;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.protobuf.StatusProto;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.util.List;
import java.util.concurrent.CompletionException;
import org.junit.jupiter.api.Test;

class ConsentExceptionTest {
  private static final CheckRequest ASK = Requests.check("example", "u", "p").build();

  @SuppressWarnings("unchecked")
  private static <T> T copy(T value) throws IOException, ClassNotFoundException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (ObjectOutputStream out = new ObjectOutputStream(bytes)) {
      out.writeObject(value);
    }
    try (ObjectInputStream in = new ObjectInputStream(new ByteArrayInputStream(bytes.toByteArray()))) {
      return (T) in.readObject();
    }
  }

  private static ConsentException refusal() {
    BadRequest request =
        BadRequest.newBuilder()
            .addFieldViolations(BadRequest.FieldViolation.newBuilder().setField("purpose").setDescription("d"))
            .build();
    return ConsentException.of(
        StatusProto.toStatusRuntimeException(
            com.google.rpc.Status.newBuilder().setCode(3).setMessage("no").addDetails(Any.pack(request)).build()));
  }

  @Test
  void itSurvivesSerialization() throws Exception {
    ConsentException before = refusal();
    ConsentException after = copy(before);
    assertEquals(Status.Code.INVALID_ARGUMENT, after.code());
    assertEquals("no", after.getMessage());
    assertEquals(List.of(new Violation("purpose", "d")), after.violations());
    assertEquals(before.retryDelay(), after.retryDelay());
    assertEquals(before.getCause().toString(), after.getCause().getMessage());
    assertEquals(before.getStackTrace()[0], after.getStackTrace()[0]);
    assertEquals(after.getMessage(), copy(after).getMessage());
  }

  @Test
  void soDoItsSubclasses() throws Exception {
    StoreMismatchException mismatch = copy(new StoreMismatchException("w", refusal()));
    assertEquals(new StoreMismatchException("w", null).getMessage(), mismatch.getMessage());
    assertEquals(Status.Code.FAILED_PRECONDITION, mismatch.code());
    DeniedException denied = copy(new DeniedException(Decision.of(DecisionTest.allow().build())));
    assertEquals(Status.Code.PERMISSION_DENIED, denied.code());
    assertFalse(denied.decision().allowed(), "what cannot be known any more denies");
  }

  @Test
  void whatIsThrownHasTheCallersStack() {
    Client client = new FakeTransport(a -> { throw refusal(); }).client();
    ConsentException e = assertThrows(ConsentException.class, () -> client.check(ASK));
    assertEquals(List.of(new Violation("purpose", "d")), e.violations());
    assertEquals(true, List.of(e.getStackTrace()).stream().anyMatch(f -> f.getClassName().equals(getClass().getName())));
    assertInstanceOf(ConsentException.class, e.getCause());
  }

  @Test
  void anErrorOfLinkageIsNoDenial() {
    NoSuchMethodError missing = new NoSuchMethodError("of another version");
    Client client = new FakeTransport(a -> { throw missing; }).client();
    assertSame(missing, assertThrows(NoSuchMethodError.class, () -> client.isAllowed(ASK)));
    assertSame(missing, assertThrows(NoSuchMethodError.class, () -> client.session().isAllowed(ASK)));
    CompletionException e = assertThrows(CompletionException.class, () -> client.isAllowedAsync(ASK).join());
    assertSame(missing, e.getCause());
    // gRPC makes a status of one that comes up where it reads an answer.
    Status read = Status.CANCELLED.withDescription("Failed to read message.").withCause(new IllegalStateException(missing));
    assertSame(missing, ConsentException.failure(read, new Metadata()));
  }
}
