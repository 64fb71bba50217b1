package io.github.consentd.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.Struct;
import com.google.protobuf.Value;
import com.google.protobuf.util.JsonFormat;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SubjectKeyTest {
  private static final String SECRET = "0a".repeat(32);

  /** What becomes of an input: the normalised text and the id, or the error; empty: none. */
  private record Outcome(String normal, String id, String refused) {}

  private static Struct vectors() throws IOException {
    Struct.Builder all = Struct.newBuilder();
    JsonFormat.parser().merge(Files.readString(Path.of("../conformance/testdata/ids.json")), all);
    return all.build();
  }

  private static Map<String, Value> keys() throws IOException {
    return vectors().getFieldsOrThrow("keys").getStructValue().getFieldsMap();
  }

  private static String text(Struct of, String field) {
    return of.getFieldsOrDefault(field, Value.getDefaultInstance()).getStringValue();
  }

  private static SubjectKey key(Struct vector) throws IOException {
    return SubjectKey.parse(text(keys().get(text(vector, "key")).getStructValue(), "secret"));
  }

  private static Outcome outcome(Struct vector) throws IOException {
    String input = text(vector, "input");
    try {
      return switch (text(vector, "kind")) {
        case "email_sha256" -> new Outcome(Addresses.normalizeEmail(input), SubjectKey.emailSha256(input), "");
        case "email_hmac" -> new Outcome(Addresses.normalizeEmail(input), key(vector).email(input), "");
        case "phone_e164_hmac" -> new Outcome(Addresses.normalizePhone(input), key(vector).phone(input), "");
        default -> throw new IllegalStateException("unknown kind " + text(vector, "kind"));
      };
    } catch (AddressException e) {
      return new Outcome("", "", e.getMessage());
    }
  }

  /** The vectors that the clients of all languages pass. */
  @TestFactory
  Stream<DynamicTest> vectorsPass() throws IOException {
    List<Value> all = vectors().getFieldsOrThrow("vectors").getListValue().getValuesList();
    assertTrue(all.size() >= 60);
    return all.stream()
        .map(Value::getStructValue)
        .map(v -> DynamicTest.dynamicTest(text(v, "name"), () -> assertEquals(wanted(v), outcome(v))));
  }

  private static Outcome wanted(Struct v) {
    return new Outcome(text(v, "normal"), text(v, "id"), text(v, "refused"));
  }

  @Test
  void theIdOfAKeyFollowsFromItsSecret() throws IOException {
    for (Value key : keys().values()) {
      assertEquals(text(key.getStructValue(), "id"), SubjectKey.parse(text(key.getStructValue(), "secret")).id());
    }
  }

  @Test
  void theLocaleDoesNotMatter() {
    Locale before = Locale.getDefault();
    try {
      Locale.setDefault(Locale.forLanguageTag("tr-TR"));
      assertEquals("ibrahim@xn--istanbul-o0e.com", Addresses.normalizeEmail("IBRAHIM@İstanbul.COM"));
      Locale.setDefault(Locale.forLanguageTag("ar-EG"));
      AddressException e = assertThrows(AddressException.class, () -> Addresses.normalizeEmail("ada\u200b@example.com"));
      assertTrue(e.getMessage().contains("U+200B"), e.getMessage());
    } finally {
      Locale.setDefault(before);
    }
  }

  @Test
  void halfASurrogatePairIsRefused() {
    String bad = "ad\ud800a@example.com";
    String want = " is not valid Unicode: decode it as UTF-8";
    AddressException email = assertThrows(AddressException.class, () -> Addresses.normalizeEmail(bad));
    assertEquals("the e-mail address" + want, email.getMessage());
    AddressException phone = assertThrows(AddressException.class, () -> Addresses.normalizePhone(bad));
    assertEquals("the phone number" + want, phone.getMessage());
  }

  @Test
  void keysAreRead() {
    for (String text : List.of(SECRET, SECRET.toUpperCase(Locale.ROOT), "\n " + SECRET + "\r\n", "0a".repeat(1024))) {
      assertEquals(8, SubjectKey.parse(text).id().length());
    }
  }

  @Test
  void keysOfAnotherLengthAreRefused() {
    for (int bytes : new int[] {0, 31, 1025}) {
      String want = "the key has " + bytes + " bytes, want 32 to 1024: openssl rand -hex 32 makes one";
      assertEquals(
          want, assertThrows(IllegalArgumentException.class, () -> SubjectKey.parse("0a".repeat(bytes))).getMessage());
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"0", " 0a", "\uff10\uff10", "zz"})
  void keysThatAreNotHexadecimalAreRefused(String more) {
    Exception e = assertThrows(IllegalArgumentException.class, () -> SubjectKey.parse(SECRET + more));
    assertEquals("the key is not hexadecimal: openssl rand -hex 32 makes one", e.getMessage());
  }

  @Test
  void aKeyIsNotPrintedAndACopy() {
    byte[] secret = new byte[32];
    Arrays.fill(secret, (byte) 0xab);
    SubjectKey key = SubjectKey.of(secret);
    String before = key.phone("+4930123456");
    secret[0] = 0;
    assertEquals(before, key.phone("+4930123456"));
    assertEquals("key " + key.id(), key.toString());
    assertFalse(key.toString().contains("abab"));
  }
}
