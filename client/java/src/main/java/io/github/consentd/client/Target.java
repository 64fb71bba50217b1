package io.github.consentd.client;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * A target that was read.
 *
 * @param address as gRPC takes it
 * @param local true for loopback addresses and Unix sockets; a scheme that is not known counts as remote
 */
record Target(String address, boolean local) {
  private static final Pattern DNS = Pattern.compile("dns://[^/]*/(.*)");
  private static final Pattern HOST_PORT = Pattern.compile("(?:\\[([^\\]]+)\\]|([^:\\[\\]/]+)):(\\d{1,5})");
  private static final Pattern LOOPBACK = Pattern.compile("127(?:\\.(?:25[0-5]|2[0-4]\\d|1?\\d?\\d)){3}");

  /**
   * Reads a target, or several of the form host:port that are separated by commas.
   *
   * @throws IllegalArgumentException for all else
   */
  static List<Target> parseAll(String targets) {
    String[] parts = targets.split(",", -1);
    if (parts.length > 1 && (targets.contains("/") || targets.contains("unix:"))) {
      throw refusal(targets);
    }
    return Stream.of(parts).map(Target::parse).toList();
  }

  /**
   * Reads host:port, dns:///host:port, unix:///path or unix:path.
   *
   * @throws IllegalArgumentException for all else
   */
  static Target parse(String target) {
    if (target.startsWith("unix:")) {
      String path = target.substring("unix:".length());
      if (path.isEmpty() || (path.startsWith("//") && !path.startsWith("///"))) {
        throw refusal(target); // gRPC would find out in the first call only
      }
      return new Target(target, true);
    }
    Matcher dns = DNS.matcher(target);
    if (dns.matches()) {
      return new Target(target, isLocal(target, dns.group(1)));
    }
    if (target.contains("://")) {
      return new Target(target, false);
    }
    return new Target("dns:///" + target, isLocal(target, target));
  }

  private static boolean isLocal(String target, String endpoint) {
    Matcher parts = HOST_PORT.matcher(endpoint);
    if (!parts.matches() || Integer.parseInt(parts.group(3)) > 65535) {
      throw refusal(target);
    }
    if (parts.group(1) == null) {
      String host = parts.group(2);
      return host.equals("localhost") || LOOPBACK.matcher(host).matches();
    }
    try {
      return InetAddress.getByName("[" + parts.group(1) + "]").isLoopbackAddress(); // in brackets it asks no name server
    } catch (UnknownHostException e) {
      throw refusal(target);
    }
  }

  private static IllegalArgumentException refusal(String target) {
    return new IllegalArgumentException(
        "target \"" + target + "\": want host:port, host:port,host:port, dns:///host:port or unix:///path");
  }
}
