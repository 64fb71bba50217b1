package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/grpc"

	"github.com/consentd/consentd/client"
	"github.com/consentd/consentd/server/version"
)

// The exit codes.
const (
	exitOK     = 0
	exitDenied = 1
	exitError  = 2
)

// errDenied makes check --exit-code, and policy test with a test that fails, exit 1; it is no failure of the command,
// and nothing is printed for it.
var errDenied = errors.New("denied")

// defaultTimeout is for people, who would rather wait than repeat; programs use the client package with its own.
const defaultTimeout = 5 * time.Second

// app is what all commands share: the process's surroundings, and the flags of the root
// command. It runs one command line.
type app struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	now            func() time.Time
	newID          func() string

	subjectKey string // of --email and --phone, in hexadecimal; empty: none

	address  string
	timeout  time.Duration
	insecure bool
	// tls says how to connect, tokenFile and keyFile as whom; empty: as nobody.
	tls                tlsFlags
	tokenFile, keyFile string
	output             choiceFlag
}

// run executes a command line, without the program's name, and returns the exit code.
func (a *app) run(ctx context.Context, args []string) int {
	root := a.root()
	root.SetArgs(append([]string{}, args...)) // nil would mean the process's
	err := root.ExecuteContext(ctx)
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errDenied), errors.Is(err, errRefused), errors.Is(err, errBehind):
		return exitDenied
	case errors.Is(err, errFlips), errors.Is(err, errNotSame):
		printError(a.stderr, err)
		return exitDenied
	default:
		printError(a.stderr, err)
		return exitError
	}
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:                "consentctl",
		Short:              "Ask consentd whether a subject's data may be used, and record consent",
		Version:            version.Version(),
		SilenceErrors:      true,
		SilenceUsage:       true,
		DisableSuggestions: true, // they would make errors longer than a line
	}
	root.SetVersionTemplate(version.Line("consentctl") + "\n")
	root.SetIn(a.stdin)
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return usageError(cmd, err) })
	a.addFlags(root)
	root.AddCommand(
		a.checkCommand(), a.explainCommand(), a.batchCommand(), a.purposesCommand(), a.recordCommand(),
		a.linkCommand(), a.unlinkCommand(), a.resolveCommand(),
		a.subjectCommand(), a.eventsCommand(), a.idCommand(), a.controllersCommand(), a.policyCommand(),
		a.nodesCommand(), a.usageCommand(), a.auditCommand(),
		a.backupCommand(), a.restoreCommand(), a.verifyCommand(),
		a.logCommand(), a.keyCommand(), a.fakeCommand(),
	)
	return root
}

func (a *app) addFlags(root *cobra.Command) {
	a.output = choiceFlag{value: outputTable, choices: []string{outputTable, outputJSON}}
	flags := root.PersistentFlags()
	flags.StringVar(&a.address, "addr", a.address, "server: host:port, dns:///host:port or unix:///path (environment CONSENTD_ADDR)")
	flags.DurationVar(&a.timeout, "timeout", defaultTimeout, "how long the command may take")
	flags.BoolVar(&a.insecure, "insecure", false, "allow plaintext to other machines")
	flags.VarP(&a.output, "output", "o", "table or json")
	a.addCredentialFlags(root)
	completeFlag(root, "output", a.output.choices)
}

// with connects, runs do under the command's deadline, and disconnects.
func (a *app) with(cmd *cobra.Command, do func(context.Context, *client.Client) error) error {
	if a.timeout <= 0 {
		return usageError(cmd, fmt.Errorf("--timeout %v: want more than 0", a.timeout))
	}
	c, err := a.dial()
	if err != nil {
		return err
	}
	defer c.Close() // nothing is under way any more, so there is nothing to lose
	ctx, cancel := context.WithTimeout(cmd.Context(), a.timeout)
	defer cancel()
	return do(ctx, c)
}

func (a *app) dial() (*client.Client, error) {
	options := []client.Option{client.WithDialOptions(grpc.WithUserAgent("consentctl"))}
	if a.insecure {
		options = append(options, client.WithInsecure())
	}
	credentials, err := a.credentials()
	if err != nil {
		return nil, err
	}
	options = append(options, credentials...)
	c, err := client.Dial(a.address, options...)
	if err != nil {
		return nil, fmt.Errorf("--addr: %w", err)
	}
	return c, nil
}

// must is for what only a wrong program can fail, such as marking a flag that does not exist.
func must(err error) {
	if err != nil {
		panic(err)
	}
}
