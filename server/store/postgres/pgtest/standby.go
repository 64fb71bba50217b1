package pgtest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// NewStandby is Standby, for a test: the standby ends with it.
func (s *Server) NewStandby(t testing.TB, o StandbyOptions) *Server {
	t.Helper()
	standby, err := s.Standby(t.Context(), o)
	must(t, err)
	t.Cleanup(func() {
		if err := standby.Close(); err != nil {
			t.Errorf("closing the standby: %v", err)
		}
	})
	return standby
}

// StandbyOptions are how a standby follows. The zero value is good.
type StandbyOptions struct {
	// Sync has the primary wait, at each commit, until this standby has it on disk. All standbys that were made so are
	// waited for.
	Sync bool
	// Via is the address of the primary, as the standby shall reach it: that of a Proxy; empty: its own.
	Via string
}

// Standby makes a server that follows this one by streaming, and answers what only reads.
func (s *Server) Standby(ctx context.Context, o StandbyOptions) (*Server, error) {
	dir, err := folder()
	if err != nil {
		return nil, err
	}
	s.standbys++
	standby := &Server{dir: dir, options: s.options}
	name := fmt.Sprintf("standby%d", s.standbys)
	if err := standby.follow(s, source{name: name, via: o.Via}); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	if err := standby.start(ctx); err != nil {
		return nil, errors.Join(err, standby.Close())
	}
	if o.Sync {
		err = s.waitFor(ctx, name)
	}
	return standby, err
}

// source is under which name a standby follows, and by which address; empty: the primary's own.
type source struct{ name, via string }

// follow fills the server with a copy of a primary, which it then follows.
func (s *Server) follow(primary *Server, from source) error {
	if from.via == "" {
		from.via = primary.Addr()
	}
	if err := primary.copyTo(s.data()); err != nil {
		return err
	}
	host, port, err := net.SplitHostPort(from.via)
	if err != nil {
		return err
	}
	conf, err := os.OpenFile(filepath.Join(s.data(), "postgresql.auto.conf"), os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(conf, "primary_conninfo = 'host=%s port=%s user=postgres application_name=%s'\n%s = ''\n",
		host, port, from.name, syncNames)
	signal := filepath.Join(s.data(), "standby.signal")
	return errors.Join(err, conf.Close(), os.WriteFile(signal, nil, 0o600), own(signal))
}

// copyTo makes a base backup in a folder that is not there yet.
func (s *Server) copyTo(dir string) error {
	program, err := binary("pg_basebackup")
	if err != nil {
		return err
	}
	return run(program, "-h", "127.0.0.1", "-p", strconv.Itoa(s.port), "-U", "postgres", "-D", dir, "-X", "stream",
		"--checkpoint=fast", "--no-sync")
}

// waitFor adds a standby to those that commits wait for, and returns when it is.
func (s *Server) waitFor(ctx context.Context, name string) error {
	s.waited = append(s.waited, name)
	return s.setWaited(ctx)
}

const syncNames = "synchronous_standby_names"

func (s *Server) setWaited(ctx context.Context) error {
	list := ""
	if len(s.waited) > 0 {
		list = fmt.Sprintf("%d (%s)", len(s.waited), strings.Join(s.waited, ", "))
	}
	return s.Exec(ctx, fmt.Sprintf("ALTER SYSTEM SET %s = '%s'", syncNames, list), "SELECT pg_reload_conf()")
}

// Alone has commits wait for no standby any more.
func (s *Server) Alone(ctx context.Context) error {
	s.waited = nil
	return s.setWaited(ctx)
}

// Promote makes a standby a primary: it answers what it has, and follows nobody any more. The old primary is not asked:
// stop it first, or there are two.
func (s *Server) Promote(ctx context.Context) error {
	return s.Exec(ctx, "SELECT pg_promote(true, 60)")
}

// Rejoin has a server that was stopped follow another, from a fresh copy of that: what it alone had is lost.
func (s *Server) Rejoin(ctx context.Context, primary *Server) error {
	if err := os.RemoveAll(s.data()); err != nil {
		return err
	}
	primary.standbys++
	if err := s.follow(primary, source{name: fmt.Sprintf("standby%d", primary.standbys)}); err != nil {
		return err
	}
	return s.Start(ctx)
}

// Backup is a copy of a server's data, of which it is part: it goes with it.
type Backup string

// Backup copies all that the server has now.
func (s *Server) Backup() (Backup, error) {
	dir, err := os.MkdirTemp(s.dir, "backup-")
	if err != nil {
		return "", err
	}
	dir = filepath.Join(dir, "data")
	if err := own(filepath.Dir(dir)); err != nil {
		return "", err
	}
	return Backup(dir), s.copyTo(dir)
}

// Restore stops the server, puts a backup in the place of what it has, and starts it again.
func (s *Server) Restore(ctx context.Context, b Backup) error {
	if err := s.Stop(ctx, Fast); err != nil {
		return err
	}
	if err := s.fill(string(b)); err != nil {
		return err
	}
	return s.Start(ctx)
}
