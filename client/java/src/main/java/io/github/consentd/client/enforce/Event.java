package io.github.consentd.client.enforce;

/**
 * A call that was let through or not; a stream that was let through and is ended later is two.
 *
 * @param where the gRPC method's full name
 * @param purpose that it declares; empty where it declares none
 * @param outcome what became of it
 */
public record Event(String where, String purpose, Outcome outcome) {}
