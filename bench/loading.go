package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"

	"github.com/consentd/consentd/bench/question"
	"github.com/consentd/consentd/bench/report"
	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

// loaders is how many writes are under way while subjects are loaded: enough for the store to put many into one fsync.
const loaders = 512

// populate starts the server on a new folder and records the events of all subjects, one call for each.
func (b *bench) populate(ctx context.Context, size int) error {
	b.server.stop()
	b.population = question.Population{Size: size, Seed: 1, Start: b.started}
	b.server.dataDir = filepath.Join(b.temp, fmt.Sprintf("data-%d-%d", size, len(b.report.Loadings)))
	if err := b.server.start(ctx); err != nil {
		return err
	}
	b.progress.begin(fmt.Sprintf("loading %d subjects", size))
	began := time.Now()
	if err := b.record(ctx, size, b.population.Record); err != nil {
		return fmt.Errorf("loading subjects: %w", err)
	}
	took := time.Since(began)
	bytes, err := diskBytes(b.server.dataDir)
	if err != nil {
		return err
	}
	b.progress.advance(took)
	b.report.Loadings = append(b.report.Loadings, report.Loading{
		System: "consentd", Subjects: size, Seconds: took.Seconds(),
		BytesPerSubject: float64(bytes) / float64(size), Where: "on disk",
		Note: fmt.Sprintf("one RecordEvents call per subject, acknowledged after fsync, %d under way", loaders),
	})
	return nil
}

// record sends n requests to the server, as many at once as loaders.
func (b *bench) record(ctx context.Context, n int, request func(int) *consentv1.RecordEventsRequest) error {
	return recordAll(ctx, b.server.conns, n, request)
}

func recordAll(ctx context.Context, conns []*grpc.ClientConn, n int, request func(int) *consentv1.RecordEventsRequest) error {
	group, ctx := errgroup.WithContext(ctx)
	var next atomic.Int64
	for w := range loaders {
		client := consentv1.NewConsentServiceClient(conns[w%len(conns)])
		group.Go(func() error {
			for ctx.Err() == nil {
				i := int(next.Add(1) - 1)
				if i >= n {
					return nil
				}
				if _, err := client.RecordEvents(ctx, request(i)); err != nil {
					return err
				}
			}
			return ctx.Err()
		})
	}
	return group.Wait()
}

// forget removes the data of the population in use.
func (b *bench) forget() error {
	b.server.stop()
	return os.RemoveAll(b.server.dataDir)
}
