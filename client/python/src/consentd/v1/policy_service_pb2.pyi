import datetime

from consentd.v1 import decision_service_pb2 as _decision_service_pb2
from consentd.v1 import types_pb2 as _types_pb2
from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class DiffOver(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DIFF_OVER_UNSPECIFIED: _ClassVar[DiffOver]
    DIFF_OVER_STATES: _ClassVar[DiffOver]
    DIFF_OVER_SUBJECTS: _ClassVar[DiffOver]
    DIFF_OVER_DECISIONS: _ClassVar[DiffOver]
DIFF_OVER_UNSPECIFIED: DiffOver
DIFF_OVER_STATES: DiffOver
DIFF_OVER_SUBJECTS: DiffOver
DIFF_OVER_DECISIONS: DiffOver

class ListPolicyHistoryRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListPolicyHistoryResponse(_message.Message):
    __slots__ = ("spans",)
    SPANS_FIELD_NUMBER: _ClassVar[int]
    spans: _containers.RepeatedCompositeFieldContainer[PolicySpan]
    def __init__(self, spans: _Optional[_Iterable[_Union[PolicySpan, _Mapping]]] = ...) -> None: ...

class PolicySpan(_message.Message):
    __slots__ = ("policy_revision", "in_force_from", "in_force_until", "source", "controllers", "kept", "activation_number", "activated_by", "proven_by")
    POLICY_REVISION_FIELD_NUMBER: _ClassVar[int]
    IN_FORCE_FROM_FIELD_NUMBER: _ClassVar[int]
    IN_FORCE_UNTIL_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    CONTROLLERS_FIELD_NUMBER: _ClassVar[int]
    KEPT_FIELD_NUMBER: _ClassVar[int]
    ACTIVATION_NUMBER_FIELD_NUMBER: _ClassVar[int]
    ACTIVATED_BY_FIELD_NUMBER: _ClassVar[int]
    PROVEN_BY_FIELD_NUMBER: _ClassVar[int]
    policy_revision: str
    in_force_from: _timestamp_pb2.Timestamp
    in_force_until: _timestamp_pb2.Timestamp
    source: str
    controllers: _containers.RepeatedScalarFieldContainer[str]
    kept: bool
    activation_number: int
    activated_by: _types_pb2.Caller
    proven_by: str
    def __init__(self, policy_revision: _Optional[str] = ..., in_force_from: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., in_force_until: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., source: _Optional[str] = ..., controllers: _Optional[_Iterable[str]] = ..., kept: bool = ..., activation_number: _Optional[int] = ..., activated_by: _Optional[_Union[_types_pb2.Caller, _Mapping]] = ..., proven_by: _Optional[str] = ...) -> None: ...

class GetPolicyRequest(_message.Message):
    __slots__ = ("include_contents",)
    INCLUDE_CONTENTS_FIELD_NUMBER: _ClassVar[int]
    include_contents: bool
    def __init__(self, include_contents: bool = ...) -> None: ...

class GetPolicyResponse(_message.Message):
    __slots__ = ("policy_revision", "activated_at", "files", "status")
    POLICY_REVISION_FIELD_NUMBER: _ClassVar[int]
    ACTIVATED_AT_FIELD_NUMBER: _ClassVar[int]
    FILES_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    policy_revision: str
    activated_at: _timestamp_pb2.Timestamp
    files: _containers.RepeatedCompositeFieldContainer[PolicyFile]
    status: PolicyStatus
    def __init__(self, policy_revision: _Optional[str] = ..., activated_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., files: _Optional[_Iterable[_Union[PolicyFile, _Mapping]]] = ..., status: _Optional[_Union[PolicyStatus, _Mapping]] = ...) -> None: ...

class PolicyStatus(_message.Message):
    __slots__ = ("source", "last_good", "attempted_at", "succeeded_at", "failures", "faults", "refused_policy_revision", "retry_at", "activation_number", "newest_activation_number", "proven_by")
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    LAST_GOOD_FIELD_NUMBER: _ClassVar[int]
    ATTEMPTED_AT_FIELD_NUMBER: _ClassVar[int]
    SUCCEEDED_AT_FIELD_NUMBER: _ClassVar[int]
    FAILURES_FIELD_NUMBER: _ClassVar[int]
    FAULTS_FIELD_NUMBER: _ClassVar[int]
    REFUSED_POLICY_REVISION_FIELD_NUMBER: _ClassVar[int]
    RETRY_AT_FIELD_NUMBER: _ClassVar[int]
    ACTIVATION_NUMBER_FIELD_NUMBER: _ClassVar[int]
    NEWEST_ACTIVATION_NUMBER_FIELD_NUMBER: _ClassVar[int]
    PROVEN_BY_FIELD_NUMBER: _ClassVar[int]
    source: str
    last_good: bool
    attempted_at: _timestamp_pb2.Timestamp
    succeeded_at: _timestamp_pb2.Timestamp
    failures: int
    faults: _containers.RepeatedCompositeFieldContainer[PolicyFault]
    refused_policy_revision: str
    retry_at: _timestamp_pb2.Timestamp
    activation_number: int
    newest_activation_number: int
    proven_by: str
    def __init__(self, source: _Optional[str] = ..., last_good: bool = ..., attempted_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., succeeded_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., failures: _Optional[int] = ..., faults: _Optional[_Iterable[_Union[PolicyFault, _Mapping]]] = ..., refused_policy_revision: _Optional[str] = ..., retry_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., activation_number: _Optional[int] = ..., newest_activation_number: _Optional[int] = ..., proven_by: _Optional[str] = ...) -> None: ...

class PolicyFile(_message.Message):
    __slots__ = ("path", "sha256", "content")
    PATH_FIELD_NUMBER: _ClassVar[int]
    SHA256_FIELD_NUMBER: _ClassVar[int]
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    path: str
    sha256: str
    content: bytes
    def __init__(self, path: _Optional[str] = ..., sha256: _Optional[str] = ..., content: _Optional[bytes] = ...) -> None: ...

class ListControllersRequest(_message.Message):
    __slots__ = ("controller",)
    CONTROLLER_FIELD_NUMBER: _ClassVar[int]
    controller: str
    def __init__(self, controller: _Optional[str] = ...) -> None: ...

class ListControllersResponse(_message.Message):
    __slots__ = ("controllers", "policy_revision")
    CONTROLLERS_FIELD_NUMBER: _ClassVar[int]
    POLICY_REVISION_FIELD_NUMBER: _ClassVar[int]
    controllers: _containers.RepeatedCompositeFieldContainer[Controller]
    policy_revision: str
    def __init__(self, controllers: _Optional[_Iterable[_Union[Controller, _Mapping]]] = ..., policy_revision: _Optional[str] = ...) -> None: ...

class Controller(_message.Message):
    __slots__ = ("id", "name", "purposes")
    ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    PURPOSES_FIELD_NUMBER: _ClassVar[int]
    id: str
    name: str
    purposes: _containers.RepeatedCompositeFieldContainer[Purpose]
    def __init__(self, id: _Optional[str] = ..., name: _Optional[str] = ..., purposes: _Optional[_Iterable[_Union[Purpose, _Mapping]]] = ...) -> None: ...

class Purpose(_message.Message):
    __slots__ = ("purpose", "legal_basis", "prohibited", "clause", "notice_version", "material_notice_version", "degraded", "stale_limit")
    PURPOSE_FIELD_NUMBER: _ClassVar[int]
    LEGAL_BASIS_FIELD_NUMBER: _ClassVar[int]
    PROHIBITED_FIELD_NUMBER: _ClassVar[int]
    CLAUSE_FIELD_NUMBER: _ClassVar[int]
    NOTICE_VERSION_FIELD_NUMBER: _ClassVar[int]
    MATERIAL_NOTICE_VERSION_FIELD_NUMBER: _ClassVar[int]
    DEGRADED_FIELD_NUMBER: _ClassVar[int]
    STALE_LIMIT_FIELD_NUMBER: _ClassVar[int]
    purpose: str
    legal_basis: _types_pb2.LegalBasis
    prohibited: bool
    clause: str
    notice_version: int
    material_notice_version: int
    degraded: _types_pb2.Degradation
    stale_limit: _duration_pb2.Duration
    def __init__(self, purpose: _Optional[str] = ..., legal_basis: _Optional[_Union[_types_pb2.LegalBasis, str]] = ..., prohibited: bool = ..., clause: _Optional[str] = ..., notice_version: _Optional[int] = ..., material_notice_version: _Optional[int] = ..., degraded: _Optional[_Union[_types_pb2.Degradation, str]] = ..., stale_limit: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class CheckPolicyRequest(_message.Message):
    __slots__ = ("files",)
    FILES_FIELD_NUMBER: _ClassVar[int]
    files: _containers.RepeatedCompositeFieldContainer[PolicyFile]
    def __init__(self, files: _Optional[_Iterable[_Union[PolicyFile, _Mapping]]] = ...) -> None: ...

class CheckPolicyResponse(_message.Message):
    __slots__ = ("admitted", "policy_revision", "faults", "warnings", "controllers", "cases", "enumeration", "tests_passed", "tests_failed")
    ADMITTED_FIELD_NUMBER: _ClassVar[int]
    POLICY_REVISION_FIELD_NUMBER: _ClassVar[int]
    FAULTS_FIELD_NUMBER: _ClassVar[int]
    WARNINGS_FIELD_NUMBER: _ClassVar[int]
    CONTROLLERS_FIELD_NUMBER: _ClassVar[int]
    CASES_FIELD_NUMBER: _ClassVar[int]
    ENUMERATION_FIELD_NUMBER: _ClassVar[int]
    TESTS_PASSED_FIELD_NUMBER: _ClassVar[int]
    TESTS_FAILED_FIELD_NUMBER: _ClassVar[int]
    admitted: bool
    policy_revision: str
    faults: _containers.RepeatedCompositeFieldContainer[PolicyFinding]
    warnings: _containers.RepeatedCompositeFieldContainer[PolicyFinding]
    controllers: _containers.RepeatedCompositeFieldContainer[EnumeratedController]
    cases: int
    enumeration: _duration_pb2.Duration
    tests_passed: int
    tests_failed: int
    def __init__(self, admitted: bool = ..., policy_revision: _Optional[str] = ..., faults: _Optional[_Iterable[_Union[PolicyFinding, _Mapping]]] = ..., warnings: _Optional[_Iterable[_Union[PolicyFinding, _Mapping]]] = ..., controllers: _Optional[_Iterable[_Union[EnumeratedController, _Mapping]]] = ..., cases: _Optional[int] = ..., enumeration: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., tests_passed: _Optional[int] = ..., tests_failed: _Optional[int] = ...) -> None: ...

class PolicyFinding(_message.Message):
    __slots__ = ("fault", "counterexample")
    FAULT_FIELD_NUMBER: _ClassVar[int]
    COUNTEREXAMPLE_FIELD_NUMBER: _ClassVar[int]
    fault: PolicyFault
    counterexample: PolicyCounterexample
    def __init__(self, fault: _Optional[_Union[PolicyFault, _Mapping]] = ..., counterexample: _Optional[_Union[PolicyCounterexample, _Mapping]] = ...) -> None: ...

class PolicyCounterexample(_message.Message):
    __slots__ = ("invariant", "words", "controller", "purpose", "description", "input", "before", "query", "allowed_by", "silent", "cases")
    INVARIANT_FIELD_NUMBER: _ClassVar[int]
    WORDS_FIELD_NUMBER: _ClassVar[int]
    CONTROLLER_FIELD_NUMBER: _ClassVar[int]
    PURPOSE_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    INPUT_FIELD_NUMBER: _ClassVar[int]
    BEFORE_FIELD_NUMBER: _ClassVar[int]
    QUERY_FIELD_NUMBER: _ClassVar[int]
    ALLOWED_BY_FIELD_NUMBER: _ClassVar[int]
    SILENT_FIELD_NUMBER: _ClassVar[int]
    CASES_FIELD_NUMBER: _ClassVar[int]
    invariant: str
    words: str
    controller: str
    purpose: str
    description: str
    input: str
    before: str
    query: str
    allowed_by: _containers.RepeatedScalarFieldContainer[str]
    silent: _containers.RepeatedScalarFieldContainer[str]
    cases: int
    def __init__(self, invariant: _Optional[str] = ..., words: _Optional[str] = ..., controller: _Optional[str] = ..., purpose: _Optional[str] = ..., description: _Optional[str] = ..., input: _Optional[str] = ..., before: _Optional[str] = ..., query: _Optional[str] = ..., allowed_by: _Optional[_Iterable[str]] = ..., silent: _Optional[_Iterable[str]] = ..., cases: _Optional[int] = ...) -> None: ...

class EnumeratedController(_message.Message):
    __slots__ = ("controller", "purposes", "proven", "cases", "allowed")
    CONTROLLER_FIELD_NUMBER: _ClassVar[int]
    PURPOSES_FIELD_NUMBER: _ClassVar[int]
    PROVEN_FIELD_NUMBER: _ClassVar[int]
    CASES_FIELD_NUMBER: _ClassVar[int]
    ALLOWED_FIELD_NUMBER: _ClassVar[int]
    controller: str
    purposes: int
    proven: int
    cases: int
    allowed: int
    def __init__(self, controller: _Optional[str] = ..., purposes: _Optional[int] = ..., proven: _Optional[int] = ..., cases: _Optional[int] = ..., allowed: _Optional[int] = ...) -> None: ...

class PolicyFault(_message.Message):
    __slots__ = ("file", "line", "message")
    FILE_FIELD_NUMBER: _ClassVar[int]
    LINE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    file: str
    line: int
    message: str
    def __init__(self, file: _Optional[str] = ..., line: _Optional[int] = ..., message: _Optional[str] = ...) -> None: ...

class ActivatePolicyRequest(_message.Message):
    __slots__ = ("files", "expected_policy_revision", "fence")
    FILES_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_POLICY_REVISION_FIELD_NUMBER: _ClassVar[int]
    FENCE_FIELD_NUMBER: _ClassVar[int]
    files: _containers.RepeatedCompositeFieldContainer[PolicyFile]
    expected_policy_revision: str
    fence: bool
    def __init__(self, files: _Optional[_Iterable[_Union[PolicyFile, _Mapping]]] = ..., expected_policy_revision: _Optional[str] = ..., fence: bool = ...) -> None: ...

class ActivatePolicyResponse(_message.Message):
    __slots__ = ("policy_revision", "previous_policy_revision", "activated_at", "activation_number")
    POLICY_REVISION_FIELD_NUMBER: _ClassVar[int]
    PREVIOUS_POLICY_REVISION_FIELD_NUMBER: _ClassVar[int]
    ACTIVATED_AT_FIELD_NUMBER: _ClassVar[int]
    ACTIVATION_NUMBER_FIELD_NUMBER: _ClassVar[int]
    policy_revision: str
    previous_policy_revision: str
    activated_at: _timestamp_pb2.Timestamp
    activation_number: int
    def __init__(self, policy_revision: _Optional[str] = ..., previous_policy_revision: _Optional[str] = ..., activated_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., activation_number: _Optional[int] = ...) -> None: ...

class DiffPolicyRequest(_message.Message):
    __slots__ = ("files", "states", "sample", "all_subjects", "decisions", "examples", "from_policy_revision")
    FILES_FIELD_NUMBER: _ClassVar[int]
    STATES_FIELD_NUMBER: _ClassVar[int]
    SAMPLE_FIELD_NUMBER: _ClassVar[int]
    ALL_SUBJECTS_FIELD_NUMBER: _ClassVar[int]
    DECISIONS_FIELD_NUMBER: _ClassVar[int]
    EXAMPLES_FIELD_NUMBER: _ClassVar[int]
    FROM_POLICY_REVISION_FIELD_NUMBER: _ClassVar[int]
    files: _containers.RepeatedCompositeFieldContainer[PolicyFile]
    states: bool
    sample: int
    all_subjects: bool
    decisions: _containers.RepeatedCompositeFieldContainer[RecordedDecision]
    examples: int
    from_policy_revision: str
    def __init__(self, files: _Optional[_Iterable[_Union[PolicyFile, _Mapping]]] = ..., states: bool = ..., sample: _Optional[int] = ..., all_subjects: bool = ..., decisions: _Optional[_Iterable[_Union[RecordedDecision, _Mapping]]] = ..., examples: _Optional[int] = ..., from_policy_revision: _Optional[str] = ...) -> None: ...

class RecordedDecision(_message.Message):
    __slots__ = ("check", "decided_at", "decision", "reasons")
    CHECK_FIELD_NUMBER: _ClassVar[int]
    DECIDED_AT_FIELD_NUMBER: _ClassVar[int]
    DECISION_FIELD_NUMBER: _ClassVar[int]
    REASONS_FIELD_NUMBER: _ClassVar[int]
    check: _decision_service_pb2.CheckRequest
    decided_at: _timestamp_pb2.Timestamp
    decision: _types_pb2.Decision
    reasons: _containers.RepeatedScalarFieldContainer[_types_pb2.ReasonCode]
    def __init__(self, check: _Optional[_Union[_decision_service_pb2.CheckRequest, _Mapping]] = ..., decided_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., decision: _Optional[_Union[_types_pb2.Decision, str]] = ..., reasons: _Optional[_Iterable[_Union[_types_pb2.ReasonCode, str]]] = ...) -> None: ...

class DiffPolicyResponse(_message.Message):
    __slots__ = ("progress", "result")
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    progress: DiffProgress
    result: DiffResult
    def __init__(self, progress: _Optional[_Union[DiffProgress, _Mapping]] = ..., result: _Optional[_Union[DiffResult, _Mapping]] = ...) -> None: ...

class DiffProgress(_message.Message):
    __slots__ = ("over", "done", "total")
    OVER_FIELD_NUMBER: _ClassVar[int]
    DONE_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    over: DiffOver
    done: int
    total: int
    def __init__(self, over: _Optional[_Union[DiffOver, str]] = ..., done: _Optional[int] = ..., total: _Optional[int] = ...) -> None: ...

class DiffResult(_message.Message):
    __slots__ = ("active_policy_revision", "candidate_policy_revision", "totals", "differences", "omitted")
    ACTIVE_POLICY_REVISION_FIELD_NUMBER: _ClassVar[int]
    CANDIDATE_POLICY_REVISION_FIELD_NUMBER: _ClassVar[int]
    TOTALS_FIELD_NUMBER: _ClassVar[int]
    DIFFERENCES_FIELD_NUMBER: _ClassVar[int]
    OMITTED_FIELD_NUMBER: _ClassVar[int]
    active_policy_revision: str
    candidate_policy_revision: str
    totals: _containers.RepeatedCompositeFieldContainer[DiffTotal]
    differences: _containers.RepeatedCompositeFieldContainer[PolicyDifference]
    omitted: int
    def __init__(self, active_policy_revision: _Optional[str] = ..., candidate_policy_revision: _Optional[str] = ..., totals: _Optional[_Iterable[_Union[DiffTotal, _Mapping]]] = ..., differences: _Optional[_Iterable[_Union[PolicyDifference, _Mapping]]] = ..., omitted: _Optional[int] = ...) -> None: ...

class DiffTotal(_message.Message):
    __slots__ = ("over", "subjects", "compared", "newly_allowed", "newly_denied", "otherwise_changed", "not_reproduced", "seconds")
    OVER_FIELD_NUMBER: _ClassVar[int]
    SUBJECTS_FIELD_NUMBER: _ClassVar[int]
    COMPARED_FIELD_NUMBER: _ClassVar[int]
    NEWLY_ALLOWED_FIELD_NUMBER: _ClassVar[int]
    NEWLY_DENIED_FIELD_NUMBER: _ClassVar[int]
    OTHERWISE_CHANGED_FIELD_NUMBER: _ClassVar[int]
    NOT_REPRODUCED_FIELD_NUMBER: _ClassVar[int]
    SECONDS_FIELD_NUMBER: _ClassVar[int]
    over: DiffOver
    subjects: int
    compared: int
    newly_allowed: int
    newly_denied: int
    otherwise_changed: int
    not_reproduced: int
    seconds: float
    def __init__(self, over: _Optional[_Union[DiffOver, str]] = ..., subjects: _Optional[int] = ..., compared: _Optional[int] = ..., newly_allowed: _Optional[int] = ..., newly_denied: _Optional[int] = ..., otherwise_changed: _Optional[int] = ..., not_reproduced: _Optional[int] = ..., seconds: _Optional[float] = ...) -> None: ...

class PolicyDifference(_message.Message):
    __slots__ = ("over", "controller", "purpose", "recipient", "before", "after", "count", "rules", "examples")
    OVER_FIELD_NUMBER: _ClassVar[int]
    CONTROLLER_FIELD_NUMBER: _ClassVar[int]
    PURPOSE_FIELD_NUMBER: _ClassVar[int]
    RECIPIENT_FIELD_NUMBER: _ClassVar[int]
    BEFORE_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    RULES_FIELD_NUMBER: _ClassVar[int]
    EXAMPLES_FIELD_NUMBER: _ClassVar[int]
    over: DiffOver
    controller: str
    purpose: str
    recipient: _types_pb2.RecipientKind
    before: DiffSide
    after: DiffSide
    count: int
    rules: _containers.RepeatedCompositeFieldContainer[_decision_service_pb2.ExplainedRule]
    examples: _containers.RepeatedCompositeFieldContainer[DiffExample]
    def __init__(self, over: _Optional[_Union[DiffOver, str]] = ..., controller: _Optional[str] = ..., purpose: _Optional[str] = ..., recipient: _Optional[_Union[_types_pb2.RecipientKind, str]] = ..., before: _Optional[_Union[DiffSide, _Mapping]] = ..., after: _Optional[_Union[DiffSide, _Mapping]] = ..., count: _Optional[int] = ..., rules: _Optional[_Iterable[_Union[_decision_service_pb2.ExplainedRule, _Mapping]]] = ..., examples: _Optional[_Iterable[_Union[DiffExample, _Mapping]]] = ...) -> None: ...

class DiffSide(_message.Message):
    __slots__ = ("decision", "reasons", "legal_basis")
    DECISION_FIELD_NUMBER: _ClassVar[int]
    REASONS_FIELD_NUMBER: _ClassVar[int]
    LEGAL_BASIS_FIELD_NUMBER: _ClassVar[int]
    decision: _types_pb2.Decision
    reasons: _containers.RepeatedScalarFieldContainer[_types_pb2.ReasonCode]
    legal_basis: _types_pb2.LegalBasis
    def __init__(self, decision: _Optional[_Union[_types_pb2.Decision, str]] = ..., reasons: _Optional[_Iterable[_Union[_types_pb2.ReasonCode, str]]] = ..., legal_basis: _Optional[_Union[_types_pb2.LegalBasis, str]] = ...) -> None: ...

class DiffExample(_message.Message):
    __slots__ = ("subject_id", "description", "decided_at")
    SUBJECT_ID_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    DECIDED_AT_FIELD_NUMBER: _ClassVar[int]
    subject_id: str
    description: str
    decided_at: _timestamp_pb2.Timestamp
    def __init__(self, subject_id: _Optional[str] = ..., description: _Optional[str] = ..., decided_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...
