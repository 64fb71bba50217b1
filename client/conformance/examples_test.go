package conformance_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"go.yaml.in/yaml/v3"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/timestamppb"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/servertest"
)

// example is a program that is run against the real server. The README tells what its parts mean.
type example struct {
	Record  []object `yaml:"record"`
	Command []string `yaml:"command"`
	Stdin   string   `yaml:"stdin"`
	Stdout  string   `yaml:"stdout"`
}

func TestExamples(t *testing.T) {
	look(t)
	files, err := filepath.Glob(filepath.Join(root, "client", "*", "examples", "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	for _, file := range files {
		dir := filepath.Base(filepath.Dir(filepath.Dir(file)))
		t.Run(dir+"/"+strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			if *setup {
				language{dir: dir}.setUp(t)
			}
			skipUnlessSetUp(t, dir)
			s := servertest.Start(t, servertest.Options{})
			readExample(t, file).run(t, s)
		})
	}
}

// skipUnlessSetUp asks the language's runner whether it could run.
func skipUnlessSetUp(t *testing.T, dir string) {
	t.Helper()
	script := filepath.Join("client", dir, "runner")
	if _, err := os.Stat(filepath.Join(root, script)); err != nil {
		return // the language needs nothing set up
	}
	cmd := exec.Command("./" + script)
	cmd.Dir = root
	out, err := cmd.CombinedOutput()
	skipIfNotSetUp(t, err, string(out))
}

func readExample(t *testing.T, file string) example {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	var e example
	if err := decoder.Decode(&e); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	if len(e.Command) == 0 || e.Stdout == "" {
		t.Fatalf("%s: an example needs a command and what it prints", file)
	}
	return e
}

// run records what the example needs, runs it, and compares what it prints.
func (e example) run(t *testing.T, s *servertest.Server) {
	for i, from := range e.Record {
		request, err := completed(from)
		if err != nil {
			t.Fatalf("record[%d]: %v", i, err)
		}
		if _, err := s.Consents.RecordEvents(t.Context(), request); err != nil {
			t.Fatalf("record[%d]: %v", i, err)
		}
	}
	args := make([]string, len(e.Command))
	for i, arg := range e.Command {
		args[i] = strings.ReplaceAll(arg, "$server", s.Addr)
	}
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
	cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr = root, strings.NewReader(e.Stdin), &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Errorf("%s: %v\n%s", args, err, &stderr)
	}
	if diff := cmp.Diff(e.Stdout, stdout.String()); diff != "" {
		t.Errorf("it printed (-want +got):\n%s\nand on stderr:\n%s", diff, &stderr)
	}
}

// completed is a request whose events have ids, times and sources.
func completed(from object) (*consentv1.RecordEventsRequest, error) {
	text, err := json.Marshal(substitute(from, ""))
	if err != nil {
		return nil, err
	}
	request := &consentv1.RecordEventsRequest{}
	if err := protojson.Unmarshal(text, request); err != nil {
		return nil, fmt.Errorf("reading it: %w", err)
	}
	for _, event := range request.GetEvents() {
		if event.GetId() == "" {
			event.Id = uuid.NewString()
		}
		if event.GetOccurredAt() == nil {
			event.OccurredAt = timestamppb.Now()
		}
		if event.GetSource() == "" {
			event.Source = "privacy_settings"
		}
	}
	return request, nil
}
