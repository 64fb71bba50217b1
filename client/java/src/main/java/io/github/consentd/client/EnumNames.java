package io.github.consentd.client;

import com.google.protobuf.Descriptors.EnumDescriptor;
import com.google.protobuf.Descriptors.EnumValueDescriptor;
import com.google.protobuf.ProtocolMessageEnum;

/** The bare names of enum values, for people and logs. */
public final class EnumNames {
  private EnumNames() {}

  /**
   * The bare form of an enum value: CONSENT_MISSING for REASON_CODE_CONSENT_MISSING. One that this package does not know gives
   * its number, the zero value UNSPECIFIED.
   *
   * @param value what the message's getter returns: {@code reason.getCode()}
   * @param number the number behind it: {@code reason.getCodeValue()}
   * @return its name without that of its type
   */
  public static String of(ProtocolMessageEnum value, int number) {
    EnumDescriptor type = value.getDescriptorForType();
    EnumValueDescriptor known = type.findValueByNumber(number);
    if (known == null) {
      return Integer.toString(number);
    }
    String zero = type.findValueByNumber(0).getName();
    return known.getName().substring(zero.length() - "UNSPECIFIED".length());
  }
}
