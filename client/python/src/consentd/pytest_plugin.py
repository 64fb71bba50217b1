"""A fixture for pytest: ``pytest_plugins = ["consentd.pytest_plugin"]`` in conftest.py."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .testing import Fake


@pytest.fixture
def consentd_fake() -> Iterator[Fake]:
    """A fake of the test's own, that denies everything until the test gives it ``rules``."""
    with Fake() as fake:
        yield fake
