package grpcapi

import (
	"google.golang.org/protobuf/types/known/durationpb"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/watch"
)

// reportOf is what a client's message says.
func reportOf(m *consentv1.WatchInvalidationsRequest) watch.Report {
	return watch.Report{Applied: m.GetAppliedPosition(), Heartbeat: m.GetHeartbeat()}
}

// noticeTo is the message that tells n, with its checksum.
func noticeTo(n *watch.Notice) *consentv1.WatchInvalidationsResponse {
	m := &consentv1.WatchInvalidationsResponse{
		Hello: helloTo(n.Hello), FromPosition: n.From, Position: n.Position, Revision: uint64(n.Revision), Slots: n.Slots,
		PolicyRevision: n.Policy, Heartbeat: n.Heartbeat, ServerTime: int64(n.Time),
	}
	m.Checksum = m.Sum()
	return m
}

func helloTo(h *watch.Hello) *consentv1.WatchHello {
	if h == nil {
		return nil
	}
	return &consentv1.WatchHello{
		StoreId: h.StoreID[:], SlotKey: h.Slots.Key, SlotCount: h.Slots.Count,
		Lease: durationpb.New(h.Lease), HeartbeatInterval: durationpb.New(h.Heartbeat),
	}
}
