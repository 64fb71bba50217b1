package main

import (
	"regexp"
	"strings"

	"github.com/spf13/cobra"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/status"

	"github.com/consentd/consentd/client"
)

// byFlags is the error of a call that was to record one event, with the fields at fault as the command line names them:
// what the server checks is not checked here a second time.
func byFlags(cmd *cobra.Command, err error) error {
	faults := client.Violations(err)
	if len(faults) == 0 {
		return err
	}
	named := &errdetails.BadRequest{}
	for _, f := range faults {
		named.FieldViolations = append(named.FieldViolations, &errdetails.BadRequest_FieldViolation{
			Field: onCommandLine(cmd, f.GetField()), Description: f.GetDescription(),
		})
	}
	s, detailErr := status.New(status.Code(err), status.Convert(err).Message()).WithDetails(named)
	if detailErr != nil {
		return err
	}
	return s.Err()
}

// eventPath is what comes before a field of the event, and the position in a list after it.
var eventPath = regexp.MustCompile(`^events\[0\]\.|\[\d+\]$`)

// onCommandLine names what on the command line a field comes from: --evidence, PURPOSE; the field where there is
// nothing.
func onCommandLine(cmd *cobra.Command, field string) string {
	path := eventPath.ReplaceAllString(field, "")
	name := path[strings.LastIndexByte(path, '.')+1:]
	if word, ok := wordOf[name]; ok {
		return word
	}
	if flag := strings.ReplaceAll(name, "_", "-"); cmd.Flags().Lookup(flag) != nil {
		return "--" + flag
	}
	return field
}

// wordOf are the fields that the command line calls otherwise.
var wordOf = map[string]string{
	"controller": "CONTROLLER", "subject_id": "SUBJECT", "purpose": "PURPOSE", "purposes": "PURPOSE", "status": "STATUS",
	"linked_id": "LINKED", "ground": "GROUND", "kind": "KIND", "stage": "STAGE", "event_id": "EVENT_ID",
	"occurred_at": "--at", "recipients": "--recipient", "countries": "--country",
}
