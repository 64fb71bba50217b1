import datetime

from consentd.v1 import consent_service_pb2 as _consent_service_pb2
from consentd.v1 import types_pb2 as _types_pb2
from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import struct_pb2 as _struct_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class PolicyChoice(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    POLICY_CHOICE_UNSPECIFIED: _ClassVar[PolicyChoice]
    POLICY_CHOICE_THEN: _ClassVar[PolicyChoice]
    POLICY_CHOICE_NOW: _ClassVar[PolicyChoice]

class FactRole(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    FACT_ROLE_UNSPECIFIED: _ClassVar[FactRole]
    FACT_ROLE_DECISIVE: _ClassVar[FactRole]
    FACT_ROLE_SHARED: _ClassVar[FactRole]
    FACT_ROLE_NO_EFFECT: _ClassVar[FactRole]
POLICY_CHOICE_UNSPECIFIED: PolicyChoice
POLICY_CHOICE_THEN: PolicyChoice
POLICY_CHOICE_NOW: PolicyChoice
FACT_ROLE_UNSPECIFIED: FactRole
FACT_ROLE_DECISIVE: FactRole
FACT_ROLE_SHARED: FactRole
FACT_ROLE_NO_EFFECT: FactRole

class Consistency(_message.Message):
    __slots__ = ("minimize_latency", "at_least_as_fresh", "fully_consistent")
    MINIMIZE_LATENCY_FIELD_NUMBER: _ClassVar[int]
    AT_LEAST_AS_FRESH_FIELD_NUMBER: _ClassVar[int]
    FULLY_CONSISTENT_FIELD_NUMBER: _ClassVar[int]
    minimize_latency: bool
    at_least_as_fresh: str
    fully_consistent: bool
    def __init__(self, minimize_latency: bool = ..., at_least_as_fresh: _Optional[str] = ..., fully_consistent: bool = ...) -> None: ...

class CheckRequest(_message.Message):
    __slots__ = ("controller", "subject_id", "purpose", "data_categories", "recipient", "context", "consistency")
    CONTROLLER_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_ID_FIELD_NUMBER: _ClassVar[int]
    PURPOSE_FIELD_NUMBER: _ClassVar[int]
    DATA_CATEGORIES_FIELD_NUMBER: _ClassVar[int]
    RECIPIENT_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    CONSISTENCY_FIELD_NUMBER: _ClassVar[int]
    controller: str
    subject_id: str
    purpose: str
    data_categories: _containers.RepeatedScalarFieldContainer[str]
    recipient: _types_pb2.Recipient
    context: _struct_pb2.Struct
    consistency: Consistency
    def __init__(self, controller: _Optional[str] = ..., subject_id: _Optional[str] = ..., purpose: _Optional[str] = ..., data_categories: _Optional[_Iterable[str]] = ..., recipient: _Optional[_Union[_types_pb2.Recipient, _Mapping]] = ..., context: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., consistency: _Optional[_Union[Consistency, _Mapping]] = ...) -> None: ...

class CheckResponse(_message.Message):
    __slots__ = ("decision", "reasons", "legal_basis", "obligations", "permitted_data_categories", "valid_until", "consistency_token", "policy_revision", "decision_id", "degraded", "state_age")
    DECISION_FIELD_NUMBER: _ClassVar[int]
    REASONS_FIELD_NUMBER: _ClassVar[int]
    LEGAL_BASIS_FIELD_NUMBER: _ClassVar[int]
    OBLIGATIONS_FIELD_NUMBER: _ClassVar[int]
    PERMITTED_DATA_CATEGORIES_FIELD_NUMBER: _ClassVar[int]
    VALID_UNTIL_FIELD_NUMBER: _ClassVar[int]
    CONSISTENCY_TOKEN_FIELD_NUMBER: _ClassVar[int]
    POLICY_REVISION_FIELD_NUMBER: _ClassVar[int]
    DECISION_ID_FIELD_NUMBER: _ClassVar[int]
    DEGRADED_FIELD_NUMBER: _ClassVar[int]
    STATE_AGE_FIELD_NUMBER: _ClassVar[int]
    decision: _types_pb2.Decision
    reasons: _containers.RepeatedCompositeFieldContainer[_types_pb2.Reason]
    legal_basis: _types_pb2.LegalBasis
    obligations: _containers.RepeatedCompositeFieldContainer[_types_pb2.Obligation]
    permitted_data_categories: _containers.RepeatedScalarFieldContainer[str]
    valid_until: _timestamp_pb2.Timestamp
    consistency_token: str
    policy_revision: str
    decision_id: str
    degraded: _types_pb2.Degradation
    state_age: _duration_pb2.Duration
    def __init__(self, decision: _Optional[_Union[_types_pb2.Decision, str]] = ..., reasons: _Optional[_Iterable[_Union[_types_pb2.Reason, _Mapping]]] = ..., legal_basis: _Optional[_Union[_types_pb2.LegalBasis, str]] = ..., obligations: _Optional[_Iterable[_Union[_types_pb2.Obligation, _Mapping]]] = ..., permitted_data_categories: _Optional[_Iterable[str]] = ..., valid_until: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., consistency_token: _Optional[str] = ..., policy_revision: _Optional[str] = ..., decision_id: _Optional[str] = ..., degraded: _Optional[_Union[_types_pb2.Degradation, str]] = ..., state_age: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class BatchCheckRequest(_message.Message):
    __slots__ = ("requests", "consistency")
    REQUESTS_FIELD_NUMBER: _ClassVar[int]
    CONSISTENCY_FIELD_NUMBER: _ClassVar[int]
    requests: _containers.RepeatedCompositeFieldContainer[CheckRequest]
    consistency: Consistency
    def __init__(self, requests: _Optional[_Iterable[_Union[CheckRequest, _Mapping]]] = ..., consistency: _Optional[_Union[Consistency, _Mapping]] = ...) -> None: ...

class BatchCheckResponse(_message.Message):
    __slots__ = ("results",)
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    results: _containers.RepeatedCompositeFieldContainer[BatchCheckResult]
    def __init__(self, results: _Optional[_Iterable[_Union[BatchCheckResult, _Mapping]]] = ...) -> None: ...

class BatchCheckResult(_message.Message):
    __slots__ = ("response", "error")
    RESPONSE_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    response: CheckResponse
    error: CheckError
    def __init__(self, response: _Optional[_Union[CheckResponse, _Mapping]] = ..., error: _Optional[_Union[CheckError, _Mapping]] = ...) -> None: ...

class CheckError(_message.Message):
    __slots__ = ("code", "message", "field_violations", "retry_delay")
    CODE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    FIELD_VIOLATIONS_FIELD_NUMBER: _ClassVar[int]
    RETRY_DELAY_FIELD_NUMBER: _ClassVar[int]
    code: int
    message: str
    field_violations: _containers.RepeatedCompositeFieldContainer[FieldViolation]
    retry_delay: _duration_pb2.Duration
    def __init__(self, code: _Optional[int] = ..., message: _Optional[str] = ..., field_violations: _Optional[_Iterable[_Union[FieldViolation, _Mapping]]] = ..., retry_delay: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class FieldViolation(_message.Message):
    __slots__ = ("field", "description")
    FIELD_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    field: str
    description: str
    def __init__(self, field: _Optional[str] = ..., description: _Optional[str] = ...) -> None: ...

class ListPurposesRequest(_message.Message):
    __slots__ = ("controller", "subject_id", "context", "consistency", "at", "known_at", "policies")
    CONTROLLER_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_ID_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    CONSISTENCY_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    KNOWN_AT_FIELD_NUMBER: _ClassVar[int]
    POLICIES_FIELD_NUMBER: _ClassVar[int]
    controller: str
    subject_id: str
    context: _struct_pb2.Struct
    consistency: Consistency
    at: _timestamp_pb2.Timestamp
    known_at: _timestamp_pb2.Timestamp
    policies: PolicyChoice
    def __init__(self, controller: _Optional[str] = ..., subject_id: _Optional[str] = ..., context: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., consistency: _Optional[_Union[Consistency, _Mapping]] = ..., at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., known_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., policies: _Optional[_Union[PolicyChoice, str]] = ...) -> None: ...

class ListPurposesResponse(_message.Message):
    __slots__ = ("purposes", "as_of", "policies")
    PURPOSES_FIELD_NUMBER: _ClassVar[int]
    AS_OF_FIELD_NUMBER: _ClassVar[int]
    POLICIES_FIELD_NUMBER: _ClassVar[int]
    purposes: _containers.RepeatedCompositeFieldContainer[PurposeDecision]
    as_of: _consent_service_pb2.StateAsOf
    policies: DecidingPolicies
    def __init__(self, purposes: _Optional[_Iterable[_Union[PurposeDecision, _Mapping]]] = ..., as_of: _Optional[_Union[_consent_service_pb2.StateAsOf, _Mapping]] = ..., policies: _Optional[_Union[DecidingPolicies, _Mapping]] = ...) -> None: ...

class DecidingPolicies(_message.Message):
    __slots__ = ("policy_revision", "in_force_now", "in_force_then", "in_force_from", "in_force_until")
    POLICY_REVISION_FIELD_NUMBER: _ClassVar[int]
    IN_FORCE_NOW_FIELD_NUMBER: _ClassVar[int]
    IN_FORCE_THEN_FIELD_NUMBER: _ClassVar[int]
    IN_FORCE_FROM_FIELD_NUMBER: _ClassVar[int]
    IN_FORCE_UNTIL_FIELD_NUMBER: _ClassVar[int]
    policy_revision: str
    in_force_now: bool
    in_force_then: bool
    in_force_from: _timestamp_pb2.Timestamp
    in_force_until: _timestamp_pb2.Timestamp
    def __init__(self, policy_revision: _Optional[str] = ..., in_force_now: bool = ..., in_force_then: bool = ..., in_force_from: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., in_force_until: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class PurposeDecision(_message.Message):
    __slots__ = ("purpose", "response")
    PURPOSE_FIELD_NUMBER: _ClassVar[int]
    RESPONSE_FIELD_NUMBER: _ClassVar[int]
    purpose: str
    response: CheckResponse
    def __init__(self, purpose: _Optional[str] = ..., response: _Optional[_Union[CheckResponse, _Mapping]] = ...) -> None: ...

class CheckStreamRequest(_message.Message):
    __slots__ = ("checks", "cancel")
    CHECKS_FIELD_NUMBER: _ClassVar[int]
    CANCEL_FIELD_NUMBER: _ClassVar[int]
    checks: _containers.RepeatedCompositeFieldContainer[StreamedCheck]
    cancel: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, checks: _Optional[_Iterable[_Union[StreamedCheck, _Mapping]]] = ..., cancel: _Optional[_Iterable[int]] = ...) -> None: ...

class StreamedCheck(_message.Message):
    __slots__ = ("id", "check", "timeout")
    ID_FIELD_NUMBER: _ClassVar[int]
    CHECK_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    id: int
    check: CheckRequest
    timeout: _duration_pb2.Duration
    def __init__(self, id: _Optional[int] = ..., check: _Optional[_Union[CheckRequest, _Mapping]] = ..., timeout: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class CheckStreamResponse(_message.Message):
    __slots__ = ("results", "draining")
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    DRAINING_FIELD_NUMBER: _ClassVar[int]
    results: _containers.RepeatedCompositeFieldContainer[StreamedResult]
    draining: bool
    def __init__(self, results: _Optional[_Iterable[_Union[StreamedResult, _Mapping]]] = ..., draining: bool = ...) -> None: ...

class StreamedResult(_message.Message):
    __slots__ = ("id", "response", "error")
    ID_FIELD_NUMBER: _ClassVar[int]
    RESPONSE_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    id: int
    response: CheckResponse
    error: CheckError
    def __init__(self, id: _Optional[int] = ..., response: _Optional[_Union[CheckResponse, _Mapping]] = ..., error: _Optional[_Union[CheckError, _Mapping]] = ...) -> None: ...

class ExplainRequest(_message.Message):
    __slots__ = ("check", "at", "trace", "known_at", "policies")
    CHECK_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    TRACE_FIELD_NUMBER: _ClassVar[int]
    KNOWN_AT_FIELD_NUMBER: _ClassVar[int]
    POLICIES_FIELD_NUMBER: _ClassVar[int]
    check: CheckRequest
    at: _timestamp_pb2.Timestamp
    trace: bool
    known_at: _timestamp_pb2.Timestamp
    policies: PolicyChoice
    def __init__(self, check: _Optional[_Union[CheckRequest, _Mapping]] = ..., at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., trace: bool = ..., known_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., policies: _Optional[_Union[PolicyChoice, str]] = ...) -> None: ...

class ExplainResponse(_message.Message):
    __slots__ = ("decision", "decided_for", "as_of", "facts", "rules", "near_rules", "changes", "obligations", "validity", "policy_failure", "trace", "state_as_of", "policies", "annulled", "annulled_count", "person")
    DECISION_FIELD_NUMBER: _ClassVar[int]
    DECIDED_FOR_FIELD_NUMBER: _ClassVar[int]
    AS_OF_FIELD_NUMBER: _ClassVar[int]
    FACTS_FIELD_NUMBER: _ClassVar[int]
    RULES_FIELD_NUMBER: _ClassVar[int]
    NEAR_RULES_FIELD_NUMBER: _ClassVar[int]
    CHANGES_FIELD_NUMBER: _ClassVar[int]
    OBLIGATIONS_FIELD_NUMBER: _ClassVar[int]
    VALIDITY_FIELD_NUMBER: _ClassVar[int]
    POLICY_FAILURE_FIELD_NUMBER: _ClassVar[int]
    TRACE_FIELD_NUMBER: _ClassVar[int]
    STATE_AS_OF_FIELD_NUMBER: _ClassVar[int]
    POLICIES_FIELD_NUMBER: _ClassVar[int]
    ANNULLED_FIELD_NUMBER: _ClassVar[int]
    ANNULLED_COUNT_FIELD_NUMBER: _ClassVar[int]
    PERSON_FIELD_NUMBER: _ClassVar[int]
    decision: CheckResponse
    decided_for: _timestamp_pb2.Timestamp
    as_of: bool
    facts: _containers.RepeatedCompositeFieldContainer[ExplainedFact]
    rules: _containers.RepeatedCompositeFieldContainer[ExplainedRule]
    near_rules: _containers.RepeatedCompositeFieldContainer[NearRule]
    changes: _containers.RepeatedCompositeFieldContainer[ExplainedChange]
    obligations: _containers.RepeatedScalarFieldContainer[str]
    validity: ExplainedValidity
    policy_failure: str
    trace: str
    state_as_of: _consent_service_pb2.StateAsOf
    policies: DecidingPolicies
    annulled: _containers.RepeatedCompositeFieldContainer[AnnulledEvent]
    annulled_count: int
    person: _types_pb2.Person
    def __init__(self, decision: _Optional[_Union[CheckResponse, _Mapping]] = ..., decided_for: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., as_of: bool = ..., facts: _Optional[_Iterable[_Union[ExplainedFact, _Mapping]]] = ..., rules: _Optional[_Iterable[_Union[ExplainedRule, _Mapping]]] = ..., near_rules: _Optional[_Iterable[_Union[NearRule, _Mapping]]] = ..., changes: _Optional[_Iterable[_Union[ExplainedChange, _Mapping]]] = ..., obligations: _Optional[_Iterable[str]] = ..., validity: _Optional[_Union[ExplainedValidity, _Mapping]] = ..., policy_failure: _Optional[str] = ..., trace: _Optional[str] = ..., state_as_of: _Optional[_Union[_consent_service_pb2.StateAsOf, _Mapping]] = ..., policies: _Optional[_Union[DecidingPolicies, _Mapping]] = ..., annulled: _Optional[_Iterable[_Union[AnnulledEvent, _Mapping]]] = ..., annulled_count: _Optional[int] = ..., person: _Optional[_Union[_types_pb2.Person, _Mapping]] = ...) -> None: ...

class AnnulledEvent(_message.Message):
    __slots__ = ("entry", "by")
    ENTRY_FIELD_NUMBER: _ClassVar[int]
    BY_FIELD_NUMBER: _ClassVar[int]
    entry: _consent_service_pb2.LedgerEntry
    by: _consent_service_pb2.LedgerEntry
    def __init__(self, entry: _Optional[_Union[_consent_service_pb2.LedgerEntry, _Mapping]] = ..., by: _Optional[_Union[_consent_service_pb2.LedgerEntry, _Mapping]] = ...) -> None: ...

class ExplainedFact(_message.Message):
    __slots__ = ("key", "text", "role", "without", "reasons_without", "events")
    KEY_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    WITHOUT_FIELD_NUMBER: _ClassVar[int]
    REASONS_WITHOUT_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    key: str
    text: str
    role: FactRole
    without: _types_pb2.Decision
    reasons_without: _containers.RepeatedScalarFieldContainer[_types_pb2.ReasonCode]
    events: _containers.RepeatedCompositeFieldContainer[_consent_service_pb2.LedgerEntry]
    def __init__(self, key: _Optional[str] = ..., text: _Optional[str] = ..., role: _Optional[_Union[FactRole, str]] = ..., without: _Optional[_Union[_types_pb2.Decision, str]] = ..., reasons_without: _Optional[_Iterable[_Union[_types_pb2.ReasonCode, str]]] = ..., events: _Optional[_Iterable[_Union[_consent_service_pb2.LedgerEntry, _Mapping]]] = ...) -> None: ...

class ExplainedRule(_message.Message):
    __slots__ = ("title", "description", "article", "file", "line", "reasons", "clauses", "obligations")
    TITLE_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    ARTICLE_FIELD_NUMBER: _ClassVar[int]
    FILE_FIELD_NUMBER: _ClassVar[int]
    LINE_FIELD_NUMBER: _ClassVar[int]
    REASONS_FIELD_NUMBER: _ClassVar[int]
    CLAUSES_FIELD_NUMBER: _ClassVar[int]
    OBLIGATIONS_FIELD_NUMBER: _ClassVar[int]
    title: str
    description: str
    article: str
    file: str
    line: int
    reasons: _containers.RepeatedScalarFieldContainer[_types_pb2.ReasonCode]
    clauses: _containers.RepeatedScalarFieldContainer[str]
    obligations: _containers.RepeatedScalarFieldContainer[_types_pb2.ObligationCode]
    def __init__(self, title: _Optional[str] = ..., description: _Optional[str] = ..., article: _Optional[str] = ..., file: _Optional[str] = ..., line: _Optional[int] = ..., reasons: _Optional[_Iterable[_Union[_types_pb2.ReasonCode, str]]] = ..., clauses: _Optional[_Iterable[str]] = ..., obligations: _Optional[_Iterable[_Union[_types_pb2.ObligationCode, str]]] = ...) -> None: ...

class NearRule(_message.Message):
    __slots__ = ("rule", "missing", "description", "exception", "brought_by")
    RULE_FIELD_NUMBER: _ClassVar[int]
    MISSING_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    EXCEPTION_FIELD_NUMBER: _ClassVar[int]
    BROUGHT_BY_FIELD_NUMBER: _ClassVar[int]
    rule: ExplainedRule
    missing: str
    description: str
    exception: bool
    brought_by: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, rule: _Optional[_Union[ExplainedRule, _Mapping]] = ..., missing: _Optional[str] = ..., description: _Optional[str] = ..., exception: bool = ..., brought_by: _Optional[_Iterable[str]] = ...) -> None: ...

class ExplainedChange(_message.Message):
    __slots__ = ("all_of", "decision", "reasons")
    ALL_OF_FIELD_NUMBER: _ClassVar[int]
    DECISION_FIELD_NUMBER: _ClassVar[int]
    REASONS_FIELD_NUMBER: _ClassVar[int]
    all_of: _containers.RepeatedScalarFieldContainer[str]
    decision: _types_pb2.Decision
    reasons: _containers.RepeatedScalarFieldContainer[_types_pb2.ReasonCode]
    def __init__(self, all_of: _Optional[_Iterable[str]] = ..., decision: _Optional[_Union[_types_pb2.Decision, str]] = ..., reasons: _Optional[_Iterable[_Union[_types_pb2.ReasonCode, str]]] = ...) -> None: ...

class ExplainedValidity(_message.Message):
    __slots__ = ("valid_until", "why", "changes_at", "decision", "reasons")
    VALID_UNTIL_FIELD_NUMBER: _ClassVar[int]
    WHY_FIELD_NUMBER: _ClassVar[int]
    CHANGES_AT_FIELD_NUMBER: _ClassVar[int]
    DECISION_FIELD_NUMBER: _ClassVar[int]
    REASONS_FIELD_NUMBER: _ClassVar[int]
    valid_until: _timestamp_pb2.Timestamp
    why: str
    changes_at: _timestamp_pb2.Timestamp
    decision: _types_pb2.Decision
    reasons: _containers.RepeatedScalarFieldContainer[_types_pb2.ReasonCode]
    def __init__(self, valid_until: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., why: _Optional[str] = ..., changes_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., decision: _Optional[_Union[_types_pb2.Decision, str]] = ..., reasons: _Optional[_Iterable[_Union[_types_pb2.ReasonCode, str]]] = ...) -> None: ...

class WatchInvalidationsRequest(_message.Message):
    __slots__ = ("cache_id", "heartbeat", "applied_position")
    CACHE_ID_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_FIELD_NUMBER: _ClassVar[int]
    APPLIED_POSITION_FIELD_NUMBER: _ClassVar[int]
    cache_id: bytes
    heartbeat: int
    applied_position: int
    def __init__(self, cache_id: _Optional[bytes] = ..., heartbeat: _Optional[int] = ..., applied_position: _Optional[int] = ...) -> None: ...

class WatchInvalidationsResponse(_message.Message):
    __slots__ = ("hello", "from_position", "position", "revision", "slots", "policy_revision", "heartbeat", "server_time", "checksum")
    HELLO_FIELD_NUMBER: _ClassVar[int]
    FROM_POSITION_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    SLOTS_FIELD_NUMBER: _ClassVar[int]
    POLICY_REVISION_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_FIELD_NUMBER: _ClassVar[int]
    SERVER_TIME_FIELD_NUMBER: _ClassVar[int]
    CHECKSUM_FIELD_NUMBER: _ClassVar[int]
    hello: WatchHello
    from_position: int
    position: int
    revision: int
    slots: _containers.RepeatedScalarFieldContainer[int]
    policy_revision: str
    heartbeat: int
    server_time: int
    checksum: int
    def __init__(self, hello: _Optional[_Union[WatchHello, _Mapping]] = ..., from_position: _Optional[int] = ..., position: _Optional[int] = ..., revision: _Optional[int] = ..., slots: _Optional[_Iterable[int]] = ..., policy_revision: _Optional[str] = ..., heartbeat: _Optional[int] = ..., server_time: _Optional[int] = ..., checksum: _Optional[int] = ...) -> None: ...

class WatchHello(_message.Message):
    __slots__ = ("store_id", "slot_key", "slot_count", "lease", "heartbeat_interval")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    SLOT_KEY_FIELD_NUMBER: _ClassVar[int]
    SLOT_COUNT_FIELD_NUMBER: _ClassVar[int]
    LEASE_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_INTERVAL_FIELD_NUMBER: _ClassVar[int]
    store_id: bytes
    slot_key: bytes
    slot_count: int
    lease: _duration_pb2.Duration
    heartbeat_interval: _duration_pb2.Duration
    def __init__(self, store_id: _Optional[bytes] = ..., slot_key: _Optional[bytes] = ..., slot_count: _Optional[int] = ..., lease: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., heartbeat_interval: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class ReportAnswersRequest(_message.Message):
    __slots__ = ("answers",)
    ANSWERS_FIELD_NUMBER: _ClassVar[int]
    answers: _containers.RepeatedCompositeFieldContainer[ReportedAnswers]
    def __init__(self, answers: _Optional[_Iterable[_Union[ReportedAnswers, _Mapping]]] = ...) -> None: ...

class ReportedAnswers(_message.Message):
    __slots__ = ("decision_id", "count", "controller", "purpose", "data_categories", "recipient_kind", "decision")
    DECISION_ID_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    CONTROLLER_FIELD_NUMBER: _ClassVar[int]
    PURPOSE_FIELD_NUMBER: _ClassVar[int]
    DATA_CATEGORIES_FIELD_NUMBER: _ClassVar[int]
    RECIPIENT_KIND_FIELD_NUMBER: _ClassVar[int]
    DECISION_FIELD_NUMBER: _ClassVar[int]
    decision_id: str
    count: int
    controller: str
    purpose: str
    data_categories: _containers.RepeatedScalarFieldContainer[str]
    recipient_kind: _types_pb2.RecipientKind
    decision: _types_pb2.Decision
    def __init__(self, decision_id: _Optional[str] = ..., count: _Optional[int] = ..., controller: _Optional[str] = ..., purpose: _Optional[str] = ..., data_categories: _Optional[_Iterable[str]] = ..., recipient_kind: _Optional[_Union[_types_pb2.RecipientKind, str]] = ..., decision: _Optional[_Union[_types_pb2.Decision, str]] = ...) -> None: ...

class ReportAnswersResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...
