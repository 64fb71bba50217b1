"""The conformance suite's runner for Python: it reads operations as JSON lines on stdin, makes the calls, and writes what
came of them (client/conformance/README.md). With --asyncio it uses the asyncio client."""

from __future__ import annotations

import asyncio
import json
import math
import platform
import sys
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Union

import grpc
from google.protobuf import json_format
from google.protobuf.message import Message

import consentd
import consentd.aio
from consentd import v1

JSON = dict[str, Any]
AnyClient = Union[consentd.Client, consentd.aio.Client]

REQUESTS: dict[str, type[Message]] = {
    "check": v1.CheckRequest,
    "is_allowed": v1.CheckRequest,
    "batch_check": v1.BatchCheckRequest,
    "list_purposes": v1.ListPurposesRequest,
    "record_events": v1.RecordEventsRequest,
    "link_subjects": v1.LinkSubjectsRequest,
    "unlink_subjects": v1.UnlinkSubjectsRequest,
    "get_subject": v1.GetSubjectRequest,
    "list_events": v1.ListEventsRequest,
    "get_policy": v1.GetPolicyRequest,
    "list_controllers": v1.ListControllersRequest,
    "guard": v1.CheckRequest,
    "explain": v1.ExplainRequest,
}

# The threads of a burst of the sync client: a program that has as many callers at once has not as many threads.
THREADS = 256


def open_options(q: JSON) -> JSON:
    """The keywords of a client's constructor."""
    options: JSON = {name: q[name] for name in ("insecure", "near_cache", "coalesce", "metadata") if name in q}
    if "timeout_ms" in q:
        options["timeout"] = q["timeout_ms"] / 1000
    if q.get("endless"):
        options["timeout"] = math.inf
    if "ca_file" in q:
        options["credentials"] = grpc.ssl_channel_credentials(Path(q["ca_file"]).read_bytes())
    elif q.get("tls"):
        options["credentials"] = grpc.ssl_channel_credentials()
    return options


def decision_json(d: consentd.Decision) -> JSON:
    out: JSON = {
        "allowed": d.allowed,
        "reasons": [r.code for r in d.reasons],
        "legal_basis": d.legal_basis,
        "obligations": [o.code for o in d.obligations],
        "permitted_data_categories": list(d.permitted_data_categories),
        "consistency_token": d.consistency_token,
        "policy_revision": d.policy_revision,
        "id": d.id,
        "text": str(d),
    }
    if d.valid_until is not None:
        out["valid_until"] = d.valid_until.isoformat()
    if d.degraded != "UNSPECIFIED":
        out["degraded"] = d.degraded
    if d.state_age is not None:
        out["state_age_ms"] = d.state_age.total_seconds() * 1000
    return out


def error_json(error: Exception) -> JSON:
    if not isinstance(error, consentd.Error):
        return {"code": "UNDOCUMENTED", "message": repr(error)}
    violations = [{"field": v.field, "description": v.description} for v in error.violations]
    out: JSON = {"code": error.code.name, "message": error.message, "violations": violations}
    if isinstance(error, consentd.StoreMismatchError):
        out["store_mismatch"] = True
    return out


def outcome_json(outcome: Any) -> JSON:
    """What a call returned, as the fields of its result."""
    if isinstance(outcome, consentd.Decision):
        return {"decision": decision_json(outcome)}
    if isinstance(outcome, bool):
        return {"allowed": outcome}
    if isinstance(outcome, list):
        return {"results": [result_json(r) for r in outcome]}
    if isinstance(outcome, dict):
        return {"purposes": [{"purpose": p, "decision": decision_json(d)} for p, d in outcome.items()]}
    return {"response": json_format.MessageToDict(outcome), **written_json(outcome)}


def guarded_json(obligations: tuple[consentd.Obligation, ...]) -> JSON:
    """The result of a guard whose block runs."""
    return {"ran": True, "obligations": [o.code for o in obligations]}


def written_json(outcome: Message) -> JSON:
    """The texts of what became of a write; nothing of what is none."""
    if isinstance(outcome, v1.RecordEventsResponse):
        return {"outcomes": [str(o) for o in consentd.outcomes_of(outcome)]}
    if isinstance(outcome, (v1.LinkSubjectsResponse, v1.UnlinkSubjectsResponse)):
        return {"outcomes": [str(consentd.outcome_of(outcome))]}
    return {}


def result_json(r: consentd.Result) -> JSON:
    if r.error is not None:
        return {"error": error_json(r.error), "decision": decision_json(r.decision)}
    return {"decision": decision_json(r.decision)}


def timeout_of(q: JSON) -> float | None:
    if q.get("endless"):
        return math.inf
    return q["deadline_ms"] / 1000 if "deadline_ms" in q else None


class Tally:
    """Counts what comes of the checks of a burst, and what they cost."""

    def __init__(self) -> None:
        self._counts = Counter[str]()
        self._lock = threading.Lock()
        self._began = time.perf_counter()
        self._cpu = time.process_time()

    def add(self, outcome: Any) -> None:
        """A decision, a result of a batch, a bool, or an error."""
        if isinstance(outcome, consentd.Result):
            outcome = outcome.error or outcome.decision
        if isinstance(outcome, Exception):
            key = "error " + error_json(outcome)["code"]
        else:
            key = "allowed" if (outcome if isinstance(outcome, bool) else outcome.allowed) else "denied"
        with self._lock:
            self._counts[key] += 1

    def filtered(self, allowed: int, of: int) -> None:
        self._counts.update(allowed=allowed, denied=of - allowed)

    def json(self) -> JSON:
        errors = {key.removeprefix("error "): n for key, n in self._counts.items() if key.startswith("error ")}
        return {
            "burst": {
                "allowed": self._counts["allowed"],
                "denied": self._counts["denied"],
                "errors": errors,
                "ms": (time.perf_counter() - self._began) * 1000,
                "cpu_us": round((time.process_time() - self._cpu) * 1e6),
            }
        }


def burst_requests(q: JSON) -> list[v1.CheckRequest]:
    requests = []
    for i in range(q["subjects"]):
        request = json_format.ParseDict(q.get("request", {}), v1.CheckRequest())
        request.subject_id = q.get("prefix", "") + str(i)
        requests.append(request)
    return requests


def chunks(requests: list[v1.CheckRequest]) -> list[list[v1.CheckRequest]]:
    """Batches of the greatest size."""
    return [requests[i : i + 1000] for i in range(0, len(requests), 1000)]


def call_of(client: Any, q: JSON) -> Callable[[v1.CheckRequest], Any]:
    """What a burst calls for each request."""
    if q["how"] == "session":
        return lambda request: client.session().check(request)
    call: Callable[[v1.CheckRequest], Any] = getattr(client, q["how"])
    return call


def burst(client: consentd.Client, q: JSON) -> JSON:
    """Makes the checks of a burst with the sync client."""
    requests = burst_requests(q)
    tally = Tally()
    if q["how"] == "batch":
        for some in chunks(requests):
            try:
                for result in client.batch_check(v1.BatchCheckRequest(requests=some)):
                    tally.add(result)
            except Exception as error:
                for _ in some:
                    tally.add(error)
        return tally.json()
    if q["how"] == "filter":
        try:
            tally.filtered(len(client.filter(requests, lambda request: request)), len(requests))
        except Exception as error:
            tally.add(error)
        return tally.json()
    call = call_of(client, q)

    def one(request: v1.CheckRequest) -> None:
        try:
            tally.add(call(request))
        except Exception as error:
            tally.add(error)

    with ThreadPoolExecutor(max_workers=min(q.get("at_once") or THREADS, THREADS)) as pool:
        for request in requests:
            pool.submit(one, request)
    return tally.json()


async def burst_async(client: consentd.aio.Client, q: JSON) -> JSON:
    """Makes the checks of a burst with the asyncio client."""
    requests = burst_requests(q)
    tally = Tally()
    if q["how"] == "batch":
        for some in chunks(requests):
            try:
                for result in await client.batch_check(v1.BatchCheckRequest(requests=some)):
                    tally.add(result)
            except Exception as error:
                for _ in some:
                    tally.add(error)
        return tally.json()
    if q["how"] == "filter":
        try:
            tally.filtered(len(await client.filter(requests, lambda request: request)), len(requests))
        except Exception as error:
            tally.add(error)
        return tally.json()
    call = call_of(client, q)

    async def one(request: v1.CheckRequest) -> None:
        try:
            tally.add(await call(request))
        except Exception as error:
            tally.add(error)

    async def many(turn: Iterator[v1.CheckRequest]) -> None:
        for request in turn:
            await one(request)

    turn = iter(requests)
    await asyncio.gather(*(many(turn) for _ in range(q.get("at_once") or len(requests))))
    return tally.json()


class Clients:
    """The clients that the harness had opened, and their sessions."""

    def __init__(self, kind: type[AnyClient]) -> None:
        self._kind = kind
        self._clients: dict[str, AnyClient] = {}
        self._sessions: dict[tuple[str, str], Any] = {}
        self._lock = threading.Lock()

    def open(self, q: JSON) -> JSON:
        try:
            self._clients[q["client"]] = self._kind(q["target"], **open_options(q))
        except ValueError as error:
            return {"error": {"code": "OPTIONS", "message": str(error)}}
        return {}

    def close(self, q: JSON) -> Any:
        return self._clients[q["client"]].close()

    def call(self, q: JSON) -> Any:
        """Makes the call: what it returns, or a coroutine or iterator of it."""
        request = json_format.ParseDict(q.get("request", {}), REQUESTS[q["op"]]())
        return getattr(self._receiver(q), q["op"])(request, timeout=timeout_of(q))

    def named(self, q: JSON) -> Any:
        return self._clients[q["client"]]

    def _receiver(self, q: JSON) -> Any:
        client = self._clients[q["client"]]
        if "session" not in q:
            return client
        with self._lock:
            key = (q["client"], q["session"])
            if key not in self._sessions:
                self._sessions[key] = client.session()
            return self._sessions[key]


def at_once(clients: Clients, q: JSON) -> JSON | None:
    """The result of an operation that calls nobody; None for the others."""
    if q["op"] == "open":
        return clients.open(q)
    if q["op"] == "new_event":
        return outcome_json(consentd.new_event(q["source"]))
    if q["op"] == "near_stats":
        stats = clients.named(q).near_cache_stats()
        return {"near": {"hits": stats.hits, "misses": stats.misses}}
    return None


def run(clients: Clients, q: JSON) -> JSON:
    """One operation of the sync client."""
    entries: list[JSON] = []
    try:
        return made(clients, q, entries)
    except consentd.DeniedError:
        return {"ran": False}
    except Exception as error:
        return failed(error, q, entries)


def made(clients: Clients, q: JSON, entries: list[JSON]) -> JSON:
    """Makes the call. Entries of a ledger are put into the list as they come."""
    done = at_once(clients, q)
    if done is not None:
        return done
    if q["op"] == "close":
        clients.close(q)
        return {}
    if q["op"] == "burst":
        return burst(clients.named(q), q)
    outcome = clients.call(q)
    if q["op"] == "guard":
        with outcome as obligations:
            return guarded_json(obligations)
    if isinstance(outcome, Iterator):
        entries.extend(json_format.MessageToDict(entry) for entry in outcome)
        return {"entries": entries}
    return outcome_json(outcome)


def failed(error: Exception, q: JSON, entries: list[JSON]) -> JSON:
    out: JSON = {"error": error_json(error)}
    if q["op"] == "list_events":
        out["entries"] = entries
    return out


async def run_async(clients: Clients, q: JSON) -> JSON:
    """One operation of the asyncio client."""
    entries: list[JSON] = []
    try:
        return await made_async(clients, q, entries)
    except consentd.DeniedError:
        return {"ran": False}
    except Exception as error:
        return failed(error, q, entries)


async def made_async(clients: Clients, q: JSON, entries: list[JSON]) -> JSON:
    """As made."""
    done = at_once(clients, q)
    if done is not None:
        return done
    if q["op"] == "close":
        await clients.close(q)
        return {}
    if q["op"] == "burst":
        return await burst_async(clients.named(q), q)
    outcome = clients.call(q)
    if q["op"] == "guard":
        async with outcome as obligations:
            return guarded_json(obligations)
    if isinstance(outcome, AsyncIterator):
        async for entry in outcome:
            entries.append(json_format.MessageToDict(entry))
        return {"entries": entries}
    return outcome_json(await outcome)


_writing = threading.Lock()


def write(line: JSON) -> None:
    with _writing:
        print(json.dumps(line), flush=True)


def ready(kind: str) -> None:
    write({"ready": True, "client": f"python {platform.python_version()}, grpcio {grpc.__version__}, {kind}"})


def main() -> None:
    """Each operation has a thread of its own, as many as the harness has under way at once."""
    clients = Clients(consentd.Client)
    ready("sync")
    with ThreadPoolExecutor(max_workers=2048) as pool:
        for line in sys.stdin:
            q = json.loads(line)
            pool.submit(answer, run, clients, q)


def answer(operation: Callable[[Clients, JSON], JSON], clients: Clients, q: JSON) -> None:
    write({"id": q["id"], **operation(clients, q)})


async def main_async() -> None:
    """Each operation is a task."""
    clients = Clients(consentd.aio.Client)
    ready("asyncio")
    tasks: set[asyncio.Task[None]] = set()
    while line := await asyncio.to_thread(sys.stdin.readline):
        task = asyncio.create_task(answer_async(clients, json.loads(line)))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
    await asyncio.gather(*tasks)


async def answer_async(clients: Clients, q: JSON) -> None:
    write({"id": q["id"], **await run_async(clients, q)})


if __name__ == "__main__":
    if sys.argv[1:] == ["--asyncio"]:
        asyncio.run(main_async())
    else:
        main()
