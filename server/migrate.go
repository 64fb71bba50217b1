package main

import (
	"github.com/spf13/cobra"

	"github.com/consentd/consentd/server/app"
)

// newMigrate returns the command that brings a database's schema to this version. It takes the settings of the server,
// from the same sources, and needs that of the store.
func newMigrate(environ []string) *cobra.Command {
	given, plan := newSources(environ), false
	command := &cobra.Command{
		Use:           "migrate",
		Short:         "Brings the database that --store names to the schema of this version.",
		Args:          cobra.NoArgs,
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE: func(command *cobra.Command, _ []string) error {
			o, err := given.options()
			if err != nil {
				return err
			}
			return app.Migrate(command.Context(), o.app(command.ErrOrStderr()), plan, command.OutOrStdout())
		},
	}
	command.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return given.faults(err) })
	command.Flags().SortFlags = false
	given.define(command.Flags())
	command.Flags().BoolVar(&plan, "plan", false, "say what would be done, and do nothing")
	return command
}
