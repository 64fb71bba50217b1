package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/consentd/consentd/client"
	"github.com/consentd/consentd/server/audit/line"
	"github.com/consentd/consentd/server/audit/replay"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy"
	"github.com/consentd/consentd/server/policy/archive"
	"github.com/consentd/consentd/server/store/pebble"
)

// errNotSame makes log verify exit 1.
var errNotSame = errors.New("decisions did not come out the same")

func (a *app) logCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "log", Short: "Look into decision logs"}
	cmd.AddCommand(a.logVerifyCommand())
	return a.takes(cmd)
}

// logVerifyFlags are those of log verify.
type logVerifyFlags struct {
	data    string
	keys    string
	sample  int
	partial bool
}

// defaultLogSample is how many lines are explained by a server: some seconds.
const defaultLogSample = 100

// verifyTimeout is for millions of lines on a busy machine.
const verifyTimeout = 2 * time.Hour

func (a *app) logVerifyCommand() *cobra.Command {
	var flags logVerifyFlags
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Make the decisions of a log again, and compare",
		Long: `Make the decisions of decision logs again, and compare the whole answers. FILE is a log of the server, or one that check
--log or batch --log wrote, plain or of zstd; a file that ends within a line or a frame, as after a kill, is read up to there.

With --data all lines are replayed, on the data directory of a server that is stopped, or a backup that was restored: by
the policies and the state that each line names, exactly. Without it a sample is explained by the running server, as of
the time of each; what was recorded at that very moment is passed over, and obligations are not compared.

Exits 1 if a decision came out otherwise, and unless --partial is given, if one could not be made again; 2 on an error.`,
		Example: `  consentctl log verify decisions*.jsonl.zst --data /var/lib/consentd
  consentctl log verify decisions.jsonl --sample 500`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if !cmd.Flags().Changed("timeout") {
				a.timeout = verifyTimeout
			}
			if flags.sample < 1 {
				return usageError(cmd, fmt.Errorf("--sample %d: want 1 or more", flags.sample))
			}
			return a.logVerify(cmd, args, flags)
		},
	}
	f := cmd.Flags()
	f.StringVar(&flags.data, "data", "", "replay all lines on this data directory, which no server has open")
	f.StringVar(&flags.keys, "log-key", "", "file of the keys under which the log names subjects, as the server has it")
	f.IntVar(&flags.sample, "sample", defaultLogSample, "how many lines to have explained by the server, without --data")
	f.BoolVar(&flags.partial, "partial", false, "exit 0 though some decisions could not be made again")
	must(cmd.MarkFlagDirname("data"))
	must(cmd.MarkFlagFilename("log-key"))
	cmd.MarkFlagsMutuallyExclusive("data", "sample")
	a.takes(cmd, argument{name: "FILE", repeated: true})
	cmd.ValidArgsFunction = nil // the shell completes files
	return cmd
}

func (a *app) logVerify(cmd *cobra.Command, files []string, flags logVerifyFlags) error {
	if len(files) == 0 {
		return usageError(cmd, errors.New("missing argument FILE"))
	}
	var keys line.Keys
	if flags.keys != "" {
		var err error
		if keys, err = line.ReadKeys(flags.keys); err != nil {
			return fmt.Errorf("--log-key: %w", err)
		}
	}
	logs := &logFiles{names: files}
	var result replay.Result
	var err error
	if flags.data == "" {
		result, err = a.verifySample(cmd, logs, flags.sample)
	} else {
		result, err = a.verifyAll(cmd, logs, flags.data, keys)
	}
	if err != nil {
		return err
	}
	if err := a.printValue(verifiedJSON(&result, logs), func(w io.Writer) { verifiedTables(w, &result, logs) }); err != nil {
		return err
	}
	if result.Different > 0 || result.Same < result.Decisions && !flags.partial {
		return errNotSame
	}
	return nil
}

// verifyPortion is how many lines are held at once: some 200 MB.
const verifyPortion = 200_000

// verifyAll replays all lines on a data directory.
func (a *app) verifyAll(cmd *cobra.Command, logs *logFiles, dir string, keys line.Keys) (result replay.Result, err error) {
	ctx, cancel := context.WithTimeout(cmd.Context(), a.timeout)
	defer cancel()
	if found, _ := filepath.Glob(filepath.Join(dir, "marker.manifest.*")); len(found) == 0 {
		return result, fmt.Errorf(
			"--data: %s holds no store: name the data directory of a server that is stopped, or a restored backup", dir)
	}
	policies, err := archive.Open(archive.Config{
		Dir: filepath.Join(dir, "policies"), Options: policy.Options{Logger: quiet(), ShadowRate: -1},
	})
	if err != nil {
		return result, fmt.Errorf("--data: %w", err)
	}
	store, err := pebble.Open(dir, pebble.Options{})
	if err != nil {
		return result, fmt.Errorf("--data: %w", err)
	}
	defer store.Close() // nothing was written
	r := replay.New(replay.Config{Store: store, Policies: policies, Keys: keys})
	var items []replay.Item
	verify := func() error {
		more, err := r.Verify(ctx, items)
		result.Add(more)
		items = items[:0]
		return err
	}
	err = logs.each(func(i replay.Item) error {
		if items = append(items, i); len(items) < verifyPortion {
			return nil
		}
		return verify()
	})
	if err == nil {
		err = verify()
	}
	return result, err
}

// logFiles reads logs one after the other.
type logFiles struct {
	names []string
	// lines counts what was read; torn are the files that end within a line or a frame.
	lines uint64
	torn  []string
}

// each calls f with each line; an error of f ends it, and is returned as it is.
func (l *logFiles) each(f func(replay.Item) error) error {
	for _, name := range l.names {
		if err := l.file(name, f); err != nil {
			return err
		}
	}
	return nil
}

func (l *logFiles) file(name string, f func(replay.Item) error) error {
	r, err := line.Open(name)
	if err != nil {
		return err
	}
	defer r.Close() // only read from
	for {
		next, err := r.Next()
		switch {
		case errors.Is(err, io.EOF):
			if r.Torn() {
				l.torn = append(l.torn, name)
			}
			return nil
		case err != nil:
			return fmt.Errorf("%s:%w", name, err)
		}
		l.lines++
		if err := f(replay.Item{Line: next, File: name, Number: r.Number()}); err != nil {
			return err
		}
	}
}

// loggedAgain is what log verify prints as JSON.
type loggedAgain struct {
	Lines       uint64               `json:"lines"`
	Decisions   uint64               `json:"decisions"`
	Same        uint64               `json:"same"`
	Different   uint64               `json:"different"`
	Skipped     map[string]uint64    `json:"skipped"`
	Reports     uint64               `json:"reports"`
	Answers     uint64               `json:"answers"`
	Missing     uint64               `json:"missing"`
	Torn        []string             `json:"torn"`
	Differences []verifiedDifference `json:"differences"`
}

type verifiedDifference struct {
	File       string `json:"file"`
	Line       int    `json:"line"`
	DecisionID string `json:"decision_id"`
	Controller string `json:"controller"`
	Purpose    string `json:"purpose"`
	Logged     string `json:"logged"`
	Replayed   string `json:"replayed"`
}

func verifiedJSON(r *replay.Result, logs *logFiles) loggedAgain {
	v := loggedAgain{
		Lines: logs.lines, Decisions: r.Decisions, Same: r.Same, Different: r.Different, Skipped: r.Skipped,
		Reports: r.Reports, Answers: r.Answers, Missing: r.Missing, Torn: append([]string{}, logs.torn...),
		Differences: []verifiedDifference{},
	}
	if v.Skipped == nil {
		v.Skipped = map[string]uint64{}
	}
	for i := range r.Differences {
		d := &r.Differences[i]
		v.Differences = append(v.Differences, verifiedDifference{
			d.File, d.Number, d.Line.Decision.ID, d.Line.Request.Subject.Controller, d.Line.Request.Purpose,
			answerText(&d.Line.Decision), answerText(&d.Replayed),
		})
	}
	return v
}

func verifiedTables(w io.Writer, r *replay.Result, logs *logFiles) {
	number := func(n uint64) string { return strconv.FormatUint(n, 10) }
	rows := [][2]string{
		{"Lines", number(logs.lines)}, {"Decisions", number(r.Decisions)}, {"The same", number(r.Same)},
		{"Different", number(r.Different)},
	}
	if r.Reports > 0 {
		rows = append(rows, [2]string{"Near caches", fmt.Sprintf("%d reports of %d answers", r.Reports, r.Answers)})
	}
	if r.Missing > 0 {
		rows = append(rows, [2]string{"Missing", number(r.Missing) + " decisions for which the log had no room"})
	}
	if len(logs.torn) > 0 {
		rows = append(rows, [2]string{"Cut off", strings.Join(logs.torn, ", ") + ": what stood behind the last whole line is lost"})
	}
	fields(w, rows)
	skipped := table{header: []string{"NOT MADE AGAIN", "BECAUSE"}}
	for _, why := range slices.Sorted(maps.Keys(r.Skipped)) {
		skipped.add(number(r.Skipped[why]), why)
	}
	skipped.section(w)
	differences := table{header: []string{"DIFFERENT", "DECISION", "CONTROLLER", "PURPOSE", "LOGGED", "NOW"}}
	for _, d := range verifiedJSON(r, logs).Differences {
		differences.add(fmt.Sprintf("%s:%d", d.File, d.Line), d.DecisionID, d.Controller, d.Purpose, d.Logged, d.Replayed)
	}
	differences.section(w)
}

// answerText is a decision in one cell: what two that differ differ in.
func answerText(d *consent.Decision) string {
	parts := []string{d.Effect.String()}
	for _, r := range d.Reasons {
		parts = append(parts, r.Code.String()+" "+r.Clause)
	}
	if d.Basis != 0 {
		parts = append(parts, "on "+d.Basis.String())
	}
	for _, o := range d.Obligations {
		parts = append(parts, "with "+o.Code.String())
	}
	if len(d.PermittedDataCategories) > 0 {
		parts = append(parts, "for "+strings.Join(d.PermittedDataCategories, " "))
	}
	if d.ValidUntil != 0 {
		parts = append(parts, "until "+d.ValidUntil.Time().Format(time.RFC3339))
	}
	return strings.Join(parts, ", ")
}

// verifySample has lines explained by the server.
func (a *app) verifySample(cmd *cobra.Command, logs *logFiles, size int) (result replay.Result, err error) {
	s := newLogSample(size)
	if err := logs.each(s.add); err != nil {
		return result, err
	}
	err = a.with(cmd, func(ctx context.Context, c *client.Client) error {
		for i := range s.items {
			one, err := explainLogged(ctx, c, &s.items[i])
			if err != nil {
				return fmt.Errorf("%s:%d: %w", s.items[i].File, s.items[i].Number, err)
			}
			result.Add(one)
		}
		return nil
	})
	return result, err
}
