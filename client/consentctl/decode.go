package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/reflect/protoreflect"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

// decodeChecks reads check requests: JSON objects one after the other, or one array of them. How many may
// be sent is the server's to say.
func decodeChecks(name string, r io.Reader) ([]*consentv1.CheckRequest, error) {
	raw, err := decodeRaw(bufio.NewReader(r))
	if err != nil {
		return nil, fmt.Errorf("reading %s: after %d checks: %w", name, len(raw), err)
	}
	if len(raw) == 0 {
		return nil, fmt.Errorf("reading %s: it holds no checks", name)
	}
	requests := make([]*consentv1.CheckRequest, len(raw))
	for i, text := range raw {
		requests[i] = &consentv1.CheckRequest{}
		if err := unmarshal(text, requests[i]); err != nil {
			return nil, fmt.Errorf("reading %s: check %d: %w", name, i+1, err)
		}
	}
	return requests, nil
}

// decodeRaw splits the input into JSON values; with an error it returns those before it.
func decodeRaw(r *bufio.Reader) ([]json.RawMessage, error) {
	decoder := json.NewDecoder(r)
	var all []json.RawMessage
	for {
		var next json.RawMessage
		if err := decoder.Decode(&next); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return all, err
		}
		if len(all) == 0 && bytes.HasPrefix(next, []byte("[")) {
			return decodeArray(decoder, next)
		}
		all = append(all, next)
	}
}

// decodeArray splits an array, after which the input must end.
func decodeArray(decoder *json.Decoder, array json.RawMessage) ([]json.RawMessage, error) {
	var all []json.RawMessage
	if err := json.Unmarshal(array, &all); err != nil {
		return nil, err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return all, errors.New("more follows the array")
	}
	return all, nil
}

// position is where protojson met an error; it refers to a text that the user never saw.
var position = regexp.MustCompile(`^proto:[ \x{a0}](\(line \d+:\d+\): )?`)

// unmarshal reads a message from JSON, as protojson does, with enum values in bare form allowed.
func unmarshal(text json.RawMessage, message protoreflect.ProtoMessage) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return err
	}
	object, ok := value.(map[string]any)
	if !ok {
		return errors.New("want a JSON object")
	}
	if err := nameEnums(object, message.ProtoReflect().Descriptor()); err != nil {
		return err
	}
	full, err := json.Marshal(object)
	if err != nil {
		return err
	}
	if err := protojson.Unmarshal(full, message); err != nil {
		return errors.New(position.ReplaceAllString(err.Error(), ""))
	}
	return nil
}

// nameEnums gives the enum values of a message in JSON the prefix that protojson wants. Lists and maps of enums or
// messages do not occur in what is read.
func nameEnums(object map[string]any, message protoreflect.MessageDescriptor) error {
	for key, value := range object {
		field := fieldByKey(message, key)
		switch {
		case field == nil || field.IsList():
		case field.Enum() != nil:
			name, err := fullName(field.Enum(), value)
			if err != nil {
				return fmt.Errorf("%s: %w", key, err)
			}
			object[key] = name
		case field.Message() != nil && field.Message().FullName() != "google.protobuf.Struct":
			if nested, ok := value.(map[string]any); ok {
				if err := nameEnums(nested, field.Message()); err != nil {
					return fmt.Errorf("%s.%w", key, err)
				}
			}
		}
	}
	return nil
}

func fieldByKey(message protoreflect.MessageDescriptor, key string) protoreflect.FieldDescriptor {
	if field := message.Fields().ByJSONName(key); field != nil {
		return field
	}
	return message.Fields().ByName(protoreflect.Name(key))
}

// fullName finds a value of an enum by its bare or full name.
func fullName(enum protoreflect.EnumDescriptor, value any) (string, error) {
	text, ok := value.(string)
	if !ok {
		return "", errors.New("want a name")
	}
	found, err := enumValue(enum, text)
	if err != nil {
		return "", fmt.Errorf("%q: %w", text, err)
	}
	return string(found.Name()), nil
}
