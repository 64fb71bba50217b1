package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// argument is a positional argument of a command.
type argument struct {
	name     string
	complete completer // nil: nothing to offer
	optional bool
	repeated bool // any number, also none; the last argument only
}

func (g argument) String() string {
	switch {
	case g.repeated:
		return "[" + g.name + "...]"
	case g.optional:
		return "[" + g.name + "]"
	default:
		return g.name
	}
}

var (
	controllerArgument = argument{name: "CONTROLLER", complete: completeControllers}
	subjectArgument    = argument{name: "SUBJECT"}
	purposeArgument    = argument{name: "PURPOSE", complete: completePurposes}
	purposesArgument   = argument{name: "PURPOSE", complete: completePurposes, repeated: true}
)

// takes gives a command its positional arguments: usage, validation and completion.
func (a *app) takes(cmd *cobra.Command, arguments ...argument) *cobra.Command {
	for _, g := range arguments {
		cmd.Use += " " + g.String()
	}
	taken := a.identified(cmd, arguments)
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		err := validate(cmd, taken(cmd), args)
		if err != nil && len(taken(cmd)) < len(arguments) {
			return fmt.Errorf("%w; SUBJECT is left out where a flag names the subject", err)
		}
		return err
	}
	cmd.ValidArgsFunction = func(cmd *cobra.Command, args []string, prefix string) ([]cobra.Completion, cobra.ShellCompDirective) {
		arguments, i := taken(cmd), len(args)
		if n := len(arguments); n > 0 && arguments[n-1].repeated {
			i = min(i, n-1)
		}
		if i >= len(arguments) || arguments[i].complete == nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return arguments[i].complete(a, cmd, args).matching(prefix), cobra.ShellCompDirectiveNoFileComp
	}
	return cmd
}

func validate(cmd *cobra.Command, arguments []argument, args []string) error {
	for i, g := range arguments {
		if i >= len(args) && !g.optional && !g.repeated {
			return usageError(cmd, errors.New("missing argument "+g.name))
		}
		if g.repeated {
			return nil
		}
	}
	if len(args) > len(arguments) {
		return usageError(cmd, fmt.Errorf("too many arguments: %s", strings.Join(args[len(arguments):], " ")))
	}
	return nil
}
