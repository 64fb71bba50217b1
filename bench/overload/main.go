package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/protobuf/proto"

	"github.com/consentd/consentd/bench/flood"
	"github.com/consentd/consentd/bench/proc"
	"github.com/consentd/consentd/bench/question"
	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

func main() {
	bin := flag.String("server", "", "")
	secs := flag.Duration("phase", 5*time.Second, "")
	conns := flag.Int("connections", 16, "")
	patience := flag.Duration("patience", 5*time.Millisecond, "")
	cpu := flag.String("cpu", "0", "")
	flag.Parse()
	ctx := context.Background()
	dir, _ := os.MkdirTemp("", "overload")
	defer os.RemoveAll(dir)
	ga, _ := proc.FreeAddr()
	ha, _ := proc.FreeAddr()
	p, err := proc.Start(exec.Command("taskset", append([]string{"-c", *cpu, *bin, "--grpc-addr", ga, "--http-addr", ha, "--data-dir", dir, "--log-level", "warn"}, flag.Args()...)...), func(l string) { fmt.Println(l) })
	check(err)
	defer p.Stop()
	conn, err := grpc.NewClient(ga, grpc.WithTransportCredentials(insecure.NewCredentials()))
	check(err)
	check(p.Ready(ctx, time.Minute, func(ctx context.Context) error {
		_, err := healthpb.NewHealthClient(conn).Check(ctx, &healthpb.HealthCheckRequest{})
		return err
	}))
	pop := question.Population{Size: 10000, Seed: 1, Start: time.Now()}
	var wg sync.WaitGroup
	for w := range 64 {
		wg.Go(func() {
			for i := w; i < pop.Size; i += 64 {
				_, err := consentv1.NewConsentServiceClient(conn).RecordEvents(ctx, pop.Record(i))
				check(err)
			}
		})
	}
	wg.Wait()
	var msgs [][]byte
	for i := range pop.Size {
		m, _ := proto.Marshal(pop.Check(question.Question{Subject: i, Purpose: i % 2}))
		msgs = append(msgs, m)
	}
	f, err := flood.Open(flood.Config{Addr: ga, Connections: *conns, Method: consentv1.DecisionService_Check_FullMethodName, Messages: msgs, Timeout: time.Second, Patience: *patience})
	check(err)
	defer f.Close()
	run := func(name string, ph flood.Phase) *flood.Result {
		c0, _ := proc.CPU(p.PID())
		r := f.Run(ctx, ph)
		c1, _ := proc.CPU(p.PID())
		mem, _ := proc.PeakMemory(p.PID())
		s := ph.Duration.Seconds()
		fmt.Printf("%-10s rate %8.0f ok %8.0f/s refused %8.0f/s heldback %8.0f/s failed %6.0f/s late %d  p50 %v p99 %v total99 %v max %v refusal p99 %v cpu %.2f us/ok %.1f peak %d MiB\n", name, ph.Rate,
			float64(r.OK)/s, float64(r.Refused)/s, float64(r.HeldBack)/s, float64(r.Failed)/s, r.Late,
			time.Duration(r.Latency.ValueAtQuantile(50)), time.Duration(r.Latency.ValueAtQuantile(99)), time.Duration(r.Total.ValueAtQuantile(99)), r.Slowest,
			time.Duration(r.Refusals.ValueAtQuantile(99)), (c1-c0).Seconds()/s, float64((c1-c0).Microseconds())/float64(r.OK+1), mem>>20)
		if n, err := f.Broken(); n > 0 {
			fmt.Println(n, "connections broken:", err)
		}
		return r
	}
	run("warm", flood.Phase{Rate: 10000, Duration: 2 * time.Second})
	capacity := 0.0
	for _, most := range []int{4, 16, 64} {
		r := run(fmt.Sprintf("closed %d", most), flood.Phase{Rate: 150000, Duration: 2 * time.Second, Most: most})
		capacity = max(capacity, float64(r.OK)/2)
	}
	for _, k := range []float64{0.5, 0.75, 1, 2, 5, 0.75} {
		run(fmt.Sprintf("%.2fx", k), flood.Phase{Rate: k * capacity, Duration: *secs})
	}
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
