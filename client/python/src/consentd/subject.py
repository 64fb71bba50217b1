"""Makes ids of people out of their e-mail addresses and phone numbers, so that one address is one id, whoever writes it.

    key = Key.parse(os.environ["CONSENTD_SUBJECT_KEY"])
    request = v1.CheckRequest(controller="example", subject_id=key.email("Ada@Example.com"), purpose="marketing_email")

An address is normalised and then hashed: under a key (HMAC-SHA-256), or, for e-mail, without one. The server gets the id and
never the address. The clients in other languages make the same ids; one file of test vectors holds all of them to it.

Prefer a key: without one, whoever sees an id can try addresses until one fits.

Failure: what cannot be normalised for certain raises AddressError, a ValueError, and there is no id. The error never has the
address in it, so that it may be logged.
"""

from __future__ import annotations

import hashlib
import hmac
import re

from consentd._address import AddressError, normalize_email, normalize_phone

__all__ = ["MAX_KEY_BYTES", "MIN_KEY_BYTES", "AddressError", "Key", "email_sha256", "normalize_email", "normalize_phone"]

MIN_KEY_BYTES = 32
MAX_KEY_BYTES = 1024


class Key:
    """The secret under which addresses are hashed: MIN_KEY_BYTES to MAX_KEY_BYTES random bytes. Its repr is its id."""

    def __init__(self, secret: bytes) -> None:
        if not MIN_KEY_BYTES <= len(secret) <= MAX_KEY_BYTES:
            raise ValueError(
                f"the key has {len(secret)} bytes, want {MIN_KEY_BYTES} to {MAX_KEY_BYTES}: openssl rand -hex 32 makes one"
            )
        self._secret = bytes(secret)
        self.id = self._mac("consentd key id")[:8]
        """8 hexadecimal digits that follow from the secret; every id that is made under the key has them in it."""

    @classmethod
    def parse(cls, text: str) -> Key:
        """Reads hexadecimal digits of either case, as a file or a variable has them; white space around them is left out."""
        digits = text.strip(" \t\r\n")
        if re.fullmatch("(?:[0-9a-fA-F]{2})*", digits) is None:
            raise ValueError("the key is not hexadecimal: openssl rand -hex 32 makes one")
        return cls(bytes.fromhex(digits))

    def __repr__(self) -> str:
        return f"key {self.id}"

    def __reduce__(self) -> str:
        raise TypeError("a key is not pickled: its secret would be written in the clear")

    def email(self, address: str) -> str:
        """Returns the id of a person known by an e-mail address: email_hmac:<key id>.<hash>."""
        return f"email_hmac:{self.id}.{self._mac(normalize_email(address))}"

    def phone(self, number: str) -> str:
        """Returns the id of a person known by a phone number: phone_e164_hmac:<key id>.<hash>."""
        return f"phone_e164_hmac:{self.id}.{self._mac(normalize_phone(number))}"

    def _mac(self, text: str) -> str:
        return hmac.new(self._secret, text.encode(), hashlib.sha256).hexdigest()


def email_sha256(address: str) -> str:
    """Returns the id of a person known by an e-mail address, hashed without a key: email_sha256:<hash>.

    It is there for lists that are exchanged in that form; whoever sees the id can find the address by trying.
    """
    return "email_sha256:" + hashlib.sha256(normalize_email(address).encode()).hexdigest()
