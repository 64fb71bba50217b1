package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/consentd/consentd/client"
)

// enum is any enum of the API.
type enum interface {
	~int32
	protoreflect.Enum
}

// enumNames lists an enum's values in bare form, without UNSPECIFIED.
func enumNames[E enum]() []string { return bareNames(E(0).Descriptor()) }

func bareNames(descriptor protoreflect.EnumDescriptor) []string {
	var names []string
	values := descriptor.Values()
	for i := range values.Len() {
		if value := values.Get(i); value.Number() != 0 {
			names = append(names, bareName(value))
		}
	}
	return names
}

func bareName(value protoreflect.EnumValueDescriptor) string {
	return strings.TrimPrefix(string(value.Name()), client.EnumPrefix(value.Parent().(protoreflect.EnumDescriptor)))
}

// enumValue finds a value by its bare name or its full one, in any letter case, with - for _. UNSPECIFIED is none.
func enumValue(descriptor protoreflect.EnumDescriptor, text string) (protoreflect.EnumValueDescriptor, error) {
	prefix := client.EnumPrefix(descriptor)
	name := strings.ToUpper(strings.ReplaceAll(text, "-", "_"))
	value := descriptor.Values().ByName(protoreflect.Name(prefix + strings.TrimPrefix(name, prefix)))
	if value == nil || value.Number() == 0 {
		return nil, fmt.Errorf("want %s", strings.Join(bareNames(descriptor), ", "))
	}
	return value, nil
}

func parseEnum[E enum](text string) (E, error) {
	value, err := enumValue(E(0).Descriptor(), text)
	if err != nil {
		return 0, err
	}
	return E(value.Number()), nil
}

// parseEnumArgument is parseEnum for a positional argument.
func parseEnumArgument[E enum](cmd *cobra.Command, name, text string) (E, error) {
	value, err := parseEnum[E](text)
	if err != nil {
		return 0, usageError(cmd, fmt.Errorf("invalid argument %q for %s: %w", text, name, err))
	}
	return value, nil
}
