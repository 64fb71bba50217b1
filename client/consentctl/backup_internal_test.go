package main

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/backup"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/servertest"
	"github.com/consentd/consentd/server/store/pebble"
)

// consentEvent is a change of the consent to ai_training, at a time that later ids make later.
func consentEvent(id string, s consentv1.ConsentStatus, n int) *consentv1.Event {
	e := &consentv1.ConsentEvent{Purpose: "ai_training", Status: s}
	if s == consentv1.ConsentStatus_CONSENT_STATUS_GIVEN {
		e.NoticeVersion = 3
	}
	return &consentv1.Event{
		Id: id, OccurredAt: timestamppb.New(time.Now().Add(time.Duration(n)*time.Second - time.Hour)), Source: "privacy_settings",
		Kind: &consentv1.Event_Consent{Consent: e},
	}
}

// grantRequest records a consent of a subject s.
func grantRequest(id string) *consentv1.RecordEventsRequest {
	event := consentEvent(id, consentv1.ConsentStatus_CONSENT_STATUS_GIVEN, 1)
	return &consentv1.RecordEventsRequest{Controller: "example", SubjectId: "s", Events: []*consentv1.Event{event}}
}

// busy is a server that is written to.
type busy struct {
	*servertest.Server
	mu sync.Mutex
	// acknowledged are the subjects of the events that are recorded, by id.
	acknowledged map[string]string
}

// startBusy has writers record and withdraw consents until the test ends.
func startBusy(t *testing.T) *busy {
	t.Helper()
	b := &busy{Server: servertest.Start(t, servertest.Options{}), acknowledged: map[string]string{}}
	var writers sync.WaitGroup
	ctx, stop := context.WithCancel(context.Background())
	for w := range 4 {
		writers.Go(func() { b.write(ctx, t, w) })
	}
	t.Cleanup(func() {
		stop()
		writers.Wait()
	})
	return b
}

func (b *busy) write(ctx context.Context, t *testing.T, writer int) {
	for n := 0; ctx.Err() == nil; n++ {
		s := consentv1.ConsentStatus_CONSENT_STATUS_GIVEN
		if n%2 == 1 {
			s = consentv1.ConsentStatus_CONSENT_STATUS_WITHDRAWN
		}
		id, subject := fmt.Sprintf("%d-%d", writer, n), fmt.Sprintf("subject-%d", (writer*10+n)%13)
		_, err := b.Consents.RecordEvents(ctx, &consentv1.RecordEventsRequest{
			Controller: "example", SubjectId: subject, Events: []*consentv1.Event{consentEvent(id, s, n)},
		})
		if err != nil {
			if ctx.Err() == nil {
				t.Errorf("writing beside backups: %v", err)
			}
			return
		}
		b.mu.Lock()
		b.acknowledged[id] = subject
		b.mu.Unlock()
	}
}

// soFar waits for more acknowledgements, and returns all.
func (b *busy) soFar(t *testing.T, more int) map[string]string {
	t.Helper()
	b.mu.Lock()
	want := len(b.acknowledged) + more
	b.mu.Unlock()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		b.mu.Lock()
		enough, all := len(b.acknowledged) >= want, map[string]string{}
		for id, subject := range b.acknowledged {
			all[id] = subject
		}
		b.mu.Unlock()
		if enough {
			return all
		}
		if time.Now().After(deadline) {
			t.Fatal("the writers do not get on")
		}
	}
}

// Each way of taking a backup of a server under writes gives one that verifies and can be restored, and the server that
// is started on it has every event that was acknowledged before the backup began.
func TestBackupUnderWritesIsRestored(t *testing.T) {
	b := startBusy(t)
	folder := t.TempDir()
	for name, take := range map[string]func(to string) (from, stdin string){
		"directory": func(to string) (string, string) { return to, "" },
		"archive":   func(to string) (string, string) { return to + ".tar", "" },
		"stream":    func(string) (string, string) { return stdio, "" },
	} {
		t.Run(name, func(t *testing.T) {
			from, stdin := take(filepath.Join(folder, name))
			before := b.soFar(t, 30)
			got := execute(b.Addr, "", "backup", "--to", from)
			if got.code != exitOK || !strings.Contains(strings.ToLower(got.stdout+got.stderr), "revision") {
				t.Fatalf("backup: exit code %d, stderr %q", got.code, got.stderr)
			}
			if from == stdio {
				stdin = got.stdout
			}
			data := filepath.Join(folder, "restored-"+name)
			if got := execute("", stdin, "restore", from, data); got.code != exitOK || !strings.Contains(got.stdout, "Revision") {
				t.Fatalf("restore: %+v", got)
			}
			for _, path := range []string{from, data} {
				got := execute("", stdin, "verify", path)
				if got.code != exitOK || !strings.Contains(got.stdout, "every state is what its ledger folds to") {
					t.Errorf("verify %s: %+v", path, got)
				}
			}
			expectAll(t, data, before)
		})
	}
	if _, err := os.Stat(filepath.Join(b.DataDir, "checkpoint.tmp")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the server's checkpoint is still there: %v", err)
	}
}

// expectAll starts a server on a data directory, and fails for each event that is missing in its ledgers, and if it
// does not know the policies of then or writes no more.
func expectAll(t *testing.T, data string, want map[string]string) {
	t.Helper()
	s := servertest.Start(t, servertest.Options{DataDir: data})
	found := map[string]bool{}
	for n := range 13 {
		r := &consentv1.ListEventsRequest{Controller: "example", SubjectId: fmt.Sprintf("subject-%d", n), PageSize: 1000}
		for {
			page, err := s.Consents.ListEvents(t.Context(), r)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range page.GetEntries() {
				found[e.GetEvent().GetId()] = true
			}
			if r.PageToken = page.GetNextPageToken(); r.PageToken == "" {
				break
			}
		}
	}
	for id := range want {
		if !found[id] {
			t.Errorf("event %s was acknowledged before the backup began, and is lost", id)
		}
	}
	history, err := s.Policies.ListPolicyHistory(t.Context(), &consentv1.ListPolicyHistoryRequest{})
	if err != nil || len(history.GetSpans()) != 1 || !history.GetSpans()[0].GetKept() {
		t.Errorf("the policies of then are not kept: %v, %v", history, err)
	}
	if _, err := s.Consents.RecordEvents(t.Context(), grantRequest("new")); err != nil {
		t.Error(err)
	}
	if err := s.Stop(); err != nil {
		t.Error(err)
	}
}

// A consistency token of what was recorded after the backup is refused by the restored server, not taken for satisfied,
// also once there is another change of its revision.
func TestRestoredServerRefusesNewerTokens(t *testing.T) {
	s := servertest.Start(t, servertest.Options{})
	record := func(id string) string {
		r, err := s.Consents.RecordEvents(t.Context(), grantRequest(id))
		if err != nil {
			t.Fatal(err)
		}
		return r.GetConsistencyToken()
	}
	old, folder := record("1"), t.TempDir()
	tarred, data := filepath.Join(folder, "b.tar"), filepath.Join(folder, "data")
	if got := execute(s.Addr, "", "backup", "--to", tarred); got.code != exitOK {
		t.Fatal(got)
	}
	lost := record("2")
	if got := execute("", "", "restore", tarred, data); got.code != exitOK {
		t.Fatal(got)
	}
	restored := servertest.Start(t, servertest.Options{DataDir: data})
	check := func() {
		t.Helper()
		for token, want := range map[string]codes.Code{old: codes.OK, lost: codes.FailedPrecondition} {
			_, err := restored.Decisions.Check(t.Context(), &consentv1.CheckRequest{
				Controller: "example", SubjectId: "s", Purpose: "ai_training",
				Consistency: &consentv1.Consistency{Requirement: &consentv1.Consistency_AtLeastAsFresh{AtLeastAsFresh: token}},
			})
			if status.Code(err) != want || want != codes.OK && !strings.Contains(err.Error(), "the store lost history") {
				t.Errorf("a check at least as fresh as a token: %v, want %v", err, want)
			}
		}
	}
	check()
	// Another change takes the lost one's revision.
	if _, err := restored.Consents.RecordEvents(t.Context(), grantRequest("3")); err != nil {
		t.Fatal(err)
	}
	check()
}

// archived is an archive of a small store, made offline.
func archived(t *testing.T) []byte {
	t.Helper()
	s, err := pebble.Open(filepath.Join(t.TempDir(), "data"), pebble.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		_, err := s.Record(t.Context(), consent.Batch{
			Subject: consent.Subject{Controller: "example", ID: fmt.Sprint("s", i%3)}, RecordedAt: 7,
			Events: []consent.Event{{ID: fmt.Sprint(i), OccurredAt: 5, Source: "support", Fact: consent.Objection{}}},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	var out bytes.Buffer
	err = s.Checkpoint(t.Context(), func(dir string, revision consent.Revision) error {
		id := s.ID()
		w := backup.NewWriter(&out, backup.Manifest{
			StoreID: fmt.Sprintf("%x", id[:]), StoreFormat: pebble.Format, Revision: uint64(revision),
		})
		return errors.Join(w.Add(dir, func(string) bool { return false }), w.Close())
	})
	if err := errors.Join(err, s.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// Wherever an archive is cut off or damaged, nothing is restored, and the fault says where.
func TestDamagedArchivesAreRefused(t *testing.T) {
	whole, r := archived(t), rand.New(rand.NewPCG(1, 2))
	if got := execute("", string(whole), "verify", stdio); got.code != exitOK {
		t.Fatalf("verifying it whole: %+v", got)
	}
	// What follows the manifest is padding.
	end := bytes.LastIndexByte(whole, '}')
	for n := range 60 {
		broken, what := bytes.Clone(whole), ""
		if at := r.IntN(end); n%2 == 0 {
			broken, what = broken[:at], fmt.Sprintf("cut off at %d", at)
		} else {
			broken[at] ^= 1 << r.IntN(8)
			what = fmt.Sprintf("a bit flipped at %d", at)
		}
		parent := t.TempDir()
		got := execute("", string(broken), "restore", stdio, filepath.Join(parent, "data"))
		left, err := os.ReadDir(parent)
		if err != nil || len(left) > 0 {
			// Flips where tar has times and padding change nothing that counts.
			if n%2 == 1 && got.code == exitOK && harmless(t, whole, broken) {
				continue
			}
			t.Errorf("%s: it left %v, exit code %d", what, left, got.code)
		}
		if got.code != exitError || strings.Count(got.stderr, "consentctl: ") != 1 {
			t.Errorf("%s: %+v", what, got)
		}
	}
}

// harmless reports whether two archives have the same files.
func harmless(t *testing.T, a, b []byte) bool {
	t.Helper()
	contents := func(archive []byte) string {
		var all strings.Builder
		for r := tar.NewReader(bytes.NewReader(archive)); ; {
			h, err := r.Next()
			if err != nil {
				return all.String()
			}
			content, err := io.ReadAll(r)
			fmt.Fprintf(&all, "%s %q %v\n", h.Name, content, err)
		}
	}
	return contents(a) == contents(b)
}

func TestDamagedBackupsAreNamed(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "b")
	target := backup.Target{Dir: dir, Last: pebble.Marks, Manifest: true}
	m, err := target.Write(backup.FromTar(bytes.NewReader(archived(t))))
	if err != nil {
		t.Fatal(err)
	}
	table := m.Files[0].Name
	for _, f := range m.Files {
		if strings.HasSuffix(f.Name, ".sst") {
			table = f.Name
		}
	}
	path := filepath.Join(dir, table)
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		change func() error
		want   string
	}{
		"damaged": {func() error {
			return os.WriteFile(path, append(bytes.Clone(content[:len(content)-1]), content[len(content)-1]^1), 0o600)
		}, table + " is damaged"},
		"shorter": {func() error { return os.WriteFile(path, content[:10], 0o600) }, table + " is damaged"},
		"missing": {func() error { return os.Remove(path) }, table + " is missing"},
		"more":    {func() error { return os.WriteFile(filepath.Join(dir, "more"), nil, 0o600) }, "more is not in the manifest"},
		"another manifest": {func() error {
			return os.WriteFile(filepath.Join(dir, backup.ManifestName), []byte(`{"revision": 5}`), 0o600)
		}, "manifest.json is damaged"},
	} {
		t.Run(name, func(t *testing.T) {
			kept, err := os.ReadFile(filepath.Join(dir, backup.ManifestName))
			if err := errors.Join(err, tt.change()); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				_ = os.Remove(filepath.Join(dir, "more"))
				err := os.WriteFile(filepath.Join(dir, backup.ManifestName), kept, 0o600)
				if err := errors.Join(err, os.WriteFile(path, content, 0o600)); err != nil {
					t.Fatal(err)
				}
			})
			if got := execute("", "", "verify", dir); got.code != exitDenied || !strings.Contains(got.stdout, tt.want) {
				t.Errorf("verify: %+v, want exit code 1 and %q", got, tt.want)
			}
			data := filepath.Join(t.TempDir(), "data")
			if got := execute("", "", "restore", dir, data); got.code != exitError || !strings.Contains(got.stderr, tt.want) {
				t.Errorf("restore: %+v, want %q", got, tt.want)
			}
			if _, err := os.Stat(data); err == nil {
				t.Error("a directory was made of it")
			}
		})
	}
}

// Archives that were made by hand, and would write elsewhere or hide something.
func TestHostileArchivesAreRefused(t *testing.T) {
	for name, tt := range map[string]struct {
		headers []tar.Header
		want    string
	}{
		"a path above":      {[]tar.Header{{Name: "../evil", Typeflag: tar.TypeReg}}, "no path below"},
		"an absolute path":  {[]tar.Header{{Name: "/etc/evil", Typeflag: tar.TypeReg}}, "no path below"},
		"a roundabout path": {[]tar.Header{{Name: "a/../../evil", Typeflag: tar.TypeReg}}, "no path below"},
		"a link":            {[]tar.Header{{Name: "a", Typeflag: tar.TypeSymlink, Linkname: "/etc"}}, "is no file"},
		"a folder":          {[]tar.Header{{Name: "a/", Typeflag: tar.TypeDir}}, "is no file"},
		"a device":          {[]tar.Header{{Name: "a", Typeflag: tar.TypeChar}}, "is no file"},
		"a file twice":      {[]tar.Header{{Name: "a", Typeflag: tar.TypeReg}, {Name: "a", Typeflag: tar.TypeReg}}, "twice"},
		"the mark":          {[]tar.Header{{Name: "UNFINISHED", Typeflag: tar.TypeReg}}, "exists"},
		"nothing":           {nil, "cut off at its beginning"},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			w := tar.NewWriter(&out)
			for i := range tt.headers {
				if err := w.WriteHeader(&tt.headers[i]); err != nil {
					t.Fatal(err)
				}
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			parent := t.TempDir()
			got := execute("", out.String(), "restore", stdio, filepath.Join(parent, "data"))
			if left, _ := os.ReadDir(parent); got.code != exitError || !strings.Contains(got.stderr, tt.want) || len(left) > 0 {
				t.Errorf("%+v, left %v; want %q", got, left, tt.want)
			}
		})
	}
}

// Neither a backup nor a restoration overwrites anything.
func TestNothingIsOverwritten(t *testing.T) {
	s := servertest.Start(t, servertest.Options{})
	dir := t.TempDir()
	file := filepath.Join(dir, "there.tar")
	if err := os.WriteFile(file, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"backup", "--to", file}, {"backup", "--to", dir}, {"restore", stdio, dir}, {"restore", stdio, file},
		{"backup", "--to", filepath.Join(dir, "no folder", "b.tar")}, {"backup"},
		{"restore", filepath.Join(dir, "none"), filepath.Join(dir, "x")},
		{"verify", filepath.Join(dir, "none")}, {"restore", file},
	} {
		if got := execute(s.Addr, string(archived(t)), args...); got.code != exitError {
			t.Errorf("%v: %+v", args, got)
		}
	}
	if content, err := os.ReadFile(file); string(content) != "mine" || err != nil {
		t.Errorf("the file is now %q, %v", content, err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 1 {
		t.Errorf("the directory now holds %v", left)
	}
}

// A second backup beside one that goes on is refused, and says so.
func TestOneBackupAtATime(t *testing.T) {
	s := servertest.Start(t, servertest.Options{})
	// More than the windows of the connection hold, so that it cannot end before it is read.
	if err := os.WriteFile(filepath.Join(s.DataDir, "large"), make([]byte, 8<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	admin := consentv1.NewAdminServiceClient(s.Conn)
	ctx, cancel := context.WithCancel(t.Context())
	first, err := admin.Backup(ctx, &consentv1.BackupRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := first.Recv(); err != nil {
		t.Fatal(err)
	}
	if got := execute(s.Addr, "", "backup", "--to", filepath.Join(t.TempDir(), "b"), "--timeout", "500ms"); got.code != exitError ||
		!strings.Contains(got.stderr, "RESOURCE_EXHAUSTED: another backup is under way") {
		t.Errorf("%+v", got)
	}
	cancel()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		got := execute(s.Addr, "", "backup", "--to", filepath.Join(t.TempDir(), "b"))
		if got.code == exitOK {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("after the first was given up: %+v", got)
		}
	}
}

// A server that stops in the middle of a backup does not wait for its end, and leaves no backup.
func TestAStopEndsABackup(t *testing.T) {
	for _, to := range []string{"b", "b.tar", stdio} {
		t.Run(to, func(t *testing.T) {
			s := servertest.Start(t, servertest.Options{})
			large, err := os.Create(filepath.Join(s.DataDir, "large"))
			if err != nil {
				t.Fatal(err)
			}
			// It takes no room, and minutes to read.
			if err := errors.Join(large.Truncate(1<<40), large.Close()); err != nil {
				t.Fatal(err)
			}
			parent := t.TempDir()
			began, ended := &started{begun: make(chan struct{})}, make(chan int, 1)
			a := &app{
				stdin: strings.NewReader(""), stdout: began, stderr: began, address: s.Addr, now: time.Now,
				newID: func() string { return "" },
			}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			path := to
			if to != stdio {
				path = filepath.Join(parent, to)
			}
			go func() { ended <- a.run(ctx, []string{"backup", "--to", path}) }()
			if to == stdio {
				<-began.begun
				if err := s.Stop(); err != nil {
					t.Error(err)
				}
			} else {
				awaitWritten(t, parent)
				cancel()
			}
			if code := <-ended; code != exitError {
				t.Errorf("exit code %d", code)
			}
			if left, _ := os.ReadDir(parent); len(left) > 0 {
				t.Errorf("it left %v", left)
			}
		})
	}
}

// started is output of which nothing is kept; begun is closed by the first of it.
type started struct {
	begun chan struct{}
	once  sync.Once
}

func (s *started) Write(b []byte) (int, error) {
	s.once.Do(func() { close(s.begun) })
	return len(b), nil
}

// restoreInto is the environment variable that makes a process of this test one that restores, from standard input.
const restoreInto = "CONSENTCTL_TEST_RESTORE"

// A restoration that is killed, at whichever part of the archive, leaves nothing that a server opens.
func TestKilledRestoreLeavesNoStore(t *testing.T) {
	if dir := os.Getenv(restoreInto); dir != "" {
		target := backup.Target{Dir: dir, Last: pebble.Marks}
		_, err := target.Write(backup.FromTar(os.Stdin))
		t.Fatalf("it was not killed: %v", err)
	}
	whole := archived(t)
	for _, part := range []int{1, 3, 5, 7, 8} {
		parent := t.TempDir()
		dir := filepath.Join(parent, "data")
		c := exec.Command(os.Args[0], "-test.run=^TestKilledRestoreLeavesNoStore$")
		c.Env = append(os.Environ(), restoreInto+"="+dir)
		in, err := c.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		at := len(whole) * part / 8
		if part == 8 {
			at = bytes.LastIndexByte(whole, '}') // the manifest is there but for its end
		}
		if _, err := in.Write(whole[:at]); err != nil {
			t.Fatal(err)
		}
		awaitWritten(t, parent)
		_ = c.Process.Kill()
		_ = c.Wait()
		left, err := os.ReadDir(parent)
		if err != nil || len(left) != 1 {
			t.Fatalf("killed at %d/8: it left %v, %v", part, left, err)
		}
		if _, err := pebble.Open(filepath.Join(parent, left[0].Name()), pebble.Options{}); err == nil ||
			!strings.Contains(err.Error(), "data directory") {
			t.Errorf("killed at %d/8: what it left is opened: %v", part, err)
		}
		if got := execute("", string(whole), "restore", stdio, dir); got.code != exitOK {
			t.Errorf("restoring again: %+v", got)
		}
	}
}

// awaitWritten waits until the process has written the files that it was given.
func awaitWritten(t *testing.T, parent string) {
	t.Helper()
	last, since, deadline := -1, time.Now(), time.Now().Add(20*time.Second)
	for ; time.Since(since) < 100*time.Millisecond || last < 1; time.Sleep(time.Millisecond) {
		n := -1
		_ = filepath.WalkDir(parent, func(string, fs.DirEntry, error) error {
			n++
			return nil
		})
		if n != last {
			last, since = n, time.Now()
		}
		if time.Now().After(deadline) {
			t.Fatal("nothing is written")
		}
	}
}
