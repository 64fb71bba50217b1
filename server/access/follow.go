package access

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/consentd/consentd/server/policy/tree"
)

const (
	// look is how often the file is read, as package certificate reads its files: a change is in force after two
	// readings that agree, within a second.
	look = 500 * time.Millisecond
	// maxBytes bounds the file: ten thousand grants take about 1 MiB.
	maxBytes = 4 << 20
)

// following is what is known of the operator's file; the gate's mu guards it.
type following struct {
	// seen is of the last reading, tried of the last that was tried, good of the one in force.
	seen, tried, good digest
	loaded, failed    uint64
	// fault is why what was tried cannot be used; nil: it is in force.
	fault error
}

// digest is that of the file, or of why it cannot be read.
type digest [sha256.Size]byte

// reading is what the file had at one time.
type reading struct {
	digest  digest
	content []byte
	err     error
}

func read(name string) (r reading) {
	if r.content, r.err = readBounded(name); r.err != nil {
		return reading{digest: sha256.Sum256([]byte(r.err.Error())), err: r.err}
	}
	r.digest = sha256.Sum256(r.content)
	return r
}

func readBounded(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("access: %w: name a YAML file of grants that can be read", err)
	}
	defer func() { _ = f.Close() }()
	content, err := io.ReadAll(io.LimitReader(f, maxBytes+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("access: %w: name a YAML file of grants that can be read", err)
	case len(content) > maxBytes:
		return nil, fmt.Errorf("access: %s has more than %d MiB: name callers by patterns", name, maxBytes>>20)
	}
	return content, nil
}

// openFile reads the file for the first time.
func (g *Gate) openFile() (err error) {
	if g.config.File == "" {
		return nil
	}
	first := read(g.config.File)
	if g.table, err = first.parse(g.config.File); err != nil {
		return err
	}
	g.file.seen, g.file.tried, g.file.good = first.digest, first.digest, first.digest
	return nil
}

func (r reading) parse(name string) (*tree.Access, error) {
	if r.err != nil {
		return nil, r.err
	}
	table, err := tree.ReadAccess(name, r.content)
	if err != nil {
		return nil, fmt.Errorf("access: %w", err)
	}
	return table, nil
}

// Follow takes in what becomes of the operator's file, from now on until Close. Call it once.
func (g *Gate) Follow() {
	if g.config.File == "" || !g.config.Required {
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	g.stop = stop
	g.watching.Go(func() { g.follow(ctx) })
}

// Close ends following the file.
func (g *Gate) Close() {
	g.stop()
	g.watching.Wait()
}

func (g *Gate) follow(ctx context.Context) {
	looks := time.NewTicker(look)
	defer looks.Stop()
	for {
		select {
		case <-looks.C:
			g.look()
		case <-ctx.Done():
			return
		}
	}
}

// look reads the file, and tries what it has if the last reading had the same.
func (g *Gate) look() {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := read(g.config.File)
	stable := now.digest == g.file.seen
	g.file.seen = now.digest
	if stable && now.digest != g.file.tried {
		g.try(now)
	}
}

// Reload reads the operator's file now and takes in what it has. It reports whether that is another table than before;
// the error is why it cannot be used, and the one in force stays.
func (g *Gate) Reload() (changed bool, err error) {
	if g.config.File == "" || !g.config.Required {
		return false, nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	before := g.file.good
	now := read(g.config.File)
	g.file.seen = now.digest
	g.try(now)
	return g.file.good != before, g.file.fault
}

// try takes a reading in, if it is good; g.mu is held.
func (g *Gate) try(now reading) {
	g.file.tried = now.digest
	table, err := now.parse(g.config.File)
	if err != nil {
		g.refused(err)
		return
	}
	g.file.fault = nil
	if now.digest == g.file.good {
		return
	}
	g.file.good, g.table = now.digest, table
	g.file.loaded++
	err = g.remake()
	g.sources.Changed() // also where nothing is permitted
	if err == nil {
		g.sources.Logger.Info("table of access loaded", "file", g.config.File, "grants", g.inForce.Load().policy.Grants())
	}
}

// refused notes why a table cannot be used, and logs it unless it is what was wrong before; g.mu is held.
func (g *Gate) refused(err error) {
	if g.file.fault == nil || g.file.fault.Error() != err.Error() {
		g.file.failed++
		g.sources.Logger.Error("the table of access cannot be used, the one in force stays", "error", err)
	}
	g.file.fault = err
}
