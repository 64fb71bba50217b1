/**
 * Asks consentd, over gRPC, whether a person's data may be used for a purpose, and records what happens to their consent.
 *
 * <pre>{@code
 * try (Client client = Client.connect("127.0.0.1:7070")) {
 *   Decision decision = client.check(Requests.check("example", "user-42", "marketing_email").build());
 *   if (!decision.allowed()) {
 *     return; // do not use the data
 *   }
 * }
 * }</pre>
 *
 * <p>Guarantees: a decision that allows never comes with an error, and whatever this package does not understand of an answer
 * denies. Every call ends: after 1 s unless the client or the call says otherwise. UNAVAILABLE is retried within the deadline.
 *
 * <p>Failure: calls throw {@link io.github.consentd.client.ConsentException} and nothing else.
 */
package io.github.consentd.client;
