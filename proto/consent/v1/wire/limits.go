package wire

import "time"

// The limits that both server and clients go by.
const (
	// MaxBatch is how many requests one BatchCheck takes. decision_service.proto says it too, as max_items.
	MaxBatch = 1000
	// MaxStreamedChecks is how many checks one message of a CheckStream carries.
	MaxStreamedChecks = 1000
	// MaxLease is the longest lease of a near cache that a server may grant.
	MaxLease = 10 * time.Second
)
