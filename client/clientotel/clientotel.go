// Package clientotel traces checks with OpenTelemetry:
//
//	c, err := client.Dial(addr, client.WithHook(clientotel.Hook(otel.GetTracerProvider())))
//
// Each check is a span, though many share a message to the server; the decision and its first reason are attributes.
// Subjects are named in none: a trace is kept where consent does not reach. A denial is no error of the span.
package clientotel

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc/status"

	"github.com/consentd/consentd/client"
	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

// Hook traces checks by a provider's tracer.
func Hook(provider trace.TracerProvider) client.Hook {
	tracer := provider.Tracer("github.com/consentd/consentd/client")
	return func(ctx context.Context, r *consentv1.CheckRequest) (context.Context, func(client.Decision, error)) {
		ctx, span := tracer.Start(ctx, "consentd.check", trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(
			attribute.String("consentd.controller", r.GetController()), attribute.String("consentd.purpose", r.GetPurpose()),
		))
		return ctx, func(d client.Decision, err error) {
			defer span.End()
			if err != nil {
				span.SetStatus(codes.Error, status.Code(err).String())
				return
			}
			span.SetAttributes(attribute.Bool("consentd.allowed", d.Allowed), attribute.String("consentd.decision_id", d.ID))
			if len(d.Reasons) > 0 {
				span.SetAttributes(attribute.String("consentd.reason", client.EnumName(d.Reasons[0].GetCode())))
			}
		}
	}
}
