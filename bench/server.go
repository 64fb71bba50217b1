package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/consentd/consentd/bench/load"
	"github.com/consentd/consentd/bench/proc"
)

// readyTimeout is how long a server may take to answer; opening a store of ten million subjects takes a while.
const readyTimeout = time.Minute

// server is consentd, as a process of its own on loopback, and connections to it.
type server struct {
	binary, dataDir string
	// flags are those of each start.
	flags []string
	// connections is how many connections the load goes over, credentials what they show: none are plaintext.
	connections int
	credentials []grpc.DialOption
	process     *proc.Process
	grpcAddr    string
	httpAddr    string
	conns       []*grpc.ClientConn
}

// buildServer compiles ./server into dir, as `go build` does it for everybody, buildTarget ./bench/target.
func buildServer(ctx context.Context, dir string) (string, error) {
	return build(ctx, filepath.Join(dir, "consentd"), "server")
}

func buildTarget(ctx context.Context, dir string) (string, error) {
	return build(ctx, filepath.Join(dir, "target"), "bench/target")
}

func build(ctx context.Context, path, folder string) (string, error) {
	build := exec.CommandContext(ctx, "go", "build", "-o", path, "github.com/consentd/consentd/"+folder)
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building ./%s (run bench from the module's folder): %w: %s", folder, err, out)
	}
	return path, nil
}

// start runs the server and waits until it answers. The cache is empty.
func (s *server) start(ctx context.Context, flags ...string) error {
	var err error
	if s.grpcAddr, err = proc.FreeAddr(); err != nil {
		return err
	}
	if s.httpAddr, err = proc.FreeAddr(); err != nil {
		return err
	}
	args := append([]string{
		"--grpc-addr", s.grpcAddr, "--http-addr", s.httpAddr, "--data-dir", s.dataDir, "--log-level", "warn",
		"--queue-target", "1s", // a closed load is to wait, not to be refused: bench/overload is for that
	}, append(slices.Clone(s.flags), flags...)...)
	if s.process, err = proc.Start(exec.Command(s.binary, args...), nil); err != nil {
		return err
	}
	if s.conns, err = dial(s.grpcAddr, s.connections, s.credentials...); err != nil {
		return err
	}
	return s.process.Ready(ctx, readyTimeout, func(ctx context.Context) error { return null(s.conns)(ctx, 0) })
}

// stop ends the server; the data stay.
func (s *server) stop() {
	for _, c := range s.conns {
		_ = c.Close()
	}
	if s.process != nil {
		s.process.Stop()
	}
	s.conns, s.process = nil, nil
}

// restart empties the cache.
func (s *server) restart(ctx context.Context, flags ...string) error {
	s.stop()
	return s.start(ctx, flags...)
}

func (s *server) pid() int { return s.process.PID() }

// dial opens n connections without waiting for them. They are plaintext unless the options say otherwise.
func dial(addr string, n int, options ...grpc.DialOption) ([]*grpc.ClientConn, error) {
	options = append([]grpc.DialOption{grpc.WithTransportCredentials(insecure.NewCredentials())}, options...)
	conns := make([]*grpc.ClientConn, n)
	for i := range conns {
		var err error
		if conns[i], err = grpc.NewClient(addr, options...); err != nil {
			return nil, err
		}
	}
	return conns, nil
}

// null is the null RPC: the server's health, from memory, through the same stack.
func null(conns []*grpc.ClientConn) load.Call {
	clients := make([]healthpb.HealthClient, len(conns))
	for i, c := range conns {
		clients[i] = healthpb.NewHealthClient(c)
	}
	return func(ctx context.Context, n int) error {
		answer, err := clients[n%len(clients)].Check(ctx, &healthpb.HealthCheckRequest{})
		if err == nil && answer.GetStatus() != healthpb.HealthCheckResponse_SERVING {
			return errors.New("the server does not serve")
		}
		return err
	}
}

// metric is the value of a series of /metrics, written as Prometheus does: name{label="value"}; 0 if there is none.
func (s *server) metric(ctx context.Context, name string) (float64, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.httpAddr+"/metrics", nil)
	if err != nil {
		return 0, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, fmt.Errorf("reading the server's metrics: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	lines := bufio.NewScanner(response.Body)
	for lines.Scan() {
		if value, ok := strings.CutPrefix(lines.Text(), name+" "); ok {
			return strconv.ParseFloat(value, 64)
		}
	}
	return 0, lines.Err()
}

// lookups are the hits of the cache of states and all its lookups so far.
func (s *server) lookups(ctx context.Context) (hits, all float64, err error) {
	return s.lookupsOf(ctx, "consentd_cache_lookups_total")
}

// answersLookups are those of the cache of answers, 0 where the server has none.
func (s *server) answersLookups(ctx context.Context) (hits, all float64, err error) {
	return s.lookupsOf(ctx, "consentd_answers_lookups_total")
}

func (s *server) lookupsOf(ctx context.Context, counter string) (hits, all float64, err error) {
	for _, result := range []string{"hit", "miss", "invalid"} {
		n, err := s.metric(ctx, fmt.Sprintf("%s{result=%q}", counter, result))
		if err != nil {
			return 0, 0, err
		}
		if all += n; result == "hit" {
			hits = n
		}
	}
	return hits, all, nil
}

// diskBytes is what a folder's files take.
func diskBytes(dir string) (total int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if errors.Is(err, os.ErrNotExist) || err == nil && d.IsDir() {
			return nil // files come and go in a store that runs
		}
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil {
			total += info.Size()
		}
		return nil
	})
	return total, err
}
