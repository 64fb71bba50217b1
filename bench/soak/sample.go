package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
)

// measures are what is sampled, and by how much it may grow beside a tenth; zero: it is shown alone.
var measures = []struct {
	name, metric string
	unit, spare  float64
}{
	{"heap after collection, MiB", "go_memstats_heap_alloc_bytes", 1 << 20, 4},
	{"heap in use, MiB", "go_memstats_heap_inuse_bytes", 1 << 20, 8},
	{"goroutines", "go_goroutines", 1, 20},
	{"file descriptors", "process_open_fds", 1, 20},
	{"resident memory, MiB", "process_resident_memory_bytes", 1 << 20, 0},
	{"CPU, s since the start", "process_cpu_seconds_total", 1, 0},
}

// sample is a moment's value of each measure.
type sample []float64

// sampled reads the measures, after a collection of garbage, without which the heap says little.
func (t *target) sampled(ctx context.Context) (sample, error) {
	if _, err := t.get(ctx, "/debug/pprof/heap?gc=1"); err != nil {
		return nil, err
	}
	text, err := t.get(ctx, "/metrics")
	if err != nil {
		return nil, err
	}
	return parse(string(text))
}

func parse(text string) (sample, error) {
	values := map[string]float64{}
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), " "); ok {
			if v, err := strconv.ParseFloat(value, 64); err == nil {
				values[name] = v
			}
		}
	}
	var s sample
	for _, m := range measures {
		v, ok := values[m.metric]
		if !ok {
			return nil, fmt.Errorf("the server has no metric %s", m.metric)
		}
		s = append(s, v/m.unit)
	}
	return s, nil
}

// sampleAll samples until the run ends, and keeps profiles when its second tenth is over.
func (s *soak) sampleAll(ctx context.Context) (all []sample) {
	tick := time.NewTicker(s.o.sample)
	defer tick.Stop()
	began, kept := time.Now(), false
	for {
		select {
		case <-ctx.Done():
			return all
		case <-tick.C:
		}
		if !kept && time.Since(began) > s.o.duration/5 {
			kept = true
			s.acts.count("profiles", s.keepProfiles(ctx, s.o.keep, "begin"))
		}
		one, err := s.sampled(ctx)
		if err == nil {
			all = append(all, one)
			fmt.Printf("%v %.1f\n", time.Since(began).Round(time.Second), one)
		}
		if ctx.Err() == nil {
			s.acts.count("sample", err)
		}
	}
}

// judge prints the medians of the second and of the last tenth, and fails on what has grown.
func judge(w io.Writer, all []sample) error {
	tenth := len(all) / 10
	if tenth == 0 {
		return fmt.Errorf("%d samples: the second and the last tenth need ten; make the run longer", len(all))
	}
	fmt.Fprintln(w, "| | second tenth | last tenth | growth |\n|---|---|---|---|")
	var grown []error
	for i, m := range measures {
		begin, end := median(all[tenth:2*tenth], i), median(all[len(all)-tenth:], i)
		fmt.Fprintf(w, "| %s | %.1f | %.1f | %+.1f %% |\n", m.name, begin, end, 100*(end-begin)/begin)
		if m.spare > 0 && end > 1.1*begin+m.spare {
			grown = append(grown, fmt.Errorf("%s has grown from %.1f to %.1f", m.name, begin, end))
		}
	}
	return errors.Join(grown...)
}

func median(of []sample, measure int) float64 {
	var values []float64
	for _, s := range of {
		values = append(values, s[measure])
	}
	slices.Sort(values)
	return values[len(values)/2]
}
