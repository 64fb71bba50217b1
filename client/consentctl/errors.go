package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	rpccode "google.golang.org/genproto/googleapis/rpc/code"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/consentd/consentd/client"
)

// usageError is a fault of the command line; it says where help is.
func usageError(cmd *cobra.Command, err error) error {
	return fmt.Errorf("%w (see %s --help)", err, cmd.CommandPath())
}

// printError writes what went wrong: one line, and for an error of the server another for each field at fault.
func printError(w io.Writer, err error) {
	lines := errorLines(err)
	fmt.Fprintln(w, "consentctl: "+strings.Join(lines, "\n  "))
}

func errorLines(err error) []string {
	if !isStatus(err) {
		return cleanLines(err.Error())
	}
	s, _ := status.FromError(err)
	lines := []string{codeName(s.Code()) + ": " + clean(s.Message())}
	for _, v := range client.Violations(err) {
		lines = append(lines, clean(v.GetField())+": "+clean(v.GetDescription()))
	}
	return lines
}

// cleanLines are the lines of a text, such as the faults of a directory of policies.
func cleanLines(text string) (lines []string) {
	for line := range strings.Lines(text) {
		lines = append(lines, clean(strings.TrimSuffix(line, "\n")))
	}
	return lines
}

// isStatus says whether err is, or wraps, a gRPC status.
func isStatus(err error) bool {
	var s interface{ GRPCStatus() *status.Status }
	return errors.As(err, &s)
}

// codeName is the name of a status code as gRPC's documentation has it: INVALID_ARGUMENT.
func codeName(code codes.Code) string {
	return rpccode.Code(code).String()
}
