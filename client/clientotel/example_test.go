package clientotel_test

import (
	"context"
	"fmt"

	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/consentd/consentd/client"
	"github.com/consentd/consentd/client/clientotel"
)

func ExampleHook() {
	spans := tracetest.NewSpanRecorder()
	hook := clientotel.Hook(trace.NewTracerProvider(trace.WithSpanProcessor(spans)))
	// A client calls the hook by itself: client.Dial(addr, client.WithHook(hook)).
	_, done := hook(context.Background(), client.NewCheck("example", "user-42", "marketing_email"))
	done(client.Decision{Allowed: true, ID: "d1"}, nil)

	for _, span := range spans.Ended() {
		fmt.Println(span.Name())
		for _, attribute := range span.Attributes() {
			fmt.Println(attribute.Key, attribute.Value.String())
		}
	}
	// Output:
	// consentd.check
	// consentd.controller example
	// consentd.purpose marketing_email
	// consentd.allowed true
	// consentd.decision_id d1
}
