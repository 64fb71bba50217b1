package peers

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/consentd/consentd/bench/proc"
	"github.com/consentd/consentd/bench/question"
)

//go:embed cerbos_policy.yaml
var cerbosPolicy []byte

const cerbosConfig = `server:
  grpcListenAddr: %q
  httpListenAddr: %q
  requestLimits: {maxActionsPerResource: 50, maxResourcesPerRequest: 100}
storage:
  driver: disk
  disk: {directory: %q, watchForChanges: false}
audit: {enabled: false}
telemetry: {disabled: true}
`

// cerbos is a Cerbos server. It has no states: each request carries those of its subjects.
type cerbos struct {
	population question.Population
	process    *proc.Process
	conns      []*grpc.ClientConn
	// principal is who asks.
	principal message
}

func startCerbos(ctx context.Context, c Config) (Peer, error) {
	grpcAddr, err := proc.FreeAddr()
	if err != nil {
		return nil, err
	}
	httpAddr, err := proc.FreeAddr()
	if err != nil {
		return nil, err
	}
	config, err := writeCerbos(c.Dir, grpcAddr, httpAddr)
	if err != nil {
		return nil, err
	}
	p := &cerbos{population: c.Population, principal: message(nil).str(1, "backend").str(3, "backend")}
	if p.process, err = proc.Start(exec.Command(c.Binary, "server", "--config", config, "--log-level", "error"), nil); err != nil {
		return nil, err
	}
	if p.conns, err = dial(grpcAddr, c.Connections); err == nil {
		err = answers(ctx, p.process, p)
	}
	if err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

func writeCerbos(dir, grpcAddr, httpAddr string) (config string, err error) {
	policies := filepath.Join(dir, "policies")
	if err := os.MkdirAll(policies, 0o700); err != nil {
		return "", err
	}
	if err := os.WriteFile(filepath.Join(policies, "consent.yaml"), cerbosPolicy, 0o600); err != nil {
		return "", err
	}
	config = filepath.Join(dir, "cerbos.yaml")
	return config, os.WriteFile(config, fmt.Appendf(nil, cerbosConfig, grpcAddr, httpAddr, policies), 0o600)
}

// entry is a ResourceEntry: the purpose as the action, the subject's consent to it as attributes of a resource.
func (p *cerbos) entry(q question.Question) message {
	s := p.population.Subject(q.Subject)
	c := s.Consents[q.Purpose]
	resource := message(nil).str(1, "consent").str(3, s.ID).
		entry(4, "status", stringValue(string(c.Status))).entry(4, "objected", boolValue(c.Objected))
	if !c.ExpiresAt.IsZero() {
		resource = resource.entry(4, "expires_at", stringValue(c.ExpiresAt.UTC().Format(time.RFC3339)))
	}
	return message(nil).str(1, question.Purposes[q.Purpose]).sub(2, resource)
}

// Check implements Peer.
func (p *cerbos) Check(ctx context.Context, n int, q question.Question) (bool, error) {
	answers, err := p.Batch(ctx, n, []question.Question{q})
	if err != nil {
		return false, err
	}
	return answers[0], nil
}

// Batch implements Peer.
func (p *cerbos) Batch(ctx context.Context, n int, qs []question.Question) ([]bool, error) {
	request := message(nil).sub(3, p.principal)
	for _, q := range qs {
		request = request.sub(4, p.entry(q))
	}
	content, answer := []byte(request), []byte(nil)
	err := p.conns[n%len(p.conns)].Invoke(ctx, "/cerbos.svc.v1.CerbosService/CheckResources", &content, &answer)
	if err != nil {
		return nil, err
	}
	return cerbosResults(answer, len(qs))
}

// cerbosResults reads the effects, which come in the order of the resources.
func cerbosResults(answer []byte, n int) ([]bool, error) {
	allowed := make([]bool, 0, n)
	var faults error
	err := fields(answer, func(field protowire.Number, result []byte, _ uint64) {
		if field != 2 {
			return
		}
		effect, err := cerbosEffect(result)
		if err != nil {
			faults = err
		}
		allowed = append(allowed, effect == effectAllow)
	})
	if err == nil {
		err = faults
	}
	if err == nil && len(allowed) != n {
		err = errNoAnswer
	}
	return allowed, err
}

// The effects that answer a question.
const (
	effectAllow = 1
	effectDeny  = 2
)

// cerbosEffect is that of a result's only action.
func cerbosEffect(result []byte) (effect uint64, err error) {
	err = fields(result, func(field protowire.Number, action []byte, _ uint64) {
		if field == 2 {
			_ = fields(action, func(field protowire.Number, _ []byte, number uint64) {
				if field == 2 {
					effect = number
				}
			})
		}
	})
	if err == nil && effect != effectAllow && effect != effectDeny {
		err = errNoAnswer
	}
	return effect, err
}

// PID implements Peer.
func (p *cerbos) PID() int { return p.process.PID() }

// Close implements Peer.
func (p *cerbos) Close() {
	closeAll(p.conns)
	p.process.Stop()
}
