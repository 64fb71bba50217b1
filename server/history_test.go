package main_test

import (
	"context"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/timestamppb"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/policy/source"
)

// TestKillAfterAnActivation: policies are activated, and the server is killed. The next one has
// the activated policies in force and explains what was before by the policies of before.
func TestKillAfterAnActivation(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	policiesOf, decisions, kill := startKillable(t, dir)
	before, err := policiesOf.GetPolicy(t.Context(), &consentv1.GetPolicyRequest{}, grpc.WaitForReady(true))
	if err != nil {
		t.Fatal(err)
	}
	at := time.Now()
	done, err := policiesOf.ActivatePolicy(t.Context(), activationOf(t))
	if err != nil {
		t.Fatal(err)
	}
	kill()
	policiesOf, decisions, kill = startKillable(t, dir)
	defer kill()
	explained := func(at time.Time) string {
		t.Helper()
		told, err := decisions.Explain(t.Context(), &consentv1.ExplainRequest{
			Check: &consentv1.CheckRequest{Controller: "example", SubjectId: "u", Purpose: "service_delivery"}, At: timestamppb.New(at),
		}, grpc.WaitForReady(true))
		if err != nil {
			t.Fatal(err)
		}
		return told.GetDecision().GetPolicyRevision()
	}
	if got := explained(at); got != before.GetPolicyRevision() {
		t.Errorf("before the activation: by %s, want %s", got, before.GetPolicyRevision())
	}
	if got := explained(done.GetActivatedAt().AsTime()); got != done.GetPolicyRevision() {
		t.Errorf("after the activation: by %s, want %s", got, done.GetPolicyRevision())
	}
	history, err := policiesOf.ListPolicyHistory(t.Context(), &consentv1.ListPolicyHistoryRequest{})
	if err != nil || len(history.GetSpans()) != 2 || history.GetSpans()[0].GetPolicyRevision() != done.GetPolicyRevision() {
		t.Errorf("history %v, %v", history, err)
	}
}

// startKillable starts the server; kill kills it with SIGKILL.
func startKillable(t *testing.T, dir string) (p consentv1.PolicyServiceClient, d consentv1.DecisionServiceClient, kill func()) {
	t.Helper()
	socket := "unix://" + filepath.Join(t.TempDir(), "grpc.sock")
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	t.Cleanup(cancel)
	server := exec.CommandContext(ctx, binary(t), "--data-dir", dir, "--grpc-addr", socket, "--http-addr", "127.0.0.1:0")
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	conn, err := grpc.NewClient(socket, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return consentv1.NewPolicyServiceClient(conn), consentv1.NewDecisionServiceClient(conn), func() {
		_ = server.Process.Kill() // it may have ended
		_ = server.Wait()
	}
}

// activationOf are the shipped policies with another revision.
func activationOf(t *testing.T) *consentv1.ActivatePolicyRequest {
	t.Helper()
	files, err := source.ReadDir("../policies", source.DefaultMaxBytes)
	if err != nil {
		t.Fatal(err)
	}
	request := &consentv1.ActivatePolicyRequest{}
	for _, f := range files.List() {
		content := f.Content
		if f.Path == "controllers/example/example.rego" {
			content = append(content, "# activated\n"...)
		}
		request.Files = append(request.Files, &consentv1.PolicyFile{Path: f.Path, Content: content})
	}
	return request
}
