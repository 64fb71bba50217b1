//go:build linux

package client

import (
	"context"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/consentd/consentd/policies"
	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

// The checker sees each of the faults that a near cache must not have, where it is. TestPlantedFaultsAreCaught shows
// them one by one, in an exact order of events.
func TestNearCacheSafetySeesPlantedFaults(t *testing.T) {
	for plant, trouble := range map[string]func(*safety, context.Context){
		"floor":  (*safety).onlyWrites,
		"lease":  (*safety).lateAnswers,
		"policy": (*safety).policiesThatDeny,
	} {
		t.Run(plant, func(t *testing.T) {
			mustSeeFault(t, safetyConfig{plant: plant, ids: 1}, trouble)
		})
	}
}

func mustSeeFault(t *testing.T, config safetyConfig, trouble func(*safety, context.Context)) {
	t.Helper()
	const attempts = 3 // a machine that is busy may let the moment pass
	for range attempts {
		if seesFault(t, config, trouble) {
			return
		}
	}
	t.Error("no wrong ALLOW was seen")
}

func seesFault(t *testing.T, config safetyConfig, trouble func(*safety, context.Context)) bool {
	s := newSafety(t, config)
	var over atomic.Bool
	s.run(func(ctx context.Context) {
		pauseFor(ctx, safetyLease) // the caches join
		trouble(s, ctx)
		over.Store(true)
	}, over.Load)
	s.report()
	return len(s.wrong) > 0
}

func (s *safety) onlyWrites(ctx context.Context) { pauseFor(ctx, 2*safetyLease) }

// trouble makes one fault after the other.
func (s *safety) trouble(ctx context.Context) {
	for ctx.Err() == nil {
		pauseFor(ctx, rand.N(100*time.Millisecond))
		long := rand.N(2 * safetyLease)
		switch n := rand.IntN(42); {
		case n < 6:
			s.faults["cuts"]++
			s.proxy.cut()
		case n < 12:
			s.faults["stalls"]++
			s.proxy.delay.Store(int64(rand.N(20 * time.Millisecond))) // echoes are under way, and come out bit by bit
			pauseFor(ctx, safetyLease/2)
			s.proxy.stall(ctx, long)
			pauseFor(ctx, safetyLease)
			s.proxy.delay.Store(0)
		case n < 18:
			s.faults["delays"]++
			s.proxy.delay.Store(int64(rand.N(20 * time.Millisecond)))
			pauseFor(ctx, long)
			s.proxy.delay.Store(0)
		case n < 26:
			s.faults["client stops"]++
			s.clients[rand.IntN(len(s.clients))].freeze(ctx, long)
		case n < 29:
			s.faults["server stops"]++
			s.server.freeze(ctx, long)
		case n < 34:
			s.faults["client clock steps"]++
			s.clients[rand.IntN(len(s.clients))].step(rand.N(2*time.Hour) - time.Hour)
		case n < 39:
			s.faults["server clock steps"]++
			s.server.step(rand.N(2*time.Hour) - time.Hour)
		case n < 40:
			s.faults["late answers"]++
			s.lateAnswers(ctx)
		case n < 41:
			s.faults["policy changes"]++
			s.policiesThatDeny(ctx)
			s.policiesThatDoNot(ctx)
		default:
			s.faults["server restarts"]++
			s.server.kill(rand.IntN(2) == 0)
			s.server = s.startServer()
		}
	}
}

// lateAnswers withdraws all consents while what the server says is under way for so long that the fences are over
// before any cache has heard of them: as long as echoes come, a cache that counts its lease from when they come
// believes that it holds one.
func (s *safety) lateAnswers(ctx context.Context) {
	const late = 3 * safetyLease // a fence takes two leases and an eighth at the most
	c, done := s.alone(ctx)
	defer done()
	s.forAll(func(subject int) { s.give(ctx, c, subject) })
	pauseFor(ctx, safetyLease/2) // they are cached
	defer s.proxy.late.Store(0)
	// It gets later at such a pace that the echoes do not cease to come.
	for at := time.Duration(0); at < late && ctx.Err() == nil; at += safetyLease / 30 {
		s.proxy.late.Store(int64(at))
		pauseFor(ctx, safetyLease/30)
	}
	s.forAll(func(subject int) { s.withdraw(ctx, c, subject, true) })
	pauseFor(ctx, late)
}

// policiesThatDeny puts policies in force that deny all, while half of the subjects have consents.
func (s *safety) policiesThatDeny(ctx context.Context) {
	c, done := s.alone(ctx)
	defer done()
	s.forAll(func(subject int) {
		if subject%2 == 0 {
			s.give(ctx, c, subject)
		} else {
			s.withdraw(ctx, c, subject, true)
		}
	})
	pauseFor(ctx, safetyLease/2) // they are cached
	if s.activate(ctx, c, safetyNotice+1) {
		from := monotonic() + int64(safetyLease)
		s.forAll(func(subject int) { s.open(subject, from) })
		pauseFor(ctx, 2*safetyLease)
	}
}

func (s *safety) policiesThatDoNot(ctx context.Context) {
	c, done := s.alone(ctx)
	defer done()
	to := monotonic()
	s.forAll(func(subject int) { s.close(subject, to) })
	s.activate(ctx, c, safetyNotice)
}

// safetyNotice is the notice that the consents were given to.
const safetyNotice = 3

// activate puts policies in force by which consents count from a notice on. They declare one purpose, so that it is
// soon proved.
func (s *safety) activate(ctx context.Context, c *Client, notice int) bool {
	request := &consentv1.ActivatePolicyRequest{Files: []*consentv1.PolicyFile{{
		Path: "controllers/example/data.yaml", Content: fmt.Appendf(nil, `
name: example
notice: {version: %d, material: %[1]d}
home_pack: gdpr
purposes:
  ai_training: {basis: CONSENT, clause: example}
`, notice),
	}}}
	for path, content := range s.policies() {
		request.Files = append(request.Files, &consentv1.PolicyFile{Path: path, Content: content})
	}
	limited, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	_, err := c.policies.ActivatePolicy(limited, request)
	if err != nil && ctx.Err() == nil {
		s.t.Errorf("ActivatePolicy = %v", err)
	}
	return err == nil
}

// policies are the example's rules and what they import, without tests.
func (s *safety) policies() map[string][]byte {
	files := map[string][]byte{}
	err := fs.WalkDir(policies.FS, ".", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil, entry.IsDir(), strings.HasSuffix(path, "_test.rego"),
			strings.HasPrefix(path, "controllers/") && path != "controllers/example/example.rego":
			return err
		}
		files[path], err = fs.ReadFile(policies.FS, path)
		return err
	})
	if err != nil {
		s.t.Error(err)
	}
	return files
}

// alone keeps the writers from beginning anything until done, and returns a client to write with instead.
func (s *safety) alone(ctx context.Context) (c *Client, done func()) {
	s.writing.Lock()
	c, err := Dial("unix://"+s.socket(), WithTimeout(10*time.Second))
	if err != nil {
		s.t.Error(err)
	}
	return c, func() {
		_ = c.Close()
		s.writing.Unlock()
	}
}

// forAll calls do with all subjects at once and waits.
func (s *safety) forAll(do func(subject int)) {
	var doing sync.WaitGroup
	for subject := range safetySubjects {
		doing.Go(func() { do(subject) })
	}
	doing.Wait()
}
