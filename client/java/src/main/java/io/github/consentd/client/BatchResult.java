package io.github.consentd.client;

import java.util.Optional;

/**
 * What came of one request of a batch.
 *
 * @param decision the decision; with an error, one that denies
 * @param error what {@code check} would have thrown
 */
public record BatchResult(Decision decision, Optional<ConsentException> error) {}
