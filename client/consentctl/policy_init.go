package main

import (
	"fmt"
	"io"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/consentd/consentd/server/policy/scaffold"
)

// created is what policy init wrote, as JSON has it.
type created struct {
	Directory  string `json:"directory"`
	Controller string `json:"controller"`
	// Files are the controller's own, relative to the directory.
	Files []string `json:"files"`
}

func (a *app) policyInitCommand() *cobra.Command {
	var controller string
	cmd := &cobra.Command{
		Use:   "init",
		Short: "Write the policies of a new controller to start from, with tests, into a new folder",
	}
	cmd.Flags().StringVar(&controller, "controller", "", "the controller's id (default: the folder's name)")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		dir, err := filepath.Abs(args[0])
		if err != nil {
			return err
		}
		if !cmd.Flags().Changed("controller") {
			controller = filepath.Base(dir)
		}
		files, err := scaffold.Init(dir, controller)
		if err != nil {
			return err
		}
		return a.printValue(created{args[0], controller, files}, func(w io.Writer) {
			for _, f := range files {
				fmt.Fprintln(w, filepath.Join(args[0], f))
			}
			fmt.Fprintf(w, "\nthe shared packs are in %s; next: consentctl policy test %s\n", filepath.Join(args[0], "lib"), args[0])
		})
	}
	return a.takes(cmd, directoryArgument)
}
