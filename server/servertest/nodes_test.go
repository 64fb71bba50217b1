package servertest_test

import (
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/app"
	"github.com/consentd/consentd/server/servertest"
	"github.com/consentd/consentd/server/store/postgres/pgtest"
)

const writes = "/readyz?service=consent.v1.ConsentService"

// What one node records the others know: at once by a token and by a fence, and soon without.
func TestNodesKnowWhatOthersRecord(t *testing.T) {
	db := pgtest.New(t, pgtest.Options{Unsafe: true})
	f := newFleet(t, db, 3)
	for round := range 9 {
		at, next := f.nodes[round%3], f.nodes[(round+1)%3]
		fenced, named, soon := fmt.Sprint("fenced ", round), fmt.Sprint("named ", round), fmt.Sprint("soon ", round)
		at.agrees(t, fenced)
		for range 2 { // the second time from memory
			next.want(t, fenced, cached, "ALLOW")
		}
		at.mustRecord(t, fenced, true, withdraw("marketing_email"))
		for _, n := range f.nodes {
			n.want(t, fenced, cached, "DENY")
		}
		at.agrees(t, named)
		token := at.mustRecord(t, named, false, withdraw("marketing_email"))
		for _, n := range f.nodes {
			n.want(t, named, asFresh(token), "DENY")
			n.want(t, named, fully, "DENY")
		}
		at.agrees(t, soon)
		at.mustRecord(t, soon, false, withdraw("marketing_email"))
		f.all("it knows of a withdrawal", func(n *fleetNode) bool { return n.check(t, soon, cached) == "DENY" })
	}
	for _, n := range f.nodes {
		if got := n.Metric(t, "consentd_nodes", map[string]string{"state": "alive"}); got != 3 {
			t.Errorf("%v nodes are alive, want 3", got)
		}
		if n.Metric(t, "consentd_cache_lookups_total", map[string]string{"result": "hit"}) == 0 {
			t.Error("nothing was answered from memory: the test says little")
		}
	}
}

// Behind PgBouncer in transaction mode it is the same.
func TestNodesBehindPgBouncer(t *testing.T) {
	db := pgtest.New(t, pgtest.Options{Unsafe: true})
	f := newFleet(t, db, 0)
	pooled, err := url.Parse(db.NewPgBouncer(t).URL(f.database))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		way, err := pgtest.StartProxy(pooled.Host)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(way.Close)
		f.join(way)
	}
	for round := range 10 {
		subject := fmt.Sprint(round)
		f.nodes[0].agrees(t, subject)
		f.nodes[1].want(t, subject, cached, "ALLOW")
		f.nodes[0].mustRecord(t, subject, true, withdraw("marketing_email"))
		f.nodes[1].want(t, subject, cached, "DENY")
	}
}

// A node that stops in order is not waited for; nor is one that has died, once its lease has run out.
func TestANodeThatLeavesHoldsUpNoFence(t *testing.T) {
	db := pgtest.New(t, pgtest.Options{Unsafe: true})
	f := newFleet(t, db, 2)
	if err := f.nodes[1].Stop(); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	f.nodes[0].agrees(t, "a")
	t.Logf("a fence after a node has left took %v", time.Since(began))
	eventually(t, "a node has left", func() bool {
		return f.nodes[0].Metric(t, "consentd_nodes", map[string]string{"state": "left"}) == 1
	})
}

// A node that is cut off from the database answers nothing from before a withdrawal that others were told is final, and
// is a node again once the network is.
func TestANodeThatIsCutOff(t *testing.T) {
	db := pgtest.New(t, pgtest.Options{Unsafe: true})
	f := newFleet(t, db, 3)
	f.nodes[0].agrees(t, "a")
	f.all("it answers from memory", func(n *fleetNode) bool { return n.check(t, "a", cached) == "ALLOW" && n.standing(t) })
	cut := f.nodes[2]
	cut.way.Silence(true)
	f.nodes[0].mustRecord(t, "a", true, withdraw("marketing_email"))
	cut.want(t, "a", cached, append(failed, "DENY")...)
	f.nodes[1].want(t, "a", cached, "DENY")
	eventually(t, "it answers nothing from memory", func() bool { return !cut.standing(t) })
	eventually(t, "the others take it for dead", func() bool {
		return f.nodes[0].Metric(t, "consentd_nodes", map[string]string{"state": "dead"}) == 1
	})
	if code, _ := cut.page(t, "/readyz"); code != 200 {
		t.Errorf("/readyz is %d: it left the balancer", code)
	}
	cut.way.Silence(false)
	eventually(t, "it answers from memory again", func() bool { return cut.standing(t) && cut.check(t, "a", cached) == "DENY" })
}

// A planned fail-over to a synchronous standby loses nothing, and nothing is told as lost.
func TestAPlannedFailOver(t *testing.T) {
	db := pgtest.New(t, pgtest.Options{})
	standby := db.NewStandby(t, pgtest.StandbyOptions{Sync: true})
	f := newFleet(t, db, 3)
	token := f.nodes[0].agrees(t, "a")
	if err := db.Stop(t.Context(), pgtest.Fast); err != nil {
		t.Fatal(err)
	}
	if err := standby.Promote(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.lead(standby)
	f.all("it answers from memory again", func(n *fleetNode) bool { return n.standing(t) && n.check(t, "a", cached) == "ALLOW" })
	f.nodes[1].mustRecord(t, "a", true, withdraw("marketing_email"))
	for _, n := range f.nodes {
		n.want(t, "a", cached, "DENY")
		n.want(t, "a", asFresh(token), "DENY")
		if lost := n.metric(t, "consentd_store_history_lost_total"); lost != 0 {
			t.Errorf("history was lost %v times", lost)
		}
	}
}

// A fail-over that loses commits is noticed by all nodes that had seen them: nothing cached survives, and tokens of
// what was lost are refused.
func TestAFailOverThatLosesHistory(t *testing.T) {
	db := pgtest.New(t, pgtest.Options{})
	f := newFleet(t, db, 3)
	feed := db.NewProxy(t)
	standby := db.NewStandby(t, pgtest.StandbyOptions{Via: feed.Addr()})
	f.nodes[0].agrees(t, "kept")
	awaitReplay(t, standby, f.database, f.nodes[0].metric(t, "consentd_store_revision"))
	feed.Silence(true)
	token := f.nodes[0].agrees(t, "lost")
	f.all("it knows what will be lost", func(n *fleetNode) bool { return n.check(t, "lost", cached) == "ALLOW" })
	if err := db.Stop(t.Context(), pgtest.Crash); err != nil {
		t.Fatal(err)
	}
	if err := standby.Promote(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.lead(standby)
	f.all("it notices", func(n *fleetNode) bool { return n.metric(t, "consentd_store_history_lost_total") == 1 })
	f.all("it answers from memory again", func(n *fleetNode) bool { return n.standing(t) && n.check(t, "kept", cached) == "ALLOW" })
	for _, n := range f.nodes {
		n.want(t, "lost", cached, "DENY")
		n.wantLost(t, "lost", token)
	}
	for range 5 { // the new history is longer than what was lost
		f.nodes[1].agrees(t, "kept")
	}
	for _, n := range f.nodes {
		n.wantLost(t, "lost", token)
	}
}

// An old backup that is restored while nodes are down is told by the tokens of what was lost.
func TestAnOldBackupIsTold(t *testing.T) {
	db := pgtest.New(t, pgtest.Options{})
	f := newFleet(t, db, 1)
	before := f.nodes[0].agrees(t, "kept")
	old, err := db.Backup()
	if err != nil {
		t.Fatal(err)
	}
	token := f.nodes[0].agrees(t, "lost")
	if err := f.nodes[0].Stop(); err != nil {
		t.Fatal(err)
	}
	if err := db.Restore(t.Context(), old); err != nil {
		t.Fatal(err)
	}
	n := f.join(db.NewProxy(t))
	n.wantLost(t, "lost", token)
	n.want(t, "kept", asFresh(before), "ALLOW")
	for range 3 {
		n.agrees(t, "kept")
	}
	n.wantLost(t, "lost", token)
	n.want(t, "kept", asFresh(before), "ALLOW")
}

// wantLost fails the test where a check with a token is not refused because the store lost the token's history.
func (n *fleetNode) wantLost(t *testing.T, subject, token string) {
	t.Helper()
	_, err := n.checkErr(t, subject, asFresh(token))
	refused := status.Convert(err)
	kind := ""
	for _, d := range refused.Details() {
		if p, ok := d.(*errdetails.PreconditionFailure); ok && len(p.GetViolations()) > 0 {
			kind = p.GetViolations()[0].GetType()
		}
	}
	if refused.Code() != codes.FailedPrecondition || kind != "STORE_HISTORY_LOST" ||
		!strings.Contains(refused.Message(), "lost history") {
		t.Errorf("a token of what was lost: %v of type %q, want FAILED_PRECONDITION of type STORE_HISTORY_LOST", err, kind)
	}
}

// awaitReplay waits until a standby has a store's revision.
func awaitReplay(t *testing.T, standby *pgtest.Server, database string, revision float64) {
	t.Helper()
	eventually(t, "the standby follows", func() bool {
		conn, err := pgx.Connect(t.Context(), standby.URL(database))
		if err != nil {
			return false
		}
		defer func() { _ = conn.Close(t.Context()) }()
		var at float64
		return conn.QueryRow(t.Context(), "SELECT revision FROM consentd.head").Scan(&at) == nil && at >= revision
	})
}

// A primary that waits for a standby that is away takes no writes: it is told; decisions go on, and so do writes once
// it takes them.
func TestADatabaseThatTakesNoWrites(t *testing.T) {
	db := pgtest.New(t, pgtest.Options{})
	f := newFleet(t, db, 1)
	n := f.nodes[0]
	n.agrees(t, "a")
	standby := db.NewStandby(t, pgtest.StandbyOptions{Sync: true})
	if err := standby.Stop(t.Context(), pgtest.Immediate); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a write is refused", func() bool {
		_, err := n.record(t, "b", false, withdraw("marketing_email"))
		return status.Code(err) == codes.Unavailable
	})
	eventually(t, "it is told", func() bool {
		code, _ := n.page(t, writes)
		return code == 503 && n.metric(t, "consentd_store_writable") == 0
	})
	if code, _ := n.page(t, "/readyz"); code != 200 {
		t.Errorf("/readyz is %d: decisions could go on", code)
	}
	n.want(t, "a", fully, "ALLOW")
	if err := standby.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	eventually(t, "writes go on", func() bool {
		_, err := n.record(t, "b", false, withdraw("marketing_email"))
		return err == nil
	})
	eventually(t, "it is told", func() bool { code, _ := n.page(t, writes); return code == 200 })
}

// While the database is away nothing is answered by a state that may be too old, nothing is recorded, and everything
// goes on by itself when it is back.
func TestADatabaseThatIsAway(t *testing.T) {
	db := pgtest.New(t, pgtest.Options{})
	f := newFleet(t, db, 2)
	n := f.nodes[0]
	token := n.agrees(t, "a")
	n.want(t, "a", cached, "ALLOW")
	if err := db.Stop(t.Context(), pgtest.Immediate); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it answers nothing from memory", func() bool { return !n.standing(t) })
	for _, how := range []*consentv1.Consistency{cached, fully, asFresh(token)} {
		n.want(t, "a", how, failed...)
	}
	if _, err := n.record(t, "a", false, withdraw("marketing_email")); status.Code(err) != codes.Unavailable {
		t.Errorf("recorded without a database: %v", err)
	}
	if code, _ := n.page(t, "/readyz"); code != 200 {
		t.Errorf("/readyz is %d: all nodes would leave the balancer at once", code)
	}
	if err := db.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.all("it answers from memory again", func(n *fleetNode) bool { return n.standing(t) && n.check(t, "a", cached) == "ALLOW" })
	n.mustRecord(t, "a", true, withdraw("marketing_email"))
	f.nodes[1].want(t, "a", cached, "DENY")
	for _, n := range f.nodes {
		if lost := n.metric(t, "consentd_store_history_lost_total"); lost != 0 {
			t.Errorf("history was lost %v times", lost)
		}
	}
}

// The password of a database is in no error and no line of the log, whatever is wrong with it.
func TestThePasswordOfADatabaseIsNotTold(t *testing.T) {
	db := pgtest.New(t, pgtest.Options{Unsafe: true})
	host := db.Addr()
	for name, place := range map[string]string{
		"nobody listens":  "127.0.0.1:1/consentd",
		"no such role":    host + "/postgres",
		"no such data":    host + "/nothing",
		"no such setting": host + "/postgres?nonsense=1",
		"no such mode":    host + "/postgres?sslmode=nonsense",
	} {
		t.Run(name, func(t *testing.T) {
			var log strings.Builder
			err := servertest.Refused(t, servertest.Options{
				DataDir: t.TempDir(), Logger: slog.New(slog.NewTextHandler(&log, nil)),
				Configure: func(c *app.Config) { c.Store.URL = "postgres://nobody:hunter2@" + place },
			})
			if text := err.Error() + log.String(); strings.Contains(text, "hunter2") {
				t.Errorf("the password is told: %s", text)
			}
			t.Log(err)
		})
	}
}
