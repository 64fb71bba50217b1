package main

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	"github.com/consentd/consentd/server/version"
)

// runner serves with the options until ctx ends.
type runner func(ctx context.Context, o options, stderr io.Writer) error

const description = `consentd answers over gRPC whether a purpose is allowed for a user right now.

Every flag can also be set by an environment variable (--grpc-addr by CONSENTD_GRPC_ADDR) and in a YAML file (grpc-addr:),
named by --config or CONSENTD_CONFIG. A flag wins over the environment, the environment over the file.`

// newCommand returns the command, which takes its settings from flags, the environment given and a file.
func newCommand(environ []string, run runner) *cobra.Command {
	given, validate := newSources(environ), false
	command := &cobra.Command{
		Use:           "consentd",
		Short:         "Answers whether a purpose is allowed for a user right now.",
		Long:          description,
		Version:       version.Version(),
		Args:          cobra.NoArgs,
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE: func(command *cobra.Command, _ []string) error {
			o, err := given.options()
			if err != nil || validate {
				return err
			}
			return run(command.Context(), o, command.ErrOrStderr())
		},
	}
	command.SetVersionTemplate(version.Line("consentd") + "\n")
	command.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return given.faults(err) })
	command.Flags().SortFlags = false
	given.define(command.Flags())
	command.Flags().BoolVar(&validate, "validate", false,
		"say what is wrong with the configuration and end, with 0 if nothing is: no file of data is opened, nothing listens")
	command.AddCommand(newMigrate(environ))
	return command
}
