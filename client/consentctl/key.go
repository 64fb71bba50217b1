package main

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/consentd/consentd/server/caller/apikey"
)

func (a *app) keyCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "key", Short: "Make API keys"}
	cmd.AddCommand(a.keyNewCommand())
	return a.takes(cmd)
}

func (a *app) keyNewCommand() *cobra.Command {
	var id, file string
	cmd := &cobra.Command{
		Use:   "new",
		Short: "Make an API key, and its lines for the server's file of keys",
		Long: `Make an API key for the caller --id. The key is printed once, on stdout, and kept nowhere: what the server's file of
keys (--api-keys) needs is its hash, which is printed on stderr, or appended to --file. Nothing is sent. Of several keys
with one id all hold: to replace one, add the next, give it to the caller, and take the old one out.`,
		Example: `  (umask 077 && consentctl key new --id mailer --file keys.yaml > mailer.key)`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := apikey.ValidateID(id); err != nil {
				return usageError(cmd, fmt.Errorf("--id: %w", err))
			}
			return a.newKey(id, file)
		},
	}
	cmd.Flags().StringVar(&id, "id", "", "whose the key is: the caller's id in policies of access and records")
	cmd.Flags().StringVar(&file, "file", "", "file of keys to append its lines to; made if it is not there")
	must(cmd.MarkFlagRequired("id"))
	must(cmd.MarkFlagFilename("file"))
	return a.takes(cmd)
}

// newKey makes a key. Its hash is kept before it is shown: a key that was seen and does not hold is worse than a hash
// of one that nobody saw.
func (a *app) newKey(id, file string) error {
	key := apikey.New()
	digest, err := apikey.DigestOf(key)
	must(err) // it was made here
	lines := apikey.Append(id, digest, a.now())
	if file == "" {
		fmt.Fprint(a.stderr, lines)
	} else if err := appendKey(file, lines); err != nil {
		return fmt.Errorf("--file: %w", err)
	}
	made := struct {
		ID     string `json:"id"`
		Key    string `json:"key"`
		SHA256 string `json:"sha256"`
	}{id, key, hex.EncodeToString(digest[:])}
	return a.printValue(made, func(w io.Writer) { fmt.Fprintln(w, key) })
}

// appendKey appends lines to a file of keys, unless the file would not be one then.
func appendKey(file, lines string) error {
	before, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if len(before) > 0 && !bytes.HasSuffix(before, []byte("\n")) {
		lines = "\n" + lines
	}
	if _, err := apikey.Parse(append(bytes.Clone(before), lines...)); err != nil {
		return fmt.Errorf("%s, with the new key: %w", file, err)
	}
	out, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = out.WriteString(lines)
	return errors.Join(err, out.Close())
}
