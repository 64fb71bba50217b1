package io.github.consentd.client;

import io.grpc.CallCredentials;
import java.util.Map;

/**
 * A client that sees its own writes: the newest consistency token of its writes goes into its later checks, on
 * whichever node they are answered. A consistency that a request sets itself is kept. Safe for use by many threads: the
 * newest token is the one with the highest revision.
 *
 * <p>A session belongs to the store of its first answer: its calls throw {@link StoreMismatchException} where the
 * servers show that they do not share it.
 */
public final class Session extends Calls {
  private final Freshness fresh;

  Session(Core core, Freshness fresh) {
    super(core, fresh);
    this.fresh = fresh;
  }

  /**
   * The same session, for calls with headers of their own, as {@link Client#withMetadata} has them.
   *
   * @param metadata names and values
   * @return a session that knows this one's writes, as this one knows its
   */
  public Session withMetadata(Map<String, String> metadata) {
    return new Session(core.with(Headers.of(metadata), null), fresh);
  }

  /**
   * The same session, for calls of another caller, as {@link Client#withCredentials} has them.
   *
   * @param credentials instead of the client's
   * @return a session that knows this one's writes, as this one knows its
   */
  public Session withCredentials(CallCredentials credentials) {
    return new Session(core.with(Headers.NONE, java.util.Objects.requireNonNull(credentials, "credentials")), fresh);
  }
}
