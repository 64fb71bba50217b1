"""A fake consentd for the tests of programs that use it.

It is the real server, but that rules decide in place of policies: requests are checked as the server checks them, events
are kept, and a check that no rule matches is denied. The program ``consentctl`` runs it: its path is in the environment
variable ``CONSENTCTL``, or it is on the ``PATH``. How rules are written says client/fake/RULES.md of consentd.

    with Fake([{"subject": "user-42", "purpose": "marketing_email", "decision": "ALLOW"}]) as fake:
        client = consentd.Client(fake.target)
        ...
        fake.rules([{"decision": "DENY", "reasons": ["CONSENT_WITHDRAWN"]}])  # the next check is denied

For pytest there is the fixture ``consentd_fake``: ``pytest_plugins = ["consentd.pytest_plugin"]`` in conftest.py.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import grpc
from google.protobuf.any_pb2 import Any as PackedMessage
from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import Message
from google.protobuf.wrappers_pb2 import StringValue, UInt32Value

from . import v1

# Rules are text in YAML, or a list of rules.
Rules = str | Sequence[Mapping[str, Any]]

_M = TypeVar("_M", bound=Message)

_SERVICE = "/consentd.fake.v1.FakeService/"

# What a change of rules may take: a near cache that does not answer is waited for until its lease has run out.
_TIMEOUT = 10.0


class Fake:
    """A fake that runs from its making until ``close``; use it in a ``with``. Its methods may be called from many threads.

    ``rules`` are those that it begins with. ValueError: they have faults, of which the text has each with its line.
    FileNotFoundError: there is no ``consentctl``. RuntimeError: it does not start, for the reason that the text has.
    It ends with this process at the latest.
    """

    def __init__(self, rules: Rules = "") -> None:
        self._process = subprocess.Popen(  # noqa: S603 - the program is the developer's choice
            [_program(), "fake", "--until-stdin-ends"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._first = 0
        self._channel: grpc.Channel | None = None
        try:
            #: Where it listens: host:port.
            self.target = self._address()
            self._channel = grpc.insecure_channel(self.target)
            self._set_rules = self._channel.unary_unary(
                _SERVICE + "SetRules",
                request_serializer=StringValue.SerializeToString,
                response_deserializer=Empty.FromString,
            )
            self._call = self._channel.unary_unary(
                _SERVICE + "Call",
                request_serializer=UInt32Value.SerializeToString,
                response_deserializer=PackedMessage.FromString,
            )
            if rules:
                self.rules(rules)
        except BaseException:
            self.close()
            raise

    def _address(self) -> str:
        address = self._process.stdout.readline().strip() if self._process.stdout else ""
        if not address:
            _, said = self._process.communicate()
            raise RuntimeError(f"consentctl fake does not start: {said.strip()}")
        return address

    def rules(self, rules: Rules) -> None:
        """Replaces the rules. No check that starts after it is answered by those before, by a near cache neither.

        ValueError: they have faults; those before stay.
        """
        text = rules if isinstance(rules, str) else _lines(rules)
        try:
            self._set_rules(StringValue(value=text), timeout=_TIMEOUT, wait_for_ready=True)
        except grpc.RpcError as e:
            if e.code() == grpc.StatusCode.INVALID_ARGUMENT:
                raise ValueError(e.details()) from None
            raise

    def calls(self) -> list[Message]:
        """The calls that were made since the start, or since ``forget``, in their order.

        A check is a CheckRequest, whether it came alone, in a batch or on a stream; one that was refused as invalid is not
        there. All else is the request of a call that succeeded.
        """
        found: list[Message] = []
        while (packed := self._at(self._first + len(found))) is not None:
            kind: type[Message] = getattr(v1, packed.TypeName().rpartition(".")[2])
            found.append(kind.FromString(packed.value))
        return found

    def _at(self, position: int) -> PackedMessage | None:
        try:
            call: PackedMessage = self._call(UInt32Value(value=position), timeout=_TIMEOUT)
        except grpc.RpcError as e:
            if e.code() == grpc.StatusCode.OUT_OF_RANGE:
                return None
            raise
        return call

    def checks(self) -> list[v1.CheckRequest]:
        """The checks among ``calls``."""
        return self._of(v1.CheckRequest)

    def recorded(self) -> list[v1.RecordEventsRequest]:
        """The calls of RecordEvents among ``calls``."""
        return self._of(v1.RecordEventsRequest)

    def _of(self, kind: type[_M]) -> list[_M]:
        return [call for call in self.calls() if isinstance(call, kind)]

    def forget(self) -> None:
        """Begins ``calls`` anew."""
        self._first += len(self.calls())

    def close(self) -> None:
        """Ends the fake. It may be called again."""
        if self._channel is not None:
            self._channel.close()
        if self._process.poll() is None:
            self._process.communicate()  # closes its standard input, with which it ends
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            if pipe is not None:
                pipe.close()

    def __enter__(self) -> Fake:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _lines(rules: Sequence[Mapping[str, Any]]) -> str:
    """Rules as JSON, which is YAML, each on a line of its own: the first is line 2."""
    return '{"rules": [\n' + ",\n".join(json.dumps(rule) for rule in rules) + "\n]}"


def _program() -> str:
    named = os.environ.get("CONSENTCTL")
    found = shutil.which(named or "consentctl")
    if found is None:
        raise FileNotFoundError(
            f"a fake is run by the program consentctl, and {named or 'consentctl on the PATH'} is not there: "
            "go install github.com/consentd/consentd/client/consentctl@latest, "
            "and name it in CONSENTCTL if it is not on the PATH"
        )
    return found
