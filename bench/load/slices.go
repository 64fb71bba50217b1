package load

import (
	"slices"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Slice is a stretch of one kind of load, and what it cost the server.
type Slice struct {
	Result
	// CPU is the user and system time that the server's process took meanwhile.
	CPU time.Duration
}

// CPUPerRequest is the server's CPU time per request.
func (s *Slice) CPUPerRequest() time.Duration {
	if s.Sent == 0 {
		return 0
	}
	return s.CPU / time.Duration(s.Sent)
}

// Pair is a slice of the measured call and one of the floor, next to each other in time.
type Pair struct{ Measured, Floor Slice }

// Alternate runs n pairs. The slice that goes first alternates, so that a machine that slows down favours neither.
func Alternate(n int, measured, floor func() Slice) []Pair {
	pairs := make([]Pair, n)
	for i := range pairs {
		p := &pairs[i]
		if i%2 == 0 {
			p.Floor, p.Measured = floor(), measured()
		} else {
			p.Measured, p.Floor = measured(), floor()
		}
	}
	return pairs
}

// Spread sums up one figure over the slices of a run.
type Spread struct {
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
}

// TooWide is the scatter above which a figure is not to be trusted.
const TooWide = 0.25

// Scatter is the distance of the extremes relative to the median; 0 where the median is 0.
func (s Spread) Scatter() float64 {
	if s.Median == 0 {
		return 0
	}
	return (s.Max - s.Min) / s.Median
}

// SpreadOf takes a figure from each slice. The spread of nothing is zero.
func SpreadOf[T any](of []T, figure func(T) float64) Spread {
	if len(of) == 0 {
		return Spread{}
	}
	values := make([]float64, len(of))
	for i, s := range of {
		values[i] = figure(s)
	}
	slices.Sort(values)
	middle := len(values) / 2
	median := values[middle]
	if len(values)%2 == 0 {
		median = (values[middle-1] + values[middle]) / 2
	}
	return Spread{Median: median, Min: values[0], Max: values[len(values)-1]}
}

// Quantile is the latency, in nanoseconds, that a share p (0 to 100) of the requests did not exceed.
func Quantile(h *hdrhistogram.Histogram, p float64) float64 { return float64(h.ValueAtPercentile(p)) }
