package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"google.golang.org/grpc/status"

	"github.com/consentd/consentd/client"
	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

func (a *app) batchCommand() *cobra.Command {
	var consistency consistencyFlags
	var log string
	cmd := &cobra.Command{
		Use:   "batch",
		Short: "Decide many checks, read as JSON lines or as a JSON array",
		Long: fmt.Sprintf(`Decide up to %d checks in one call. FILE (default or -: standard input) holds one JSON object per
check, one after the other or in an array, with the fields of CheckRequest. Exits 2 if a check failed, after printing the
results of all.`, client.MaxBatch),
		Example: `  echo '{"controller": "example", "subject_id": "user-42", "purpose": "marketing_email"}' | consentctl batch`,
		RunE: func(cmd *cobra.Command, args []string) error {
			request := &consentv1.BatchCheckRequest{}
			var err error
			if request.Consistency, err = consistency.proto(cmd); err != nil {
				return usageError(cmd, err)
			}
			if request.Requests, err = a.readBatch(args); err != nil {
				return err
			}
			return a.batch(cmd, request, log)
		},
	}
	consistency.add(cmd)
	addLogFlag(cmd, &log)
	a.takes(cmd, argument{name: "FILE", optional: true})
	cmd.ValidArgsFunction = nil // the shell completes files
	return cmd
}

// readBatch reads the checks of a file or of standard input.
func (a *app) readBatch(args []string) ([]*consentv1.CheckRequest, error) {
	if len(args) == 0 || args[0] == "-" {
		return decodeChecks("standard input", a.stdin)
	}
	file, err := os.Open(args[0])
	if err != nil {
		return nil, err
	}
	defer file.Close() // only read from
	return decodeChecks(args[0], file)
}

func (a *app) batch(cmd *cobra.Command, request *consentv1.BatchCheckRequest, log string) error {
	return a.with(cmd, func(ctx context.Context, c *client.Client) error {
		results, err := c.BatchCheck(ctx, request)
		if err != nil {
			return err
		}
		for i, r := range results {
			if r.Err != nil {
				continue
			}
			if err := a.logDecision(log, request.GetRequests()[i], responseOf(r.Decision)); err != nil {
				return err
			}
		}
		if err := a.printValue(batchJSON(results), func(w io.Writer) { batchTable(w, request, results) }); err != nil {
			return err
		}
		return failures(results)
	})
}

// failures is an error if any check failed.
func failures(results []client.Result) error {
	failed := 0
	for _, r := range results {
		if r.Err != nil {
			failed++
		}
	}
	if failed == 0 {
		return nil
	}
	return fmt.Errorf("%d of %d checks failed", failed, len(results))
}

func batchTable(w io.Writer, request *consentv1.BatchCheckRequest, results []client.Result) {
	t := table{header: []string{"#", "CONTROLLER", "SUBJECT", "PURPOSE", "DECISION", "REASONS", "OBLIGATIONS"}}
	for i, r := range results {
		asked := request.GetRequests()[i]
		row := []string{strconv.Itoa(i + 1), asked.GetController(), asked.GetSubjectId(), asked.GetPurpose()}
		if r.Err != nil {
			t.add(append(row, "ERROR", errorCell(r.Err), "")...)
			continue
		}
		t.add(append(row, decisionText(r.Decision), reasonCodes(r.Decision), obligationCodes(r.Decision))...)
	}
	t.write(w)
}

// errorCell is an error in one cell; the message of a malformed request repeats its violations and is left out.
func errorCell(err error) string {
	lines := errorLines(err)
	if len(lines) == 1 {
		return lines[0]
	}
	return codeName(status.Code(err)) + ": " + strings.Join(lines[1:], "; ")
}

// batchResult is a result for JSON; one of the two is set. Not BatchCheckResult, whose error has the code as a number.
type batchResult struct {
	Response messageJSON `json:"response,omitzero"`
	Error    *batchError `json:"error,omitempty"`
}

type batchError struct {
	Code            string        `json:"code"`
	Message         string        `json:"message"`
	FieldViolations []messageJSON `json:"field_violations"`
}

func batchJSON(results []client.Result) any {
	out := make([]batchResult, len(results))
	for i, r := range results {
		out[i] = batchResultOf(r)
	}
	return struct {
		Results []batchResult `json:"results"`
	}{out}
}

func batchResultOf(r client.Result) batchResult {
	if r.Err == nil {
		return batchResult{Response: messageJSON{responseOf(r.Decision)}}
	}
	s, _ := status.FromError(r.Err)
	failed := &batchError{Code: codeName(s.Code()), Message: s.Message(), FieldViolations: []messageJSON{}}
	for _, v := range client.Violations(r.Err) {
		failed.FieldViolations = append(failed.FieldViolations, messageJSON{v})
	}
	return batchResult{Error: failed}
}
