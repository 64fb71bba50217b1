package io.github.consentd.client;

import com.ibm.icu.lang.UCharacter;
import com.ibm.icu.lang.UProperty;
import com.ibm.icu.text.Normalizer2;
import java.nio.charset.StandardCharsets;
import java.util.OptionalInt;
import java.util.regex.Pattern;

/** The one spelling of an e-mail address and of a phone number, the same in the clients of all languages. */
public final class Addresses {
  private static final int MAX_EMAIL_BYTES = 254;
  private static final int MAX_LOCAL_BYTES = 64;

  /** What is longer is no address, however it is composed. */
  private static final int MAX_GIVEN_BYTES = 1024;

  private static final int MIN_PHONE_DIGITS = 8;
  private static final int MAX_PHONE_DIGITS = 15;

  private static final Normalizer2 NFC = Normalizer2.getNFCInstance();
  private static final Pattern ANGLES = Pattern.compile("[<>]");
  private static final Pattern PARENTHESES = Pattern.compile("[()]");
  private static final Pattern JOINERS = Pattern.compile("[\\u200c\\u200d]");
  private static final Pattern BETWEEN_DIGITS = Pattern.compile("[ \\u00a0\\u2009\\u202f\\-\\u2010-\\u2013.]");

  /** A 0 after the code of a country within which, and there alone, it is dialled first. */
  private static final Pattern TRUNK =
      Pattern.compile("(?:20|27|31|32|33|41|43|44|46|49|60|61|62|63|64|66|81|82|84|86|90|91|92|98)0.*");

  private static final String LOCAL_SIGNS = "!#$%&'*+-/=?^_`{|}~.";

  /** What does not show although it counts as a letter or a mark; the other invisible characters are formats. */
  private static final Pattern UNSEEN =
      Pattern.compile(
          "[\\u034f\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f\\u3164\\ufe00-\\ufe0f\\uffa0\\x{e0100}-\\x{e01ef}]");

  private Addresses() {}

  /**
   * The one spelling of an e-mail address: trimmed, NFC, lower-cased by Unicode's default, without a locale (I is i in Turkey
   * too), the domain in ASCII by UTS #46, nontransitional. Dots, and what follows a plus, stay. ς is σ before the @, because
   * programs that lower-case Greek do not agree on it.
   *
   * @param address as somebody wrote it
   * @return the spelling that ids are made of
   * @throws AddressException for quoted local parts, comments, display names, hidden characters, domains that are incomplete or
   *     not valid, more than 64 bytes before the @ or 254 in all
   */
  public static String normalizeEmail(String address) {
    if (!wellFormed(address)) {
      throw AddressException.email("is not valid Unicode: decode it as UTF-8");
    }
    String text = trim(address);
    if (bytes(text) > MAX_GIVEN_BYTES) {
      throw AddressException.email("is longer than " + MAX_EMAIL_BYTES + " bytes");
    }
    text = NFC.normalize(text);
    requireAddressAlone(text);
    String[] parts = lower(text).split("@", -1);
    if (parts.length != 2) {
      throw AddressException.email("must have one @");
    }
    requireLocal(parts[0]);
    String normal = parts[0].replace('ς', 'σ') + "@" + Domain.toAscii(parts[1]);
    if (bytes(normal) > MAX_EMAIL_BYTES) {
      throw AddressException.email("is longer than " + MAX_EMAIL_BYTES + " bytes");
    }
    return normal;
  }

  /**
   * The one spelling of a phone number, that of E.164: + and 8 to 15 digits. Spaces, hyphens, dots and parentheses are left out.
   * Whether the number exists is not looked at.
   *
   * @param number as somebody wrote it
   * @return the spelling that ids are made of
   * @throws AddressException for a number without + and country code, 00 for +, a trunk prefix ("+49 (0)30", "+49 030"), extensions, letters, and
   *     digits other than 0 to 9
   */
  public static String normalizePhone(String number) {
    if (!wellFormed(number)) {
      throw AddressException.phone("is not valid Unicode: decode it as UTF-8");
    }
    String text = BETWEEN_DIGITS.matcher(trim(number)).replaceAll("");
    if (text.contains("(0)")) {
      throw AddressException.phone("has (0), which is dialled within the country alone: leave it out");
    }
    text = PARENTHESES.matcher(text).replaceAll("");
    if (text.isEmpty()) {
      throw AddressException.phone("is empty");
    }
    if (text.startsWith("00")) {
      throw AddressException.phone("begins with 00: write + and the country code");
    }
    if (!text.startsWith("+")) {
      throw AddressException.phone("must begin with + and the country code, such as +49 30 1234567");
    }
    requireDigits(text.substring(1));
    return text;
  }

  private static void requireDigits(String digits) {
    OptionalInt other = digits.codePoints().filter(c -> c < '0' || c > '9').findFirst();
    if (other.isPresent()) {
      throw AddressException.phone(
          "has the character "
              + AddressException.nameOf(other.getAsInt())
              + ": after the + come digits, spaces, hyphens, dots and parentheses");
    }
    if (digits.startsWith("0")) {
      throw AddressException.phone("begins with +0, and no country code does");
    }
    if (TRUNK.matcher(digits).matches()) {
      throw AddressException.phone(
          "has a 0 after the country code, which is dialled within the country alone: leave it out");
    }
    if (digits.length() < MIN_PHONE_DIGITS) {
      throw AddressException.phone("has fewer than " + MIN_PHONE_DIGITS + " digits");
    }
    if (digits.length() > MAX_PHONE_DIGITS) {
      throw AddressException.phone("has more than " + MAX_PHONE_DIGITS + " digits");
    }
  }

  /** Half a surrogate pair has no form in UTF-8: all of them would be hashed as the same character. */
  private static boolean wellFormed(String text) {
    return text.codePoints().noneMatch(c -> c >= Character.MIN_SURROGATE && c <= Character.MAX_SURROGATE);
  }

  /** Leaves out Unicode's White_Space at both ends; strip() would take four controls more, and leave no-break spaces. */
  private static String trim(String text) {
    int from = 0;
    int to = text.length();
    while (from < to && isSpace(text.charAt(from))) {
      from++;
    }
    while (to > from && isSpace(text.charAt(to - 1))) {
      to--;
    }
    return text.substring(from, to);
  }

  private static boolean isSpace(int c) {
    return UCharacter.hasBinaryProperty(c, UProperty.WHITE_SPACE);
  }

  private static int bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8).length;
  }

  /** Each character by itself: without context, Σ is σ at the end of a word too. */
  private static String lower(String text) {
    StringBuilder out = new StringBuilder();
    text.codePoints()
        .forEach(
            c -> {
              if (c == 'İ') { // the one character whose lower case is two
                out.append("i\u0307");
              } else {
                out.appendCodePoint(UCharacter.toLowerCase(c));
              }
            });
    return NFC.normalize(out);
  }

  private static void requireAddressAlone(String text) {
    if (text.isEmpty()) {
      throw AddressException.email("is empty");
    }
    if (ANGLES.matcher(text).find()) {
      throw AddressException.email("has a name or angle brackets around it: give the address alone");
    }
    if (text.contains("\"")) {
      throw AddressException.email("has a quoted part, which is not supported");
    }
    if (PARENTHESES.matcher(text).find()) {
      throw AddressException.email("has a comment: leave out what stands in parentheses");
    }
    int at = text.indexOf('@');
    // IDNA has rules for where a domain may have joiners.
    String shown = at < 0 ? text : text.substring(0, at) + JOINERS.matcher(text.substring(at + 1)).replaceAll("");
    shown.codePoints().filter(Addresses::hidden).findFirst().ifPresent(Addresses::refuseHidden);
  }

  private static void refuseHidden(int c) {
    throw AddressException.email(
        "has the character " + AddressException.nameOf(c) + ", a space or one that does not show: type the address anew");
  }

  /** Spaces, controls, formats, what is for private use and what is not assigned. */
  private static boolean hidden(int c) {
    switch (UCharacter.getType(c)) {
      case UCharacter.CONTROL, UCharacter.FORMAT, UCharacter.PRIVATE_USE, UCharacter.UNASSIGNED, UCharacter.SPACE_SEPARATOR,
          UCharacter.LINE_SEPARATOR, UCharacter.PARAGRAPH_SEPARATOR:
        return true;
      default:
        return UNSEEN.matcher(Character.toString(c)).matches();
    }
  }

  private static void requireLocal(String local) {
    if (local.isEmpty()) {
      throw AddressException.email("has nothing before the @");
    }
    if (bytes(local) > MAX_LOCAL_BYTES) {
      throw AddressException.email("has more than " + MAX_LOCAL_BYTES + " bytes before the @");
    }
    OptionalInt other =
        local.codePoints().filter(c -> c < 0x80 && !Domain.isAlphanumeric(c) && LOCAL_SIGNS.indexOf(c) < 0).findFirst();
    if (other.isPresent()) {
      throw AddressException.email(
          "has the character " + AddressException.nameOf(other.getAsInt()) + " before the @, which is not supported");
    }
  }
}
