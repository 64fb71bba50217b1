package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/consentd/consentd/client"
)

// enumFlag is a flag with the value of an enum; zero: not given.
type enumFlag[E enum] struct{ value E }

func (f *enumFlag[E]) Set(text string) (err error) {
	f.value, err = parseEnum[E](text)
	return err
}

func (f *enumFlag[E]) String() string {
	if f.value == 0 {
		return ""
	}
	return client.EnumName(f.value)
}

func (f *enumFlag[E]) Type() string { return "value" }

// add registers the flag with its completion; the usage lists the values.
func (f *enumFlag[E]) add(cmd *cobra.Command, name, usage string) {
	cmd.Flags().Var(f, name, usage+": "+strings.Join(enumNames[E](), ", "))
	completeFlag(cmd, name, enumNames[E]())
}

// choiceFlag is a flag with one of a few words.
type choiceFlag struct {
	value   string
	choices []string
}

func (f *choiceFlag) Set(text string) error {
	if !slices.Contains(f.choices, text) {
		return fmt.Errorf("want %s", strings.Join(f.choices, " or "))
	}
	f.value = text
	return nil
}

func (f *choiceFlag) String() string { return f.value }
func (f *choiceFlag) Type() string   { return "format" }

// timeFlag is a flag with a time, possibly relative to now; zero: not given.
type timeFlag struct {
	now   func() time.Time
	value time.Time
}

func (f *timeFlag) Set(text string) (err error) {
	f.value, err = parseTime(text, f.now())
	return err
}

func (f *timeFlag) String() string {
	if f.value.IsZero() {
		return ""
	}
	return f.value.Format(time.RFC3339Nano)
}

func (f *timeFlag) Type() string { return "time" }

// timestamp is nil where the flag was not given.
func (f *timeFlag) timestamp() *timestamppb.Timestamp {
	if f.value.IsZero() {
		return nil
	}
	return timestamppb.New(f.value)
}
