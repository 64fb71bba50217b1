package client_test

import (
	"context"
	"flag"
	"runtime"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/consentd/consentd/client"
)

var closeCycles = flag.Int("close.cycles", 30, "TestClientsLeaveNothingBehind: how many clients are made and closed")

// Clients that are closed while 200 callers ask leave no goroutine behind, and no caller without an answer.
func TestClientsLeaveNothingBehind(t *testing.T) {
	s := &scripted{}
	address := s.listen(t)
	cycle := func() {
		c, err := client.Dial(address, client.WithNearCache(client.NearCacheConfig{MaxEntries: 8}), client.WithTimeout(20*time.Second))
		if err != nil {
			t.Fatal(err)
		}
		ask(t, c, "first")
		var callers sync.WaitGroup
		for range 200 {
			callers.Go(func() {
				for {
					d, err := c.Check(context.Background(), client.NewCheck("example", "u", "p"))
					if err == nil {
						continue
					}
					if code := status.Code(err); d.Allowed || code != codes.Canceled && code != codes.Unavailable {
						t.Errorf("Check = %v, %v; want CANCELED", d, err)
					}
					return
				}
			})
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		callers.Wait()
	}
	cycle() // what is made once
	before := runtime.NumGoroutine()
	for range *closeCycles {
		cycle()
	}
	for began := time.Now(); runtime.NumGoroutine() > before+5; runtime.Gosched() { // gRPC's own end a little later
		if time.Since(began) > 20*time.Second {
			t.Fatalf("%d goroutines, %d before", runtime.NumGoroutine(), before)
		}
	}
}
