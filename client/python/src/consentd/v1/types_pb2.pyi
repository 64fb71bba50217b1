import datetime

from google.protobuf import struct_pb2 as _struct_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Decision(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DECISION_UNSPECIFIED: _ClassVar[Decision]
    DECISION_ALLOW: _ClassVar[Decision]
    DECISION_DENY: _ClassVar[Decision]

class ReasonCode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    REASON_CODE_UNSPECIFIED: _ClassVar[ReasonCode]
    REASON_CODE_BASIS_HOLDS: _ClassVar[ReasonCode]
    REASON_CODE_PURPOSE_NOT_DECLARED: _ClassVar[ReasonCode]
    REASON_CODE_PURPOSE_PROHIBITED: _ClassVar[ReasonCode]
    REASON_CODE_SUBJECT_UNKNOWN: _ClassVar[ReasonCode]
    REASON_CODE_ERASURE_REQUESTED: _ClassVar[ReasonCode]
    REASON_CODE_ACCOUNT_CLOSED: _ClassVar[ReasonCode]
    REASON_CODE_ACCOUNT_DORMANT: _ClassVar[ReasonCode]
    REASON_CODE_RETENTION_EXPIRED: _ClassVar[ReasonCode]
    REASON_CODE_RESTRICTED: _ClassVar[ReasonCode]
    REASON_CODE_UNDER_AGE: _ClassVar[ReasonCode]
    REASON_CODE_OPTED_OUT: _ClassVar[ReasonCode]
    REASON_CODE_GPC_OPT_OUT: _ClassVar[ReasonCode]
    REASON_CODE_OBJECTED: _ClassVar[ReasonCode]
    REASON_CODE_CONSENT_MISSING: _ClassVar[ReasonCode]
    REASON_CODE_CONSENT_PENDING: _ClassVar[ReasonCode]
    REASON_CODE_CONSENT_REFUSED: _ClassVar[ReasonCode]
    REASON_CODE_CONSENT_WITHDRAWN: _ClassVar[ReasonCode]
    REASON_CODE_CONSENT_INVALIDATED: _ClassVar[ReasonCode]
    REASON_CODE_CONSENT_EXPIRED: _ClassVar[ReasonCode]
    REASON_CODE_CONSENT_OUTDATED: _ClassVar[ReasonCode]
    REASON_CODE_CONSENT_NOT_EXPLICIT: _ClassVar[ReasonCode]
    REASON_CODE_DATA_CATEGORY_NOT_PERMITTED: _ClassVar[ReasonCode]
    REASON_CODE_DATA_CATEGORY_UNSPECIFIED: _ClassVar[ReasonCode]
    REASON_CODE_SENSITIVE_DATA_NOT_PERMITTED: _ClassVar[ReasonCode]
    REASON_CODE_RECIPIENT_NOT_PERMITTED: _ClassVar[ReasonCode]
    REASON_CODE_TRANSFER_NOT_CONSENTED: _ClassVar[ReasonCode]
    REASON_CODE_NOT_ANONYMIZED: _ClassVar[ReasonCode]
    REASON_CODE_PROCESSOR_NOT_INSTRUCTED: _ClassVar[ReasonCode]
    REASON_CODE_POLICY_ERROR: _ClassVar[ReasonCode]
    REASON_CODE_CONSENT_BY_MINOR: _ClassVar[ReasonCode]
    REASON_CODE_NOTICE_UNKNOWN: _ClassVar[ReasonCode]
    REASON_CODE_STATE_UNAVAILABLE: _ClassVar[ReasonCode]

class Degradation(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DEGRADATION_UNSPECIFIED: _ClassVar[Degradation]
    DEGRADATION_DENIED: _ClassVar[Degradation]
    DEGRADATION_STALE: _ClassVar[Degradation]

class LegalBasis(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    LEGAL_BASIS_UNSPECIFIED: _ClassVar[LegalBasis]
    LEGAL_BASIS_CONSENT: _ClassVar[LegalBasis]
    LEGAL_BASIS_EXPLICIT_CONSENT: _ClassVar[LegalBasis]
    LEGAL_BASIS_CONTRACT: _ClassVar[LegalBasis]
    LEGAL_BASIS_LEGAL_OBLIGATION: _ClassVar[LegalBasis]
    LEGAL_BASIS_VITAL_INTERESTS: _ClassVar[LegalBasis]
    LEGAL_BASIS_PUBLIC_TASK: _ClassVar[LegalBasis]
    LEGAL_BASIS_LEGITIMATE_INTERESTS: _ClassVar[LegalBasis]
    LEGAL_BASIS_NOTIFIED_PURPOSE: _ClassVar[LegalBasis]
    LEGAL_BASIS_DEEMED_CONSENT: _ClassVar[LegalBasis]
    LEGAL_BASIS_ANONYMIZED_INFORMATION: _ClassVar[LegalBasis]

class ObligationCode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    OBLIGATION_CODE_UNSPECIFIED: _ClassVar[ObligationCode]
    OBLIGATION_CODE_DEACTIVATE_ACCOUNT: _ClassVar[ObligationCode]
    OBLIGATION_CODE_ACCOUNT_MAY_BE_LIMITED: _ClassVar[ObligationCode]
    OBLIGATION_CODE_AGGREGATE_ONLY: _ClassVar[ObligationCode]
    OBLIGATION_CODE_BINARY_RESULT_ONLY: _ClassVar[ObligationCode]
    OBLIGATION_CODE_TRANSFER_SAFEGUARDS: _ClassVar[ObligationCode]
    OBLIGATION_CODE_INCLUDE_UNSUBSCRIBE: _ClassVar[ObligationCode]
    OBLIGATION_CODE_EXCLUDE_DATA_CATEGORIES: _ClassVar[ObligationCode]
    OBLIGATION_CODE_RECORD_SIGNAL: _ClassVar[ObligationCode]
    OBLIGATION_CODE_REASK_NOT_BEFORE: _ClassVar[ObligationCode]
    OBLIGATION_CODE_CONFIRM_RECIPIENT_CONSENT: _ClassVar[ObligationCode]

class RecipientKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RECIPIENT_KIND_UNSPECIFIED: _ClassVar[RecipientKind]
    RECIPIENT_KIND_PROCESSOR: _ClassVar[RecipientKind]
    RECIPIENT_KIND_AFFILIATE: _ClassVar[RecipientKind]
    RECIPIENT_KIND_CORPORATE_AFFILIATE: _ClassVar[RecipientKind]
    RECIPIENT_KIND_REFERRAL_PARTNER: _ClassVar[RecipientKind]
    RECIPIENT_KIND_ADVERTISING_PARTNER: _ClassVar[RecipientKind]
    RECIPIENT_KIND_THIRD_PARTY: _ClassVar[RecipientKind]
    RECIPIENT_KIND_AUTHORITY: _ClassVar[RecipientKind]

class ConsentStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CONSENT_STATUS_UNSPECIFIED: _ClassVar[ConsentStatus]
    CONSENT_STATUS_REQUESTED: _ClassVar[ConsentStatus]
    CONSENT_STATUS_GIVEN: _ClassVar[ConsentStatus]
    CONSENT_STATUS_REFUSED: _ClassVar[ConsentStatus]
    CONSENT_STATUS_WITHDRAWN: _ClassVar[ConsentStatus]
    CONSENT_STATUS_INVALIDATED: _ClassVar[ConsentStatus]

class GivenBy(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    GIVEN_BY_UNSPECIFIED: _ClassVar[GivenBy]
    GIVEN_BY_SUBJECT: _ClassVar[GivenBy]
    GIVEN_BY_PARENT: _ClassVar[GivenBy]
    GIVEN_BY_AGENT: _ClassVar[GivenBy]
    GIVEN_BY_CONTROLLER: _ClassVar[GivenBy]

class RestrictionGround(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RESTRICTION_GROUND_UNSPECIFIED: _ClassVar[RestrictionGround]
    RESTRICTION_GROUND_ACCURACY_CONTESTED: _ClassVar[RestrictionGround]
    RESTRICTION_GROUND_UNLAWFUL_PROCESSING: _ClassVar[RestrictionGround]
    RESTRICTION_GROUND_DATA_NEEDED_FOR_CLAIMS: _ClassVar[RestrictionGround]
    RESTRICTION_GROUND_OBJECTION_PENDING: _ClassVar[RestrictionGround]

class OptOutKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    OPT_OUT_KIND_UNSPECIFIED: _ClassVar[OptOutKind]
    OPT_OUT_KIND_SALE_OR_SHARING: _ClassVar[OptOutKind]
    OPT_OUT_KIND_SENSITIVE_DATA_USE: _ClassVar[OptOutKind]

class ErasureStage(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ERASURE_STAGE_UNSPECIFIED: _ClassVar[ErasureStage]
    ERASURE_STAGE_REQUESTED: _ClassVar[ErasureStage]
    ERASURE_STAGE_IN_PROGRESS: _ClassVar[ErasureStage]
    ERASURE_STAGE_COMPLETED: _ClassVar[ErasureStage]
    ERASURE_STAGE_CANCELLED: _ClassVar[ErasureStage]
    ERASURE_STAGE_RESTARTED: _ClassVar[ErasureStage]

class AccountStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ACCOUNT_STATUS_UNSPECIFIED: _ClassVar[AccountStatus]
    ACCOUNT_STATUS_ACTIVE: _ClassVar[AccountStatus]
    ACCOUNT_STATUS_CLOSED: _ClassVar[AccountStatus]
DECISION_UNSPECIFIED: Decision
DECISION_ALLOW: Decision
DECISION_DENY: Decision
REASON_CODE_UNSPECIFIED: ReasonCode
REASON_CODE_BASIS_HOLDS: ReasonCode
REASON_CODE_PURPOSE_NOT_DECLARED: ReasonCode
REASON_CODE_PURPOSE_PROHIBITED: ReasonCode
REASON_CODE_SUBJECT_UNKNOWN: ReasonCode
REASON_CODE_ERASURE_REQUESTED: ReasonCode
REASON_CODE_ACCOUNT_CLOSED: ReasonCode
REASON_CODE_ACCOUNT_DORMANT: ReasonCode
REASON_CODE_RETENTION_EXPIRED: ReasonCode
REASON_CODE_RESTRICTED: ReasonCode
REASON_CODE_UNDER_AGE: ReasonCode
REASON_CODE_OPTED_OUT: ReasonCode
REASON_CODE_GPC_OPT_OUT: ReasonCode
REASON_CODE_OBJECTED: ReasonCode
REASON_CODE_CONSENT_MISSING: ReasonCode
REASON_CODE_CONSENT_PENDING: ReasonCode
REASON_CODE_CONSENT_REFUSED: ReasonCode
REASON_CODE_CONSENT_WITHDRAWN: ReasonCode
REASON_CODE_CONSENT_INVALIDATED: ReasonCode
REASON_CODE_CONSENT_EXPIRED: ReasonCode
REASON_CODE_CONSENT_OUTDATED: ReasonCode
REASON_CODE_CONSENT_NOT_EXPLICIT: ReasonCode
REASON_CODE_DATA_CATEGORY_NOT_PERMITTED: ReasonCode
REASON_CODE_DATA_CATEGORY_UNSPECIFIED: ReasonCode
REASON_CODE_SENSITIVE_DATA_NOT_PERMITTED: ReasonCode
REASON_CODE_RECIPIENT_NOT_PERMITTED: ReasonCode
REASON_CODE_TRANSFER_NOT_CONSENTED: ReasonCode
REASON_CODE_NOT_ANONYMIZED: ReasonCode
REASON_CODE_PROCESSOR_NOT_INSTRUCTED: ReasonCode
REASON_CODE_POLICY_ERROR: ReasonCode
REASON_CODE_CONSENT_BY_MINOR: ReasonCode
REASON_CODE_NOTICE_UNKNOWN: ReasonCode
REASON_CODE_STATE_UNAVAILABLE: ReasonCode
DEGRADATION_UNSPECIFIED: Degradation
DEGRADATION_DENIED: Degradation
DEGRADATION_STALE: Degradation
LEGAL_BASIS_UNSPECIFIED: LegalBasis
LEGAL_BASIS_CONSENT: LegalBasis
LEGAL_BASIS_EXPLICIT_CONSENT: LegalBasis
LEGAL_BASIS_CONTRACT: LegalBasis
LEGAL_BASIS_LEGAL_OBLIGATION: LegalBasis
LEGAL_BASIS_VITAL_INTERESTS: LegalBasis
LEGAL_BASIS_PUBLIC_TASK: LegalBasis
LEGAL_BASIS_LEGITIMATE_INTERESTS: LegalBasis
LEGAL_BASIS_NOTIFIED_PURPOSE: LegalBasis
LEGAL_BASIS_DEEMED_CONSENT: LegalBasis
LEGAL_BASIS_ANONYMIZED_INFORMATION: LegalBasis
OBLIGATION_CODE_UNSPECIFIED: ObligationCode
OBLIGATION_CODE_DEACTIVATE_ACCOUNT: ObligationCode
OBLIGATION_CODE_ACCOUNT_MAY_BE_LIMITED: ObligationCode
OBLIGATION_CODE_AGGREGATE_ONLY: ObligationCode
OBLIGATION_CODE_BINARY_RESULT_ONLY: ObligationCode
OBLIGATION_CODE_TRANSFER_SAFEGUARDS: ObligationCode
OBLIGATION_CODE_INCLUDE_UNSUBSCRIBE: ObligationCode
OBLIGATION_CODE_EXCLUDE_DATA_CATEGORIES: ObligationCode
OBLIGATION_CODE_RECORD_SIGNAL: ObligationCode
OBLIGATION_CODE_REASK_NOT_BEFORE: ObligationCode
OBLIGATION_CODE_CONFIRM_RECIPIENT_CONSENT: ObligationCode
RECIPIENT_KIND_UNSPECIFIED: RecipientKind
RECIPIENT_KIND_PROCESSOR: RecipientKind
RECIPIENT_KIND_AFFILIATE: RecipientKind
RECIPIENT_KIND_CORPORATE_AFFILIATE: RecipientKind
RECIPIENT_KIND_REFERRAL_PARTNER: RecipientKind
RECIPIENT_KIND_ADVERTISING_PARTNER: RecipientKind
RECIPIENT_KIND_THIRD_PARTY: RecipientKind
RECIPIENT_KIND_AUTHORITY: RecipientKind
CONSENT_STATUS_UNSPECIFIED: ConsentStatus
CONSENT_STATUS_REQUESTED: ConsentStatus
CONSENT_STATUS_GIVEN: ConsentStatus
CONSENT_STATUS_REFUSED: ConsentStatus
CONSENT_STATUS_WITHDRAWN: ConsentStatus
CONSENT_STATUS_INVALIDATED: ConsentStatus
GIVEN_BY_UNSPECIFIED: GivenBy
GIVEN_BY_SUBJECT: GivenBy
GIVEN_BY_PARENT: GivenBy
GIVEN_BY_AGENT: GivenBy
GIVEN_BY_CONTROLLER: GivenBy
RESTRICTION_GROUND_UNSPECIFIED: RestrictionGround
RESTRICTION_GROUND_ACCURACY_CONTESTED: RestrictionGround
RESTRICTION_GROUND_UNLAWFUL_PROCESSING: RestrictionGround
RESTRICTION_GROUND_DATA_NEEDED_FOR_CLAIMS: RestrictionGround
RESTRICTION_GROUND_OBJECTION_PENDING: RestrictionGround
OPT_OUT_KIND_UNSPECIFIED: OptOutKind
OPT_OUT_KIND_SALE_OR_SHARING: OptOutKind
OPT_OUT_KIND_SENSITIVE_DATA_USE: OptOutKind
ERASURE_STAGE_UNSPECIFIED: ErasureStage
ERASURE_STAGE_REQUESTED: ErasureStage
ERASURE_STAGE_IN_PROGRESS: ErasureStage
ERASURE_STAGE_COMPLETED: ErasureStage
ERASURE_STAGE_CANCELLED: ErasureStage
ERASURE_STAGE_RESTARTED: ErasureStage
ACCOUNT_STATUS_UNSPECIFIED: AccountStatus
ACCOUNT_STATUS_ACTIVE: AccountStatus
ACCOUNT_STATUS_CLOSED: AccountStatus

class Recipient(_message.Message):
    __slots__ = ("kind", "id", "country")
    KIND_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    COUNTRY_FIELD_NUMBER: _ClassVar[int]
    kind: RecipientKind
    id: str
    country: str
    def __init__(self, kind: _Optional[_Union[RecipientKind, str]] = ..., id: _Optional[str] = ..., country: _Optional[str] = ...) -> None: ...

class Reason(_message.Message):
    __slots__ = ("code", "clause", "message")
    CODE_FIELD_NUMBER: _ClassVar[int]
    CLAUSE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    code: ReasonCode
    clause: str
    message: str
    def __init__(self, code: _Optional[_Union[ReasonCode, str]] = ..., clause: _Optional[str] = ..., message: _Optional[str] = ...) -> None: ...

class Obligation(_message.Message):
    __slots__ = ("code", "parameters")
    CODE_FIELD_NUMBER: _ClassVar[int]
    PARAMETERS_FIELD_NUMBER: _ClassVar[int]
    code: ObligationCode
    parameters: _struct_pb2.Struct
    def __init__(self, code: _Optional[_Union[ObligationCode, str]] = ..., parameters: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ...) -> None: ...

class Event(_message.Message):
    __slots__ = ("id", "occurred_at", "source", "evidence", "consent", "objection", "restriction", "opt_out", "signals", "erasure", "profile", "annulment", "link", "unlink", "sharing")
    ID_FIELD_NUMBER: _ClassVar[int]
    OCCURRED_AT_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    EVIDENCE_FIELD_NUMBER: _ClassVar[int]
    CONSENT_FIELD_NUMBER: _ClassVar[int]
    OBJECTION_FIELD_NUMBER: _ClassVar[int]
    RESTRICTION_FIELD_NUMBER: _ClassVar[int]
    OPT_OUT_FIELD_NUMBER: _ClassVar[int]
    SIGNALS_FIELD_NUMBER: _ClassVar[int]
    ERASURE_FIELD_NUMBER: _ClassVar[int]
    PROFILE_FIELD_NUMBER: _ClassVar[int]
    ANNULMENT_FIELD_NUMBER: _ClassVar[int]
    LINK_FIELD_NUMBER: _ClassVar[int]
    UNLINK_FIELD_NUMBER: _ClassVar[int]
    SHARING_FIELD_NUMBER: _ClassVar[int]
    id: str
    occurred_at: _timestamp_pb2.Timestamp
    source: str
    evidence: str
    consent: ConsentEvent
    objection: ObjectionEvent
    restriction: RestrictionEvent
    opt_out: OptOutEvent
    signals: SignalsEvent
    erasure: ErasureEvent
    profile: ProfileEvent
    annulment: AnnulmentEvent
    link: LinkEvent
    unlink: UnlinkEvent
    sharing: SharingEvent
    def __init__(self, id: _Optional[str] = ..., occurred_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., source: _Optional[str] = ..., evidence: _Optional[str] = ..., consent: _Optional[_Union[ConsentEvent, _Mapping]] = ..., objection: _Optional[_Union[ObjectionEvent, _Mapping]] = ..., restriction: _Optional[_Union[RestrictionEvent, _Mapping]] = ..., opt_out: _Optional[_Union[OptOutEvent, _Mapping]] = ..., signals: _Optional[_Union[SignalsEvent, _Mapping]] = ..., erasure: _Optional[_Union[ErasureEvent, _Mapping]] = ..., profile: _Optional[_Union[ProfileEvent, _Mapping]] = ..., annulment: _Optional[_Union[AnnulmentEvent, _Mapping]] = ..., link: _Optional[_Union[LinkEvent, _Mapping]] = ..., unlink: _Optional[_Union[UnlinkEvent, _Mapping]] = ..., sharing: _Optional[_Union[SharingEvent, _Mapping]] = ...) -> None: ...

class ConsentEvent(_message.Message):
    __slots__ = ("purpose", "status", "notice_version", "explicit", "given_by", "recipients", "countries", "expires_at")
    PURPOSE_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    NOTICE_VERSION_FIELD_NUMBER: _ClassVar[int]
    EXPLICIT_FIELD_NUMBER: _ClassVar[int]
    GIVEN_BY_FIELD_NUMBER: _ClassVar[int]
    RECIPIENTS_FIELD_NUMBER: _ClassVar[int]
    COUNTRIES_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AT_FIELD_NUMBER: _ClassVar[int]
    purpose: str
    status: ConsentStatus
    notice_version: int
    explicit: bool
    given_by: GivenBy
    recipients: _containers.RepeatedScalarFieldContainer[str]
    countries: _containers.RepeatedScalarFieldContainer[str]
    expires_at: _timestamp_pb2.Timestamp
    def __init__(self, purpose: _Optional[str] = ..., status: _Optional[_Union[ConsentStatus, str]] = ..., notice_version: _Optional[int] = ..., explicit: bool = ..., given_by: _Optional[_Union[GivenBy, str]] = ..., recipients: _Optional[_Iterable[str]] = ..., countries: _Optional[_Iterable[str]] = ..., expires_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ObjectionEvent(_message.Message):
    __slots__ = ("purposes", "lifted")
    PURPOSES_FIELD_NUMBER: _ClassVar[int]
    LIFTED_FIELD_NUMBER: _ClassVar[int]
    purposes: _containers.RepeatedScalarFieldContainer[str]
    lifted: bool
    def __init__(self, purposes: _Optional[_Iterable[str]] = ..., lifted: bool = ...) -> None: ...

class RestrictionEvent(_message.Message):
    __slots__ = ("ground", "purposes", "lifted")
    GROUND_FIELD_NUMBER: _ClassVar[int]
    PURPOSES_FIELD_NUMBER: _ClassVar[int]
    LIFTED_FIELD_NUMBER: _ClassVar[int]
    ground: RestrictionGround
    purposes: _containers.RepeatedScalarFieldContainer[str]
    lifted: bool
    def __init__(self, ground: _Optional[_Union[RestrictionGround, str]] = ..., purposes: _Optional[_Iterable[str]] = ..., lifted: bool = ...) -> None: ...

class OptOutEvent(_message.Message):
    __slots__ = ("kind", "lifted")
    KIND_FIELD_NUMBER: _ClassVar[int]
    LIFTED_FIELD_NUMBER: _ClassVar[int]
    kind: OptOutKind
    lifted: bool
    def __init__(self, kind: _Optional[_Union[OptOutKind, str]] = ..., lifted: bool = ...) -> None: ...

class SignalsEvent(_message.Message):
    __slots__ = ("gpc", "dnt")
    GPC_FIELD_NUMBER: _ClassVar[int]
    DNT_FIELD_NUMBER: _ClassVar[int]
    gpc: bool
    dnt: bool
    def __init__(self, gpc: bool = ..., dnt: bool = ...) -> None: ...

class ErasureEvent(_message.Message):
    __slots__ = ("stage",)
    STAGE_FIELD_NUMBER: _ClassVar[int]
    stage: ErasureStage
    def __init__(self, stage: _Optional[_Union[ErasureStage, str]] = ...) -> None: ...

class AnnulmentEvent(_message.Message):
    __slots__ = ("event_id",)
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    event_id: str
    def __init__(self, event_id: _Optional[str] = ...) -> None: ...

class LinkEvent(_message.Message):
    __slots__ = ("linked",)
    WITH_FIELD_NUMBER: _ClassVar[int]
    LINKED_FIELD_NUMBER: _ClassVar[int]
    linked: bool
    def __init__(self, linked: bool = ..., **kwargs) -> None: ...

class UnlinkEvent(_message.Message):
    __slots__ = ()
    WITH_FIELD_NUMBER: _ClassVar[int]
    def __init__(self, **kwargs) -> None: ...

class SharingEvent(_message.Message):
    __slots__ = ("shared",)
    SHARED_FIELD_NUMBER: _ClassVar[int]
    shared: bool
    def __init__(self, shared: bool = ...) -> None: ...

class Person(_message.Message):
    __slots__ = ("subject_ids", "shared_ids", "shared")
    SUBJECT_IDS_FIELD_NUMBER: _ClassVar[int]
    SHARED_IDS_FIELD_NUMBER: _ClassVar[int]
    SHARED_FIELD_NUMBER: _ClassVar[int]
    subject_ids: _containers.RepeatedScalarFieldContainer[str]
    shared_ids: _containers.RepeatedScalarFieldContainer[str]
    shared: bool
    def __init__(self, subject_ids: _Optional[_Iterable[str]] = ..., shared_ids: _Optional[_Iterable[str]] = ..., shared: bool = ...) -> None: ...

class ProfileEvent(_message.Message):
    __slots__ = ("jurisdiction", "age_min", "age_max", "account_status", "last_activity_at", "retention_until", "relationship")
    JURISDICTION_FIELD_NUMBER: _ClassVar[int]
    AGE_MIN_FIELD_NUMBER: _ClassVar[int]
    AGE_MAX_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_STATUS_FIELD_NUMBER: _ClassVar[int]
    LAST_ACTIVITY_AT_FIELD_NUMBER: _ClassVar[int]
    RETENTION_UNTIL_FIELD_NUMBER: _ClassVar[int]
    RELATIONSHIP_FIELD_NUMBER: _ClassVar[int]
    jurisdiction: str
    age_min: int
    age_max: int
    account_status: AccountStatus
    last_activity_at: _timestamp_pb2.Timestamp
    retention_until: _timestamp_pb2.Timestamp
    relationship: Relationship
    def __init__(self, jurisdiction: _Optional[str] = ..., age_min: _Optional[int] = ..., age_max: _Optional[int] = ..., account_status: _Optional[_Union[AccountStatus, str]] = ..., last_activity_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., retention_until: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., relationship: _Optional[_Union[Relationship, _Mapping]] = ...) -> None: ...

class Relationship(_message.Message):
    __slots__ = ("last_sale_at", "selling_entity", "opt_out_offered")
    LAST_SALE_AT_FIELD_NUMBER: _ClassVar[int]
    SELLING_ENTITY_FIELD_NUMBER: _ClassVar[int]
    OPT_OUT_OFFERED_FIELD_NUMBER: _ClassVar[int]
    last_sale_at: _timestamp_pb2.Timestamp
    selling_entity: str
    opt_out_offered: bool
    def __init__(self, last_sale_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., selling_entity: _Optional[str] = ..., opt_out_offered: bool = ...) -> None: ...

class Caller(_message.Message):
    __slots__ = ("kind", "id", "issuer")
    KIND_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    ISSUER_FIELD_NUMBER: _ClassVar[int]
    kind: str
    id: str
    issuer: str
    def __init__(self, kind: _Optional[str] = ..., id: _Optional[str] = ..., issuer: _Optional[str] = ...) -> None: ...
