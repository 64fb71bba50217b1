package servertest_test

import (
	"crypto/tls"
	"flag"
	"io"
	"maps"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/app"
	"github.com/consentd/consentd/server/servertest"
)

var updateMetrics = flag.Bool("update-metrics", false, "write server/deploy/prometheus/metrics.txt anew")

// exportedFile has what the server exports, for the module that holds dashboards and alerts against it.
const exportedFile = "../deploy/prometheus/metrics.txt"

// guideFiles have the tables of metrics.
var guideFiles = []string{"../README.md", "../NODES.md"}

// openLabels have values that are not known beforehand, or too many to tell them all.
var openLabels = []string{"controller", "purpose", "reason", "revision", "version", "commit", "go", "caller", "id"}

// borrowed are the metrics of the runtime and the process that dashboards and alerts use; there are many more.
var borrowed = []string{
	"go_gc_gomemlimit_bytes", "go_goroutines", "go_memstats_heap_alloc_bytes", "go_sched_gomaxprocs_threads",
	"go_sched_latencies_seconds", "process_cpu_seconds_total", "process_max_fds", "process_open_fds", "process_resident_memory_bytes",
	"process_start_time_seconds",
}

// own is whether a metric is this server's: the guide has it in a table.
func own(name string) bool {
	return strings.HasPrefix(name, "consentd_") || strings.HasPrefix(name, "grpc_")
}

// exported are the metrics that a server shows after some load, through TLS, so that those of the certificate are
// there.
func exported(t *testing.T) map[string]*dto.MetricFamily {
	t.Helper()
	certificate, key := selfSignedPair(t)
	trusting := &tls.Config{InsecureSkipVerify: true} // the server's own is tested elsewhere
	s := servertest.Start(t, servertest.Options{
		Configure: func(c *app.Config) { c.TLSCert, c.TLSKey = certificate, key },
		Dial:      []grpc.DialOption{grpc.WithTransportCredentials(credentials.NewTLS(trusting))},
	})
	load(t, s)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: trusting}}
	defer client.CloseIdleConnections()
	response, err := client.Get("https://" + s.HTTPAddr + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(io.Reader(response.Body))
	if err != nil {
		t.Fatal(err)
	}
	return families
}

// load calls what there is to count.
func load(t *testing.T, s *servertest.Server) {
	t.Helper()
	check := &consentv1.CheckRequest{Controller: "example", SubjectId: "s", Purpose: "marketing_email"}
	if _, err := s.Consents.RecordEvents(t.Context(), &consentv1.RecordEventsRequest{
		Controller: "example", SubjectId: "given", Fence: true, Events: []*consentv1.Event{
			{Id: "1", OccurredAt: timestamppb.Now(), Source: "settings", Kind: &consentv1.Event_Consent{Consent: &consentv1.ConsentEvent{
				Purpose: "marketing_email", Status: consentv1.ConsentStatus_CONSENT_STATUS_GIVEN, NoticeVersion: 3, Explicit: true,
			}}},
			{Id: "2", OccurredAt: timestamppb.Now(), Source: "settings", Kind: &consentv1.Event_Profile{Profile: &consentv1.ProfileEvent{
				Jurisdiction: proto.String("DE"), AgeMin: proto.Uint32(30), AgeMax: proto.Uint32(30),
			}}},
		},
	}); err != nil {
		t.Fatal(err)
	}
	allowed, err := s.Decisions.Check(t.Context(), &consentv1.CheckRequest{
		Controller: "example", SubjectId: "given", Purpose: "marketing_email", DataCategories: []string{"user.contact.email"},
	})
	if err != nil || allowed.GetDecision() != consentv1.Decision_DECISION_ALLOW {
		t.Fatalf("%v, %v", allowed, err)
	}
	for range 3 {
		if _, err := s.Decisions.Check(t.Context(), check); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Decisions.Check(t.Context(), &consentv1.CheckRequest{}); err == nil {
		t.Fatal("an empty check was answered")
	}
	stream, err := s.Decisions.CheckStream(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Send(&consentv1.CheckStreamRequest{Checks: []*consentv1.StreamedCheck{{Id: 1, Check: check}}}); err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Recv(); err != nil {
		t.Fatal(err)
	}
	if _, err := healthpb.NewHealthClient(s.Conn).Check(t.Context(), &healthpb.HealthCheckRequest{}); err != nil {
		t.Fatal(err)
	}
}

// described says of each metric its name, type and labels, sorted; closed labels with their values.
func described(families map[string]*dto.MetricFamily) []string {
	var lines []string
	for name, family := range families {
		if own(name) || slices.Contains(borrowed, name) {
			fields := append([]string{name, strings.ToLower(family.GetType().String())}, labelsOf(family)...)
			lines = append(lines, strings.Join(fields, "\t"))
		}
	}
	slices.Sort(lines)
	return lines
}

func labelsOf(family *dto.MetricFamily) (all []string) {
	values := map[string]map[string]bool{}
	for _, m := range family.GetMetric() {
		for _, l := range m.GetLabel() {
			if values[l.GetName()] == nil {
				values[l.GetName()] = map[string]bool{}
			}
			values[l.GetName()][l.GetValue()] = true
		}
	}
	for _, label := range slices.Sorted(maps.Keys(values)) {
		if !slices.Contains(openLabels, label) {
			label += "=" + strings.Join(slices.Sorted(maps.Keys(values[label])), "|")
		}
		all = append(all, label)
	}
	return all
}

// inGuide has the rows of metrics in the guides' tables, as described has them but without values.
func inGuide(t *testing.T) (rows []string) {
	t.Helper()
	var text []byte
	for _, file := range guideFiles {
		guide, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		text = append(text, guide...)
	}
	row := regexp.MustCompile("(?m)^\\| `((?:consentd|grpc)_[a-z_]+)` \\| (counter|gauge|histogram) \\|([^|]*)\\|")
	for _, m := range row.FindAllStringSubmatch(string(text), -1) {
		fields := []string{m[1], m[2]}
		for _, l := range regexp.MustCompile("`([a-z_]+)`").FindAllStringSubmatch(m[3], -1) {
			fields = append(fields, l[1])
		}
		slices.Sort(fields[2:])
		rows = append(rows, strings.Join(fields, "\t"))
	}
	slices.Sort(rows)
	return rows
}

// The guides' tables name every metric that the server exports, with its type and labels, and no other. Dashboards and
// alerts are held against the same in a module of their own, by a file.
func TestMetricsAreDocumented(t *testing.T) {
	families := exported(t)
	lines := described(families)
	for _, name := range borrowed {
		if families[name] == nil {
			t.Errorf("%s is not exported", name)
		}
	}
	var ours []string
	values := regexp.MustCompile(`=[^\t]*`)
	for _, line := range lines {
		if own(line) {
			ours = append(ours, values.ReplaceAllString(line, ""))
		}
	}
	if diff := cmp.Diff(ours, inGuide(t)); diff != "" {
		t.Errorf("the tables of metrics of server/README.md and server/NODES.md (-/metrics +tables):\n%s", diff)
	}
	file := strings.Join(lines, "\n") + "\n"
	if *updateMetrics {
		if err := os.WriteFile(exportedFile, []byte(file), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	kept, err := os.ReadFile(exportedFile)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(kept), file); diff != "" {
		t.Errorf("%s is not what the server exports: run this test with -update-metrics (-file +exported):\n%s", exportedFile, diff)
	}
	for _, want := range []struct {
		name   string
		labels map[string]string
		value  float64
	}{
		{"grpc_server_handled_total", map[string]string{"grpc_service": "grpc.health.v1.Health", "grpc_code": "OK"}, 1},
		{"grpc_server_handled_total", map[string]string{"grpc_method": "Check", "grpc_code": "InvalidArgument"}, 1},
		{"grpc_server_msg_received_total", map[string]string{"grpc_method": "CheckStream"}, 1},
		{"grpc_server_msg_sent_total", map[string]string{"grpc_method": "CheckStream"}, 1},
		{"consentd_stream_checks_total", map[string]string{"grpc_code": "OK"}, 1},
		{"consentd_stream_check_seconds", nil, 1},
		{"consentd_decisions_total", map[string]string{"decision": "ALLOW", "purpose": "marketing_email", "reason": "BASIS_HOLDS"}, 1},
		{"consentd_decisions_total", map[string]string{"decision": "DENY", "purpose": "marketing_email", "reason": "SUBJECT_UNKNOWN"}, 4},
		{"consentd_store_commit_seconds", nil, 1},
		{"consentd_store_commit_batches", nil, 1},
		{"consentd_fence_seconds", nil, 1},
	} {
		if got := valueOf(families[want.name], want.labels); got != want.value {
			t.Errorf("%s%v = %v after the load, want %v", want.name, want.labels, got, want.value)
		}
	}
	for _, family := range families {
		if own(family.GetName()) && family.GetHelp() == "" {
			t.Errorf("%s has no help", family.GetName())
		}
	}
}

// valueOf is the sum over the series that have these labels; of a histogram it is of the observations.
func valueOf(family *dto.MetricFamily, labels map[string]string) (sum float64) {
	for _, m := range family.GetMetric() {
		matched := 0
		for _, l := range m.GetLabel() {
			if want, ok := labels[l.GetName()]; ok && want == l.GetValue() {
				matched++
			}
		}
		if matched == len(labels) {
			sum += m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	return sum
}
