package grpcapi

import (
	"time"

	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/consent"
)

// checkResponse converts a decision; token stands for the state behind it.
func checkResponse(d *consent.Decision, token string) *consentv1.CheckResponse {
	return &consentv1.CheckResponse{
		Decision:                decisionOf(d.Effect),
		Reasons:                 reasons(d.Reasons),
		LegalBasis:              consentv1.LegalBasis(d.Basis),
		Obligations:             obligations(d.Obligations),
		PermittedDataCategories: d.PermittedDataCategories,
		ValidUntil:              timestamp(d.ValidUntil),
		ConsistencyToken:        token,
		PolicyRevision:          d.PolicyRevision,
		DecisionId:              d.ID,
	}
}

// timestamp converts an instant; an absent one is nil.
func timestamp(i consent.Instant) *timestamppb.Timestamp {
	if i == 0 {
		return nil
	}
	return timestamppb.New(i.Time())
}

func reasons(list []consent.Reason) []*consentv1.Reason {
	converted := make([]*consentv1.Reason, len(list))
	for i, r := range list {
		converted[i] = &consentv1.Reason{Code: consentv1.ReasonCode(r.Code), Clause: r.Clause, Message: messages[r.Code]}
	}
	return converted
}

func obligations(list []consent.Obligation) []*consentv1.Obligation {
	converted := make([]*consentv1.Obligation, len(list))
	for i, o := range list {
		converted[i] = &consentv1.Obligation{Code: consentv1.ObligationCode(o.Code), Parameters: parameters(o.Parameters)}
	}
	return converted
}

// parameters converts those that are set; nil if none is.
func parameters(p consent.Parameters) *structpb.Struct {
	fields := map[string]*structpb.Value{}
	if p.Country != "" {
		fields["country"] = structpb.NewStringValue(p.Country)
	}
	if len(p.Categories) > 0 {
		fields["categories"] = structpb.NewListValue(stringList(p.Categories))
	}
	if p.Signal != "" {
		fields["signal"] = structpb.NewStringValue(p.Signal)
	}
	if p.Time != 0 {
		fields["time"] = structpb.NewStringValue(p.Time.Time().Format(time.RFC3339Nano))
	}
	if len(fields) == 0 {
		return nil
	}
	return &structpb.Struct{Fields: fields}
}

func stringList(values []string) *structpb.ListValue {
	list := &structpb.ListValue{Values: make([]*structpb.Value, len(values))}
	for i, v := range values {
		list.Values[i] = structpb.NewStringValue(v)
	}
	return list
}
