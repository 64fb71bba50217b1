"""The one spelling of an e-mail address and of a phone number."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

import idna

_MAX_EMAIL_BYTES = 254
_MAX_LOCAL_BYTES = 64
_MAX_GIVEN_BYTES = 1024  # what is longer is no address, however it is composed
_MAX_DOMAIN_BYTES = 253
_MAX_LABEL_BYTES = 63
_MIN_PHONE_DIGITS = 8
_MAX_PHONE_DIGITS = 15

# Unicode's White_Space; str.strip() takes four controls more.
_SPACE = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
_SIGMA, _FINAL_SIGMA = "\u03c3", "\u03c2"
# What does not show although it counts as a letter or a mark; the other invisible characters are formats.
_UNSEEN = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]")
_JOINERS = re.compile("[\u200c\u200d]")
_LOCAL = re.compile(r"[a-z0-9!#$%&'*+\-/=?^_`{|}~.\u0080-\U0010ffff]")
_DOMAIN = re.compile("[a-z0-9.\\-\u0080-\U0010ffff]")
_DOTS = re.compile("[\u3002\uff0e\uff61]")  # what UTS #46 takes for a dot
_BETWEEN_DIGITS = re.compile("[ \u00a0\u2009\u202f\\-\u2010-\u2013.]")
# A 0 after the code of a country within which, and there alone, it is dialled first.
_TRUNK = re.compile("(?:20|27|31|32|33|41|43|44|46|49|60|61|62|63|64|66|81|82|84|86|90|91|92|98)0")
_DIGIT = re.compile("[0-9]")


class AddressError(ValueError):
    """Why an address or a number has no id. What was given is not in it."""


def _email_error(problem: str) -> AddressError:
    return AddressError(f"the e-mail address {problem}")


def _phone_error(problem: str) -> AddressError:
    return AddressError(f"the phone number {problem}")


def normalize_email(address: str) -> str:
    """Returns the one spelling of an e-mail address: trimmed, NFC, lower-cased, the domain in ASCII.

    Lower-casing is Unicode's default, without a locale: I is i in Turkey too. The domain is converted by UTS #46,
    nontransitional. Dots, and what follows a plus, stay. A final sigma before the @ is a sigma, because programs that
    lower-case Greek do not agree on it.
    """
    text = _well_formed(address, _email_error).strip(_SPACE)
    if len(text.encode()) > _MAX_GIVEN_BYTES:
        raise _email_error(f"is longer than {_MAX_EMAIL_BYTES} bytes")
    text = unicodedata.normalize("NFC", text)
    _require_address_alone(text)
    text = _lower(text)
    if text.count("@") != 1:
        raise _email_error("must have one @")
    local, domain = text.split("@")
    _require_local(local)
    normal = local.replace(_FINAL_SIGMA, _SIGMA) + "@" + _ascii_domain(domain)
    if len(normal.encode()) > _MAX_EMAIL_BYTES:
        raise _email_error(f"is longer than {_MAX_EMAIL_BYTES} bytes")
    return normal


def normalize_phone(number: str) -> str:
    """Returns the one spelling of a phone number, that of E.164: + and 8 to 15 digits. Whether it exists is not looked at."""
    text = _BETWEEN_DIGITS.sub("", _well_formed(number, _phone_error).strip(_SPACE))
    if "(0)" in text:
        raise _phone_error("has (0), which is dialled within the country alone: leave it out")
    text = text.replace("(", "").replace(")", "")
    if text == "":
        raise _phone_error("is empty")
    if text.startswith("00"):
        raise _phone_error("begins with 00: write + and the country code")
    if not text.startswith("+"):
        raise _phone_error("must begin with + and the country code, such as +49 30 1234567")
    _require_digits(text[1:])
    return text


def _well_formed(text: str, error: Callable[[str], AddressError]) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise error("is not valid Unicode: decode it as UTF-8") from None
    return text


def _lower(text: str) -> str:
    """Each character by itself: without context, the end of a Greek word too."""
    return unicodedata.normalize("NFC", "".join(c.lower() for c in text))


def _require_address_alone(text: str) -> None:
    if text == "":
        raise _email_error("is empty")
    if "<" in text or ">" in text:
        raise _email_error("has a name or angle brackets around it: give the address alone")
    if '"' in text:
        raise _email_error("has a quoted part, which is not supported")
    if "(" in text or ")" in text:
        raise _email_error("has a comment: leave out what stands in parentheses")
    local, _, domain = text.partition("@")
    for c in local + _JOINERS.sub("", domain):  # IDNA has rules for where a domain may have joiners
        if unicodedata.category(c)[0] in "CZ" or _UNSEEN.match(c):
            raise _email_error(f"has the character {_name(c)}, a space or one that does not show: type the address anew")


def _name(character: str) -> str:
    return f"U+{ord(character):04X}"


def _require_local(local: str) -> None:
    if local == "":
        raise _email_error("has nothing before the @")
    if len(local.encode()) > _MAX_LOCAL_BYTES:
        raise _email_error(f"has more than {_MAX_LOCAL_BYTES} bytes before the @")
    for c in local:
        if not _LOCAL.match(c):
            raise _email_error(f"has the character {_name(c)} before the @, which is not supported")


def _ascii_domain(given: str) -> str:
    """Only what is not ASCII yet, or begins as an encoded name does, goes to IDNA: the implementations of other languages
    differ in what they refuse of the rest."""
    domain = _DOTS.sub(".", given)
    labels = domain.split(".")
    if domain == "":
        raise _email_error("has nothing after the @")
    if "" in labels:
        raise _email_error("has a domain with an empty part between dots")
    if len(labels) == 1:
        raise _email_error("has a domain without a dot: write all of it, such as example.com")
    for c in domain:
        if not _DOMAIN.match(c):
            raise _email_error(f"has the character {_name(c)} in its domain, which no domain has")
    if not domain.isascii() or any(label.startswith("xn--") for label in labels):
        domain = _internationalised(domain)
    _require_dns_name(domain)
    return domain


def _internationalised(domain: str) -> str:
    try:
        converted = idna.encode(domain, uts46=True, std3_rules=True, transitional=False).decode()
        _require_dns_name(converted)
        _require_one_direction(idna.decode(converted).split("."))
    except (idna.IDNAError, AddressError):
        raise _email_error("has a domain that is no valid internationalised domain name") from None
    return converted


def _require_one_direction(labels: list[str]) -> None:
    """Where one label has letters from right to left, all labels keep RFC 5893; idna looks at each by itself."""
    if any(unicodedata.bidirectional(c) in ("R", "AL", "AN") for label in labels for c in label):
        for label in labels:
            idna.check_bidi(label, check_ltr=True)


def _require_dns_name(domain: str) -> None:
    if len(domain) > _MAX_DOMAIN_BYTES:
        raise _email_error(f"has a domain of more than {_MAX_DOMAIN_BYTES} bytes")
    labels = domain.split(".")
    for label in labels:
        if label == "":
            raise _email_error("has a domain with an empty part between dots")
        if len(label) > _MAX_LABEL_BYTES:
            raise _email_error(f"has a domain with a part of more than {_MAX_LABEL_BYTES} bytes")
        if label.startswith("-") or label.endswith("-"):
            raise _email_error("has a domain with a part that begins or ends with a hyphen")
    if labels[-1].isdecimal():
        raise _email_error("has a number for a domain: write the domain's name")


def _require_digits(digits: str) -> None:
    for c in digits:
        if not _DIGIT.match(c):
            raise _phone_error(
                f"has the character {_name(c)}: after the + come digits, spaces, hyphens, dots and parentheses"
            )
    if digits.startswith("0"):
        raise _phone_error("begins with +0, and no country code does")
    if _TRUNK.match(digits):
        raise _phone_error("has a 0 after the country code, which is dialled within the country alone: leave it out")
    if len(digits) < _MIN_PHONE_DIGITS:
        raise _phone_error(f"has fewer than {_MIN_PHONE_DIGITS} digits")
    if len(digits) > _MAX_PHONE_DIGITS:
        raise _phone_error(f"has more than {_MAX_PHONE_DIGITS} digits")
