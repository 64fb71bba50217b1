package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/consentd/consentd/client/subject"
)

// identityFlags name a subject by an address, in the place of the argument SUBJECT. The id is made here: the server never sees
// the address. The key comes from a file or the environment, because other users of the machine see command lines.
type identityFlags struct {
	app                       *app
	email, emailSHA256, phone string
	keyFile                   string
}

// identityNames are the flags that name a subject; one at most may be given.
var identityNames = []string{"email", "phone", "email-sha256"}

func (f *identityFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.email, "email", "", "the subject's e-mail address, in SUBJECT's place: its id is email_hmac:…")
	flags.StringVar(&f.phone, "phone", "", "the subject's phone number (+49 30 1234567), in SUBJECT's place: its id is phone_e164_hmac:…")
	flags.StringVar(&f.emailSHA256, "email-sha256", "", "as --email, but hashed without a key: its id is email_sha256:…")
	flags.StringVar(&f.keyFile, "subject-key", "",
		"file with the key of --email and --phone, in hexadecimal (environment CONSENTD_SUBJECT_KEY: the key itself)")
	must(cmd.MarkFlagFilename("subject-key"))
	cmd.MarkFlagsMutuallyExclusive(identityNames...)
}

// given is the flag that names the subject; empty: none does.
func (f *identityFlags) given(cmd *cobra.Command) string {
	for _, name := range identityNames {
		if cmd.Flags().Changed(name) {
			return name
		}
	}
	return ""
}

// id is that of the subject that the flags name.
func (f *identityFlags) id(cmd *cobra.Command) (id string, err error) {
	name := f.given(cmd)
	switch name {
	case "email-sha256":
		id, err = subject.EmailSHA256(f.emailSHA256)
	case "email":
		id, err = f.keyed(f.email, subject.Key.Email)
	case "phone":
		id, err = f.keyed(f.phone, subject.Key.Phone)
	}
	if err != nil {
		return "", usageError(cmd, fmt.Errorf("--%s: %w", name, err))
	}
	return id, nil
}

func (f *identityFlags) keyed(address string, make func(subject.Key, string) (string, error)) (string, error) {
	key, err := f.key()
	if err != nil {
		return "", err
	}
	return make(key, address)
}

// key is read where it is needed; a file that is named comes before the environment.
func (f *identityFlags) key() (subject.Key, error) {
	if f.keyFile != "" {
		text, err := os.ReadFile(f.keyFile)
		if err != nil {
			return subject.Key{}, err
		}
		key, err := subject.ParseKey(string(text))
		if err != nil {
			return subject.Key{}, fmt.Errorf("%s: %w", f.keyFile, err)
		}
		return key, nil
	}
	if f.app.subjectKey == "" {
		return subject.Key{}, errors.New(
			"needs a key: name its file with --subject-key, or set CONSENTD_SUBJECT_KEY (openssl rand -hex 32 makes one)")
	}
	key, err := subject.ParseKey(f.app.subjectKey)
	if err != nil {
		return subject.Key{}, fmt.Errorf("CONSENTD_SUBJECT_KEY: %w", err)
	}
	return key, nil
}

// identified lets a command that takes SUBJECT be told the subject by a flag in its place: the command itself gets an id in
// both cases. It returns which arguments the command line then has.
func (a *app) identified(cmd *cobra.Command, arguments []argument) func(*cobra.Command) []argument {
	at := slices.IndexFunc(arguments, func(g argument) bool { return g.name == subjectArgument.name })
	if at < 0 {
		return func(*cobra.Command) []argument { return arguments }
	}
	f := &identityFlags{app: a}
	f.add(cmd)
	run := cmd.RunE
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if f.given(cmd) == "" {
			return run(cmd, args)
		}
		id, err := f.id(cmd)
		if err != nil {
			return err
		}
		return run(cmd, slices.Insert(slices.Clone(args), at, id))
	}
	others := slices.Delete(slices.Clone(arguments), at, at+1)
	return func(cmd *cobra.Command) []argument {
		if f.given(cmd) == "" {
			return arguments
		}
		return others
	}
}

func (a *app) idCommand() *cobra.Command {
	f := &identityFlags{app: a}
	cmd := &cobra.Command{
		Use:   "id",
		Short: "Print the id of the subject with an e-mail address or a phone number",
		Long: `Print the id under which the subject with an e-mail address or a phone number is known. Nothing is sent. One address has one id,
in whichever letter case and form it is written.`,
		Example: `  consentctl id --email Ada@Example.com --subject-key subject.key`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			id, err := f.id(cmd)
			if err != nil {
				return err
			}
			named := struct {
				SubjectID string `json:"subject_id"`
			}{id}
			return a.printValue(named, func(w io.Writer) { fmt.Fprintln(w, id) })
		},
	}
	f.add(cmd)
	cmd.MarkFlagsOneRequired(identityNames...)
	return a.takes(cmd)
}
