package wire

import "google.golang.org/protobuf/encoding/protowire"

// Fields of messages that are written or read by hand where protobuf would cost too much. Each is named by its message
// and its own name in the proto file.
const (
	CheckRequestConsistency        protowire.Number = 7
	BatchCheckRequestRequests      protowire.Number = 1
	BatchCheckRequestConsistency   protowire.Number = 2
	ListPurposesRequestConsistency protowire.Number = 4
	ConsistencyMinimizeLatency     protowire.Number = 1
	ConsistencyAtLeastAsFresh      protowire.Number = 2

	CheckStreamRequestChecks protowire.Number = 1
	CheckStreamRequestCancel protowire.Number = 2

	StreamedCheckID      protowire.Number = 1
	StreamedCheckCheck   protowire.Number = 2
	StreamedCheckTimeout protowire.Number = 3

	CheckStreamResponseResults  protowire.Number = 1
	CheckStreamResponseDraining protowire.Number = 2

	StreamedResultID       protowire.Number = 1
	StreamedResultResponse protowire.Number = 2
	StreamedResultError    protowire.Number = 3

	BatchCheckResponseResults protowire.Number = 1
	BatchCheckResultResponse  protowire.Number = 1
	BatchCheckResultError     protowire.Number = 2

	ListPurposesResponsePurposes protowire.Number = 1
	PurposeDecisionPurpose       protowire.Number = 1
	PurposeDecisionResponse      protowire.Number = 2

	CheckResponseDecision                protowire.Number = 1
	CheckResponseReasons                 protowire.Number = 2
	CheckResponseLegalBasis              protowire.Number = 3
	CheckResponseObligations             protowire.Number = 4
	CheckResponsePermittedDataCategories protowire.Number = 5
	CheckResponseValidUntil              protowire.Number = 6
	CheckResponseConsistencyToken        protowire.Number = 7
	CheckResponsePolicyRevision          protowire.Number = 8
	CheckResponseDecisionID              protowire.Number = 9
	CheckResponseDegraded                protowire.Number = 10
	CheckResponseStateAge                protowire.Number = 11

	ReasonCode    protowire.Number = 1
	ReasonClause  protowire.Number = 2
	ReasonMessage protowire.Number = 3

	ObligationCode       protowire.Number = 1
	ObligationParameters protowire.Number = 2

	TimestampSeconds protowire.Number = 1
	TimestampNanos   protowire.Number = 2
	DurationSeconds  protowire.Number = 1
	DurationNanos    protowire.Number = 2
)
