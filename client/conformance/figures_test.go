package conformance_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/consentd/consentd/client"
	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/servertest"
)

var (
	figures = flag.Bool("figures", false, "measure what the clients' checks cost, on a machine that does nothing else")
	growth  = flag.Int("growth", 0, "see that a client does not grow over that many checks and sessions")
)

// Half of so many users have consented.
const users = 10_000

// What the checks of ten thousand users cost in each language, with the server on the same machine: one by one, all at
// once, in batches, and by the call that returns those who are allowed.
func TestFigures(t *testing.T) {
	if !*figures {
		t.Skip("only with -figures: it measures")
	}
	look(t)
	server := servertest.Start(t, servertest.Options{})
	prefix := consenting(t, server, users)
	var rows []string
	for _, l := range languages {
		t.Run(l.name, func(t *testing.T) {
			rows = append(rows, measured(t, l, server, prefix))
		})
	}
	t.Logf("\n%s%s", figuresHead, strings.Join(rows, ""))
}

const figuresHead = `| client | one by one | at once | CPU of a check at once | batches | filter | 20,000 at once |
|---|---|---|---|---|---|---|
`

// measured is a client's row of the table.
func measured(t *testing.T, l language, server *servertest.Server, prefix string) string {
	r := startRunner(t, l)
	openAt(t, r, server.Addr, 0)
	many := request{Op: "burst", Client: "main", Prefix: prefix, Subjects: users}
	many.Request = encoded(client.NewCheck(controller, "", purposeID))
	burst := func(how string, atOnce int) string { return best(t, r, many, how, atOnce) }
	row := fmt.Sprintf("| %s | %s | %s |", l.name, burst("check", 1), burst("check", 0))
	row += fmt.Sprintf(" %s | %s |", burst("batch", 0), burst("filter", 0))
	twice := many
	twice.Subjects = 2 * users
	got := burstOf(t, r, twice)
	return row + fmt.Sprintf(" %s |\n", got.answers())
}

// best is the least of five runs, of which the first ones warm up.
func best(t *testing.T, r *runner, q request, how string, atOnce int) string {
	q.How, q.AtOnce = how, atOnce
	least := tally{MS: -1}
	for range 5 {
		got, err := r.do(q)
		if err == nil && got.Error != nil {
			return got.Error.Code
		}
		if err != nil || got.Burst == nil {
			t.Fatalf("%s: %v, %v", how, got, err)
		}
		if least.MS < 0 || got.Burst.MS < least.MS {
			least = *got.Burst
		}
		if how == "check" && atOnce == 1 {
			break // the slowest, which needs no warm-up
		}
	}
	text := least.answers()
	if how == "check" && atOnce == 0 {
		text += fmt.Sprintf(" | %.1f µs", float64(least.CPUUS)/float64(q.Subjects))
	}
	return text
}

// burstOf makes the checks at once.
func burstOf(t *testing.T, r *runner, q request) tally {
	t.Helper()
	q.How = "check"
	got, err := r.do(q)
	if err != nil || got.Burst == nil {
		t.Fatalf("a burst: %v, %v", got, err)
	}
	return *got.Burst
}

// answers is the time, and what was not answered.
func (t tally) answers() string {
	text := fmt.Sprintf("%.0f ms", t.MS)
	for code, n := range t.Errors {
		text += fmt.Sprintf(", %d %s", n, code)
	}
	return text
}

// openAt opens a client named main. Its default deadline is the client's where none is given.
func openAt(t *testing.T, r *runner, addr string, timeout time.Duration) {
	t.Helper()
	got, err := r.do(request{Op: "open", Client: "main", Target: addr, TimeoutMS: timeout.Milliseconds()})
	if err != nil || got.Error != nil {
		t.Fatalf("open: %v, %v", got, err)
	}
}

// consenting records the consent of every other of n subjects and returns what their ids begin with.
func consenting(t *testing.T, server *servertest.Server, n int) string {
	t.Helper()
	const prefix = "user-"
	group, ctx := errgroup.WithContext(t.Context())
	group.SetLimit(64)
	for i := 0; i < n; i += 2 {
		group.Go(func() error {
			return consentTo(ctx, server, prefix+strconv.Itoa(i), consentv1.ConsentStatus_CONSENT_STATUS_GIVEN)
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	return prefix
}

// consentTo records what a subject says, at the server itself.
func consentTo(ctx context.Context, server *servertest.Server, subject string, status consentv1.ConsentStatus) error {
	event := client.NewEvent("privacy_settings")
	event.Kind = &consentv1.Event_Consent{Consent: &consentv1.ConsentEvent{Purpose: purposeID, Status: status, NoticeVersion: 3}}
	_, err := server.Consents.RecordEvents(ctx, &consentv1.RecordEventsRequest{
		Controller: controller, SubjectId: subject, Events: []*consentv1.Event{event},
	})
	return err
}

// bursting are as many subjects as a burst of the gate has: more than a batch.
const bursting = 1_200

// burst sees that nobody is lost and nobody let through who must not be, however many checks begin at once.
func (b bench) burst(t *testing.T) {
	prefix := consenting(t, b.server, bursting)
	// Its deadline is for a machine that does much else.
	open := request{Op: "open", Client: "bursts", Target: b.server.Addr, TimeoutMS: 30_000}
	if got, err := b.runner.do(open); err != nil || got.Error != nil {
		t.Fatalf("open: %v, %v", got, err)
	}
	q := request{Client: "bursts", Op: "burst", Prefix: prefix, Subjects: bursting}
	q.Request = encoded(client.NewCheck(controller, "", purposeID))
	for _, how := range []string{"check", "is_allowed", "batch", "filter"} {
		q.How = how
		got, err := b.runner.do(q)
		whole := err == nil && got.Burst != nil && got.Burst.Allowed == bursting/2 && got.Burst.Denied == bursting/2
		if !whole || len(got.Burst.Errors) > 0 {
			t.Errorf("%s: %v, %v; want half of %d allowed, half denied", how, got, err, bursting)
		}
	}
	if got, err := b.runner.do(request{Op: "close", Client: "bursts"}); err != nil || got.Error != nil {
		t.Errorf("close: %v, %v", got, err)
	}
}

// A client that is used for long holds no more than one that was used for a while; and neither clients that were closed
// nor sessions that nobody has any more leave anything behind.
func TestNoGrowth(t *testing.T) {
	if *growth == 0 {
		t.Skip("only with -growth 1000000: it takes minutes")
	}
	if runtime.GOOS != "linux" {
		t.Skip("/proc is read")
	}
	look(t)
	server := servertest.Start(t, servertest.Options{})
	prefix := consenting(t, server, users)
	for _, l := range languages {
		t.Run(l.name, func(t *testing.T) {
			r := startRunner(t, l)
			openAt(t, r, server.Addr, 30*time.Second)
			q := request{Op: "burst", Client: "main", Prefix: prefix, Subjects: users, AtOnce: 64, How: "check"}
			q.Request = encoded(client.NewCheck(controller, "", purposeID))
			steady(t, r, "checks", func() { bursts(t, r, q, *growth/10) })
			q.How = "session"
			steady(t, r, "sessions", func() { bursts(t, r, q, *growth/10) })
			steady(t, r, "clients", func() { cycles(t, r, server.Addr, *growth/10_000) })
			closeMidway(t, r, server.Addr, q)
		})
	}
}

// bursts repeats a burst until so many checks were made.
func bursts(t *testing.T, r *runner, q request, checks int) {
	t.Helper()
	for made := 0; made < checks; made += q.Subjects {
		if got, err := r.do(q); err != nil || got.Burst == nil || got.Burst.Allowed != q.Subjects/2 {
			t.Fatalf("%s: %v, %v", q.How, got, err)
		}
	}
}

// cycles opens clients, asks and closes them.
func cycles(t *testing.T, r *runner, addr string, n int) {
	t.Helper()
	for i := range n {
		name := "cycle-" + strconv.Itoa(i)
		for _, q := range []request{
			{Op: "open", Client: name, Target: addr},
			{Op: "check", Client: name, Request: encoded(client.NewCheck(controller, "user-0", purposeID))},
			{Op: "close", Client: name},
		} {
			if got, err := r.do(q); err != nil || got.Error != nil {
				t.Fatalf("%s: %v, %v", q.Op, got, err)
			}
		}
	}
}

// steady does something ten times and compares what the process holds after the third and after the last.
func steady(t *testing.T, r *runner, what string, once func()) {
	t.Helper()
	var early holding
	for i := range 10 {
		once()
		if i == 2 {
			early = held(t, r.cmd.Process.Pid)
		}
	}
	late := held(t, r.cmd.Process.Pid)
	t.Logf("%s: %v after three tenths, %v at the end", what, early, late)
	if late.kB > early.kB+early.kB/4+16<<10 || late.files > early.files+8 {
		t.Errorf("%s: it grew from %v to %v", what, early, late)
	}
}

// holding is what a process holds.
type holding struct{ kB, files int }

func (h holding) String() string {
	return fmt.Sprintf("%.0f MB and %d descriptors", float64(h.kB)/1024, h.files)
}

func held(t *testing.T, pid int) holding {
	t.Helper()
	dir := filepath.Join("/proc", strconv.Itoa(pid))
	text, err := os.ReadFile(filepath.Join(dir, "status"))
	if err != nil {
		t.Fatal(err)
	}
	var h holding
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			_, err = fmt.Sscanf(rest, "%d", &h.kB)
		}
	}
	files, errFiles := os.ReadDir(filepath.Join(dir, "fd"))
	if err != nil || errFiles != nil || h.kB == 0 {
		t.Fatalf("reading what the process holds: %v, %v", err, errFiles)
	}
	h.files = len(files)
	return h
}

// closeMidway closes a client that 200 callers use: all of them are told, and nothing hangs.
func closeMidway(t *testing.T, r *runner, addr string, q request) {
	t.Helper()
	if got, err := r.do(request{Op: "open", Client: "closing", Target: addr, TimeoutMS: 30_000}); err != nil || got.Error != nil {
		t.Fatalf("open: %v, %v", got, err)
	}
	q.Client, q.AtOnce, q.How, q.Subjects = "closing", 200, "check", 10*users
	var told atomic.Pointer[result]
	ended := make(chan error, 1)
	go func() {
		got, err := r.do(q)
		told.Store(&got)
		ended <- err
	}()
	wait(t.Context(), 300*time.Millisecond)
	if got, err := r.do(request{Op: "close", Client: "closing"}); err != nil || got.Error != nil {
		t.Errorf("close: %v, %v", got, err)
	}
	if err := <-ended; err != nil || told.Load().Burst == nil {
		t.Fatalf("200 callers: %v, %v", told.Load(), err)
	}
	b := told.Load().Burst
	if left := b.Errors["CANCELLED"]; left == 0 || left != q.Subjects-b.Allowed-b.Denied {
		t.Errorf("200 callers of a client that was closed: %+v; want all that were not answered to be CANCELLED", b)
	}
}
