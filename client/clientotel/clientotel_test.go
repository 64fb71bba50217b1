package clientotel_test

import (
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/consentd/consentd/client"
	"github.com/consentd/consentd/client/clientotel"
	"github.com/consentd/consentd/client/clienttest"
)

func TestEachCheckIsASpan(t *testing.T) {
	spans := tracetest.NewSpanRecorder()
	fake := clienttest.Start(t, "rules: [{subject: yes-sir, decision: ALLOW}, {subject: broken, error: INTERNAL}]")
	c, err := client.Dial(fake.Addr, client.WithHook(clientotel.Hook(trace.NewTracerProvider(trace.WithSpanProcessor(spans)))))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, subject := range []string{"yes-sir", "nobody", "broken"} {
		c.Allowed(t.Context(), client.NewCheck("example", subject, "marketing_email"))
	}
	ended := spans.Ended()
	if len(ended) != 3 {
		t.Fatalf("%d spans, want 3", len(ended))
	}
	for i, want := range []struct{ allowed, reason, status string }{
		{"true", "BASIS_HOLDS", ""}, {"false", "PURPOSE_NOT_DECLARED", ""}, {"", "", "Internal"},
	} {
		set := attribute.NewSet(ended[i].Attributes()...)
		get := func(key attribute.Key) string { v, _ := set.Value(key); return v.Emit() }
		if want.status != "" {
			if s := ended[i].Status(); s.Code != codes.Error || s.Description != want.status {
				t.Errorf("span %d: status %v, want %s", i, s, want.status)
			}
		} else if get("consentd.allowed") != want.allowed || get("consentd.reason") != want.reason ||
			get("consentd.purpose") != "marketing_email" {
			t.Errorf("span %d: %v, want %v", i, ended[i].Attributes(), want)
		}
		for _, a := range ended[i].Attributes() {
			if v := a.Value.Emit(); v == "yes-sir" || v == "nobody" || v == "broken" {
				t.Errorf("the subject is in the span: %v", a)
			}
		}
	}
}
