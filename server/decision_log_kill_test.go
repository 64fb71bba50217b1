package main_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/audit/line"
	"github.com/consentd/consentd/server/audit/replay"
	"github.com/consentd/consentd/server/policy"
	"github.com/consentd/consentd/server/policy/archive"
	"github.com/consentd/consentd/server/store/pebble"
)

var logKills = flag.Int("decision-log-kills", 2, "how often TestDecisionLogKill kills the server for each form of the log")

// frameAge is how old what a kill loses may be at most: a frame of zstd is closed after a second. The rest is for a
// machine that has other things to do.
const frameAge = time.Second + time.Second

// TestDecisionLogKill kills the server with SIGKILL at random moments while it decides and records. Its log then reads
// to its end, has each decision that was given out once, but for those of the last frame, and all that it has comes out
// the same.
func TestDecisionLogKill(t *testing.T) {
	for _, name := range []string{"decisions.jsonl", "decisions.jsonl.zst"} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			k := &logKiller{
				t: t, binary: binary(t), data: filepath.Join(dir, "data"), log: filepath.Join(dir, name), answered: map[string]time.Time{},
				random: rand.New(rand.NewPCG(1, 2)),
			}
			for range *logKills {
				k.round()
				k.verify()
				if t.Failed() {
					return
				}
			}
			k.replay()
			t.Logf("%d kills, %d decisions given out, %d lost with their frames", *logKills, len(k.answered), k.lost)
		})
	}
}

type logKiller struct {
	t                 *testing.T
	binary, data, log string
	random            *rand.Rand
	killed            time.Time
	events            int
	// lost counts the decisions that kills took from the log.
	lost int

	mu sync.Mutex
	// answered is when the answer with a decision's id came. Guarded by mu.
	answered map[string]time.Time
}

// round starts the server, has it decide for a random time, and kills it.
func (k *logKiller) round() {
	socket := "unix://" + filepath.Join(k.t.TempDir(), "grpc.sock")
	server := exec.Command(k.binary, "--data-dir", k.data, "--grpc-addr", socket, "--http-addr", "127.0.0.1:0",
		"--decision-log", k.log, "--decision-log-overflow", "block")
	if err := server.Start(); err != nil {
		k.t.Fatal(err)
	}
	conn, err := grpc.NewClient(socket, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		k.t.Fatal(err)
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	first := &consentv1.CheckRequest{Controller: "example", SubjectId: "u0", Purpose: "storage"}
	if _, err := consentv1.NewDecisionServiceClient(conn).Check(ctx, first, grpc.WaitForReady(true)); err != nil {
		k.t.Fatal(err)
	}
	var load sync.WaitGroup
	for w := range 4 {
		load.Go(func() { k.decide(ctx, consentv1.NewDecisionServiceClient(conn), w) })
	}
	load.Go(func() { k.write(ctx, consentv1.NewConsentServiceClient(conn)) })
	<-time.After(time.Duration(300+k.random.IntN(1700)) * time.Millisecond) // the moment is what the test is about
	k.killed = time.Now()
	if err := server.Process.Kill(); err != nil {
		k.t.Fatal(err)
	}
	_ = server.Wait()
	cancel()
	load.Wait()
}

// decide asks until a call fails.
func (k *logKiller) decide(ctx context.Context, client consentv1.DecisionServiceClient, worker int) {
	pace := time.NewTicker(10 * time.Millisecond) // what was decided is decided again at the end
	defer pace.Stop()
	for n := worker; ; n++ {
		<-pace.C
		request := &consentv1.BatchCheckRequest{}
		for i := range 10 {
			request.Requests = append(request.Requests, &consentv1.CheckRequest{
				Controller: "example", SubjectId: fmt.Sprintf("u%d", (n+i)%20), Purpose: []string{"marketing_email", "storage"}[i%2],
			})
		}
		response, err := client.BatchCheck(ctx, request)
		if err != nil {
			return
		}
		now := time.Now()
		k.mu.Lock()
		for _, r := range response.GetResults() {
			k.answered[r.GetResponse().GetDecisionId()] = now
		}
		k.mu.Unlock()
	}
}

// write records until a call fails.
func (k *logKiller) write(ctx context.Context, client consentv1.ConsentServiceClient) {
	for {
		k.events++
		_, err := client.RecordEvents(ctx, &consentv1.RecordEventsRequest{
			Controller: "example", SubjectId: fmt.Sprintf("u%d", k.events%20), Events: []*consentv1.Event{{
				Id: fmt.Sprint(k.events), Source: "privacy_settings", Kind: &consentv1.Event_Consent{Consent: &consentv1.ConsentEvent{
					Purpose: "marketing_email", NoticeVersion: 3,
					Status: []consentv1.ConsentStatus{
						consentv1.ConsentStatus_CONSENT_STATUS_GIVEN, consentv1.ConsentStatus_CONSENT_STATUS_WITHDRAWN,
					}[k.events/20%2],
				}},
			}},
		})
		if err != nil {
			return
		}
	}
}

// items reads all files of the log.
func (k *logKiller) items() (items []replay.Item) {
	k.t.Helper()
	files, err := filepath.Glob(filepath.Join(filepath.Dir(k.log), "decisions*"))
	if err != nil || len(files) == 0 {
		k.t.Fatalf("no files of the log: %v", err)
	}
	for _, name := range files {
		r, err := line.Open(name)
		if err != nil {
			k.t.Fatal(err)
		}
		for {
			l, err := r.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				k.t.Fatalf("%s:%v", name, err)
			}
			items = append(items, replay.Item{Line: l, File: name, Number: r.Number()})
		}
		_ = r.Close()
	}
	return items
}

// verify looks for what was given out: what the kill took is forgotten, if it may be missing.
func (k *logKiller) verify() {
	k.t.Helper()
	logged := map[string]bool{}
	for _, i := range k.items() {
		if logged[i.Line.Decision.ID] {
			k.t.Errorf("%s is in the log twice", i.Line.Decision.ID)
		}
		logged[i.Line.Decision.ID] = true
	}
	for id, at := range k.answered {
		if logged[id] {
			continue
		}
		if age := k.killed.Sub(at); age > frameAge {
			k.t.Errorf("a decision that was given out %v before the kill is not in the log", age)
		}
		k.lost++
		delete(k.answered, id)
	}
}

// replay makes all decisions of the log again.
func (k *logKiller) replay() {
	k.t.Helper()
	store, err := pebble.Open(k.data, pebble.Options{})
	if err != nil {
		k.t.Fatal(err)
	}
	defer store.Close()
	sets, err := archive.Open(archive.Config{
		Dir: filepath.Join(k.data, "policies"), Options: policy.Options{Logger: slog.New(slog.DiscardHandler)},
	})
	if err != nil {
		k.t.Fatal(err)
	}
	got, err := replay.New(replay.Config{Store: store, Policies: sets}).Verify(context.Background(), k.items())
	if err != nil || got.Same != got.Decisions || got.Decisions < uint64(len(k.answered)) || got.Decisions == 0 {
		k.t.Errorf("%d decisions, %d the same, %d different, not replayed: %v, %v",
			got.Decisions, got.Same, got.Different, got.Skipped, err)
	}
}
