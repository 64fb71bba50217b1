package io.github.consentd.client;

import io.github.consentd.v1.WatchHello;
import io.github.consentd.v1.WatchInvalidationsResponse;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.util.Arrays;
import java.util.Base64;
import java.util.zip.CRC32;
import java.util.zip.CRC32C;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * What the server and near caches agree on beyond the messages: consistency tokens, hash slots and checksums, as the proto
 * file says them at WatchInvalidationsResponse and WatchHello.
 */
final class NearWire {
  /** How long the text of a token of each version is. */
  private static final int[] TOKEN_CHARS = {0, 39, 44};

  private static final int STORE_ID_BYTES = 16;
  private static final int BODY_BYTES = 1 + STORE_ID_BYTES + Long.BYTES; // the version, the store's id, the revision
  private static final byte UNMARKED = 1;
  private static final byte MARKED = 2; // has the mark of the store's history behind the revision
  private static final String HMAC = "HmacSHA256";
  private static final long SECOND = 1_000_000_000;

  private NearWire() {}

  /** The stream cannot be trusted any more. What is known by it is dropped, and another one is opened. */
  static final class ProtocolException extends RuntimeException {
    private static final long serialVersionUID = 1;

    ProtocolException(String message) {
      super(message);
    }
  }

  /** What a consistency token says: a revision, unsigned, and of which store. */
  record Token(byte[] storeId, long revision) {
    boolean isOf(byte[] store) {
      return Arrays.equals(storeId, store);
    }
  }

  /** Reads a token; null for one that is damaged or of another version. It takes only what a server writes. */
  static Token token(String text) {
    byte[] raw = tokenBytes(text);
    if (raw == null) {
      return null;
    }
    ByteBuffer in = ByteBuffer.wrap(raw);
    byte version = in.get();
    byte[] storeId = new byte[STORE_ID_BYTES];
    in.get(storeId);
    long revision = in.getLong();
    String again = version == MARKED ? markedText(storeId, revision, in.getInt()) : tokenText(storeId, revision);
    // Written again it must be the same: the checksum, and the bits behind the end.
    return again.equals(text) ? new Token(storeId, revision) : null;
  }

  /** The bytes of a token of a version that is known; null for others. The checksum is not looked at. */
  static byte[] tokenBytes(String text) {
    if (text.length() != TOKEN_CHARS[UNMARKED] && text.length() != TOKEN_CHARS[MARKED] || text.endsWith("=")) {
      return null;
    }
    byte[] raw;
    try {
      raw = Base64.getUrlDecoder().decode(text);
    } catch (IllegalArgumentException e) {
      return null;
    }
    boolean known = raw[0] == UNMARKED || raw[0] == MARKED;
    return known && text.length() == TOKEN_CHARS[raw[0]] ? raw : null;
  }

  /** The inverse of {@link #token}, of version 1. */
  static String tokenText(byte[] storeId, long revision) {
    return text(ByteBuffer.allocate(BODY_BYTES).put(UNMARKED).put(storeId).putLong(revision));
  }

  /** The inverse of {@link #token}, of version 2. */
  static String markedText(byte[] storeId, long revision, int mark) {
    return text(ByteBuffer.allocate(BODY_BYTES + Integer.BYTES).put(MARKED).put(storeId).putLong(revision).putInt(mark));
  }

  private static String text(ByteBuffer body) {
    CRC32C sum = new CRC32C();
    sum.update(body.array());
    byte[] whole = ByteBuffer.allocate(body.capacity() + Integer.BYTES).put(body.array()).putInt((int) sum.getValue()).array();
    return Base64.getUrlEncoder().withoutPadding().encodeToString(whole);
  }

  /** The hash slot into which changes of a subject fall. */
  static int slot(WatchHello hello, String controller, String subjectId) {
    byte[] name = controller.getBytes(StandardCharsets.UTF_8);
    try {
      Mac mac = Mac.getInstance(HMAC);
      mac.init(new SecretKeySpec(hello.getSlotKey().toByteArray(), HMAC));
      mac.update(ByteBuffer.allocate(Integer.BYTES).putInt(name.length).array());
      mac.update(name);
      long hash = ByteBuffer.wrap(mac.doFinal(subjectId.getBytes(StandardCharsets.UTF_8))).getLong();
      return (int) (hash & (hello.getSlotCount() - 1)); // a power of 2
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("each Java has " + HMAC, e);
    }
  }

  /** What the checksum of a message must be. */
  static int checksum(WatchInvalidationsResponse m) {
    byte[] policy = m.getPolicyRevisionBytes().toByteArray();
    ByteBuffer numbers = ByteBuffer.allocate(5 * Long.BYTES + m.getSlotsCount() * Integer.BYTES);
    numbers.putLong(m.getFromPosition()).putLong(m.getPosition()).putLong(m.getRevision());
    numbers.putLong(m.getHeartbeat()).putLong(m.getServerTime());
    m.getSlotsList().forEach(numbers::putInt);
    CRC32 sum = new CRC32();
    sum.update(numbers.array());
    sum.update(policy);
    if (m.hasHello()) {
      WatchHello hello = m.getHello();
      sum.update(hello.getStoreId().toByteArray());
      sum.update(hello.getSlotKey().toByteArray());
      long lease = hello.getLease().getSeconds() * SECOND + hello.getLease().getNanos();
      sum.update(ByteBuffer.allocate(Integer.BYTES + Long.BYTES).putInt(hello.getSlotCount()).putLong(lease).array());
    }
    return (int) sum.getValue();
  }
}
