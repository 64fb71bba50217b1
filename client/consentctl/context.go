package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"google.golang.org/protobuf/types/known/structpb"
)

// contextFlag collects the facts of a request's context from repeated flags, each a JSON object or a key=value.
type contextFlag struct{ facts map[string]any }

// Set adds the facts of one flag. A key that is there already is a mistake, not an update.
func (f *contextFlag) Set(text string) error {
	facts, err := parseFacts(text)
	if err != nil {
		return err
	}
	if f.facts == nil {
		f.facts = map[string]any{}
	}
	for key, value := range facts {
		if _, twice := f.facts[key]; twice {
			return fmt.Errorf("%q is given twice", key)
		}
		f.facts[key] = value
	}
	return nil
}

func (f *contextFlag) String() string {
	if len(f.facts) == 0 {
		return ""
	}
	text, err := json.Marshal(f.facts)
	must(err) // the facts come from JSON
	return string(text)
}

func (f *contextFlag) Type() string { return "fact" }

// proto is the context of a request; nil where there is none.
func (f *contextFlag) proto() (*structpb.Struct, error) {
	if f.facts == nil {
		return nil, nil
	}
	return structpb.NewStruct(f.facts)
}

func parseFacts(text string) (map[string]any, error) {
	if strings.HasPrefix(strings.TrimSpace(text), "{") {
		var facts map[string]any
		if err := json.Unmarshal([]byte(text), &facts); err != nil {
			return nil, fmt.Errorf("not a JSON object: %w", err)
		}
		return facts, nil
	}
	key, value, found := strings.Cut(text, "=")
	if !found || key == "" {
		return nil, errors.New("want key=value or a JSON object")
	}
	parsed, err := parseFact(value)
	return map[string]any{key: parsed}, err
}

// parseFact reads a JSON value; what is none is a string as it stands. Text that begins as a list, an object or a
// quoted string must be JSON: it was meant to be.
func parseFact(text string) (any, error) {
	var value any
	err := json.Unmarshal([]byte(text), &value)
	if err == nil {
		return value, nil
	}
	if strings.HasPrefix(text, "[") || strings.HasPrefix(text, "{") || strings.HasPrefix(text, `"`) {
		return nil, fmt.Errorf("not JSON: %w", err)
	}
	return text, nil
}
