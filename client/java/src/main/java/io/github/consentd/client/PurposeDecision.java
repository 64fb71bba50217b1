package io.github.consentd.client;

/**
 * The decision on one purpose.
 *
 * @param purpose the purpose
 * @param decision its decision
 */
public record PurposeDecision(String purpose, Decision decision) {}
