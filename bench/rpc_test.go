package main_test

import (
	"testing"
	"time"

	"github.com/consentd/consentd/bench/question"
	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/servertest"
)

// BenchmarkCheck is the warm unary check over loopback with client and server in one process, to read a profile of:
// go test ./bench -run '^$' -bench Check -cpuprofile cpu.prof. Its time is no latency; see the command for that.
func BenchmarkCheck(b *testing.B) {
	p := question.Population{Size: 1000, Seed: 1, Start: time.Now()}
	s := servertest.Start(b, servertest.Options{})
	for n := range p.Size {
		if _, err := s.Consents.RecordEvents(b.Context(), p.Record(n)); err != nil {
			b.Fatal(err)
		}
	}
	choose := question.Uniform(p)
	b.SetParallelism(32)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for n := 0; pb.Next(); n++ {
			answer, err := s.Decisions.Check(b.Context(), p.Check(choose(n)))
			if err != nil || answer.GetDecision() == consentv1.Decision_DECISION_UNSPECIFIED {
				b.Errorf("%v, %v", answer, err)
				return
			}
		}
	})
}
