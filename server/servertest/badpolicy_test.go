package servertest_test

import (
	"archive/tar"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/policy/source"
	"github.com/consentd/consentd/server/servertest"
)

const (
	tinyTable = "controllers/acme/data.yaml"
	tinyRules = "controllers/acme/acme.rego"
	tinyCases = "controllers/acme/acme.cases"
)

// tiny is a set of one controller with one purpose that is always allowed; it is proven in milliseconds.
func tiny() map[string]string {
	return map[string]string{
		tinyTable: "notice: {version: 1, material: 1}\npurposes:\n  legal_compliance: {basis: LEGAL_OBLIGATION, clause: \"§1\"}\n",
		tinyRules: `package consentd.controllers.acme

decision := {
	"decision": "ALLOW", "reasons": [{"code": "BASIS_HOLDS", "clause": data.controllers.acme.purposes.legal_compliance.clause}],
	"legal_basis": "LEGAL_OBLIGATION", "obligations": [], "permitted_data_categories": [],
}
`,
		tinyCases: "- {name: the law goes on, controller: acme, check: {purpose: legal_compliance}, expect: {decision: ALLOW}}\n",
	}
}

func treeOf(files map[string]string) fs.FS {
	tree := fstest.MapFS{}
	for name, content := range files {
		tree[name] = &fstest.MapFile{Data: []byte(content)}
	}
	return tree
}

// following is a server that follows a source of tiny.
type following struct {
	*servertest.Server
	log      *logged
	revision string
}

// logged is a log as JSON.
type logged struct {
	mu    sync.Mutex
	lines strings.Builder
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lines.Write(p)
}

// refusals are the errors of the lines that tell of policies refused.
func (l *logged) refusals(t *testing.T) (found []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range strings.Lines(l.lines.String()) {
		var entry struct{ Msg, Error string }
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(entry.Msg, "policies refused") {
			found = append(found, entry.Error)
		}
	}
	return found
}

func follow(t *testing.T, c source.Config) *following {
	t.Helper()
	f := &following{log: &logged{}}
	f.Server = servertest.Start(t, servertest.Options{PolicySource: c, Logger: slog.New(slog.NewJSONHandler(f.log, nil))})
	f.revision = f.answers(t)
	return f
}

// answers checks, and returns the revision of the policies that allowed it.
func (f *following) answers(t *testing.T) string {
	t.Helper()
	d, err := f.Decisions.Check(t.Context(), &consentv1.CheckRequest{Controller: "acme", SubjectId: "s", Purpose: "legal_compliance"})
	if err != nil || d.GetDecision() != consentv1.Decision_DECISION_ALLOW {
		t.Fatalf("the policies in force answer %v, %v", d, err)
	}
	return d.GetPolicyRevision()
}

func (f *following) failedLoads(t *testing.T) float64 {
	return f.Metric(t, "consentd_policy_loads_total", map[string]string{"outcome": "refused"}) +
		f.Metric(t, "consentd_policy_loads_total", map[string]string{"outcome": "unreadable"})
}

// refuses has something bad put into the source and holds what is said of it: by status, metrics and log, with place
// and remedy, while the policies in force answer as before.
func (f *following) refuses(t *testing.T, put func(), place string, says []string) {
	t.Helper()
	before := f.failedLoads(t)
	put()
	var fault *consentv1.PolicyFault
	deadline := time.Now().Add(20 * time.Second)
	got := until(t, f.Server, "a refusal", func(p *consentv1.GetPolicyResponse) bool {
		if faults := p.GetStatus().GetFaults(); len(faults) > 0 {
			fault = faults[0]
		}
		// What was put there before may be refused once more, until the new files are read.
		return fault != nil && (len(unsaid(fault, place, says)) == 0 || time.Now().After(deadline))
	})
	expectFault(t, fault, place, says)
	if f.failedLoads(t) == before {
		t.Error("consentd_policy_loads_total does not count it")
	}
	if again := f.answers(t); again != f.revision || got.GetPolicyRevision() != f.revision {
		t.Errorf("the policies in force are another: %s, %s, were %s", again, got.GetPolicyRevision(), f.revision)
	}
	if n := f.Metric(t, "consentd_policy_consecutive_failures", nil); n < 1 {
		t.Errorf("consentd_policy_consecutive_failures = %v", n)
	}
	f.log.says(t, fault, deadline)
}

// says waits until the last refusal in the log is for a fault: its line comes after the status.
func (l *logged) says(t *testing.T, fault *consentv1.PolicyFault, deadline time.Time) {
	t.Helper()
	var last string
	for {
		if lines := l.refusals(t); len(lines) > 0 {
			last = lines[len(lines)-1]
		}
		switch {
		case strings.Contains(last, fault.GetMessage()) && strings.Contains(last, placeOf(fault)):
			return
		case time.Now().After(deadline):
			t.Errorf("the log does not say it, but %q", last)
			return
		}
		time.Sleep(time.Millisecond)
	}
}

// recovers waits until the source is good again.
func (f *following) recovers(t *testing.T) {
	t.Helper()
	until(t, f.Server, "the mend", func(p *consentv1.GetPolicyResponse) bool { return len(p.GetStatus().GetFaults()) == 0 })
	if n := f.Metric(t, "consentd_policy_consecutive_failures", nil); n != 0 {
		t.Errorf("after the mend consentd_policy_consecutive_failures = %v", n)
	}
}

func placeOf(f *consentv1.PolicyFault) string {
	if f.GetLine() == 0 {
		return f.GetFile()
	}
	return fmt.Sprintf("%s:%d", f.GetFile(), f.GetLine())
}

// unsaid is what a fault does not say.
func unsaid(f *consentv1.PolicyFault, place string, says []string) (missing []string) {
	if placeOf(f) != place && (f.GetFile() != "" || !strings.HasPrefix(f.GetMessage(), place)) {
		missing = append(missing, place)
	}
	for _, want := range says {
		if !strings.Contains(f.GetMessage(), want) {
			missing = append(missing, want)
		}
	}
	return missing
}

// expectFault holds place and text of a fault. A place that no file is stands at the beginning of the text.
func expectFault(t *testing.T, f *consentv1.PolicyFault, place string, says []string) {
	t.Helper()
	t.Logf("%s: %s", placeOf(f), f.GetMessage())
	for _, want := range unsaid(f, place, says) {
		t.Errorf("it does not say %q: %s: %s", want, placeOf(f), f.GetMessage())
	}
	if strings.Contains(f.GetMessage(), "\n") {
		t.Errorf("more than a line: %q", f.GetMessage())
	}
}

// put writes tiny with files replaced into a folder, and removes what was put there before.
func put(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	wanted := tiny()
	maps.Copy(wanted, files)
	err := filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		if below, _ := filepath.Rel(dir, name); err == nil && !entry.IsDir() && wanted[filepath.ToSlash(below)] == "" {
			return os.Remove(name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range wanted {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if was, err := os.ReadFile(file); err == nil && string(was) == content {
			continue
		}
		save(t, dir, name, content)
	}
}

// TestBadSaves saves whatever is bad in a folder that the server follows.
func TestBadSaves(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "policies")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	put(t, dir, nil)
	f := follow(t, source.Config{Location: dir, MaxBytes: 1 << 20, Poll: time.Hour})
	rows := append(badSets(), badSet{
		"too large", map[string]string{"big.json": strings.Repeat(" ", 1<<20+1)}, "big.json", []string{
			"larger than 1 MiB", "--policies-max-size",
		},
	})
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			f.refuses(t, func() { put(t, dir, row.files) }, row.place, row.says)
		})
	}
	for name, row := range map[string]struct{ target, says string }{
		"a symbolic link to itself": {"x.rego", "leads back to itself: remove it"},
		"a loop of folders":         {".", "are not followed: put the folder itself there"},
		"a symbolic link out":       {"/etc/hostname", "leaves the directory: put a copy"},
		"a symbolic link nowhere":   {"gone.rego", "leads nowhere: remove it"},
	} {
		t.Run(name, func(t *testing.T) {
			put(t, dir, nil)
			f.recovers(t)
			f.refuses(t, func() {
				if err := os.Symlink(row.target, filepath.Join(dir, "x.rego")); err != nil {
					t.Fatal(err)
				}
			}, "x.rego", []string{"symbolic link", row.says})
			if err := os.Remove(filepath.Join(dir, "x.rego")); err != nil {
				t.Fatal(err)
			}
		})
	}
	put(t, dir, nil)
	f.recovers(t)
}

// TestBadSetsByRPC gives the same to CheckPolicy and ActivatePolicy.
func TestBadSetsByRPC(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t, servertest.Options{Policies: treeOf(tiny())})
	f := &following{Server: s}
	f.revision = f.answers(t)
	for _, row := range badSets() {
		t.Run(row.name, func(t *testing.T) {
			var files []*consentv1.PolicyFile
			all := tiny()
			maps.Copy(all, row.files)
			for _, name := range slices.Sorted(maps.Keys(all)) {
				files = append(files, &consentv1.PolicyFile{Path: name, Content: []byte(all[name])})
			}
			got, err := s.Policies.CheckPolicy(t.Context(), &consentv1.CheckPolicyRequest{Files: files})
			if err != nil || got.GetAdmitted() || len(got.GetFaults()) == 0 {
				t.Fatalf("CheckPolicy: %v, %v", got, err)
			}
			expectFault(t, got.GetFaults()[0].GetFault(), row.place, row.says)
			_, err = s.Policies.ActivatePolicy(t.Context(), &consentv1.ActivatePolicyRequest{Files: files})
			if status.Code(err) != codes.InvalidArgument {
				t.Errorf("ActivatePolicy: %v", err)
			}
			if field := firstField(err); field != placeOf(got.GetFaults()[0].GetFault()) && got.GetFaults()[0].GetFault().GetFile() != "" {
				t.Errorf("ActivatePolicy names %q", field)
			}
			if again := f.answers(t); again != f.revision {
				t.Errorf("the policies in force are %s, were %s", again, f.revision)
			}
		})
	}
}

// bundled packs files as a bundle.
func bundled(t *testing.T, files map[string]string) []byte {
	t.Helper()
	var out strings.Builder
	zipped := gzip.NewWriter(&out)
	w := tar.NewWriter(zipped)
	for name, content := range files {
		if err := w.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o600, Size: int64(len(content))}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := zipped.Close(); err != nil {
		t.Fatal(err)
	}
	return []byte(out.String())
}

// tinyBundle is a bundle of tiny with edits, of which an empty one leaves a file out.
func tinyBundle(t *testing.T, edits map[string]string) []byte {
	files := map[string]string{
		"/data.json":          bundledTable,
		"/policies/acme.rego": tiny()[tinyRules], "/.manifest": `{"rego_version": 1}`,
	}
	maps.Copy(files, edits)
	maps.DeleteFunc(files, func(_, content string) bool { return content == "" })
	return bundled(t, files)
}

// bundledTable is the table of tiny, as a bundle has it.
const bundledTable = `{"controllers": {"acme": {"notice": {"version": 1, "material": 1}, ` +
	`"purposes": {"legal_compliance": {"basis": "LEGAL_OBLIGATION", "clause": "§1"}}}}}`

// badBundle is what comes as a bundle, and what is said of it.
type badBundle struct {
	name    string
	content []byte
	place   string
	says    []string
}

func badBundles(t *testing.T) []badBundle {
	edited := func(name, content string) []byte { return tinyBundle(t, map[string]string{name: content}) }
	return []badBundle{
		{"garbage", []byte("<html>"), "", []string{"is no bundle", "opa build"}},
		{"cut off", tinyBundle(t, nil)[:200], "", []string{"cut off", "opa build"}},
		{"a path escape", edited("../x.rego", "package x\n"), "", []string{`"../x.rego"`, "leaves the bundle", "build it again"}},
		{
			"a newer Rego", edited("/.manifest", `{"rego_version": 2}`), ".manifest",
			[]string{"version 2 of Rego", "build the bundle for it"},
		},
		{
			"a newer contract", edited("/.manifest", `{"metadata": {"consentd": {"contract": 9}}}`), ".manifest",
			[]string{"version 9", "use a newer server"},
		},
		{
			"too large", edited("/x/data.json", `{"x": "`+strings.Repeat("x", 1<<20)+`"}`), "",
			[]string{"larger than 1 MiB", "--policies-max-size"},
		},
		{
			"a bad rule", edited("/policies/acme.rego", tiny()[tinyRules]+"x := nope(1)\n"), "policies/acme.rego:7",
			[]string{"nope", "mend the name"},
		},
		{
			"a bad table", edited("/data.json", `{"controllers": {"acme": {"claus": 1}}}`), "data.json:4",
			[]string{"unknown key claus", "mend its name"},
		},
		{"no table", edited("/data.json", ""), "policies/acme.rego:3", []string{"no table", "add controllers/acme/data.yaml"}},
		{
			"yes for true", edited("/data.json", strings.Replace(bundledTable, `"§1"`, `"§1", "anonymized_only": "yes"`, 1)),
			"data.json:12", []string{`anonymized_only: "yes" is text here`, "write true or false"},
		},
		{
			"a key twice",
			edited("/data.json", strings.Replace(bundledTable, `"clause": "§1"`, `"clause": "§1", "clause": "§2"`, 1)),
			"data.json:12", []string{`key "clause" stands at line 11 already`, "keep one of them"},
		},
		{
			"two documents", edited("/x/data.yaml", "a: 1\n---\nb: 2\n"), "x/data.yaml:2",
			[]string{"second YAML document", "keep one document"},
		},
		{
			"broken data", edited("/data.json", `{"controllers": `), "data.json",
			[]string{"cannot be read", "correct it, and build the bundle again"},
		},
	}
}

// TestBadBundleFiles replaces a bundle that the server follows by bad ones.
func TestBadBundleFiles(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "bundle.tar.gz")
	replace := func(content []byte) {
		if err := os.WriteFile(file+".new", content, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(file+".new", file); err != nil {
			t.Fatal(err)
		}
	}
	replace(tinyBundle(t, nil))
	f := follow(t, source.Config{Location: file, MaxBytes: 1 << 20, Poll: time.Hour})
	for _, row := range badBundles(t) {
		t.Run(row.name, func(t *testing.T) {
			f.refuses(t, func() { replace(row.content) }, row.place, row.says)
		})
	}
	replace(tinyBundle(t, nil))
	f.recovers(t)
}

// TestBadServers follows a bundle by HTTP whose server sends what it should not, or nothing.
func TestBadServers(t *testing.T) {
	t.Parallel()
	type handler = func(http.ResponseWriter, *http.Request)
	sending := func(content []byte) handler {
		return func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(content) }
	}
	var mu sync.Mutex
	good := sending(tinyBundle(t, nil))
	now := good
	turn := func(to handler) {
		mu.Lock()
		defer mu.Unlock()
		now = to
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		answer := now
		mu.Unlock()
		answer(w, r)
	}))
	t.Cleanup(server.Close)
	elsewhere := httptest.NewServer(http.HandlerFunc(good))
	t.Cleanup(elsewhere.Close)
	f := follow(
		t,
		source.Config{
			Location: server.URL + "/bundle.tar.gz?token=secret", MaxBytes: 1 << 20, Poll: 10 * time.Millisecond,
			Timeout: time.Second,
		},
	)
	type row struct {
		name   string
		answer handler
		place  string
		says   []string
	}
	rows := []row{
		{
			"hangs", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, "",
			[]string{"did not send the bundle within 1s", "see what holds the server up"},
		},
		{"hangs half-way", func(w http.ResponseWriter, r *http.Request) {
			_, _ = w.Write(tinyBundle(t, nil)[:100])
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}, "", []string{"did not send the bundle within 1s", "see what holds the server up"}},
		{
			"redirects to another host", http.RedirectHandler(elsewhere.URL, http.StatusFound).ServeHTTP, "",
			[]string{"redirects to another host", "name the final address"},
		},
		{"has nothing there", http.NotFound, "", []string{"the server answers 404", "see that the bundle is there"}},
		{
			"hangs up", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "",
			[]string{"cannot be fetched", "see that the server runs"},
		},
		{"sends without end", func(w http.ResponseWriter, r *http.Request) {
			for zeros := make([]byte, 1<<16); r.Context().Err() == nil; {
				_, _ = w.Write(zeros)
			}
		}, "", []string{"larger than 1 MiB", "--policies-max-size"}},
	}
	for _, b := range badBundles(t) {
		rows = append(rows, row{"sends " + b.name, sending(b.content), b.place, b.says})
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			f.refuses(t, func() { turn(row.answer) }, row.place, row.says)
			turn(good)
			f.recovers(t)
		})
	}
	for _, line := range f.log.refusals(t) {
		if strings.Contains(line, "secret") {
			t.Errorf("the log has the URL's query: %q", line)
		}
	}
}
