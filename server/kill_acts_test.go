package main_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/audit/acts"
)

// TestKillKeepsTheAudit reads people while the server is killed: each read that was answered is in the audit, and the
// next server goes on with the same chain.
func TestKillKeepsTheAudit(t *testing.T) {
	binary, dataDir := binary(t), filepath.Join(t.TempDir(), "data")
	answered := map[string]bool{}
	for round := range 2 {
		readUntilKilled(t, exec.Command(binary, "--data-dir", dataDir), round, answered)
	}
	file := filepath.Join(dataDir, "audit", "acts.jsonl")
	if r, err := acts.Verify(file); err != nil || len(r.Faults) > 0 || r.Lines < len(answered) {
		t.Errorf("%d reads were answered; verified %+v, error %v", len(answered), r, err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for one := range strings.Lines(string(text)) {
		var line struct {
			RequestID string `json:"request_id"`
		}
		_ = json.Unmarshal([]byte(one), &line) // the last may be torn
		delete(answered, line.RequestID)
	}
	if len(answered) > 0 {
		t.Errorf("%d reads were answered and are not in the audit", len(answered))
	}
}

// readUntilKilled adds to answered the request ids of the reads that the server answered before it was killed.
func readUntilKilled(t *testing.T, server *exec.Cmd, round int, answered map[string]bool) {
	t.Helper()
	socket := "unix://" + filepath.Join(t.TempDir(), "grpc.sock")
	server.Args = append(server.Args, "--grpc-addr", socket, "--http-addr", "127.0.0.1:0")
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	conn, err := grpc.NewClient(socket, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var mu sync.Mutex
	var readers sync.WaitGroup
	done := make(chan struct{}, 1000)
	for r := range 4 {
		readers.Go(func() {
			for n := 0; ; n++ {
				id := fmt.Sprintf("%d-%d-%d", round, r, n)
				_, err := consentv1.NewConsentServiceClient(conn).GetSubject(metadata.AppendToOutgoingContext(ctx, "x-request-id", id),
					&consentv1.GetSubjectRequest{Controller: "example", SubjectId: id}, grpc.WaitForReady(n == 0))
				if err != nil {
					return
				}
				mu.Lock()
				answered[id] = true
				mu.Unlock()
				select {
				case done <- struct{}{}:
				default:
				}
			}
		})
	}
	for range 150 {
		select {
		case <-done:
		case <-ctx.Done():
			t.Error("the server does not answer")
		}
	}
	if err := server.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = server.Wait() // it was killed
	readers.Wait()
}
