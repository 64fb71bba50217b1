"""The vectors that the clients of all languages pass, and what a vector cannot say."""

from __future__ import annotations

import json
import pickle
import unittest
from collections.abc import Callable
from pathlib import Path

from consentd import subject

VECTORS = json.loads((Path(__file__).parents[2] / "conformance/testdata/ids.json").read_text(encoding="utf-8"))

Outcome = tuple["str | None", "str | None", "str | None"]


def outcome(vector: dict[str, str]) -> Outcome:
    """The normalised text and the id, or the error."""
    given = vector["input"]
    normalize = subject.normalize_phone if vector["kind"] == "phone_e164_hmac" else subject.normalize_email
    try:
        return normalize(given), make(vector)(given), None
    except subject.AddressError as error:
        return None, None, str(error)


def make(vector: dict[str, str]) -> Callable[[str], str]:
    if vector["kind"] == "email_sha256":
        return subject.email_sha256
    key = subject.Key.parse(VECTORS["keys"][vector["key"]]["secret"])
    return {"email_hmac": key.email, "phone_e164_hmac": key.phone}[vector["kind"]]


class TestSubject(unittest.TestCase):
    def test_vectors(self) -> None:
        self.assertGreaterEqual(len(VECTORS["vectors"]), 60)
        for vector in VECTORS["vectors"]:
            with self.subTest(vector["name"]):
                want = vector.get("normal"), vector.get("id"), vector.get("refused")
                self.assertEqual(outcome(vector), want)

    def test_key_ids(self) -> None:
        for key in VECTORS["keys"].values():
            self.assertEqual(subject.Key.parse(key["secret"]).id, key["id"])

    def test_half_a_pair_is_refused(self) -> None:
        for normalize in (subject.normalize_email, subject.normalize_phone):
            with self.assertRaisesRegex(subject.AddressError, "is not valid Unicode"):
                normalize("ad\ud800a@example.com")

    def test_keys(self) -> None:
        secret = "0a" * 32
        for text in (secret, secret.upper(), f"\n {secret}\r\n", "0a" * 1024):
            self.assertEqual(len(subject.Key.parse(text).id), 8)
        for text, problem in (
            ("0a" * 31, "the key has 31 bytes, want 32 to 1024: openssl rand -hex 32 makes one"),
            ("0a" * 1025, "the key has 1025 bytes, want 32 to 1024: openssl rand -hex 32 makes one"),
            ("", "the key has 0 bytes, want 32 to 1024: openssl rand -hex 32 makes one"),
            (secret + "0", "the key is not hexadecimal: openssl rand -hex 32 makes one"),
            (f"{secret[:32]} {secret[32:]}", "the key is not hexadecimal: openssl rand -hex 32 makes one"),
            (secret + "\uff10\uff10", "the key is not hexadecimal: openssl rand -hex 32 makes one"),
        ):
            with self.subTest(text), self.assertRaises(ValueError) as raised:
                subject.Key.parse(text)
            self.assertEqual(str(raised.exception), problem)

    def test_a_key_is_not_printed(self) -> None:
        key = subject.Key(b"\xab" * 32)
        self.assertEqual((repr(key), f"{key}"), (f"key {key.id}", f"key {key.id}"))
        with self.assertRaises(TypeError):
            pickle.dumps(key)


if __name__ == "__main__":
    unittest.main()
