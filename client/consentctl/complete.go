package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/consentd/consentd/client"
	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

// completions are what may stand at a place of the command line, each possibly with a description.
type completions []cobra.Completion

// completer lists what may follow args. It asks the server where it must and offers nothing if that fails: a
// shell has no place for an error.
type completer func(a *app, cmd *cobra.Command, args []string) completions

// matching is those that begin with prefix, in the letter case in which the user began to type.
func (c completions) matching(prefix string) completions {
	var found completions
	for _, offer := range c {
		word, description, described := strings.Cut(offer, "\t")
		if prefix != "" && prefix == strings.ToLower(prefix) {
			word = strings.ToLower(word)
		}
		if !strings.HasPrefix(word, prefix) {
			continue
		}
		if described {
			word = cobra.CompletionWithDesc(word, description)
		}
		found = append(found, word)
	}
	return found
}

func completeControllers(a *app, cmd *cobra.Command, _ []string) completions {
	var found completions
	for _, c := range a.controllers(cmd, "") {
		found = append(found, cobra.CompletionWithDesc(c.GetId(), clean(c.GetName())))
	}
	return found
}

// completePurposes lists the purposes of the controller that the first argument names.
func completePurposes(a *app, cmd *cobra.Command, args []string) completions {
	if len(args) == 0 {
		return nil
	}
	var found completions
	for _, c := range a.controllers(cmd, args[0]) {
		for _, p := range c.GetPurposes() {
			found = append(found, cobra.CompletionWithDesc(p.GetPurpose(), basisText(p)))
		}
	}
	return found
}

func completeFiles(a *app, cmd *cobra.Command, _ []string) completions {
	var found completions
	_ = a.with(cmd, func(ctx context.Context, c *client.Client) error {
		policy, err := c.Policy(ctx, &consentv1.GetPolicyRequest{})
		for _, f := range policy.GetFiles() {
			found = append(found, f.GetPath())
		}
		return err
	})
	return found
}

func (a *app) controllers(cmd *cobra.Command, id string) []*consentv1.Controller {
	var found []*consentv1.Controller
	_ = a.with(cmd, func(ctx context.Context, c *client.Client) error {
		response, err := c.Controllers(ctx, &consentv1.ListControllersRequest{Controller: id})
		found = response.GetControllers()
		return err
	})
	return found
}

// completeEnum lists the values of an enum.
func completeEnum[E enum](*app, *cobra.Command, []string) completions {
	return enumNames[E]()
}

// completeFlag offers fixed words for a flag.
func completeFlag(cmd *cobra.Command, flag string, words completions) {
	must(cmd.RegisterFlagCompletionFunc(flag, func(_ *cobra.Command, _ []string, prefix string) (
		[]cobra.Completion, cobra.ShellCompDirective,
	) {
		return words.matching(prefix), cobra.ShellCompDirectiveNoFileComp
	}))
}
