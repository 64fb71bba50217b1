package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/consentd/consentd/client"
	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

// usageFlags are those of usage.
type usageFlags struct {
	controller  string
	from, until timeFlag
	csv         bool
}

func (a *app) usageCommand() *cobra.Command {
	flags := usageFlags{from: timeFlag{now: a.now}, until: timeFlag{now: a.now}}
	cmd := &cobra.Command{
		Use:   "usage",
		Short: "Show what callers asked for in fact, beside what the policies declare",
		Long: `Show what callers asked for in fact, by controller, purpose, caller, recipient kind and data category, beside what the
policies in force declare; then the purposes that are declared and that nobody asked about. It names no subject, and is the
raw material of a record of processing activities (GDPR Art. 30): --csv adds the declared legal basis and clause.

A check of several categories counts under each. DECLARED is what of a row the policies declare: a category is declared
where the purpose's table lists it, or one that it is under. Days are by UTC. The counts are those of one node.`,
		Example: `  consentctl usage
  consentctl usage --controller example --from 2026-11-01 --until 2026-12-01
  consentctl usage --from -30d --csv > record.csv`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if flags.csv && cmd.Flags().Changed("output") {
				return usageError(cmd, errors.New("--csv and -o: give one of them"))
			}
			return a.usage(cmd, &flags)
		},
	}
	cmd.Flags().StringVar(&flags.controller, "controller", "", "only this controller")
	cmd.Flags().Var(&flags.from, "from", "the first day; default the oldest that is kept")
	cmd.Flags().Var(&flags.until, "until", "the day after the last; default today is the last")
	cmd.Flags().BoolVar(&flags.csv, "csv", false, "write CSV, with the declared legal basis and clause")
	must(cmd.RegisterFlagCompletionFunc("controller", func(cmd *cobra.Command, _ []string, prefix string) (
		[]cobra.Completion, cobra.ShellCompDirective,
	) {
		return completeControllers(a, cmd, nil).matching(prefix), cobra.ShellCompDirectiveNoFileComp
	}))
	return a.takes(cmd)
}

func (a *app) usage(cmd *cobra.Command, flags *usageFlags) error {
	request := &consentv1.GetUsageRequest{
		Controller: flags.controller, From: flags.from.timestamp(), Until: flags.until.timestamp(),
	}
	return a.with(cmd, func(ctx context.Context, c *client.Client) error {
		found, err := c.Usage(ctx, request)
		if err != nil {
			return err
		}
		if !flags.csv {
			return a.print(found, func(w io.Writer) { usageText(w, found) })
		}
		declared, err := c.Controllers(ctx, &consentv1.ListControllersRequest{})
		if err != nil {
			return fmt.Errorf("reading what the policies declare: %w", err)
		}
		out, err := usageCSV(found, declared)
		if err == nil {
			_, err = a.stdout.Write(out)
		}
		return err
	})
}

func usageText(w io.Writer, found *consentv1.GetUsageResponse) {
	t := table{header: []string{
		"CONTROLLER", "PURPOSE", "CALLER", "RECIPIENT", "CATEGORY", "ALLOWED", "DENIED", "FIRST DAY", "LAST DAY", "DECLARED",
	}}
	for _, u := range found.GetUsages() {
		t.add(u.GetController(), u.GetPurpose(), callerText(u.GetCaller()), enumText(u.GetRecipientKind()), u.GetDataCategory(),
			strconv.FormatUint(u.GetAllowed(), 10), strconv.FormatUint(u.GetDenied(), 10), dayText(u.GetFirstDay()), dayText(u.GetLastDay()),
			declaredText(u))
	}
	t.write(w)
	if len(found.GetUnused()) > 0 {
		fmt.Fprintln(w, "\nDeclared and never asked about:")
		unused := table{header: []string{"CONTROLLER", "PURPOSE"}}
		for _, u := range found.GetUnused() {
			unused.add(u.GetController(), u.GetPurpose())
		}
		unused.write(w)
	}
	fmt.Fprintf(w, "\nCounted by this node, kept from %s on.\n", dayText(found.GetKeptFrom()))
	if n := found.GetOverflowed(); n > 0 {
		fmt.Fprintf(w, "%s not shown: there were too many kinds to keep.\n", count(int(n), "decision is", "decisions are"))
	}
}

// declaredText is what of a row the policies declare.
func declaredText(u *consentv1.Usage) string {
	switch {
	case !u.GetDeclared():
		return "NOTHING"
	case u.GetDataCategory() != "" && u.GetCategoryDeclared():
		return "purpose, category"
	default:
		return "purpose"
	}
}

// callerText is a caller in a table; empty: nobody is known.
func callerText(c *consentv1.Caller) string {
	switch {
	case c == nil:
		return ""
	case c.GetId() == "":
		return c.GetKind()
	case c.GetIssuer() == "":
		return c.GetKind() + ":" + c.GetId()
	}
	return c.GetKind() + ":" + c.GetId() + " " + c.GetIssuer()
}

func dayText(t *timestamppb.Timestamp) string {
	if t == nil {
		return ""
	}
	return t.AsTime().Format(time.DateOnly)
}

// usageCSV has a row for each of what was asked, and one with zeros for each purpose that was not.
func usageCSV(found *consentv1.GetUsageResponse, declared *consentv1.ListControllersResponse) ([]byte, error) {
	var out bytes.Buffer
	w := csv.NewWriter(&out)
	d := declaredPurposes(declared)
	rows := [][]string{{
		"controller", "controller_name", "purpose", "declared", "legal_basis", "clause", "caller_kind", "caller_id", "caller_issuer",
		"recipient_kind", "data_category", "category_declared", "allowed", "denied", "first_day", "last_day",
	}}
	for _, u := range found.GetUsages() {
		by := u.GetCaller()
		rows = append(rows, append(d.cells(u.GetController(), u.GetPurpose()), by.GetKind(), by.GetId(), by.GetIssuer(),
			enumText(u.GetRecipientKind()), u.GetDataCategory(), strconv.FormatBool(u.GetCategoryDeclared()),
			strconv.FormatUint(u.GetAllowed(), 10), strconv.FormatUint(u.GetDenied(), 10),
			dayText(u.GetFirstDay()), dayText(u.GetLastDay())))
	}
	for _, u := range found.GetUnused() {
		rows = append(rows, append(d.cells(u.GetController(), u.GetPurpose()), "", "", "", "", "", "false", "0", "0", "", ""))
	}
	for _, row := range rows {
		for i := range row {
			row[i] = cell(row[i])
		}
	}
	err := w.WriteAll(rows)
	return out.Bytes(), err
}

// cell keeps what others chose from being a formula in a spreadsheet.
func cell(text string) string {
	if text = clean(text); text != "" && strings.ContainsRune("=+-@", rune(text[0])) {
		return "'" + text
	}
	return text
}

// declarations are controllers and purposes by their ids.
type declarations struct {
	names    map[string]string
	purposes map[[2]string]*consentv1.Purpose
}

func declaredPurposes(r *consentv1.ListControllersResponse) declarations {
	d := declarations{map[string]string{}, map[[2]string]*consentv1.Purpose{}}
	for _, c := range r.GetControllers() {
		d.names[c.GetId()] = c.GetName()
		for _, p := range c.GetPurposes() {
			d.purposes[[2]string{c.GetId(), p.GetPurpose()}] = p
		}
	}
	return d
}

// cells are what is declared of a purpose.
func (d declarations) cells(controller, purpose string) []string {
	p := d.purposes[[2]string{controller, purpose}]
	basis := ""
	if p != nil {
		basis = basisText(p)
	}
	return []string{controller, d.names[controller], purpose, strconv.FormatBool(p != nil), basis, p.GetClause()}
}
