package io.github.consentd.client;

import com.ibm.icu.text.IDNA;
import java.util.OptionalInt;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** The domain of an e-mail address, in ASCII. */
final class Domain {
  private static final int MAX_BYTES = 253;
  private static final int MAX_LABEL_BYTES = 63;

  /** What UTS #46 takes for a dot. */
  private static final Pattern DOTS = Pattern.compile("[\\u3002\\uff0e\\uff61]");

  /**
   * What IDNA 2008 lets into a label: no signs and emoji, which UTS #46 alone would pass. Of the characters that are right in one
   * context, the Catalan dot may be there, and the joiners, whose context ICU checks. With what IDNA 2008 excepts from its rule
   * (RFC 5892, 2.6 and 2.9).
   */
  private static final Pattern LETTERS_ALONE =
      Pattern.compile(
          "(?:[\\p{L}\\p{M}\\p{Nd}\\-\\u06fd\\u06fe\\u0f0b\\u200c\\u200d\\u3007"
              + "&&[^\\u0640\\u07fa\\u1100-\\u11ff\\u302e\\u302f\\u3031-\\u3035\\u303b\\ua960-\\ua97f\\ud7b0-\\ud7ff]]"
              + "|(?<=l)\\u00b7(?=l))*");

  /** All checks, and nontransitional: ß, ς and joiners stay what they are. java.net.IDN is IDNA 2003, which maps them. */
  private static final IDNA UTS46 =
      IDNA.getUTS46Instance(
          IDNA.USE_STD3_RULES | IDNA.CHECK_BIDI | IDNA.CHECK_CONTEXTJ | IDNA.NONTRANSITIONAL_TO_ASCII
              | IDNA.NONTRANSITIONAL_TO_UNICODE);

  private Domain() {}

  /**
   * Converts a domain that is NFC and lower-cased. Only what is not ASCII yet, or begins as an encoded name does, goes to IDNA: the
   * implementations of other languages differ in what they refuse of the rest.
   */
  static String toAscii(String given) {
    String domain = DOTS.matcher(given).replaceAll(".");
    String[] labels = domain.split("\\.", -1);
    if (domain.isEmpty()) {
      throw AddressException.email("has nothing after the @");
    }
    if (Stream.of(labels).anyMatch(String::isEmpty)) {
      throw AddressException.email("has a domain with an empty part between dots");
    }
    if (labels.length == 1) {
      throw AddressException.email("has a domain without a dot: write all of it, such as example.com");
    }
    requireDomainLetters(domain);
    boolean ascii = domain.chars().allMatch(c -> c < 0x80);
    if (!ascii || Stream.of(labels).anyMatch(l -> l.startsWith("xn--"))) {
      domain = internationalised(domain);
    }
    requireDnsName(domain);
    return domain;
  }

  /** Is of text that is lower-cased. */
  static boolean isAlphanumeric(int c) {
    return 'a' <= c && c <= 'z' || '0' <= c && c <= '9';
  }

  private static void requireDomainLetters(String domain) {
    OptionalInt other = domain.codePoints().filter(c -> c < 0x80 && !isAlphanumeric(c) && c != '-' && c != '.').findFirst();
    if (other.isPresent()) {
      throw AddressException.email(
          "has the character " + AddressException.nameOf(other.getAsInt()) + " in its domain, which no domain has");
    }
  }

  private static String internationalised(String domain) {
    IDNA.Info info = new IDNA.Info();
    String ascii = UTS46.nameToASCII(domain, new StringBuilder(), info).toString();
    IDNA.Info back = new IDNA.Info();
    String decoded = UTS46.nameToUnicode(ascii, new StringBuilder(), back).toString();
    boolean valid = !info.hasErrors() && !back.hasErrors();
    if (!valid || !Stream.of(decoded.split("\\.", -1)).allMatch(l -> LETTERS_ALONE.matcher(l).matches())) {
      throw invalid();
    }
    try {
      requireDnsName(ascii);
    } catch (AddressException e) {
      throw invalid();
    }
    return ascii;
  }

  private static AddressException invalid() {
    return AddressException.email("has a domain that is no valid internationalised domain name");
  }

  private static void requireDnsName(String domain) {
    if (domain.length() > MAX_BYTES) {
      throw AddressException.email("has a domain of more than " + MAX_BYTES + " bytes");
    }
    String[] labels = domain.split("\\.", -1);
    for (String label : labels) {
      if (label.isEmpty()) {
        throw AddressException.email("has a domain with an empty part between dots");
      }
      if (label.length() > MAX_LABEL_BYTES) {
        throw AddressException.email("has a domain with a part of more than " + MAX_LABEL_BYTES + " bytes");
      }
      if (label.startsWith("-") || label.endsWith("-")) {
        throw AddressException.email("has a domain with a part that begins or ends with a hyphen");
      }
    }
    if (labels[labels.length - 1].chars().allMatch(c -> '0' <= c && c <= '9')) {
      throw AddressException.email("has a number for a domain: write the domain's name");
    }
  }
}
