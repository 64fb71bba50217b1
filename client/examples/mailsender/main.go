// Command mailsender writes a newsletter to those who agreed to get it. It reads recipients, a line "user id, address"
// each, and prints what it would hand to the mail server; whom it leaves out, and why, goes to stderr.
//
//	go run ./client/examples/mailsender --controller example < recipients.csv
//
// A recipient for whom there is no decision is left out like one who refused, and makes the exit status 1: nobody gets
// a mail because consentd was down.
package main

import (
	"context"
	"encoding/csv"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/consentd/consentd/client"
	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

func main() {
	server := flag.String("server", "127.0.0.1:7070", "address of consentd")
	controller := flag.String("controller", "example", "whose newsletter it is")
	flag.Parse()
	c, err := client.Dial(*server)
	if err == nil {
		err = mailer{c, *controller, os.Stdout, os.Stderr}.send(context.Background(), os.Stdin)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "mailsender:", err)
		os.Exit(1)
	}
}

// mailer sends mails to out and says on skipped whom it left out.
type mailer struct {
	consentd     *client.Client
	controller   string
	out, skipped io.Writer
}

// atOnce is how many recipients are checked at the same time; their checks share messages to the server.
const atOnce = 64

// send mails to all recipients who allow it. The error counts those for whom that is not known.
func (m mailer) send(ctx context.Context, recipients io.Reader) error {
	rows, err := readRecipients(recipients)
	if err != nil {
		return err
	}
	results := make([]error, len(rows))
	mails := make([]string, len(rows))
	group := errgroup.Group{}
	group.SetLimit(atOnce)
	for i, row := range rows {
		group.Go(func() error {
			request := client.NewCheck(m.controller, row[0], "marketing_email")
			request.DataCategories = []string{"user.contact.email"}
			results[i] = m.consentd.Guard(ctx, request, func(_ context.Context, obligations []*consentv1.Obligation) error {
				mails[i] = mailTo(row, obligations)
				return nil
			})
			return nil
		})
	}
	_ = group.Wait()
	return m.report(rows, mails, results)
}

// mailTo writes the mail, as the obligations want it.
func mailTo(row []string, obligations []*consentv1.Obligation) string {
	mail := "To: " + row[1] + "\n"
	if slices.ContainsFunc(obligations, func(o *consentv1.Obligation) bool {
		return o.GetCode() == consentv1.ObligationCode_OBLIGATION_CODE_INCLUDE_UNSUBSCRIBE
	}) {
		mail += "List-Unsubscribe: <https://example.com/unsubscribe?user=" + row[0] + ">\n"
	}
	return mail
}

// report prints the mails in the recipients' order.
func (m mailer) report(rows [][]string, mails []string, results []error) error {
	unknown := 0
	for i, row := range rows {
		if denied, ok := errors.AsType[*client.DeniedError](results[i]); ok {
			_, _ = fmt.Fprintf(m.skipped, "%s: %v\n", row[0], denied)
			continue
		}
		if results[i] != nil {
			unknown++
			_, _ = fmt.Fprintf(m.skipped, "%s: %v\n", row[0], results[i])
			continue
		}
		if _, err := io.WriteString(m.out, mails[i]); err != nil {
			return fmt.Errorf("sending: %w", err)
		}
	}
	if unknown > 0 {
		return fmt.Errorf("%d recipients could not be checked and got nothing: try again", unknown)
	}
	return nil
}

func readRecipients(r io.Reader) ([][]string, error) {
	reader := csv.NewReader(r)
	reader.FieldsPerRecord, reader.TrimLeadingSpace = 2, true
	rows, err := reader.ReadAll()
	if err != nil {
		return nil, fmt.Errorf("recipients: %w: want a line \"user id, address\" each", err)
	}
	return rows, nil
}
