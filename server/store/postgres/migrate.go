package postgres

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

// Schemas are changed by expanding and contracting, so that nodes of two versions can serve at once: a version adds
// what it needs, the one after it takes away what nobody needs any more. The schema says which programs may serve on it
// (consentd.compatibility), a program which schemas it can use:
const (
	// schemaNeeded is the oldest schema on which this program can serve.
	schemaNeeded = 1
	// SchemaKnown is the newest one that it knows.
	SchemaKnown = 1
)

const versionTable = "consentd.schema_versions"

//go:embed migrations/*.sql
var migrationFiles embed.FS

// migrations are those that this program knows.
func migrations() fs.FS {
	// The folder is there.
	files, _ := fs.Sub(migrationFiles, "migrations")
	return files
}

// Migration is a step that brings a schema from one version to the next.
type Migration struct {
	// Version is that of the schema after it.
	Version int64
	// Name is that of its file, SQL what it does.
	Name, SQL string
}

// Migrate brings the database's schema to the version that this program knows, and the states to its rules of folding;
// it returns what it did. Several may be under way at once: one does the work, and the others wait for it. It needs
// rights that serving does not: to create a schema and tables. Its locks last as long as its session does, so it must
// not go through a pooler in transaction mode.
func Migrate(ctx context.Context, url string, log *slog.Logger) ([]Migration, error) {
	done, err := migrate(ctx, url, migrations(), log)
	if err != nil {
		return nil, fmt.Errorf("migrating the store's schema: mend what the database says, and migrate again: %w", err)
	}
	return done, refold(ctx, url, log)
}

// Plan returns what Migrate would do, and does nothing.
func Plan(ctx context.Context, url string) ([]Migration, error) {
	todo, err := plan(ctx, url, migrations())
	if err != nil {
		return nil, fmt.Errorf("reading the version of the store's schema: %w", err)
	}
	return todo, nil
}

func migrate(ctx context.Context, url string, files fs.FS, log *slog.Logger) (done []Migration, err error) {
	db, err := openSQL(url)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	// Where two make it at once, one may be told that it is there by a unique index.
	if _, err := db.ExecContext(ctx, "CREATE SCHEMA IF NOT EXISTS consentd"); err != nil && code(err) != uniqueViolation {
		return nil, err
	}
	locker, err := lock.NewPostgresSessionLocker()
	if err != nil {
		return nil, err
	}
	p, err := provider(db, files, goose.WithSessionLocker(locker))
	if err != nil {
		return nil, err
	}
	for range lockAttempts {
		var more []Migration
		more, err = up(ctx, p)
		done = append(done, more...)
		if code(err) != lockNotAvailable {
			return done, err
		}
		log.WarnContext(ctx, "a table is in use: the migration lets others by and comes again", "again_in", lockPause, "err", err)
		if !pause(ctx, lockPause) {
			break
		}
	}
	return done, fmt.Errorf("a table was in use whenever it was asked for, %d times: end what holds it (pg_locks says who): %w",
		lockAttempts, err)
}

// up goes as far as it can, and returns what it did also where it fails.
func up(ctx context.Context, p *goose.Provider) (done []Migration, err error) {
	results, err := p.Up(ctx)
	if partial, ok := errors.AsType[*goose.PartialError](err); ok {
		results = partial.Applied
	}
	for _, r := range results {
		done = append(done, Migration{Version: r.Source.Version, Name: path.Base(r.Source.Path)})
	}
	return done, err
}

// A migration waits for a table only this long, because all that asks for it from then on waits behind; and it tries
// again for some minutes. Each changes one table that is there: one that held the lock of a table while it waits for
// another's and nodes that hold that and ask for the first would wait for each other.
const (
	lockTimeout  = "200ms"
	lockPause    = time.Second
	lockAttempts = 250 // five minutes
	// lockNotAvailable is the SQLSTATE of what waited too long.
	lockNotAvailable = "55P03"
	// uniqueViolation is that of what is there already.
	uniqueViolation = "23505"
)

// pause waits, and reports whether ctx goes on.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func openSQL(url string) (*sql.DB, error) {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, err
	}
	config.DefaultQueryExecMode = pgx.QueryExecModeExec
	// Not as a parameter of the connection: PgBouncer refuses those that it does not know.
	return stdlib.OpenDB(*config, stdlib.OptionAfterConnect(func(ctx context.Context, c *pgx.Conn) error {
		_, err := c.Exec(ctx, "SET lock_timeout = '"+lockTimeout+"'")
		return err
	})), nil
}

func provider(db *sql.DB, files fs.FS, o ...goose.ProviderOption) (*goose.Provider, error) {
	o = append(o, goose.WithTableName(versionTable), goose.WithDisableGlobalRegistry(true), goose.WithLogger(goose.NopLogger()))
	return goose.NewProvider(goose.DialectPostgres, db, files, o...)
}

func plan(ctx context.Context, url string, files fs.FS) (todo []Migration, err error) {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, conn.Close(context.WithoutCancel(ctx))) }()
	at, err := readVersion(ctx, conn)
	if err != nil {
		return nil, err
	}
	names, err := fs.Glob(files, "*.sql")
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		version, err := goose.NumericComponent(name)
		if err != nil {
			return nil, err
		}
		if version <= at.version {
			continue
		}
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, err
		}
		todo = append(todo, Migration{Version: version, Name: name, SQL: string(text)})
	}
	return todo, nil
}

// schema is what a database says of its own.
type schema struct {
	// version is zero where there is none.
	version int64
	// oldest is the oldest schema that a program must know to serve on this one.
	oldest int64
}

// readVersion reads it; where nothing was migrated yet it is zero.
func readVersion(ctx context.Context, q querier) (s schema, err error) {
	var there bool
	row := q.QueryRow(ctx, "SELECT to_regclass($1) IS NOT NULL AND to_regclass('consentd.compatibility') IS NOT NULL", versionTable)
	if err := row.Scan(&there); err != nil || !there {
		return s, err
	}
	row = q.QueryRow(ctx, "SELECT coalesce((SELECT max(version_id) FROM "+versionTable+" WHERE is_applied), 0),"+
		" coalesce((SELECT oldest FROM consentd.compatibility), 0)")
	return s, row.Scan(&s.version, &s.oldest)
}

// judge refuses schemas on which this program cannot serve, with what to do.
func (s schema) judge() error {
	switch {
	case s.version == 0:
		return errors.New("the database has no schema of consentd: run `consentd migrate --store …` once")
	case s.version < schemaNeeded:
		return fmt.Errorf("the store's schema has version %d, this program needs %d or later: run `consentd migrate --store …`",
			s.version, schemaNeeded)
	case s.oldest > SchemaKnown:
		return fmt.Errorf("the store's schema needs a program that knows version %d, this one knows %d: use a newer consentd",
			s.oldest, SchemaKnown)
	}
	return nil
}
