package postgres_test

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/jackc/pgx/v5"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/store"
	"github.com/consentd/consentd/server/store/postgres"
	"github.com/consentd/consentd/server/store/postgres/pgtest"
)

func is(err, want error) bool { return errors.Is(err, want) && (err == nil) == (want == nil) }

// TestPlanSaysWhatMigrateDoes, at once from several places, and nothing is left to do.
func TestPlanSaysWhatMigrateDoes(t *testing.T) {
	url := pgtest.Database(t)
	todo, err := postgres.Plan(t.Context(), url)
	if err != nil || len(todo) != postgres.SchemaKnown || !strings.Contains(todo[0].SQL, "CREATE TABLE consentd.head") {
		t.Fatalf("planned %v, error %v", todo, err)
	}
	const places = 3
	done := make(chan []postgres.Migration, places)
	for range places {
		go func() {
			m, err := postgres.Migrate(t.Context(), url, quiet)
			if err != nil {
				t.Error(err)
			}
			done <- m
		}()
	}
	applied := 0
	for range places {
		applied += len(<-done)
	}
	if applied != len(todo) {
		t.Errorf("%d migrations in all, %d were planned", applied, len(todo))
	}
	if todo, err := postgres.Plan(t.Context(), url); err != nil || len(todo) > 0 {
		t.Errorf("afterwards %v, error %v", todo, err)
	}
}

// later are this program's migrations, and one that comes after them.
func later(t *testing.T, sql string) fs.FS {
	t.Helper()
	files := fstest.MapFS{"00999_later.sql": {Data: []byte("-- +goose Up\n" + sql)}}
	names, err := fs.Glob(postgres.Migrations(), "*.sql")
	must(t, err)
	for _, name := range names {
		text, err := fs.ReadFile(postgres.Migrations(), name)
		must(t, err)
		files[name] = &fstest.MapFile{Data: text}
	}
	return files
}

// TestServesOnTheNextSchema: a later version expands the schema under a node that serves, which goes on and can be
// started; once it is contracted, a node of this version is not.
func TestServesOnTheNextSchema(t *testing.T) {
	url := migrated(t)
	n := open(t, postgres.Config{URL: url}, store.Observers{})
	must(t, record1(n, 1))
	must(t, postgres.MigrateBy(t.Context(), url, later(t, `
		ALTER TABLE consentd.states ADD COLUMN more bytea;
		ALTER TABLE consentd.events ADD COLUMN more bigint DEFAULT 7;
		ALTER TABLE consentd.nodes ADD COLUMN more text;
		CREATE TABLE consentd.more (n int);`)))
	must(t, record1(n, 1))
	must(t, record1(n, 2))
	second := open(t, postgres.Config{URL: url}, store.Observers{})
	must(t, record1(second, 3))
	for i := 1; i <= 3; i++ {
		if got, err := second.Read(t.Context(), subject(i)); err != nil || !got.State.Known() {
			t.Errorf("read %+v, error %v", got, err)
		}
	}
	exec(t, url, "UPDATE consentd.compatibility SET oldest = 999")
	if _, err := postgres.Open(t.Context(), postgres.Config{URL: url, Logger: quiet}); err == nil {
		t.Error("a node of this version starts on a schema that was contracted")
	}
}

// TestMigrationsHoldUpNobody: where somebody holds a table for long, a migration of it lets others by, and comes again.
func TestMigrationsHoldUpNobody(t *testing.T) {
	url := migrated(t)
	n := open(t, postgres.Config{URL: url}, store.Observers{})
	must(t, record1(n, 1))
	holder, err := pgx.Connect(t.Context(), url)
	must(t, err)
	defer func() { _ = holder.Close(context.WithoutCancel(t.Context())) }()
	_, err = holder.Exec(t.Context(), "BEGIN; LOCK TABLE consentd.states IN ACCESS SHARE MODE")
	must(t, err)
	done := make(chan error, 1)
	go func() {
		done <- postgres.MigrateBy(t.Context(), url, later(t, "ALTER TABLE consentd.states ADD COLUMN more bytea;"))
	}()
	waits := false
	for !waits && t.Context().Err() == nil {
		select {
		case err := <-done:
			t.Fatalf("it did not wait for the holder: error %v", err)
		default:
		}
		must(t, holder.QueryRow(t.Context(), "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)").Scan(&waits))
	}
	must(t, record1(n, 2)) // it comes behind the migration, which gives way before the holder does
	select {
	case err := <-done:
		t.Fatalf("it did not wait for the holder: error %v", err)
	default:
	}
	_, err = holder.Exec(t.Context(), "COMMIT")
	must(t, err)
	must(t, <-done)
	must(t, record1(n, 3))
}

// TestStatesAreFoldedAnew where they were folded by older rules.
func TestStatesAreFoldedAnew(t *testing.T) {
	url := migrated(t)
	n := open(t, postgres.Config{URL: url}, store.Observers{})
	link := consent.Event{
		ID: "link", OccurredAt: 1_790_000_000_000_000_002, Source: "login", Evidence: "urn:login",
		Fact: consent.Link{With: subject(2).ID},
	}
	must(t, record1(n, 1))
	must(t, record1(n, 2))
	must(t, record1(n, 3))
	_, err := n.Record(t.Context(), consent.Batch{Subject: subject(1), Events: []consent.Event{link}})
	must(t, err)
	before, err := n.Read(t.Context(), subject(1))
	must(t, err)
	// The states' binary form begins, after the revision, with the version of the rules.
	exec(t, url, `UPDATE consentd.states SET row = set_byte(row, 1, 1) WHERE subject = 'subject-3'`,
		`UPDATE consentd.head SET folding = 0`)
	if _, err := n.Read(t.Context(), subject(3)); err == nil {
		t.Error("a state of older rules is read")
	}
	_, err = postgres.Migrate(t.Context(), url, quiet)
	must(t, err)
	got, err := n.Read(t.Context(), subject(3))
	if err != nil || !got.State.Known() || got.Changed != 3 {
		t.Errorf("read %+v, error %v", got, err)
	}
	after, err := n.Read(t.Context(), subject(1))
	if err != nil || after.Person != before.Person || after.Changed != before.Changed {
		t.Errorf("a person was %+v, is %+v, error %v", before, after, err)
	}
}

// FuzzPageToken reads page tokens: one that is taken is the very one that the store hands out for the same page.
func FuzzPageToken(f *testing.F) {
	s := new(postgres.Store)
	token, _ := s.ParsePage(subject(1), "")
	for _, seed := range []string{token, token + "\n", "", "AAAA", strings.Repeat("_", 27)} {
		f.Add("subject-1", seed)
	}
	f.Fuzz(func(t *testing.T, id, token string) {
		if again, ok := s.ParsePage(consent.Subject{Controller: "example", ID: id}, token); ok && again != token {
			t.Errorf("took %q, hands out %q", token, again)
		}
	})
}

// FuzzLiteral has the database read arrays of ids, whatever bytes are in them.
func FuzzLiteral(f *testing.F) {
	url := pgtest.Database(f)
	for _, seed := range []string{"", "\x00", `"`, `\`, "{}", ",", "é\xff"} {
		f.Add(seed, "other")
	}
	f.Fuzz(func(t *testing.T, first, second string) {
		conn, err := pgx.Connect(t.Context(), url)
		must(t, err)
		defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }()
		var got [][]byte
		must(t, conn.QueryRow(t.Context(), "SELECT $1::text::bytea[]", *postgres.Literal([]string{first, second})).Scan(&got))
		if len(got) != 2 || string(got[0]) != first || string(got[1]) != second {
			t.Errorf("got %q, want %q and %q", got, first, second)
		}
	})
}
