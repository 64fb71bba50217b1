package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// detailText lists what is set in a message as name=value, nested names dotted.
func detailText(m protoreflect.Message) string {
	return strings.Join(details("", m), " ")
}

func details(prefix string, m protoreflect.Message) []string {
	if facts, ok := m.Interface().(*structpb.Struct); ok {
		return factDetails(facts)
	}
	var found []string
	for i := range m.Descriptor().Fields().Len() {
		field := m.Descriptor().Fields().Get(i)
		if !m.Has(field) {
			continue
		}
		value := m.Get(field)
		if nested, ok := nestedMessage(field, value); ok {
			found = append(found, details(prefix+field.TextName()+".", nested)...)
			continue
		}
		found = append(found, prefix+field.TextName()+"="+detail(field, value))
	}
	return found
}

// nestedMessage is a field's message, but for times, which are values.
func nestedMessage(field protoreflect.FieldDescriptor, value protoreflect.Value) (protoreflect.Message, bool) {
	if field.Message() == nil || field.IsList() {
		return nil, false
	}
	_, isTime := value.Message().Interface().(*timestamppb.Timestamp)
	return value.Message(), !isTime
}

func detail(field protoreflect.FieldDescriptor, value protoreflect.Value) string {
	if field.IsList() {
		items := make([]string, value.List().Len())
		for i := range items {
			items[i] = fmt.Sprint(scalarJSON(field, value.List().Get(i)))
		}
		return strings.Join(items, ",")
	}
	if field.Message() != nil {
		return timeText(value.Message().Interface().(*timestamppb.Timestamp))
	}
	return fmt.Sprint(scalarJSON(field, value))
}

// factDetails lists a JSON object's members, sorted by name: text as it stands, lists joined, all else as JSON.
func factDetails(facts *structpb.Struct) []string {
	var found []string
	for _, key := range slices.Sorted(maps.Keys(facts.GetFields())) {
		found = append(found, key+"="+factText(facts.GetFields()[key]))
	}
	return found
}

func factText(value *structpb.Value) string {
	switch value.GetKind().(type) {
	case *structpb.Value_StringValue:
		return value.GetStringValue()
	case *structpb.Value_ListValue:
		items := make([]string, len(value.GetListValue().GetValues()))
		for i, item := range value.GetListValue().GetValues() {
			items[i] = factText(item)
		}
		return strings.Join(items, ",")
	default:
		text, err := value.MarshalJSON()
		if err != nil {
			return "?" // a number that JSON does not have
		}
		return string(text)
	}
}
