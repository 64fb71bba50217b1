package peers

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/consentd/consentd/bench/proc"
	"github.com/consentd/consentd/bench/question"
)

//go:embed opa_policy.rego
var opaPolicy string

// opaData is the population as OPA's data: subjects, purposes, and what they said.
func opaData(p question.Population) map[string]any {
	subjects := make(map[string]any, p.Size)
	for n := range p.Size {
		s := p.Subject(n)
		purposes := map[string]any{}
		for i, c := range s.Consents {
			if c.Status != question.None || c.Objected {
				purposes[question.Purposes[i]] = opaConsent(c)
			}
		}
		subjects[s.ID] = purposes
	}
	return map[string]any{"subjects": subjects}
}

func opaConsent(c question.Consent) map[string]any {
	out := map[string]any{"status": string(c.Status)}
	if c.Objected {
		out["objected"] = true
	}
	if !c.ExpiresAt.IsZero() {
		out["expires_at"] = json.Number(fmt.Sprint(c.ExpiresAt.UnixNano()))
	}
	return out
}

// opa is OPA's own server.
type opa struct {
	population question.Population
	process    *proc.Process
	client     *http.Client
	url        string
}

func startOPA(ctx context.Context, c Config) (Peer, error) {
	addr, err := proc.FreeAddr()
	if err != nil {
		return nil, err
	}
	policy, data := filepath.Join(c.Dir, "policy.rego"), filepath.Join(c.Dir, "data.json")
	if err := writeOPA(policy, data, c.Population); err != nil {
		return nil, err
	}
	o := &opa{population: c.Population, url: "http://" + addr + "/v1/data/bench/", client: &http.Client{
		// As many as requests are under way, so that none has to connect.
		Transport: &http.Transport{MaxIdleConns: 1024, MaxIdleConnsPerHost: 1024},
	}}
	o.process, err = proc.Start(exec.Command(c.Binary, "run", "--server", "--addr", addr,
		"--log-level", "error", "--skip-version-check", "--optimize-store-for-read-speed", policy, data), nil)
	if err != nil {
		return nil, err
	}
	if err := answers(ctx, o.process, o); err != nil {
		o.Close()
		return nil, err
	}
	return o, nil
}

func writeOPA(policy, data string, p question.Population) error {
	content, err := json.Marshal(opaData(p))
	if err != nil {
		return err
	}
	if err := os.WriteFile(data, content, 0o600); err != nil {
		return err
	}
	return os.WriteFile(policy, []byte(opaPolicy), 0o600)
}

// Check implements Peer.
func (o *opa) Check(ctx context.Context, _ int, q question.Question) (bool, error) {
	var answer struct{ Result *bool }
	err := o.post(ctx, "allow", fmt.Appendf(nil, `{"input":%s}`, o.input(q)), &answer)
	if err == nil && answer.Result == nil {
		err = errNoAnswer
	}
	if err != nil {
		return false, err
	}
	return *answer.Result, nil
}

// Batch implements Peer.
func (o *opa) Batch(ctx context.Context, _ int, qs []question.Question) ([]bool, error) {
	questions := make([]string, len(qs))
	for i, q := range qs {
		questions[i] = o.input(q)
	}
	var answer struct{ Result []bool }
	body := fmt.Appendf(nil, `{"input":{"questions":[%s]}}`, strings.Join(questions, ","))
	if err := o.post(ctx, "batch", body, &answer); err != nil {
		return nil, err
	}
	if len(answer.Result) != len(qs) {
		return nil, errNoAnswer
	}
	return answer.Result, nil
}

func (o *opa) input(q question.Question) string {
	return `{"subject":"` + o.population.ID(q.Subject) + `","purpose":"` + question.Purposes[q.Purpose] + `"}`
}

func (o *opa) post(ctx context.Context, rule string, body []byte, answer any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, o.url+rule, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	return do(o.client, request, answer)
}

// do sends a request and decodes what a success answers; nil: nothing is decoded.
func do(client *http.Client, request *http.Request, answer any) error {
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode/100 != 2 {
		return fmt.Errorf("%s: %s: %.300s", request.URL.Path, response.Status, content)
	}
	if answer == nil {
		return nil
	}
	return json.Unmarshal(content, answer)
}

// PID implements Peer.
func (o *opa) PID() int { return o.process.PID() }

// Close implements Peer.
func (o *opa) Close() {
	o.client.CloseIdleConnections()
	o.process.Stop()
}
