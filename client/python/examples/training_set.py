"""Builds a training set of the documents whose authors allow it.

Reads documents as JSON lines on stdin, {"author": ..., "category": ..., "text": ...}, and writes those that may be used for
ai_training to stdout. The category is that of the data in the document, such as user.content. It leaves out a document
whose check failed, and one whose permission depends on an obligation that a training set cannot meet. Who was left out, and
why, is told on stderr.

    python training_set.py --server 127.0.0.1:7070 --controller example < documents.jsonl > training-set.jsonl
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from consentd import Client, Result, v1

Document = dict[str, Any]

#: As many as one BatchCheck takes.
BATCH = 1000


def main() -> None:
    parser = argparse.ArgumentParser(description="Builds a training set of the documents whose authors allow it.")
    parser.add_argument("--server", default="127.0.0.1:7070")
    parser.add_argument("--controller", default="example")
    args = parser.parse_args()
    left_out: Counter[str] = Counter()
    with Client(args.server, timeout=10) as client:
        documents = map(json.loads, sys.stdin)
        for document, result in checked(client, args.controller, documents):
            why_not = refusal(result)
            if why_not is None:
                print(json.dumps(document))
            else:
                left_out[why_not] += 1
    for reason, count in sorted(left_out.items()):
        print(f"left out {count}: {reason}", file=sys.stderr)


def checked(client: Client, controller: str, documents: Iterable[Document]) -> Iterator[tuple[Document, Result]]:
    """Each document with what its author's choices say."""
    rest = iter(documents)
    while batch := list(islice(rest, BATCH)):
        checks = [
            v1.CheckRequest(
                controller=controller,
                subject_id=document["author"],
                purpose="ai_training",
                data_categories=[document["category"]],
            )
            for document in batch
        ]
        yield from zip(batch, client.batch_check(v1.BatchCheckRequest(requests=checks)), strict=True)


def refusal(result: Result) -> str | None:
    """Why a document is left out; None: it is not."""
    if result.error is not None:
        return str(result.error)
    if not result.decision:
        return str(result.decision)
    if result.decision.obligations:
        return "obligations: " + ", ".join(o.code for o in result.decision.obligations)
    return None


if __name__ == "__main__":
    main()
