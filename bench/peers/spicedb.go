package peers

import (
	"context"
	_ "embed"
	"fmt"
	"os/exec"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/consentd/consentd/bench/proc"
	"github.com/consentd/consentd/bench/question"
)

//go:embed spicedb_schema.zed
var spiceDBSchema string

// spiceDBKey is the preshared key, which SpiceDB does not start without.
const spiceDBKey = "bench"

// spiceDB is a SpiceDB server: a subject is an object, a purpose a permission that is "consented but not objected", and
// an expiry is that of the relationship.
type spiceDB struct {
	population question.Population
	process    *proc.Process
	conns      []*grpc.ClientConn
	// backend is who asks, as a SubjectReference.
	backend message
	// consistency lets caches answer, but from no state before the last write: SpiceDB's
	// minimize_latency may look further back.
	consistency message
}

func startSpiceDB(ctx context.Context, c Config) (Peer, error) {
	addr, err := proc.FreeAddr()
	if err != nil {
		return nil, err
	}
	s := &spiceDB{population: c.Population, backend: message(nil).sub(1, spiceDBObject("backend", "any"))}
	s.process, err = proc.Start(exec.Command(c.Binary, append(spiceDBArgs(addr), "--datastore-engine", "memory")...), nil)
	if err != nil {
		return nil, err
	}
	if err := s.prepare(ctx, addr, c.Connections); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func spiceDBArgs(addr string) []string {
	return []string{
		"serve", "--grpc-preshared-key", spiceDBKey, "--grpc-addr", addr, "--metrics-enabled=false", "--http-enabled=false",
		"--telemetry-endpoint=", "--log-level", "error", "--skip-release-check",
	}
}

func (s *spiceDB) prepare(ctx context.Context, addr string, connections int) (err error) {
	if s.conns, err = dial(addr, connections); err != nil {
		return err
	}
	schema := message(nil).str(1, spiceDBSchema)
	err = s.process.Ready(ctx, startTimeout, func(ctx context.Context) error {
		_, err := s.call(ctx, 0, "SchemaService/WriteSchema", schema)
		return err
	})
	if err != nil {
		return fmt.Errorf("writing the schema: %w", err)
	}
	if err := s.load(ctx); err != nil {
		return fmt.Errorf("writing relationships: %w", err)
	}
	return answers(ctx, s.process, s)
}

func (s *spiceDB) call(ctx context.Context, n int, method string, request message) (answer []byte, err error) {
	ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+spiceDBKey)
	content := []byte(request)
	err = s.conns[n%len(s.conns)].Invoke(ctx, "/authzed.api.v1."+method, &content, &answer)
	return answer, err
}

func spiceDBObject(kind, id string) message { return message(nil).str(1, kind).str(2, id) }

// relationships are what a subject said. A refusal, a withdrawal and an expiry that has
// passed are the absence of a consent.
func (s *spiceDB) relationships(n int) (all []message) {
	subject := s.population.Subject(n)
	object := spiceDBObject("subject", subject.ID)
	for i, c := range subject.Consents {
		if c.Status == question.Given && (c.ExpiresAt.IsZero() || c.ExpiresAt.After(s.population.Start)) {
			r := message(nil).sub(1, object).str(2, question.Purposes[i]+"_consented").sub(3, s.backend)
			if !c.ExpiresAt.IsZero() {
				r = r.sub(5, timestamp(c.ExpiresAt))
			}
			all = append(all, r)
		}
		if c.Objected {
			all = append(all, message(nil).sub(1, object).str(2, question.Purposes[i]+"_objected").sub(3, s.backend))
		}
	}
	return all
}

// timestamp is a google.protobuf.Timestamp of whole seconds.
func timestamp(t time.Time) message {
	return protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), uint64(t.Unix()))
}

// load writes all relationships, some hundred per call: SpiceDB takes 1,000.
func (s *spiceDB) load(ctx context.Context) error {
	const most, touch = 900, 2
	var updates message
	pending := 0
	for n := range s.population.Size {
		for _, r := range s.relationships(n) {
			operation := protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), touch)
			updates = updates.sub(1, message(operation).sub(2, r))
			pending++
		}
		if pending < most && (n < s.population.Size-1 || pending == 0) {
			continue
		}
		answer, err := s.call(ctx, 0, "PermissionsService/WriteRelationships", updates)
		if err == nil {
			err = s.wrote(answer)
		}
		if err != nil {
			return err
		}
		updates, pending = nil, 0
	}
	return nil
}

// wrote makes the checks to come at least as fresh as a write.
func (s *spiceDB) wrote(answer []byte) error {
	s.consistency = nil
	err := fields(answer, func(field protowire.Number, token []byte, _ uint64) {
		if field == 1 {
			s.consistency = message(nil).sub(2, token)
		}
	})
	if err == nil && s.consistency == nil {
		err = errNoAnswer
	}
	return err
}

// Check implements Peer.
func (s *spiceDB) Check(ctx context.Context, n int, q question.Question) (bool, error) {
	answer, err := s.call(ctx, n, "PermissionsService/CheckPermission", message(nil).sub(1, s.consistency).
		sub(2, spiceDBObject("subject", s.population.ID(q.Subject))).str(3, question.Purposes[q.Purpose]).sub(4, s.backend))
	if err != nil {
		return false, err
	}
	return permissionship(answer, 2)
}

// permissionship reads the answer from its field of a message.
func permissionship(answer []byte, at protowire.Number) (allowed bool, err error) {
	const noPermission, hasPermission = 1, 2
	var got uint64
	err = fields(answer, func(field protowire.Number, _ []byte, number uint64) {
		if field == at {
			got = number
		}
	})
	if err == nil && got != noPermission && got != hasPermission {
		err = errNoAnswer
	}
	return got == hasPermission, err
}

// Batch implements Peer.
func (s *spiceDB) Batch(ctx context.Context, n int, qs []question.Question) ([]bool, error) {
	request := message(nil).sub(1, s.consistency)
	for _, q := range qs {
		request = request.sub(2, message(nil).sub(1, spiceDBObject("subject", s.population.ID(q.Subject))).
			str(2, question.Purposes[q.Purpose]).sub(3, s.backend))
	}
	answer, err := s.call(ctx, n, "PermissionsService/CheckBulkPermissions", request)
	if err != nil {
		return nil, err
	}
	return spiceDBResults(answer, len(qs))
}

// spiceDBResults reads the answers, which come in the order of the questions.
func spiceDBResults(answer []byte, n int) ([]bool, error) {
	allowed := make([]bool, 0, n)
	var faults error
	err := fields(answer, func(field protowire.Number, pair []byte, _ uint64) {
		if field != 2 {
			return
		}
		var item []byte
		_ = fields(pair, func(field protowire.Number, value []byte, _ uint64) {
			if field == 2 {
				item = value
			}
		})
		yes, err := permissionship(item, 1)
		if err != nil {
			faults = err
		}
		allowed = append(allowed, yes)
	})
	if err == nil {
		err = faults
	}
	if err == nil && len(allowed) != n {
		err = errNoAnswer
	}
	return allowed, err
}

// PID implements Peer.
func (s *spiceDB) PID() int { return s.process.PID() }

// Close implements Peer.
func (s *spiceDB) Close() {
	closeAll(s.conns)
	s.process.Stop()
}
