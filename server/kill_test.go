package main_test

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/timestamppb"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/store/pebble"
)

// killRounds is how often the server is killed: each kill is a second and a half, and each run draws other moments.
var killRounds = flag.Int("kills", 20, "how often TestKill kills the server")

const (
	killWriters  = 8
	killSubjects = 24
	killBatch    = 3
)

// TestKill records events as fast as it can while the server is killed with SIGKILL at random moments, and looks into
// the store after each: every acknowledged event is in the ledger, every batch is there whole or not at all, each state
// is what its ledger folds to, and the revisions have no gap.
func TestKill(t *testing.T) {
	rounds := *killRounds
	if testing.Short() {
		rounds = 5
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	k := &killer{
		t: t, binary: binary(t), dataDir: filepath.Join(t.TempDir(), "data"),
		random: rand.New(rand.NewPCG(seed, 2)), began: time.Now().Add(-48 * time.Hour), acknowledged: map[string]string{},
	}
	for round := range rounds {
		k.round(round)
		k.verify(round)
		if t.Failed() {
			return
		}
	}
	t.Logf("%d kills, %d batches of %d events acknowledged, %d recorded", rounds, len(k.acknowledged), killBatch, k.recorded)
}

type killer struct {
	t               *testing.T
	binary, dataDir string
	random          *rand.Rand
	recorded        consent.Revision
	// began is when the events begin to have occurred, events how many there are.
	began  time.Time
	events atomic.Int64

	mu sync.Mutex
	// acknowledged maps batches to their subjects. Guarded by mu.
	acknowledged map[string]string
}

// round starts the server, writes until it has acknowledged a random number of batches, and kills it under load.
func (k *killer) round(round int) {
	socket := "unix://" + filepath.Join(k.t.TempDir(), "grpc.sock")
	server := exec.Command(k.binary, "--data-dir", k.dataDir, "--grpc-addr", socket, "--http-addr", "127.0.0.1:0")
	if err := server.Start(); err != nil {
		k.t.Fatal(err)
	}
	conn, err := grpc.NewClient(socket, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		k.t.Fatal(err)
	}
	defer conn.Close()
	acks := make(chan struct{})
	var writers sync.WaitGroup
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for w := range killWriters {
		writers.Go(func() { k.write(ctx, consentv1.NewConsentServiceClient(conn), fmt.Sprintf("%d-%d", round, w), acks) })
	}
	for range 1 + k.random.IntN(300) {
		select {
		case <-acks:
		case <-ctx.Done():
			k.t.Errorf("round %d: the server does not answer", round)
		}
	}
	if err := server.Process.Kill(); err != nil {
		k.t.Fatal(err)
	}
	_ = server.Wait()
	cancel()
	writers.Wait()
}

// write records batches of new events, for one subject each, until a call fails.
func (k *killer) write(ctx context.Context, client consentv1.ConsentServiceClient, prefix string, acks chan<- struct{}) {
	for n := 0; ; n++ {
		batch := fmt.Sprintf("%s-%d", prefix, n)
		subject := fmt.Sprintf("subject-%d", n%killSubjects)
		request := &consentv1.RecordEventsRequest{Controller: "example", SubjectId: subject, Events: k.batch(batch)}
		if _, err := client.RecordEvents(ctx, request, grpc.WaitForReady(n == 0)); err != nil {
			return
		}
		k.mu.Lock()
		k.acknowledged[batch] = subject
		k.mu.Unlock()
		select {
		case acks <- struct{}{}:
		case <-ctx.Done():
			return
		}
	}
}

// batch is a consent from its request to its withdrawal, each event a second newer than the one before: a withdrawal
// counts to the end of its second.
func (k *killer) batch(name string) []*consentv1.Event {
	events := make([]*consentv1.Event, killBatch)
	for i := range events {
		status := []consentv1.ConsentStatus{
			consentv1.ConsentStatus_CONSENT_STATUS_REQUESTED, consentv1.ConsentStatus_CONSENT_STATUS_GIVEN,
			consentv1.ConsentStatus_CONSENT_STATUS_WITHDRAWN,
		}[i]
		events[i] = &consentv1.Event{
			Id: fmt.Sprintf("%s/%d", name, i), Source: "privacy_settings",
			OccurredAt: timestamppb.New(k.began.Add(time.Duration(k.events.Add(1)) * time.Second)),
			Kind: &consentv1.Event_Consent{
				Consent: &consentv1.ConsentEvent{Purpose: "marketing_email", Status: status, NoticeVersion: 3},
			},
		}
	}
	return events
}

// verify opens the store as the kill left it.
func (k *killer) verify(round int) {
	k.t.Helper()
	store, err := pebble.Open(k.dataDir, pebble.Options{})
	if err != nil {
		k.t.Fatalf("round %d: opening the store: %v", round, err)
	}
	defer store.Close()
	found := map[string]consent.Revision{} // event ids
	revisions := map[consent.Revision]int{}
	for s := range killSubjects {
		subject := consent.Subject{Controller: "example", ID: fmt.Sprintf("subject-%d", s)}
		ledger := readLedger(k.t, store, subject)
		for _, e := range ledger {
			found[e.Event.ID] = e.Revision
			revisions[e.Revision]++
		}
		snapshot, err := store.Read(context.Background(), subject)
		if err != nil {
			k.t.Fatal(err)
		}
		if diff := cmp.Diff(consent.FoldEntries(ledger), snapshot.State, cmpopts.EquateEmpty()); diff != "" {
			k.t.Errorf("round %d: %s is not what its ledger folds to (-folded +stored):\n%s", round, subject.ID, diff)
		}
	}
	k.verifyBatches(round, found)
	k.recorded = store.Applied()
	for r := consent.Revision(1); r <= k.recorded; r++ {
		if revisions[r] != killBatch {
			k.t.Errorf("round %d: revision %d has %d events, want %d", round, r, revisions[r], killBatch)
		}
	}
	if len(revisions) != int(k.recorded) {
		k.t.Errorf("round %d: %d revisions, but the newest is %d", round, len(revisions), k.recorded)
	}
}

// verifyBatches: what was acknowledged is there, and what is there is there whole.
func (k *killer) verifyBatches(round int, found map[string]consent.Revision) {
	k.t.Helper()
	whole := maps.Clone(k.acknowledged)
	for id := range found {
		whole[id[:len(id)-len("/0")]] = ""
	}
	for _, batch := range slices.Sorted(maps.Keys(whole)) {
		first, ok := found[batch+"/0"]
		if !ok {
			k.t.Errorf("round %d: batch %s is lost", round, batch)
		}
		for i := range killBatch {
			if found[fmt.Sprintf("%s/%d", batch, i)] != first {
				k.t.Errorf("round %d: batch %s is not whole", round, batch)
			}
		}
	}
}

func readLedger(t *testing.T, store *pebble.Store, subject consent.Subject) (all []consent.Entry) {
	t.Helper()
	for page := (consent.Page{Limit: 1000}); ; {
		entries, err := store.Events(context.Background(), subject, page)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, entries.Entries...)
		if page.After = entries.Next; page.After == "" {
			return all
		}
	}
}
