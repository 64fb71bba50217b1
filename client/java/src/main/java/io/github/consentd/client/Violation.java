package io.github.consentd.client;

import java.io.Serializable;

/**
 * One fault of a request that was refused.
 *
 * @param field the field's path within the request, for example "data_categories[0]"
 * @param description what is wrong with it
 * @serial exclude
 */
public record Violation(String field, String description) implements Serializable {}
