import datetime

from consentd.v1 import types_pb2 as _types_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class EventEffect(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    EVENT_EFFECT_UNSPECIFIED: _ClassVar[EventEffect]
    EVENT_EFFECT_COUNTED: _ClassVar[EventEffect]
    EVENT_EFFECT_SUPERSEDED: _ClassVar[EventEffect]
    EVENT_EFFECT_UNPROVEN: _ClassVar[EventEffect]
    EVENT_EFFECT_ANNULLED: _ClassVar[EventEffect]
    EVENT_EFFECT_DUPLICATE: _ClassVar[EventEffect]

class EventWarningCode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    EVENT_WARNING_CODE_UNSPECIFIED: _ClassVar[EventWarningCode]
    EVENT_WARNING_CODE_PURPOSE_NOT_DECLARED: _ClassVar[EventWarningCode]
    EVENT_WARNING_CODE_NOTICE_UNKNOWN: _ClassVar[EventWarningCode]
EVENT_EFFECT_UNSPECIFIED: EventEffect
EVENT_EFFECT_COUNTED: EventEffect
EVENT_EFFECT_SUPERSEDED: EventEffect
EVENT_EFFECT_UNPROVEN: EventEffect
EVENT_EFFECT_ANNULLED: EventEffect
EVENT_EFFECT_DUPLICATE: EventEffect
EVENT_WARNING_CODE_UNSPECIFIED: EventWarningCode
EVENT_WARNING_CODE_PURPOSE_NOT_DECLARED: EventWarningCode
EVENT_WARNING_CODE_NOTICE_UNKNOWN: EventWarningCode

class RecordEventsRequest(_message.Message):
    __slots__ = ("controller", "subject_id", "events", "fence")
    CONTROLLER_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_ID_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    FENCE_FIELD_NUMBER: _ClassVar[int]
    controller: str
    subject_id: str
    events: _containers.RepeatedCompositeFieldContainer[_types_pb2.Event]
    fence: bool
    def __init__(self, controller: _Optional[str] = ..., subject_id: _Optional[str] = ..., events: _Optional[_Iterable[_Union[_types_pb2.Event, _Mapping]]] = ..., fence: bool = ...) -> None: ...

class RecordEventsResponse(_message.Message):
    __slots__ = ("consistency_token", "applied", "duplicates", "revision", "outcomes")
    CONSISTENCY_TOKEN_FIELD_NUMBER: _ClassVar[int]
    APPLIED_FIELD_NUMBER: _ClassVar[int]
    DUPLICATES_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    OUTCOMES_FIELD_NUMBER: _ClassVar[int]
    consistency_token: str
    applied: int
    duplicates: int
    revision: int
    outcomes: _containers.RepeatedCompositeFieldContainer[EventOutcome]
    def __init__(self, consistency_token: _Optional[str] = ..., applied: _Optional[int] = ..., duplicates: _Optional[int] = ..., revision: _Optional[int] = ..., outcomes: _Optional[_Iterable[_Union[EventOutcome, _Mapping]]] = ...) -> None: ...

class LinkSubjectsRequest(_message.Message):
    __slots__ = ("controller", "subject_id", "linked_id", "event_id", "occurred_at", "source", "evidence", "fence")
    CONTROLLER_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_ID_FIELD_NUMBER: _ClassVar[int]
    LINKED_ID_FIELD_NUMBER: _ClassVar[int]
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    OCCURRED_AT_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    EVIDENCE_FIELD_NUMBER: _ClassVar[int]
    FENCE_FIELD_NUMBER: _ClassVar[int]
    controller: str
    subject_id: str
    linked_id: str
    event_id: str
    occurred_at: _timestamp_pb2.Timestamp
    source: str
    evidence: str
    fence: bool
    def __init__(self, controller: _Optional[str] = ..., subject_id: _Optional[str] = ..., linked_id: _Optional[str] = ..., event_id: _Optional[str] = ..., occurred_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., source: _Optional[str] = ..., evidence: _Optional[str] = ..., fence: bool = ...) -> None: ...

class LinkSubjectsResponse(_message.Message):
    __slots__ = ("consistency_token", "revision", "outcome", "person")
    CONSISTENCY_TOKEN_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    PERSON_FIELD_NUMBER: _ClassVar[int]
    consistency_token: str
    revision: int
    outcome: EventOutcome
    person: _types_pb2.Person
    def __init__(self, consistency_token: _Optional[str] = ..., revision: _Optional[int] = ..., outcome: _Optional[_Union[EventOutcome, _Mapping]] = ..., person: _Optional[_Union[_types_pb2.Person, _Mapping]] = ...) -> None: ...

class UnlinkSubjectsRequest(_message.Message):
    __slots__ = ("controller", "subject_id", "linked_id", "event_id", "occurred_at", "source", "evidence", "fence")
    CONTROLLER_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_ID_FIELD_NUMBER: _ClassVar[int]
    LINKED_ID_FIELD_NUMBER: _ClassVar[int]
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    OCCURRED_AT_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    EVIDENCE_FIELD_NUMBER: _ClassVar[int]
    FENCE_FIELD_NUMBER: _ClassVar[int]
    controller: str
    subject_id: str
    linked_id: str
    event_id: str
    occurred_at: _timestamp_pb2.Timestamp
    source: str
    evidence: str
    fence: bool
    def __init__(self, controller: _Optional[str] = ..., subject_id: _Optional[str] = ..., linked_id: _Optional[str] = ..., event_id: _Optional[str] = ..., occurred_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., source: _Optional[str] = ..., evidence: _Optional[str] = ..., fence: bool = ...) -> None: ...

class UnlinkSubjectsResponse(_message.Message):
    __slots__ = ("consistency_token", "revision", "outcome", "person")
    CONSISTENCY_TOKEN_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    PERSON_FIELD_NUMBER: _ClassVar[int]
    consistency_token: str
    revision: int
    outcome: EventOutcome
    person: _types_pb2.Person
    def __init__(self, consistency_token: _Optional[str] = ..., revision: _Optional[int] = ..., outcome: _Optional[_Union[EventOutcome, _Mapping]] = ..., person: _Optional[_Union[_types_pb2.Person, _Mapping]] = ...) -> None: ...

class EventOutcome(_message.Message):
    __slots__ = ("effect", "superseded_by", "superseded_by_occurred_at", "superseded_by_kind", "warnings")
    EFFECT_FIELD_NUMBER: _ClassVar[int]
    SUPERSEDED_BY_FIELD_NUMBER: _ClassVar[int]
    SUPERSEDED_BY_OCCURRED_AT_FIELD_NUMBER: _ClassVar[int]
    SUPERSEDED_BY_KIND_FIELD_NUMBER: _ClassVar[int]
    WARNINGS_FIELD_NUMBER: _ClassVar[int]
    effect: EventEffect
    superseded_by: str
    superseded_by_occurred_at: _timestamp_pb2.Timestamp
    superseded_by_kind: str
    warnings: _containers.RepeatedCompositeFieldContainer[EventWarning]
    def __init__(self, effect: _Optional[_Union[EventEffect, str]] = ..., superseded_by: _Optional[str] = ..., superseded_by_occurred_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., superseded_by_kind: _Optional[str] = ..., warnings: _Optional[_Iterable[_Union[EventWarning, _Mapping]]] = ...) -> None: ...

class EventWarning(_message.Message):
    __slots__ = ("code", "purpose", "nearest", "message")
    CODE_FIELD_NUMBER: _ClassVar[int]
    PURPOSE_FIELD_NUMBER: _ClassVar[int]
    NEAREST_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    code: EventWarningCode
    purpose: str
    nearest: str
    message: str
    def __init__(self, code: _Optional[_Union[EventWarningCode, str]] = ..., purpose: _Optional[str] = ..., nearest: _Optional[str] = ..., message: _Optional[str] = ...) -> None: ...

class GetSubjectRequest(_message.Message):
    __slots__ = ("controller", "subject_id", "at", "known_at")
    CONTROLLER_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_ID_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    KNOWN_AT_FIELD_NUMBER: _ClassVar[int]
    controller: str
    subject_id: str
    at: _timestamp_pb2.Timestamp
    known_at: _timestamp_pb2.Timestamp
    def __init__(self, controller: _Optional[str] = ..., subject_id: _Optional[str] = ..., at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., known_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class GetSubjectResponse(_message.Message):
    __slots__ = ("state", "consistency_token", "as_of", "person")
    STATE_FIELD_NUMBER: _ClassVar[int]
    CONSISTENCY_TOKEN_FIELD_NUMBER: _ClassVar[int]
    AS_OF_FIELD_NUMBER: _ClassVar[int]
    PERSON_FIELD_NUMBER: _ClassVar[int]
    state: SubjectState
    consistency_token: str
    as_of: StateAsOf
    person: _types_pb2.Person
    def __init__(self, state: _Optional[_Union[SubjectState, _Mapping]] = ..., consistency_token: _Optional[str] = ..., as_of: _Optional[_Union[StateAsOf, _Mapping]] = ..., person: _Optional[_Union[_types_pb2.Person, _Mapping]] = ...) -> None: ...

class StateAsOf(_message.Message):
    __slots__ = ("at", "known_at", "recorded_later", "recorded_later_count", "not_known", "not_known_count")
    AT_FIELD_NUMBER: _ClassVar[int]
    KNOWN_AT_FIELD_NUMBER: _ClassVar[int]
    RECORDED_LATER_FIELD_NUMBER: _ClassVar[int]
    RECORDED_LATER_COUNT_FIELD_NUMBER: _ClassVar[int]
    NOT_KNOWN_FIELD_NUMBER: _ClassVar[int]
    NOT_KNOWN_COUNT_FIELD_NUMBER: _ClassVar[int]
    at: _timestamp_pb2.Timestamp
    known_at: _timestamp_pb2.Timestamp
    recorded_later: _containers.RepeatedCompositeFieldContainer[LedgerEntry]
    recorded_later_count: int
    not_known: _containers.RepeatedCompositeFieldContainer[LedgerEntry]
    not_known_count: int
    def __init__(self, at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., known_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., recorded_later: _Optional[_Iterable[_Union[LedgerEntry, _Mapping]]] = ..., recorded_later_count: _Optional[int] = ..., not_known: _Optional[_Iterable[_Union[LedgerEntry, _Mapping]]] = ..., not_known_count: _Optional[int] = ...) -> None: ...

class SubjectState(_message.Message):
    __slots__ = ("known", "revision", "jurisdiction", "age_min", "age_max", "age_recorded_at", "account_status", "last_activity_at", "retention_until", "relationship", "erasure", "erasure_at", "signals", "opt_outs", "consents", "objections", "restrictions", "erasure_completed_at")
    KNOWN_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    JURISDICTION_FIELD_NUMBER: _ClassVar[int]
    AGE_MIN_FIELD_NUMBER: _ClassVar[int]
    AGE_MAX_FIELD_NUMBER: _ClassVar[int]
    AGE_RECORDED_AT_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_STATUS_FIELD_NUMBER: _ClassVar[int]
    LAST_ACTIVITY_AT_FIELD_NUMBER: _ClassVar[int]
    RETENTION_UNTIL_FIELD_NUMBER: _ClassVar[int]
    RELATIONSHIP_FIELD_NUMBER: _ClassVar[int]
    ERASURE_FIELD_NUMBER: _ClassVar[int]
    ERASURE_AT_FIELD_NUMBER: _ClassVar[int]
    SIGNALS_FIELD_NUMBER: _ClassVar[int]
    OPT_OUTS_FIELD_NUMBER: _ClassVar[int]
    CONSENTS_FIELD_NUMBER: _ClassVar[int]
    OBJECTIONS_FIELD_NUMBER: _ClassVar[int]
    RESTRICTIONS_FIELD_NUMBER: _ClassVar[int]
    ERASURE_COMPLETED_AT_FIELD_NUMBER: _ClassVar[int]
    known: bool
    revision: int
    jurisdiction: str
    age_min: int
    age_max: int
    age_recorded_at: _timestamp_pb2.Timestamp
    account_status: _types_pb2.AccountStatus
    last_activity_at: _timestamp_pb2.Timestamp
    retention_until: _timestamp_pb2.Timestamp
    relationship: _types_pb2.Relationship
    erasure: _types_pb2.ErasureStage
    erasure_at: _timestamp_pb2.Timestamp
    signals: _containers.RepeatedCompositeFieldContainer[SignalState]
    opt_outs: _containers.RepeatedCompositeFieldContainer[OptOutState]
    consents: _containers.RepeatedCompositeFieldContainer[ConsentState]
    objections: _containers.RepeatedCompositeFieldContainer[ObjectionState]
    restrictions: _containers.RepeatedCompositeFieldContainer[RestrictionState]
    erasure_completed_at: _timestamp_pb2.Timestamp
    def __init__(self, known: bool = ..., revision: _Optional[int] = ..., jurisdiction: _Optional[str] = ..., age_min: _Optional[int] = ..., age_max: _Optional[int] = ..., age_recorded_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., account_status: _Optional[_Union[_types_pb2.AccountStatus, str]] = ..., last_activity_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., retention_until: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., relationship: _Optional[_Union[_types_pb2.Relationship, _Mapping]] = ..., erasure: _Optional[_Union[_types_pb2.ErasureStage, str]] = ..., erasure_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., signals: _Optional[_Iterable[_Union[SignalState, _Mapping]]] = ..., opt_outs: _Optional[_Iterable[_Union[OptOutState, _Mapping]]] = ..., consents: _Optional[_Iterable[_Union[ConsentState, _Mapping]]] = ..., objections: _Optional[_Iterable[_Union[ObjectionState, _Mapping]]] = ..., restrictions: _Optional[_Iterable[_Union[RestrictionState, _Mapping]]] = ..., erasure_completed_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class SignalState(_message.Message):
    __slots__ = ("signal", "value", "since")
    SIGNAL_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    signal: str
    value: bool
    since: _timestamp_pb2.Timestamp
    def __init__(self, signal: _Optional[str] = ..., value: bool = ..., since: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class OptOutState(_message.Message):
    __slots__ = ("kind", "lifted", "at")
    KIND_FIELD_NUMBER: _ClassVar[int]
    LIFTED_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    kind: _types_pb2.OptOutKind
    lifted: bool
    at: _timestamp_pb2.Timestamp
    def __init__(self, kind: _Optional[_Union[_types_pb2.OptOutKind, str]] = ..., lifted: bool = ..., at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ConsentState(_message.Message):
    __slots__ = ("purpose", "recipient", "status", "notice_version", "explicit", "given_by", "evidence", "countries", "expires_at", "given_at", "denied_at", "denied_status", "requested_at", "requested_before_given_at")
    PURPOSE_FIELD_NUMBER: _ClassVar[int]
    RECIPIENT_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    NOTICE_VERSION_FIELD_NUMBER: _ClassVar[int]
    EXPLICIT_FIELD_NUMBER: _ClassVar[int]
    GIVEN_BY_FIELD_NUMBER: _ClassVar[int]
    EVIDENCE_FIELD_NUMBER: _ClassVar[int]
    COUNTRIES_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AT_FIELD_NUMBER: _ClassVar[int]
    GIVEN_AT_FIELD_NUMBER: _ClassVar[int]
    DENIED_AT_FIELD_NUMBER: _ClassVar[int]
    DENIED_STATUS_FIELD_NUMBER: _ClassVar[int]
    REQUESTED_AT_FIELD_NUMBER: _ClassVar[int]
    REQUESTED_BEFORE_GIVEN_AT_FIELD_NUMBER: _ClassVar[int]
    purpose: str
    recipient: str
    status: _types_pb2.ConsentStatus
    notice_version: int
    explicit: bool
    given_by: _types_pb2.GivenBy
    evidence: bool
    countries: _containers.RepeatedScalarFieldContainer[str]
    expires_at: _timestamp_pb2.Timestamp
    given_at: _timestamp_pb2.Timestamp
    denied_at: _timestamp_pb2.Timestamp
    denied_status: _types_pb2.ConsentStatus
    requested_at: _timestamp_pb2.Timestamp
    requested_before_given_at: _timestamp_pb2.Timestamp
    def __init__(self, purpose: _Optional[str] = ..., recipient: _Optional[str] = ..., status: _Optional[_Union[_types_pb2.ConsentStatus, str]] = ..., notice_version: _Optional[int] = ..., explicit: bool = ..., given_by: _Optional[_Union[_types_pb2.GivenBy, str]] = ..., evidence: bool = ..., countries: _Optional[_Iterable[str]] = ..., expires_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., given_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., denied_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., denied_status: _Optional[_Union[_types_pb2.ConsentStatus, str]] = ..., requested_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., requested_before_given_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ObjectionState(_message.Message):
    __slots__ = ("purpose", "raised", "at", "covered", "exempt")
    PURPOSE_FIELD_NUMBER: _ClassVar[int]
    RAISED_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    COVERED_FIELD_NUMBER: _ClassVar[int]
    EXEMPT_FIELD_NUMBER: _ClassVar[int]
    purpose: str
    raised: bool
    at: _timestamp_pb2.Timestamp
    covered: bool
    exempt: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, purpose: _Optional[str] = ..., raised: bool = ..., at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., covered: bool = ..., exempt: _Optional[_Iterable[str]] = ...) -> None: ...

class RestrictionState(_message.Message):
    __slots__ = ("ground", "purpose", "raised", "at", "covered", "exempt")
    GROUND_FIELD_NUMBER: _ClassVar[int]
    PURPOSE_FIELD_NUMBER: _ClassVar[int]
    RAISED_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    COVERED_FIELD_NUMBER: _ClassVar[int]
    EXEMPT_FIELD_NUMBER: _ClassVar[int]
    ground: _types_pb2.RestrictionGround
    purpose: str
    raised: bool
    at: _timestamp_pb2.Timestamp
    covered: bool
    exempt: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, ground: _Optional[_Union[_types_pb2.RestrictionGround, str]] = ..., purpose: _Optional[str] = ..., raised: bool = ..., at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., covered: bool = ..., exempt: _Optional[_Iterable[str]] = ...) -> None: ...

class ListEventsRequest(_message.Message):
    __slots__ = ("controller", "subject_id", "page_size", "page_token")
    CONTROLLER_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_ID_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    controller: str
    subject_id: str
    page_size: int
    page_token: str
    def __init__(self, controller: _Optional[str] = ..., subject_id: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListEventsResponse(_message.Message):
    __slots__ = ("entries", "next_page_token")
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    entries: _containers.RepeatedCompositeFieldContainer[LedgerEntry]
    next_page_token: str
    def __init__(self, entries: _Optional[_Iterable[_Union[LedgerEntry, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class LedgerEntry(_message.Message):
    __slots__ = ("event", "recorded_at", "revision", "subject_id", "recorded_by")
    EVENT_FIELD_NUMBER: _ClassVar[int]
    RECORDED_AT_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_ID_FIELD_NUMBER: _ClassVar[int]
    RECORDED_BY_FIELD_NUMBER: _ClassVar[int]
    event: _types_pb2.Event
    recorded_at: _timestamp_pb2.Timestamp
    revision: int
    subject_id: str
    recorded_by: _types_pb2.Caller
    def __init__(self, event: _Optional[_Union[_types_pb2.Event, _Mapping]] = ..., recorded_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., revision: _Optional[int] = ..., subject_id: _Optional[str] = ..., recorded_by: _Optional[_Union[_types_pb2.Caller, _Mapping]] = ...) -> None: ...
