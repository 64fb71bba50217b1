package access_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/fstest"

	"github.com/consentd/consentd/policies"
	"github.com/consentd/consentd/server/access"
	"github.com/consentd/consentd/server/caller"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy"
)

var mailer = &caller.Caller{Kind: caller.KindKey, ID: "mailer"}

var mail = caller.Act{Action: caller.Check, Controller: "example", Purpose: "marketing_email"}

const mailGrant = `grants:
  - {callers: ["key:mailer"], actions: [check], controllers: [example], purposes: [marketing_email]}
`

const allowHead = "package consentd.access\n\ndefault allow := false\n\n"

// world is a gate with what it works on.
type world struct {
	*access.Gate
	file string
	set  atomic.Pointer[policy.Set]
	log  bytes.Buffer // read when the gate is closed, or nothing logs
}

// open opens a gate over a set and a table; an empty table is no file.
func open(t testing.TB, set *policy.Set, grants string) *world {
	t.Helper()
	w := &world{}
	w.set.Store(set)
	c := access.Config{Required: true}
	if grants != "" {
		w.file = filepath.Join(t.TempDir(), "grants.yaml")
		w.write(t, grants)
		c.File = w.file
	}
	var err error
	w.Gate, err = access.Open(c, access.Sources{
		Policies: w.set.Load, Shipped: policies.FS, Logger: slog.New(slog.NewTextHandler(&w.log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	return w
}

func (w *world) write(t testing.TB, grants string) {
	t.Helper()
	if err := os.WriteFile(w.file, []byte(grants), 0o600); err != nil {
		t.Fatal(err)
	}
}

var shipped = sync.OnceValue(func() *policy.Set { return mustLoad(policies.FS) })

func mustLoad(fsys fs.FS) *policy.Set {
	set, err := policy.Load(fsys, policy.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		panic(err)
	}
	return set
}

// setWith is a small set with some files of access; one without any has none.
func setWith(t testing.TB, files map[string]string) *policy.Set {
	t.Helper()
	fsys := fstest.MapFS{
		"controllers/acme/data.yaml": {Data: []byte(
			"notice: {version: 1, material: 1}\npurposes: {storage: {basis: CONTRACT, clause: \"1\"}}\n")},
		"controllers/acme/acme.rego": {Data: []byte("package consentd.controllers.acme\n\ndecision := {\"decision\": \"DENY\"}\n")},
	}
	for name, content := range files {
		fsys[name] = &fstest.MapFile{Data: []byte(content)}
	}
	return mustLoad(fsys)
}

func (w *world) permits(c *caller.Caller, act caller.Act) bool {
	return w.Permit(context.Background(), c, act) == nil
}

func TestNobodyIsAskedWhoIsNotAuthenticated(t *testing.T) {
	g, err := access.Open(access.Config{}, access.Sources{Policies: shipped, Shipped: policies.FS})
	if err != nil {
		t.Fatal(err)
	}
	for _, action := range caller.Actions() {
		if err := g.Permit(t.Context(), caller.Anonymous, caller.Act{Action: action}); err != nil {
			t.Errorf("%s: %v", action, err)
		}
	}
	if err := g.PoliciesChanged(); err != nil {
		t.Error(err)
	}
}

// TestAnonymousCallersMayNothing: whatever the policy says of them, where callers are authenticated.
func TestAnonymousCallersMayNothing(t *testing.T) {
	w := open(t, setWith(t, map[string]string{"access/access.rego": allowHead + "allow if input.action\n"}), "")
	for name, c := range map[string]*caller.Caller{
		"nil": nil, "zero": {}, "anonymous": caller.Anonymous, "a copy": {Kind: caller.KindAnonymous, ID: "x"},
	} {
		if err := w.Permit(t.Context(), c, mail); !errors.Is(err, consent.ErrUnauthenticated) || errors.Is(err, consent.ErrForbidden) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if !w.permits(mailer, mail) {
		t.Error("the policy is not asked")
	}
}

func TestPermit(t *testing.T) {
	w := open(t, shipped(), mailGrant)
	if err := w.Permit(t.Context(), mailer, mail); err != nil {
		t.Error(err)
	}
	for want, act := range map[string]caller.Act{
		"check of purpose ai_training of controller example is not permitted to key:mailer: no grant": {
			Action: caller.Check, Controller: "example", Purpose: "ai_training"},
		"read of controller example, for no purpose in particular, is not permitted to key:mailer": {
			Action: caller.Read, Controller: "example"},
		"policy.activate is not permitted to key:mailer":            {Action: caller.PolicyActivate},
		`check of purpose "a\nb" of controller "" is not permitted`: {Action: caller.Check, Purpose: "a\nb"},
		`check of purpose "` + strings.Repeat("x", 128) + `"… of controller c`: {
			Action: caller.Check, Controller: "c", Purpose: strings.Repeat("x", 4<<20)},
	} {
		err := w.Permit(t.Context(), mailer, act)
		if !errors.Is(err, consent.ErrForbidden) || !strings.HasPrefix(err.Error(), want) || len(err.Error()) > 500 {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	if s := w.Stats(); s.Denied[caller.Check] != 3 || s.Denied[caller.Read] != 1 || s.Grants != 1 || s.Errors != 0 {
		t.Errorf("%+v", s)
	}
}

// TestAnswersAreRemembered: by all that they depend on, and by nothing else.
func TestAnswersAreRemembered(t *testing.T) {
	w := open(t, shipped(), mailGrant)
	evaluated := func(c *caller.Caller, act caller.Act) uint64 {
		before := w.Stats().Evaluated
		w.permits(c, act)
		return w.Stats().Evaluated - before
	}
	other := func(change func(*caller.Caller, *caller.Act)) (*caller.Caller, caller.Act) {
		c, act := *mailer, mail
		change(&c, &act)
		return &c, act
	}
	if evaluated(mailer, mail) != 1 || evaluated(mailer, mail) != 0 {
		t.Error("the second time it is asked again")
	}
	for name, change := range map[string]func(*caller.Caller, *caller.Act){
		"another caller that is the same": func(*caller.Caller, *caller.Act) {},
		"claims that nobody reads":        func(c *caller.Caller, _ *caller.Act) { c.Claims = map[string]any{"a": 1.0} },
		"a recipient that nobody reads":   func(_ *caller.Caller, a *caller.Act) { a.Recipient.Kind = consent.Affiliate },
	} {
		if n := evaluated(other(change)); n != 0 {
			t.Errorf("%s: asked %d times", name, n)
		}
	}
	for name, change := range map[string]func(*caller.Caller, *caller.Act){
		"kind":       func(c *caller.Caller, _ *caller.Act) { c.Kind = caller.KindCertificate },
		"id":         func(c *caller.Caller, _ *caller.Act) { c.ID = "mailer2" },
		"issuer":     func(c *caller.Caller, _ *caller.Act) { c.Issuer = "i" },
		"action":     func(_ *caller.Caller, a *caller.Act) { a.Action = caller.Explain },
		"controller": func(_ *caller.Caller, a *caller.Act) { a.Controller = "other" },
		"purpose":    func(_ *caller.Caller, a *caller.Act) { a.Purpose = "other" },
	} {
		c, act := other(change)
		if w.permits(c, act) || evaluated(c, act) != 0 {
			t.Errorf("another %s: permitted, or asked again", name)
		}
	}
	long := mail
	long.Purpose = strings.Repeat("x", 2000)
	for range 2 {
		if evaluated(mailer, long) != 1 {
			t.Error("what is too long is remembered")
		}
	}
}

// TestAnswersDependOnWhatRulesRead: on claims and recipients, where rules read them.
func TestAnswersDependOnWhatRulesRead(t *testing.T) {
	rules := allowHead + `allow if {
	input.caller.claims.scope == "mail"
	not input.recipient
}
`
	w := open(t, setWith(t, map[string]string{"access/access.rego": rules}), "")
	scoped := func(scope string) *caller.Caller {
		return &caller.Caller{Kind: caller.KindToken, ID: "x", Issuer: "i", Claims: map[string]any{"scope": scope}}
	}
	for range 2 {
		if !w.permits(scoped("mail"), mail) || w.permits(scoped("other"), mail) || w.permits(mailer, mail) {
			t.Error("the claims of one token count for another")
		}
	}
	to, who := mail, scoped("mail")
	to.Recipient = consent.Recipient{Kind: consent.Affiliate, ID: "r"}
	for range 2 {
		if !w.permits(who, mail) || w.permits(who, to) {
			t.Error("an answer for no recipient counts for one")
		}
	}
}

// TestTheMemoryIsBounded: callers without end cost evaluations and no memory, and never get another's answer.
func TestTheMemoryIsBounded(t *testing.T) {
	w := open(t, shipped(), mailGrant)
	for i := range 10_000 { // more than there is room for
		act := mail
		act.Purpose = fmt.Sprintf("p%d", i)
		if w.permits(mailer, act) {
			t.Fatalf("%s is permitted", act.Purpose)
		}
	}
	for range 3 {
		if !w.permits(mailer, mail) {
			t.Fatal("the mailer lost its right")
		}
	}
}

// TestAFailingPolicyPermitsNothing, and is asked again: what it says when it fails is not remembered.
func TestAFailingPolicyPermitsNothing(t *testing.T) {
	rules := allowHead + "allow := \"yes\" if input.action == \"check\"\n"
	w := open(t, setWith(t, map[string]string{"access/access.rego": rules}), "")
	for range 2 {
		if err := w.Permit(t.Context(), mailer, mail); !errors.Is(err, consent.ErrForbidden) {
			t.Error(err)
		}
	}
	if s := w.Stats(); s.Errors != 2 || s.Evaluated != 2 || !strings.Contains(w.log.String(), "neither true nor false") {
		t.Errorf("%+v, %s", s, w.log.String())
	}
}

// TestPoliciesChange: from the moment at which PoliciesChanged returns nothing is permitted by the set before.
func TestPoliciesChange(t *testing.T) {
	grantingSet := setWith(t, map[string]string{"access/data.yaml": mailGrant}) // it has a table and no rules: those that ship count
	w := open(t, grantingSet, "")
	if !w.permits(mailer, mail) || w.Stats().Grants != 1 {
		t.Fatal("a set's own table does not count")
	}
	w.set.Store(setWith(t, nil))
	if err := w.PoliciesChanged(); err != nil || w.permits(mailer, mail) {
		t.Errorf("the grant outlived its set: %v", err)
	}
	w.set.Store(setWith(t, map[string]string{"access/access.rego": allowHead + "allow if input.purpose == \"x\"\n"}))
	x := caller.Act{Action: caller.Check, Purpose: "x"}
	if err := w.PoliciesChanged(); err != nil || w.permits(mailer, mail) || !w.permits(mailer, x) {
		t.Errorf("the set's own rules do not count: %v", err)
	}
}

// TestASetWithoutAccess is kept to the rules that ship and the operator's table: an upgrade neither locks out nor opens
// up a server with policies of its own.
func TestASetWithoutAccess(t *testing.T) {
	w := open(t, setWith(t, nil), mailGrant)
	if !w.permits(mailer, mail) || w.permits(mailer, caller.Act{Action: caller.Admin}) {
		t.Error("other rights than the operator's table grants")
	}
}

// TestChangesUnderLoad: while tables and sets change, what every table grants is permitted, what none does never.
func TestChangesUnderLoad(t *testing.T) {
	both := mailGrant + `  - {callers: ["key:other"], actions: [check], controllers: [example], purposes: [marketing_email]}` + "\n"
	w := open(t, setWith(t, nil), mailGrant)
	var wg sync.WaitGroup
	over := make(chan struct{})
	for range 4 {
		wg.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-over:
					return
				default:
				}
				never := caller.Act{Action: caller.Check, Controller: "example", Purpose: fmt.Sprintf("p%d", i%100)}
				if !w.permits(mailer, mail) || w.permits(mailer, never) {
					t.Error("a change shows through")
					return
				}
				w.permits(&caller.Caller{Kind: caller.KindKey, ID: "other"}, mail)
			}
		})
	}
	for i := range 20 {
		w.write(t, []string{mailGrant, both}[i%2])
		if _, err := w.Reload(); err != nil {
			t.Error(err)
		}
		if got := w.permits(&caller.Caller{Kind: caller.KindKey, ID: "other"}, mail); got != (i%2 == 1) {
			t.Errorf("round %d: other is permitted: %v", i, got)
		}
		if err := w.PoliciesChanged(); err != nil {
			t.Error(err)
		}
	}
	close(over)
	wg.Wait()
}

func TestPermitAllocates(t *testing.T) {
	w := open(t, shipped(), mailGrant)
	ctx := context.Background()
	act := mail
	act.Recipient = consent.Recipient{Kind: consent.Affiliate, ID: "r", Country: "DE"}
	if n := testing.AllocsPerRun(100, func() {
		if w.Permit(ctx, mailer, act) != nil {
			t.Fatal("not permitted")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// BenchmarkPermit is a question that is remembered, by one goroutine and by all processors.
func BenchmarkPermit(b *testing.B) {
	w := open(b, shipped(), mailGrant+
		`  - {callers: ["token:* https://idp.example"], actions: [check], controllers: [example], purposes: ["*"]}`+"\n")
	ctx := context.Background()
	token := &caller.Caller{Kind: caller.KindToken, ID: "8b9f2f9e-9b0f-4f6e-8a2e-5f1b6c3d2e1f", Issuer: "https://idp.example"}
	for name, c := range map[string]*caller.Caller{"key": mailer, "token": token} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			before := cpuTime(b)
			for b.Loop() {
				if w.Permit(ctx, c, mail) != nil {
					b.Fatal("not permitted")
				}
			}
			b.ReportMetric(float64(cpuTime(b)-before)/float64(b.N), "cpu-ns/op")
		})
		b.Run(name+"/parallel", func(b *testing.B) {
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if w.Permit(ctx, c, mail) != nil {
						b.Fatal("not permitted")
					}
				}
			})
		})
	}
}

// cpuTime is that of the process; other load on the machine does not distort it as it does the wall clock.
func cpuTime(b *testing.B) int64 {
	b.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return usage.Utime.Nano() + usage.Stime.Nano()
}

// fenced is the text of the first fence of a language in a guide that has some words.
func fenced(t *testing.T, file, language, words string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, block := range strings.Split(string(text), "\n```"+language+"\n")[1:] {
		if block, _, _ = strings.Cut(block, "\n```"); strings.Contains(block, words) {
			return block + "\n"
		}
	}
	t.Fatalf("%s has no example of %s", file, words)
	return ""
}

// TestTheGuides: the examples of both guides mean what their texts say.
func TestTheGuides(t *testing.T) {
	w := open(t, shipped(), fenced(t, "../README.md", "yaml", "grants:"))
	key := func(id string) *caller.Caller { return &caller.Caller{Kind: caller.KindKey, ID: id} }
	desk := &caller.Caller{Kind: caller.KindToken, ID: "privacy-desk", Issuer: "https://idp.example"}
	for name, row := range map[string]struct {
		c    *caller.Caller
		act  caller.Act
		want bool
	}{
		"the mailer":            {mailer, mail, true},
		"its near cache":        {mailer, caller.Act{Action: caller.Watch}, true},
		"another purpose":       {mailer, caller.Act{Action: caller.Check, Controller: "example", Purpose: "ai_training"}, false},
		"the desk":              {desk, caller.Act{Action: caller.Read, Controller: "example"}, true},
		"the desk, for mails":   {desk, mail, false},
		"the operator":          {key("operator"), caller.Act{Action: caller.PolicyActivate}, true},
		"who is not the mail's": {key("sender"), mail, false},
	} {
		if got := w.permits(row.c, row.act); got != row.want {
			t.Errorf("%s: permitted: %v", name, got)
		}
	}
	own := setWith(t, map[string]string{
		"access/access.rego": fenced(t, "../../policies/README.md", "rego", "package consentd.access"),
		"access/data.yaml":   "own: {purposes_of: {mail: [marketing_email]}}\n",
	})
	w = open(t, own, "")
	team := func(name string) *caller.Caller {
		claims := map[string]any{"teams": []any{name}}
		return &caller.Caller{Kind: caller.KindToken, ID: "x", Issuer: "https://idp.example", Claims: claims}
	}
	if !w.permits(team("mail"), mail) || w.permits(team("ads"), mail) || w.permits(mailer, mail) {
		t.Error("the rule of the guide does not do what it says")
	}
}
