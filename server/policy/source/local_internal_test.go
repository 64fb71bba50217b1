package source

import (
	"errors"
	"testing"
	"testing/synctest"

	"github.com/consentd/consentd/server/consent"
)

// A file that is still being written is not taken for a whole one.
func TestReadingsMustAgree(t *testing.T) {
	reading := func(content string) func() (*Files, error) {
		return func() (*Files, error) {
			return NewFiles([]consent.PolicyFile{{Path: "a.rego", Content: []byte(content)}})
		}
	}
	failing := func() (*Files, error) { return nil, errors.New("a.rego: gone") }
	for name, row := range map[string]struct {
		readings []func() (*Files, error) // the last is repeated
		want     string
		err      string
	}{
		"at once":              {readings: []func() (*Files, error){reading("whole")}, want: "whole"},
		"half-written first":   {readings: []func() (*Files, error){reading("wh"), reading("whole")}, want: "whole"},
		"emptied in between":   {readings: []func() (*Files, error){reading("old"), reading(""), reading("whole")}, want: "whole"},
		"renamed in between":   {readings: []func() (*Files, error){reading("old"), failing, reading("whole")}, want: "whole"},
		"gone":                 {readings: []func() (*Files, error){failing}, err: "a.rego: gone"},
		"never twice the same": {err: "the files kept changing while they were read: save them again when what writes them has ended"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := 0
				files, err := agreed(t.Context(), func() (*Files, error) {
					n++
					if len(row.readings) == 0 {
						return reading(string(rune('a' + n)))()
					}
					return row.readings[min(n, len(row.readings))-1]()
				})
				switch {
				case row.err != "" && (err == nil || err.Error() != row.err):
					t.Errorf("error %v, want %q", err, row.err)
				case row.err == "" && (err != nil || string(files.List()[0].Content) != row.want):
					t.Errorf("got %v, %v, want %q", files, err, row.want)
				}
			})
		})
	}
}
