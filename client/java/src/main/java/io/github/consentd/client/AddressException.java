package io.github.consentd.client;

/** Why an e-mail address or a phone number has no id. What was given is not in it, so that it may be logged. */
public final class AddressException extends IllegalArgumentException {
  private static final long serialVersionUID = 1;

  private AddressException(String message) {
    super(message);
  }

  static AddressException email(String problem) {
    return new AddressException("the e-mail address " + problem);
  }

  static AddressException phone(String problem) {
    return new AddressException("the phone number " + problem);
  }

  /** A character as Unicode names it: U+200B. */
  static String nameOf(int character) {
    return String.format("U+%04X", character);
  }
}
