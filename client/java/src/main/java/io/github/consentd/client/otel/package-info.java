/** Traces of OpenTelemetry. */
package io.github.consentd.client.otel;
