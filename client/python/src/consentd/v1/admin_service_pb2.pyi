import datetime

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

class NodeState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    NODE_STATE_UNSPECIFIED: _ClassVar[NodeState]
    NODE_STATE_ALIVE: _ClassVar[NodeState]
    NODE_STATE_SILENT: _ClassVar[NodeState]
    NODE_STATE_LEFT: _ClassVar[NodeState]
NODE_STATE_UNSPECIFIED: NodeState
NODE_STATE_ALIVE: NodeState
NODE_STATE_SILENT: NodeState
NODE_STATE_LEFT: NodeState

class BackupRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class BackupResponse(_message.Message):
    __slots__ = ("chunk", "revision", "complete")
    CHUNK_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    COMPLETE_FIELD_NUMBER: _ClassVar[int]
    chunk: bytes
    revision: int
    complete: bool
    def __init__(self, chunk: _Optional[bytes] = ..., revision: _Optional[int] = ..., complete: bool = ...) -> None: ...

class GetUsageRequest(_message.Message):
    __slots__ = ("controller", "until")
    CONTROLLER_FIELD_NUMBER: _ClassVar[int]
    FROM_FIELD_NUMBER: _ClassVar[int]
    UNTIL_FIELD_NUMBER: _ClassVar[int]
    controller: str
    until: _timestamp_pb2.Timestamp
    def __init__(self, controller: _Optional[str] = ..., until: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., **kwargs) -> None: ...

class GetUsageResponse(_message.Message):
    __slots__ = ("usages", "unused", "kept_from", "overflowed")
    USAGES_FIELD_NUMBER: _ClassVar[int]
    UNUSED_FIELD_NUMBER: _ClassVar[int]
    KEPT_FROM_FIELD_NUMBER: _ClassVar[int]
    OVERFLOWED_FIELD_NUMBER: _ClassVar[int]
    usages: _containers.RepeatedCompositeFieldContainer[Usage]
    unused: _containers.RepeatedCompositeFieldContainer[UnusedPurpose]
    kept_from: _timestamp_pb2.Timestamp
    overflowed: int
    def __init__(self, usages: _Optional[_Iterable[_Union[Usage, _Mapping]]] = ..., unused: _Optional[_Iterable[_Union[UnusedPurpose, _Mapping]]] = ..., kept_from: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., overflowed: _Optional[int] = ...) -> None: ...

class Usage(_message.Message):
    __slots__ = ("controller", "purpose", "caller", "recipient_kind", "data_category", "allowed", "denied", "first_day", "last_day", "declared", "category_declared")
    CONTROLLER_FIELD_NUMBER: _ClassVar[int]
    PURPOSE_FIELD_NUMBER: _ClassVar[int]
    CALLER_FIELD_NUMBER: _ClassVar[int]
    RECIPIENT_KIND_FIELD_NUMBER: _ClassVar[int]
    DATA_CATEGORY_FIELD_NUMBER: _ClassVar[int]
    ALLOWED_FIELD_NUMBER: _ClassVar[int]
    DENIED_FIELD_NUMBER: _ClassVar[int]
    FIRST_DAY_FIELD_NUMBER: _ClassVar[int]
    LAST_DAY_FIELD_NUMBER: _ClassVar[int]
    DECLARED_FIELD_NUMBER: _ClassVar[int]
    CATEGORY_DECLARED_FIELD_NUMBER: _ClassVar[int]
    controller: str
    purpose: str
    caller: _types_pb2.Caller
    recipient_kind: _types_pb2.RecipientKind
    data_category: str
    allowed: int
    denied: int
    first_day: _timestamp_pb2.Timestamp
    last_day: _timestamp_pb2.Timestamp
    declared: bool
    category_declared: bool
    def __init__(self, controller: _Optional[str] = ..., purpose: _Optional[str] = ..., caller: _Optional[_Union[_types_pb2.Caller, _Mapping]] = ..., recipient_kind: _Optional[_Union[_types_pb2.RecipientKind, str]] = ..., data_category: _Optional[str] = ..., allowed: _Optional[int] = ..., denied: _Optional[int] = ..., first_day: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., last_day: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., declared: bool = ..., category_declared: bool = ...) -> None: ...

class UnusedPurpose(_message.Message):
    __slots__ = ("controller", "purpose")
    CONTROLLER_FIELD_NUMBER: _ClassVar[int]
    PURPOSE_FIELD_NUMBER: _ClassVar[int]
    controller: str
    purpose: str
    def __init__(self, controller: _Optional[str] = ..., purpose: _Optional[str] = ...) -> None: ...

class ListNodesRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListNodesResponse(_message.Message):
    __slots__ = ("nodes", "head_revision", "newest_activation_number")
    NODES_FIELD_NUMBER: _ClassVar[int]
    HEAD_REVISION_FIELD_NUMBER: _ClassVar[int]
    NEWEST_ACTIVATION_NUMBER_FIELD_NUMBER: _ClassVar[int]
    nodes: _containers.RepeatedCompositeFieldContainer[Node]
    head_revision: int
    newest_activation_number: int
    def __init__(self, nodes: _Optional[_Iterable[_Union[Node, _Mapping]]] = ..., head_revision: _Optional[int] = ..., newest_activation_number: _Optional[int] = ...) -> None: ...

class Node(_message.Message):
    __slots__ = ("node_id", "name", "address", "asked", "state", "applied_revision", "lag", "lease_left", "policy_revision", "activation_number", "policy_error", "version", "started_at", "renewed_at")
    NODE_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    ASKED_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    APPLIED_REVISION_FIELD_NUMBER: _ClassVar[int]
    LAG_FIELD_NUMBER: _ClassVar[int]
    LEASE_LEFT_FIELD_NUMBER: _ClassVar[int]
    POLICY_REVISION_FIELD_NUMBER: _ClassVar[int]
    ACTIVATION_NUMBER_FIELD_NUMBER: _ClassVar[int]
    POLICY_ERROR_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    STARTED_AT_FIELD_NUMBER: _ClassVar[int]
    RENEWED_AT_FIELD_NUMBER: _ClassVar[int]
    node_id: str
    name: str
    address: str
    asked: bool
    state: NodeState
    applied_revision: int
    lag: int
    lease_left: _duration_pb2.Duration
    policy_revision: str
    activation_number: int
    policy_error: str
    version: str
    started_at: _timestamp_pb2.Timestamp
    renewed_at: _timestamp_pb2.Timestamp
    def __init__(self, node_id: _Optional[str] = ..., name: _Optional[str] = ..., address: _Optional[str] = ..., asked: bool = ..., state: _Optional[_Union[NodeState, str]] = ..., applied_revision: _Optional[int] = ..., lag: _Optional[int] = ..., lease_left: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., policy_revision: _Optional[str] = ..., activation_number: _Optional[int] = ..., policy_error: _Optional[str] = ..., version: _Optional[str] = ..., started_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., renewed_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...
