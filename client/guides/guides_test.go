// Package guides runs what the guides tell their readers to type, so that it cannot rot: each block of shell commands
// of each guide, in its order, beside a server with the shipped policies. Nothing but tests is here.
package guides

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/consentd/consentd/server/servertest"
	"github.com/consentd/consentd/server/store/postgres/pgtest"
)

// guide is a file, and what a machine must have for its blocks.
type guide struct {
	file  string
	tools []string
	// database: its blocks find one at 127.0.0.1:5432, with a superuser postgres who needs no password.
	database bool
	// empty: its blocks run in one folder that is empty at first, with CONSENTD as the path of the repository;
	// else in a copy of the repository.
	empty bool
}

var guides = []guide{
	{file: "README.md", tools: []string{"openssl"}},
	{file: "server/README.md"},
	{file: "server/NODES.md", tools: []string{"psql", "curl"}, database: true},
	{file: "server/deploy/README.md"},
	{file: "policies/README.md", tools: []string{"openssl"}},
	{file: "bench/README.md"},
	{file: "client/README.md", tools: []string{"openssl"}, empty: true},
	{file: "client/python/README.md", tools: []string{"python3"}, empty: true},
	{file: "client/typescript/README.md", tools: []string{"node", "npm"}, empty: true},
	{file: "client/java/README.md", tools: []string{"java", "mvn"}, empty: true},
	{file: "CONTRIBUTING.md"},
}

// block is the commands of a fence.
type block struct {
	line int
	text string
}

// notRun stands on the line before a fence that is left out, with the reason.
var notRun = regexp.MustCompile(`^<!-- not run: .+ -->$`)

// blocksOf returns the blocks of a guide that begin with ```sh.
func blocksOf(text string) (blocks []block) {
	lines := strings.Split(text, "\n")
	for i := 0; i < len(lines); i++ {
		if lines[i] != "```sh" {
			continue
		}
		begin := i + 1
		for i++; lines[i] != "```"; i++ {
		}
		if begin < 2 || !notRun.MatchString(lines[begin-2]) {
			blocks = append(blocks, block{begin + 1, strings.Join(lines[begin:i], "\n")})
		}
	}
	return blocks
}

// withServers joins each block that has a server run in a terminal of its own with the block after it, which asks it.
func withServers(blocks []block) (joined []block) {
	for i := 0; i < len(blocks); i++ {
		b := blocks[i]
		if inTerminal.MatchString(b.text) && i+1 < len(blocks) {
			i++
			b.text += "\n" + blocks[i].text
		}
		joined = append(joined, b)
	}
	return joined
}

func TestGuides(t *testing.T) {
	if testing.Short() || raceEnabled {
		t.Skip("runs programs, which takes minutes: go test ./client/guides")
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	copied := copyOf(t, root)
	for _, g := range guides {
		t.Run(g.file, func(t *testing.T) { run(t, g, copied) })
	}
}

// TestEveryGuideIsListed: a guide that nobody runs would rot.
func TestEveryGuideIsListed(t *testing.T) {
	listed := map[string]bool{"proto/README.md": true, "client/conformance/README.md": true} // made from protos; of a test
	for _, g := range guides {
		listed[g.file] = true
	}
	for _, pattern := range []string{"*.md", "*/README.md", "client/*/README.md", "server/*.md", "server/*/README.md"} {
		found, err := filepath.Glob(filepath.Join("../..", pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range found {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			name := filepath.ToSlash(strings.TrimPrefix(file, "../../"))
			if !listed[name] && len(blocksOf(string(text))) > 0 {
				t.Errorf("%s has commands and is not among the guides", name)
			}
		}
	}
}

// copyOf returns a copy of what git tracks, with a history of one commit, so that the guides change nothing of the
// repository.
func copyOf(t *testing.T, root string) string {
	t.Helper()
	copied := filepath.Join(t.TempDir(), "consentd")
	script := `mkdir "$1" && git ls-files -z --cached --others --exclude-standard |
	tar --null --ignore-failed-read -cf - -T - | tar -xf - -C "$1"
	cd "$1" && git init -q && git add -A && git -c user.name=guides -c user.email=guides@localhost commit -qm copy`
	command := exec.Command("bash", "-euo", "pipefail", "-c", script, "copy", copied)
	command.Dir = root
	if out, err := command.CombinedOutput(); err != nil {
		t.Skipf("git, tar and bash are needed: %v\n%s", err, out)
	}
	return copied
}

func run(t *testing.T, g guide, repository string) {
	for _, tool := range append([]string{"bash"}, g.tools...) {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not there", tool)
		}
	}
	text, err := os.ReadFile(filepath.Join(repository, g.file))
	if err != nil {
		t.Fatal(err)
	}
	at := addresses{"127.0.0.1:7070": servertest.Start(t, servertest.Options{}).Addr}
	if g.database {
		at["127.0.0.1:5432"] = pgtest.New(t, pgtest.Options{Unsafe: true}).Addr()
	}
	dir := repository
	if g.empty {
		dir = t.TempDir()
	}
	for _, b := range withServers(blocksOf(string(text))) {
		took := time.Now()
		out, err := shell(t, command{script(at.in(t, b.text)), dir, repository, at["127.0.0.1:7070"]})
		if err != nil {
			t.Errorf("%s:%d: %v\n%s", g.file, b.line, err, out)
		}
		t.Logf("%s:%d took %v", g.file, b.line, time.Since(took).Round(time.Second))
	}
}

// exits is the comment of a line that is to fail.
var exits = regexp.MustCompile(`(?m)^(.*\S)\s+# exits 1.*$`)

// answer is the comment of a line that says what a check prints first.
var answer = regexp.MustCompile(`(?m)^(\./consentctl (?:check|explain) .*\S)\s+# .*?(ALLOW|DENY).*$`)

// fails is the comment of a line that says with which status a call fails.
var fails = regexp.MustCompile(`(?m)^(\./consentctl .*\S)\s+# (PERMISSION_DENIED|UNAUTHENTICATED|UNAVAILABLE)\b.*$`)

// inTerminal is a server that goes on, and is asked from then on.
var inTerminal = regexp.MustCompile(`(?m)^go run \./server (.*\S)\s+# in a terminal of its own$`)

// addresses are those that stand in for those of a guide.
type addresses map[string]string

// ofNode is an address that a guide gives one of several nodes on one machine.
var ofNode = regexp.MustCompile(`127\.0\.0\.1:7[1-9]7[01]\b`)

// in puts them into a text; nodes get ports that are free.
func (a addresses) in(t *testing.T, text string) string {
	t.Helper()
	for _, named := range ofNode.FindAllString(text, -1) {
		if a[named] == "" {
			a[named] = freeAddress(t)
		}
	}
	var pairs []string
	for named, real := range a {
		pairs = append(pairs, named, real)
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// script makes a program of a block: it ends at the first command that fails, and a server that the block starts is
// stopped once it serves, or at the end where it runs in a terminal of its own.
func script(text string) string {
	text = inTerminal.ReplaceAllString(text, `serve_on $1`)
	text = fails.ReplaceAllString(text, `fails_with $2 $1`)
	text = exits.ReplaceAllString(text, `if $1; then echo 'this was to fail'; exit 1; fi`)
	text = answer.ReplaceAllString(text, `$1 | tee /dev/stderr | grep -Eq '^(Decision +)?$2'`)
	return prelude + text + "\n"
}

const prelude = `
servers=()
begin() {
	log=$(mktemp)
	local n=0 server
	command go run "$CONSENTD/server" --grpc-addr 127.0.0.1:0 --http-addr 127.0.0.1:0 --data-dir "$(mktemp -d)/data" \
		"$@" >"$log" 2>&1 &
	server=$!
	servers+=($server)
	until grep -q 'msg=serving' "$log"; do
		n=$((n + 1))
		if [ $n -gt 1800 ] || ! kill -0 $server 2>/dev/null; then cat "$log"; return 1; fi
		sleep 0.1
	done
}
end() {
	local server
	for server in "${servers[@]}"; do
		pkill -TERM -P $server || kill -TERM $server
		wait $server || true
	done
	servers=()
}
fails_with() {
	local status=$1 out; shift
	if out=$("$@" 2>&1); then echo 'this was to fail'; return 1; fi
	echo "$out"
	grep -q "$status" <<<"$out"
}
serve() {
	begin "$@"
	end
}
serve_on() {
	begin "$@"
	trap end EXIT
	export CONSENTD_ADDR; CONSENTD_ADDR=$(sed -n 's/.*msg=serving.* grpc=\([^ ]*\).*/\1/p' "$log")
}
go() {
	case "$1 ${2:-} ${3:-}" in
	"run ./server migrate") command go "$@" ;;
	"run ./server "*) shift 2; serve "$@" ;;
	"test ./... " | "vet ./... ") command go build ./... ;; # the gate runs both whole
	*) command go "$@" ;;
	esac
}
consentctl() { "$CONSENTD/consentctl" "$@"; }
`

// command is a script, where it runs, and what it finds.
type command struct{ script, dir, repository, addr string }

func shell(t *testing.T, c command) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	bash := exec.CommandContext(ctx, "bash", "-euo", "pipefail", "-c", c.script)
	bash.Dir = c.dir
	bash.Env = append(os.Environ(), "CONSENTD="+c.repository, "CONSENTD_ADDR="+c.addr)
	bash.WaitDelay = time.Second
	var out bytes.Buffer
	bash.Stdout, bash.Stderr = &out, &out
	if err := bash.Run(); err != nil {
		return out.String(), fmt.Errorf("the commands failed: %w", err)
	}
	return out.String(), nil
}
