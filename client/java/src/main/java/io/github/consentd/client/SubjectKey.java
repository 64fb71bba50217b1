package io.github.consentd.client;

import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.regex.Pattern;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * The secret under which e-mail addresses and phone numbers are hashed, so that one address is one id, whoever writes it, and
 * the server never sees the address. The clients in other languages make the same ids. A key is printed as its id. It is safe
 * for concurrent use.
 *
 * <pre>{@code
 * SubjectKey key = SubjectKey.parse(System.getenv("CONSENTD_SUBJECT_KEY"));
 * Decision decision = client.check(Requests.check("example", key.email(address), "marketing_email").build());
 * }</pre>
 */
public final class SubjectKey {
  private static final int MIN_BYTES = 32;
  private static final int MAX_BYTES = 1024;
  private static final int KEY_ID_DIGITS = 8;
  private static final Pattern SPACE_AROUND = Pattern.compile("^[ \\t\\r\\n]+|[ \\t\\r\\n]+\\z");
  private static final Pattern HEX = Pattern.compile("(?:[0-9a-fA-F]{2})*");

  private final SecretKeySpec secret;
  private final String id;

  private SubjectKey(byte[] bytes) {
    if (bytes.length < MIN_BYTES || bytes.length > MAX_BYTES) {
      throw new IllegalArgumentException(
          "the key has " + bytes.length + " bytes, want 32 to 1024: openssl rand -hex 32 makes one");
    }
    secret = new SecretKeySpec(bytes, "HmacSHA256");
    id = mac("consentd key id").substring(0, KEY_ID_DIGITS);
  }

  /**
   * The key with this secret.
   *
   * @param secret 32 to 1,024 random bytes, which are copied
   * @return the key
   * @throws IllegalArgumentException for another length
   */
  public static SubjectKey of(byte[] secret) {
    return new SubjectKey(secret.clone());
  }

  /**
   * Reads hexadecimal digits of either case, as a file or a variable has them; white space around them is left out.
   *
   * @param text 64 digits and more
   * @return the key
   * @throws IllegalArgumentException for all else
   */
  public static SubjectKey parse(String text) {
    String digits = SPACE_AROUND.matcher(text).replaceAll("");
    if (!HEX.matcher(digits).matches()) {
      throw new IllegalArgumentException("the key is not hexadecimal: openssl rand -hex 32 makes one");
    }
    return new SubjectKey(HexFormat.of().parseHex(digits));
  }

  /**
   * 8 hexadecimal digits that follow from the secret; every id that is made under the key has them in it.
   *
   * @return the same in every language
   */
  public String id() {
    return id;
  }

  /**
   * The id of a person known by an e-mail address: {@code email_hmac:<key id>.<hash>}.
   *
   * @param address as somebody wrote it
   * @return an id that is the same in every language
   * @throws AddressException if it cannot be normalised, see {@link Addresses#normalizeEmail}
   */
  public String email(String address) {
    return "email_hmac:" + id + "." + mac(Addresses.normalizeEmail(address));
  }

  /**
   * The id of a person known by a phone number: {@code phone_e164_hmac:<key id>.<hash>}.
   *
   * @param number as somebody wrote it
   * @return an id that is the same in every language
   * @throws AddressException if it cannot be normalised, see {@link Addresses#normalizePhone}
   */
  public String phone(String number) {
    return "phone_e164_hmac:" + id + "." + mac(Addresses.normalizePhone(number));
  }

  /**
   * The id of a person known by an e-mail address, hashed without a key: {@code email_sha256:<hash>}. It is there for lists that
   * are exchanged in that form; whoever sees the id can find the address by trying.
   *
   * @param address as somebody wrote it
   * @return an id that is the same in every language
   * @throws AddressException if it cannot be normalised, see {@link Addresses#normalizeEmail}
   */
  public static String emailSha256(String address) {
    byte[] normal = Addresses.normalizeEmail(address).getBytes(StandardCharsets.UTF_8);
    try {
      return "email_sha256:" + HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(normal));
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("every Java platform has SHA-256", e);
    }
  }

  @Override
  public String toString() {
    return "key " + id;
  }

  private String mac(String text) {
    try {
      Mac mac = Mac.getInstance("HmacSHA256");
      mac.init(secret);
      return HexFormat.of().formatHex(mac.doFinal(text.getBytes(StandardCharsets.UTF_8)));
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("every Java platform has HmacSHA256", e);
    }
  }
}
