package client_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/consentd/consentd/client"
	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/servertest"
)

func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkCheck has concurrent callers ask a server in this process: what both sides cost together.
func BenchmarkCheck(b *testing.B) {
	s := servertest.Start(b, servertest.Options{})
	for name, options := range map[string][]client.Option{"coalesced": nil, "unary": {client.WithoutCoalescing()}} {
		for _, callers := range []int{1, 16, 256} {
			b.Run(fmt.Sprintf("%s/%d", name, callers), func(b *testing.B) {
				c, err := client.Dial(s.Addr, options...)
				if err != nil {
					b.Fatal(err)
				}
				defer c.Close()
				event := client.NewEvent("privacy_settings")
				event.Kind = &consentv1.Event_Consent{Consent: &consentv1.ConsentEvent{Purpose: "marketing_email",
					Status: consentv1.ConsentStatus_CONSENT_STATUS_GIVEN, NoticeVersion: 3, Explicit: true}}
				if _, err := c.RecordEvents(b.Context(), &consentv1.RecordEventsRequest{Controller: "example", SubjectId: "u",
					Events: []*consentv1.Event{event}}); err != nil {
					b.Fatal(err)
				}
				b.ReportAllocs()
				before := cpu()
				var left atomic.Int64
				left.Store(int64(b.N))
				var group sync.WaitGroup
				for range callers {
					group.Go(func() {
						for left.Add(-1) >= 0 {
							if d, err := c.Check(b.Context(), client.NewCheck("example", "u", "marketing_email")); err != nil || !d.Allowed {
								b.Error(d, err)
								return
							}
						}
					})
				}
				group.Wait()
				b.ReportMetric(float64(cpu()-before)/float64(b.N), "cpu-ns/op")
			})
		}
	}
}
