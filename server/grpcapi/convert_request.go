package grpcapi

import (
	"fmt"
	"math"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/authz"
	"github.com/consentd/consentd/server/consent"
)

// The bounds of a context.
const (
	maxContextBytes = 16 << 10
	maxContextDepth = 32
)

// requestOf converts a check that keeps the rules of the proto files; the faults are those of its context.
func requestOf(r *consentv1.CheckRequest) (consent.Request, []consent.Violation) {
	facts, faults := contextOf(r.GetContext())
	return consent.Request{
		Subject:        consent.Subject{Controller: r.GetController(), ID: r.GetSubjectId()},
		Purpose:        r.GetPurpose(),
		DataCategories: r.GetDataCategories(),
		Recipient:      recipientOf(r.GetRecipient()),
		Context:        facts,
	}, faults
}

func recipientOf(r *consentv1.Recipient) consent.Recipient {
	return consent.Recipient{Kind: consent.RecipientKind(r.GetKind()), ID: r.GetId(), Country: r.GetCountry()}
}

// consistencyOf converts a requirement; none is minimize_latency.
func consistencyOf(c *consentv1.Consistency) authz.Consistency {
	switch need := c.GetRequirement().(type) {
	case *consentv1.Consistency_FullyConsistent:
		return authz.Consistency{Freshness: consent.FullyConsistent}
	case *consentv1.Consistency_AtLeastAsFresh:
		return authz.Consistency{Token: need.AtLeastAsFresh}
	}
	return authz.Consistency{}
}

// contextOf converts a context; none is nil.
func contextOf(s *structpb.Struct) (map[string]any, []consent.Violation) {
	if len(s.GetFields()) == 0 {
		return nil, nil
	}
	if size := proto.Size(s); size > maxContextBytes {
		return nil, contextFault(fmt.Sprintf("is %d bytes encoded; at most %d are allowed", size, maxContextBytes))
	}
	facts, fault := objectOf(s, 1)
	if fault != "" {
		return nil, contextFault(fault)
	}
	return facts, nil
}

func contextFault(description string) []consent.Violation {
	return []consent.Violation{{Field: "context", Description: description}}
}

// objectOf converts an object that is nested at this depth; fault says why it cannot be.
func objectOf(s *structpb.Struct, depth int) (object map[string]any, fault string) {
	if depth > maxContextDepth {
		return nil, fmt.Sprintf("is nested more than %d deep", maxContextDepth)
	}
	object = make(map[string]any, len(s.GetFields()))
	for key, v := range s.GetFields() {
		if object[key], fault = valueOf(v, depth); fault != "" {
			return nil, fault
		}
	}
	return object, ""
}

func listOf(l *structpb.ListValue, depth int) (list []any, fault string) {
	if depth > maxContextDepth {
		return nil, fmt.Sprintf("is nested more than %d deep", maxContextDepth)
	}
	list = make([]any, len(l.GetValues()))
	for i, v := range l.GetValues() {
		if list[i], fault = valueOf(v, depth); fault != "" {
			return nil, fault
		}
	}
	return list, ""
}

func valueOf(v *structpb.Value, depth int) (any, string) {
	switch kind := v.GetKind().(type) {
	case *structpb.Value_NullValue:
		return nil, ""
	case *structpb.Value_BoolValue:
		return kind.BoolValue, ""
	case *structpb.Value_StringValue:
		return kind.StringValue, ""
	case *structpb.Value_NumberValue:
		if math.IsNaN(kind.NumberValue) || math.IsInf(kind.NumberValue, 0) {
			return nil, "has a number that is not finite"
		}
		return kind.NumberValue, ""
	case *structpb.Value_StructValue:
		object, fault := objectOf(kind.StructValue, depth+1)
		return object, fault
	case *structpb.Value_ListValue:
		list, fault := listOf(kind.ListValue, depth+1)
		return list, fault
	}
	return nil, "has a value without a kind"
}
