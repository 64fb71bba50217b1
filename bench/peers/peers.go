// Package peers asks other policy engines the question that consentd is asked (package question), each in the most
// favourable set-up that its documentation recommends and that is still honest.
//
// Requests are encoded by hand and of the answers only the decision is decoded, so that the load generator takes as
// little as possible from a peer on the machine that both share. Failure: an answer that is no clear yes or no is an
// error, never a denial, so that a broken adapter cannot look like a peer that denies.
package peers

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/consentd/consentd/bench/proc"
	"github.com/consentd/consentd/bench/question"
)

// Peer answers questions. Its methods may be called concurrently; n is the number of the request, which
// spreads requests over connections.
type Peer interface {
	// Check answers one question.
	Check(ctx context.Context, n int, q question.Question) (bool, error)
	// Batch answers many, in their order, in one request; an error where the peer has no batches.
	Batch(ctx context.Context, n int, qs []question.Question) ([]bool, error)
	// PID is the peer's process.
	PID() int
	// Close ends the peer and waits for it.
	Close()
}

// Config is what a peer runs on.
type Config struct {
	// Binary is the peer's program.
	Binary string
	// Dir is a folder of the peer's own, for its configuration and data.
	Dir string
	// Population is what it is told; all of it, where it has a store.
	Population question.Population
	// Connections is how many connections the requests go over.
	Connections int
}

// Kind is a peer that there is an adapter for.
type Kind struct {
	Name string
	// Program is the name of its program where another kind runs the same; empty: Name.
	Program string
	// MostSubjects bounds the population that it is measured on; 0: none.
	MostSubjects int
	// Start runs the peer, tells it everything and waits until it answers.
	Start func(context.Context, Config) (Peer, error)
	// Setup says how it is run, Store, Batch and Reasons what it has of these, and Differs what is not comparable.
	Setup, Store, Batch, Reasons, Differs string
	// Release is where it comes from.
	Release Release
}

// Kinds are all peers with adapters, in the order in which they are measured.
func Kinds() []Kind {
	return []Kind{
		{
			Name: "opa", Start: startOPA, Release: opaRelease,
			Setup: "REST server, HTTP/1.1, states as data kept as AST values, decision logs off",
			Store: "in memory, whole documents by REST; no history", Batch: "as a rule of our policy",
			Reasons: "as far as the policy builds them",
			Differs: "time from its own clock; one rule instead of a whole regime; no durability",
		},
		{
			Name: "openfga", Start: startOpenFGA, Release: openFGARelease,
			Setup: "SQLite, check query and iterator caches on for an hour; consent as tuples, expiry as a condition; gRPC",
			Store: "tuples", Batch: "BatchCheck (limit raised to 100)", Reasons: "no",
			Differs: "cached answers may be stale for the caches' lifetime; the caller names the time",
		},
		{
			Name: "openfga-memory", Program: "openfga", Start: startOpenFGAInMemory, Release: openFGARelease, MostSubjects: 10_000,
			Setup: "as openfga, with its in-memory store", Store: "tuples, gone with the process",
			Batch: "BatchCheck (limit raised to 100)", Reasons: "no",
			Differs: "as openfga; no durability; fewer subjects, because a read of this store scans all tuples",
		},
		{
			Name: "spicedb", Start: startSpiceDB, Release: spiceDBRelease, MostSubjects: 1000,
			Setup: "in-memory store, dispatch cache on, at_least_as_fresh the last write; expiring relationships; gRPC",
			Store: "relationships, gone with the process", Batch: "CheckBulkPermissions", Reasons: "no",
			Differs: "expiries that have passed are not loaded; no durability; fewer subjects: over 100,000 in its in-memory store, the " +
				"only one that needs no database, a check takes 15 to 19 ms",
		},
		{
			Name: "cerbos", Start: startCerbos, Release: cerbosRelease,
			Setup: "rules on disk, audit and telemetry off; gRPC",
			Store: "none: the caller sends the state", Batch: "CheckResources (limit raised to 100)", Reasons: "names of policies only",
			Differs: "reading the state is left out: the caller has it already",
		},
	}
}

// startTimeout is how long a peer may take to answer at first.
const startTimeout = time.Minute

// dial opens connections that pass messages as the bytes they are.
func dial(addr string, n int) ([]*grpc.ClientConn, error) {
	conns := make([]*grpc.ClientConn, max(1, n))
	for i := range conns {
		var err error
		conns[i], err = grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()),
			grpc.WithDefaultCallOptions(grpc.ForceCodec(rawCodec{})))
		if err != nil {
			return nil, err
		}
	}
	return conns, nil
}

func closeAll(conns []*grpc.ClientConn) {
	for _, c := range conns {
		_ = c.Close()
	}
}

// rawCodec passes encoded messages through.
type rawCodec struct{}

func (rawCodec) Marshal(v any) ([]byte, error) {
	b, ok := v.(*[]byte)
	if !ok {
		return nil, fmt.Errorf("message of type %T", v)
	}
	return *b, nil
}

func (rawCodec) Unmarshal(data []byte, v any) error {
	b, ok := v.(*[]byte)
	if !ok {
		return fmt.Errorf("message of type %T", v)
	}
	*b = append((*b)[:0], data...)
	return nil
}

// Name is that of the encoding on the wire, which is what servers look at.
func (rawCodec) Name() string { return "proto" }

// answers retries a first check until the peer gives an answer.
func answers(ctx context.Context, process *proc.Process, p Peer) error {
	return process.Ready(ctx, startTimeout, func(ctx context.Context) error {
		_, err := p.Check(ctx, 0, question.Question{})
		return err
	})
}
