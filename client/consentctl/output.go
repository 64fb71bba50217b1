package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/consentd/consentd/client"
)

// What -o asks for.
const (
	outputTable = "table"
	outputJSON  = "json"
)

// print writes a message to standard output as JSON, or what text writes where tables are asked for.
func (a *app) print(message proto.Message, text func(io.Writer)) error {
	return a.printValue(messageJSON{message}, text)
}

// printValue is print for what is no message. It writes all or, on an error, reports that it did not.
func (a *app) printValue(value any, text func(io.Writer)) error {
	out, err := a.rendered(value, text)
	if err != nil {
		return err
	}
	if _, err := a.stdout.Write(out); err != nil {
		return fmt.Errorf("writing the output: %w", err)
	}
	return nil
}

// rendered is a value in the form that -o asks for.
func (a *app) rendered(value any, text func(io.Writer)) ([]byte, error) {
	var out bytes.Buffer
	switch a.output.value {
	case outputTable:
		text(&out)
	case outputJSON:
		compact, err := encode(value)
		if err != nil {
			return nil, fmt.Errorf("writing JSON: %w", err)
		}
		if err := json.Indent(&out, compact, "", "  "); err != nil {
			return nil, fmt.Errorf("writing JSON: %w", err)
		}
	default:
		return nil, fmt.Errorf("-o %s: this command has no such output: use %s or %s", a.output.value, outputTable, outputJSON)
	}
	return out.Bytes(), nil
}

// table is a header and rows of cells; cells are cleaned when added.
type table struct {
	header []string
	rows   [][]string
}

func (t *table) add(cells ...string) {
	row := make([]string, len(cells))
	for i, cell := range cells {
		row[i] = clean(cell)
	}
	t.rows = append(t.rows, row)
}

// write aligns the columns; w must not fail.
func (t *table) write(w io.Writer) {
	writeRows(w, append([][]string{t.header}, t.rows...))
}

// section writes a table that has rows, after an empty line.
func (t *table) section(w io.Writer) {
	if len(t.rows) > 0 {
		fmt.Fprintln(w)
		t.write(w)
	}
}

// fields writes names and values below each other and leaves out what has no value.
func fields(w io.Writer, pairs [][2]string) {
	var rows [][]string
	for _, p := range pairs {
		if p[1] != "" {
			rows = append(rows, []string{p[0], clean(p[1])})
		}
	}
	writeRows(w, rows)
}

func writeRows(w io.Writer, rows [][]string) {
	var aligned bytes.Buffer
	tabs := tabwriter.NewWriter(&aligned, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		fmt.Fprintln(tabs, strings.Join(row, "\t"))
	}
	tabs.Flush() // a buffer takes everything
	for line := range strings.Lines(aligned.String()) {
		fmt.Fprintln(w, strings.TrimRight(line, " \n"))
	}
}

// clean keeps what others chose (ids, evidence, messages) from steering the terminal or breaking a table: characters
// that do not print come out as Go escapes.
func clean(text string) string {
	if strings.IndexFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) < 0 {
		return text
	}
	quoted := strconv.QuoteToGraphic(text)
	return quoted[1 : len(quoted)-1]
}

// timeText is a time in a table, to the second; empty: there is none.
func timeText(t *timestamppb.Timestamp) string {
	if t == nil {
		return ""
	}
	return t.AsTime().Format(time.RFC3339)
}

// timestampOf is nil for the zero time.
func timestampOf(t time.Time) *timestamppb.Timestamp {
	if t.IsZero() {
		return nil
	}
	return timestamppb.New(t)
}

// enumText is an enum value in a table; empty: unspecified.
func enumText(value protoreflect.Enum) string {
	if value.Number() == 0 {
		return ""
	}
	return client.EnumName(value)
}
