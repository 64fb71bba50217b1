package peers

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/consentd/consentd/bench/proc"
	"github.com/consentd/consentd/bench/question"
)

//go:embed openfga_model.json
var openFGAModel []byte

// openFGAUser is who asks: the question is whether it may use a subject's data for a purpose.
const openFGAUser = "backend:any"

// openFGA is an OpenFGA server: a subject is an object, a purpose a relation that is "consented but not objected".
type openFGA struct {
	population question.Population
	process    *proc.Process
	conns      []*grpc.ClientConn
	http       string
	// store and model are the ids that the server gave; now is the context of every check.
	store, model string
	now          message
}

// startOpenFGA runs it over a SQLite file.
func startOpenFGA(ctx context.Context, c Config) (Peer, error) {
	store := []string{"--datastore-engine", "sqlite", "--datastore-uri", "file:" + filepath.Join(c.Dir, "openfga.db")}
	if out, err := exec.CommandContext(ctx, c.Binary, append([]string{"migrate"}, store...)...).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("migrating: %w: %s", err, out)
	}
	return startOpenFGAOver(ctx, c, store)
}

// startOpenFGAInMemory runs it over its in-memory store.
func startOpenFGAInMemory(ctx context.Context, c Config) (Peer, error) {
	return startOpenFGAOver(ctx, c, []string{"--datastore-engine", "memory"})
}

func startOpenFGAOver(ctx context.Context, c Config, store []string) (Peer, error) {
	grpcAddr, err := proc.FreeAddr()
	if err != nil {
		return nil, err
	}
	httpAddr, err := proc.FreeAddr()
	if err != nil {
		return nil, err
	}
	o := &openFGA{population: c.Population, http: "http://" + httpAddr, now: nowContext(c.Population.Start)}
	o.process, err = proc.Start(exec.Command(c.Binary, append([]string{
		"run", "--grpc-addr", grpcAddr, "--http-addr", httpAddr,
		"--playground-enabled=false", "--metrics-enabled=false", "--log-level", "error",
		"--check-query-cache-enabled", "--check-query-cache-ttl", "1h",
		"--check-iterator-cache-enabled", "--check-iterator-cache-ttl", "1h",
		"--check-cache-limit", strconv.Itoa(max(10_000, 8*c.Population.Size)), "--max-checks-per-batch-check", "100",
	}, store...)...), nil)
	if err != nil {
		return nil, err
	}
	if err := o.prepare(ctx, grpcAddr, c.Connections); err != nil {
		o.Close()
		return nil, err
	}
	return o, nil
}

func (o *openFGA) prepare(ctx context.Context, addr string, connections int) (err error) {
	if err := o.process.Ready(ctx, startTimeout, func(ctx context.Context) error { return o.createStore(ctx) }); err != nil {
		return err
	}
	if o.conns, err = dial(addr, connections); err != nil {
		return err
	}
	var model struct {
		ID string `json:"authorization_model_id"`
	}
	if err := o.post(ctx, "/stores/"+o.store+"/authorization-models", json.RawMessage(openFGAModel), &model); err != nil {
		return fmt.Errorf("writing the model: %w", err)
	}
	o.model = model.ID
	if err := o.load(ctx); err != nil {
		return fmt.Errorf("writing tuples: %w", err)
	}
	return answers(ctx, o.process, o)
}

func (o *openFGA) createStore(ctx context.Context) error {
	var store struct{ ID string }
	err := o.post(ctx, "/stores", map[string]string{"name": "bench"}, &store)
	o.store = store.ID
	return err
}

// tuple is a relationship as OpenFGA's HTTP API has it.
type tuple struct {
	User      string     `json:"user"`
	Relation  string     `json:"relation"`
	Object    string     `json:"object"`
	Condition *condition `json:"condition,omitempty"`
}

type condition struct {
	Name    string            `json:"name"`
	Context map[string]string `json:"context"`
}

// tuples are what a subject said: a consent that stands, with its expiry as a condition, and an objection. A refusal
// and a withdrawal are the absence of a consent.
func (o *openFGA) tuples(s question.Subject) (all []tuple) {
	for i, c := range s.Consents {
		t := tuple{User: openFGAUser, Object: "subject:" + s.ID, Relation: question.Purposes[i] + "_consented"}
		if !c.ExpiresAt.IsZero() {
			t.Condition = &condition{Name: "unexpired", Context: map[string]string{"expires_at": c.ExpiresAt.UTC().Format(time.RFC3339)}}
		}
		if c.Status == question.Given {
			all = append(all, t)
		}
		if c.Objected {
			all = append(all, tuple{User: openFGAUser, Object: t.Object, Relation: question.Purposes[i] + "_objected"})
		}
	}
	return all
}

// load writes all tuples, as many at once as OpenFGA takes.
func (o *openFGA) load(ctx context.Context) error {
	const most = 100
	var pending []tuple
	for n := range o.population.Size {
		pending = append(pending, o.tuples(o.population.Subject(n))...)
		for len(pending) >= most || n == o.population.Size-1 && len(pending) > 0 {
			now := pending[:min(most, len(pending))]
			if err := o.write(ctx, now); err != nil {
				return err
			}
			pending = append(pending[:0], pending[len(now):]...)
		}
	}
	return nil
}

func (o *openFGA) write(ctx context.Context, tuples []tuple) error {
	return o.post(ctx, "/stores/"+o.store+"/write", map[string]any{
		"authorization_model_id": o.model, "writes": map[string]any{"tuple_keys": tuples},
	}, nil)
}

func (o *openFGA) post(ctx context.Context, path string, body, answer any) error {
	content, err := json.Marshal(body)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, o.http+path, bytes.NewReader(content))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	return do(http.DefaultClient, request, answer)
}

// nowContext is {"now": …} as a google.protobuf.Struct. The time is that of the start of the run: caches go by the
// context, so that one which changes with every request would keep them from working.
func nowContext(now time.Time) message {
	return message(nil).entry(1, "now", stringValue(now.UTC().Format(time.RFC3339)))
}

// key is a CheckRequestTupleKey.
func (o *openFGA) key(q question.Question) message {
	return message(nil).str(1, openFGAUser).str(2, question.Purposes[q.Purpose]).str(3, "subject:"+o.population.ID(q.Subject))
}

// Check implements Peer.
func (o *openFGA) Check(ctx context.Context, n int, q question.Question) (bool, error) {
	request := []byte(message(nil).str(1, o.store).sub(2, o.key(q)).str(4, o.model).sub(6, o.now))
	var answer []byte
	if err := o.conns[n%len(o.conns)].Invoke(ctx, "/openfga.v1.OpenFGAService/Check", &request, &answer); err != nil {
		return false, err
	}
	allowed := false
	err := fields(answer, func(field protowire.Number, _ []byte, number uint64) {
		allowed = allowed || field == 1 && number == 1
	})
	return allowed, err
}

// Batch implements Peer.
func (o *openFGA) Batch(ctx context.Context, n int, qs []question.Question) ([]bool, error) {
	request := message(nil).str(1, o.store)
	for i, q := range qs {
		request = request.sub(2, message(nil).sub(1, o.key(q)).sub(3, o.now).str(4, strconv.Itoa(i)))
	}
	content := []byte(request.str(3, o.model))
	var answer []byte
	if err := o.conns[n%len(o.conns)].Invoke(ctx, "/openfga.v1.OpenFGAService/BatchCheck", &content, &answer); err != nil {
		return nil, err
	}
	return openFGAResults(answer, len(qs))
}

// openFGAResults reads a map of results by the number of the question.
func openFGAResults(answer []byte, n int) ([]bool, error) {
	allowed, seen := make([]bool, n), 0
	var faults error
	err := fields(answer, func(field protowire.Number, entry []byte, _ uint64) {
		if field != 1 {
			return
		}
		at, yes, err := openFGAResult(entry)
		if err != nil || at < 0 || at >= n {
			faults = fmt.Errorf("result %d: %w", at, errNoAnswer)
			return
		}
		allowed[at] = yes
		seen++
	})
	if err == nil && faults == nil && seen != n {
		faults = errNoAnswer
	}
	if err != nil {
		faults = err
	}
	return allowed, faults
}

func openFGAResult(entry []byte) (at int, allowed bool, err error) {
	at, answered := -1, false
	err = fields(entry, func(field protowire.Number, value []byte, _ uint64) {
		switch field {
		case 1:
			at = index(value)
		case 2:
			_ = fields(value, func(field protowire.Number, _ []byte, number uint64) {
				answered = answered || field == 1
				allowed = allowed || field == 1 && number == 1
			})
		}
	})
	if err == nil && !answered {
		err = errNoAnswer
	}
	return at, allowed, err
}

// index is the number of a question; -1 if it is none.
func index(text []byte) int {
	if n, err := strconv.Atoi(string(text)); err == nil {
		return n
	}
	return -1
}

// PID implements Peer.
func (o *openFGA) PID() int { return o.process.PID() }

// Close implements Peer.
func (o *openFGA) Close() {
	closeAll(o.conns)
	o.process.Stop()
}
