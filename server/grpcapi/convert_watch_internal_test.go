package grpcapi

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/durationpb"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/proto/consent/v1/wire"
	"github.com/consentd/consentd/server/store"
	"github.com/consentd/consentd/server/watch"
)

func TestNoticesAndReportsTravelWhole(t *testing.T) {
	id := store.ID{9, 8}
	n := &watch.Notice{
		Hello: &watch.Hello{
			StoreID: id, Slots: wire.Slots{Key: []byte("key"), Count: 64}, Lease: 2 * time.Second, Heartbeat: time.Second / 2,
		},
		From: 1, Position: 2, Slots: []uint32{3, 4}, Revision: 5, Policy: "p", Heartbeat: 6, Time: 7,
	}
	want := &consentv1.WatchInvalidationsResponse{
		Hello: &consentv1.WatchHello{
			StoreId: id[:], SlotKey: []byte("key"), SlotCount: 64,
			Lease: durationpb.New(2 * time.Second), HeartbeatInterval: durationpb.New(time.Second / 2),
		},
		FromPosition: 1, Position: 2, Slots: []uint32{3, 4}, Revision: 5, PolicyRevision: "p", Heartbeat: 6, ServerTime: 7,
	}
	want.Checksum = want.Sum()
	if diff := cmp.Diff(want, noticeTo(n), protocmp.Transform()); diff != "" {
		t.Errorf("the notice became (-want +got):\n%s", diff)
	}
	if m := noticeTo(&watch.Notice{}); m.Hello != nil || m.GetChecksum() != m.Sum() {
		t.Errorf("a notice without a hello became %v", m)
	}
	got := reportOf(&consentv1.WatchInvalidationsRequest{AppliedPosition: 8, Heartbeat: 9})
	if want := (watch.Report{Applied: 8, Heartbeat: 9}); got != want {
		t.Errorf("the report is %+v, want %+v", got, want)
	}
}
