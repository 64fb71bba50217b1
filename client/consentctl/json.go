package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/consentd/consentd/client"
)

// messageJSON writes a message of the API as JSON: field names as in the proto and in its order, enum values in bare
// form, times in RFC 3339, durations as Go has them ("1m30s"), 64-bit numbers as numbers, bytes in base64.
// Scalars and lists are always there; messages, optional fields, enums and bytes only where they are set.
//
// protojson gives enum values their prefix and 64-bit numbers quotes, and changes its spacing from build to build.
type messageJSON struct{ proto.Message }

// MarshalJSON implements json.Marshaler.
func (m messageJSON) MarshalJSON() ([]byte, error) {
	switch message := m.Message.(type) {
	case *timestamppb.Timestamp:
		return encode(message.AsTime().Format(time.RFC3339Nano))
	case *durationpb.Duration:
		return encode(message.AsDuration().String())
	case *structpb.Struct:
		return encode(message.AsMap())
	}
	out := []byte{'{'}
	reflected := m.ProtoReflect()
	for i := range reflected.Descriptor().Fields().Len() {
		field := reflected.Descriptor().Fields().Get(i)
		if omitted(reflected, field) {
			continue
		}
		value, err := encode(fieldJSON(field, reflected.Get(field)))
		if err != nil {
			return nil, err
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(out, `"`+field.TextName()+`":`...)
		out = append(out, value...)
	}
	return append(out, '}'), nil
}

func omitted(m protoreflect.Message, field protoreflect.FieldDescriptor) bool {
	optional := field.HasPresence() ||
		!field.IsList() && (field.Kind() == protoreflect.EnumKind || field.Kind() == protoreflect.BytesKind)
	return optional && !m.Has(field)
}

// encode is json.Marshal with <, > and & as they are, and with a newline at the end.
func encode(value any) ([]byte, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(value)
	return out.Bytes(), err
}

// fieldJSON is what encoding/json writes for a field. The API has no maps.
func fieldJSON(field protoreflect.FieldDescriptor, value protoreflect.Value) any {
	if !field.IsList() {
		return scalarJSON(field, value)
	}
	list := make([]any, value.List().Len())
	for i := range list {
		list[i] = scalarJSON(field, value.List().Get(i))
	}
	return list
}

func scalarJSON(field protoreflect.FieldDescriptor, value protoreflect.Value) any {
	switch field.Kind() {
	case protoreflect.MessageKind:
		return messageJSON{value.Message().Interface()}
	case protoreflect.EnumKind:
		return enumNumberName(field.Enum(), value.Enum())
	case protoreflect.BytesKind:
		return base64.StdEncoding.EncodeToString(value.Bytes())
	default:
		return value.Interface()
	}
}

// enumNumberName is client.EnumName for a field seen by reflection.
func enumNumberName(enum protoreflect.EnumDescriptor, number protoreflect.EnumNumber) string {
	return client.EnumName(reflectedEnum{enum, number})
}

// reflectedEnum is an enum value without its Go type.
type reflectedEnum struct {
	descriptor protoreflect.EnumDescriptor
	number     protoreflect.EnumNumber
}

func (e reflectedEnum) Descriptor() protoreflect.EnumDescriptor { return e.descriptor }
func (e reflectedEnum) Number() protoreflect.EnumNumber         { return e.number }
func (e reflectedEnum) Type() protoreflect.EnumType             { return nil }
