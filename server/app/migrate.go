package app

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/consentd/consentd/server/store/postgres"
)

// Migrate brings the schema of c's database to the version that this program knows, and says on out what it did; with
// plan it says what it would do, and does nothing. It may be called by several at once, and while nodes of this version
// and of the one before serve. It needs rights that serving does not: to create a schema and tables.
func Migrate(ctx context.Context, c Config, plan bool, out io.Writer) error {
	if err := c.Store.Validate(); err != nil {
		return err
	}
	if !c.Store.shared() {
		return errors.New("store: the embedded store needs no migration, it is brought up to date when it is opened: " +
			"name a database, as postgres://user@host/database")
	}
	if plan {
		todo, err := postgres.Plan(ctx, c.Store.URL)
		list(out, todo, "would be done: %d %s\n%s\n")
		return err
	}
	done, err := postgres.Migrate(ctx, c.Store.URL, c.withDefaults().Logger)
	list(out, done, "done: %d %s\n%.0s")
	return err
}

// list writes each migration in a form of its version, its name and what it does.
func list(out io.Writer, all []postgres.Migration, form string) {
	for _, m := range all {
		_, _ = fmt.Fprintf(out, form, m.Version, m.Name, m.SQL)
	}
	if len(all) == 0 {
		_, _ = fmt.Fprintln(out, "nothing is to be done")
	}
}
