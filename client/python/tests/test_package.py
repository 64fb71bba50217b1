"""Wheel and sdist build, and work in empty environments with the newest and with the oldest dependencies that they allow."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import unittest
import venv
import zipfile
from pathlib import Path

ROOT = Path(__file__).parent.parent

# It imports this folder's servers, and the package from the environment.
USE = """
import consentd, google.protobuf, grpc
from consentd import v1
from support import Fake, asks, serving
from test_transport import KINDS, WANT
assert "site-packages" in consentd.__file__, consentd.__file__
fake = Fake()
with serving(fake) as target:
    for checks in KINDS:
        assert checks(target, asks(200), timeout=20) == WANT
assert fake.messages, "no check went over a stream"
with consentd.Client("127.0.0.1:1", timeout=0.2) as client:
    request = v1.CheckRequest(controller="example", subject_id="u", purpose="p", context={"gpc": True})
    assert not client.is_allowed(request)
    try:
        client.check(request)
    except consentd.Error as error:
        print(error.code.name, grpc.__version__, google.protobuf.__version__)
"""


def pip(python: Path | str, *args: str) -> subprocess.CompletedProcess[str]:
    command = [str(python), "-m", "pip", "--disable-pip-version-check", *args]
    return subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603


def oldest() -> list[str]:
    """The dependencies of pyproject.toml at the lowest versions that it allows."""
    listed = re.search(r"\ndependencies = \[\n(.*?)\n\]", (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.S)
    lowest = re.findall(r'"([a-z-]+)>=([0-9.]+),', listed.group(1) if listed else "")
    return [f"{name}=={version}" for name, version in lowest]


class TestPackage(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        if pip(sys.executable, "download", "--quiet", "--no-deps", "--dest", folder.name, "typing-extensions").returncode:
            self.skipTest("pip reaches no packages")

    def test_wheel_with_the_newest(self) -> None:
        wheel = self.build("wheel")
        names = set(zipfile.ZipFile(wheel).namelist())
        self.assertLessEqual({"consentd/py.typed", "consentd/v1/types_pb2.py", "consentd/v1/types_pb2.pyi"}, names)
        self.assertFalse([n for n in names if not n.startswith("consentd")])
        self.assertRegex(self.use(wheel), "^UNAVAILABLE ")

    def test_sdist_with_the_oldest(self) -> None:
        sdist = self.build("sdist")
        with tarfile.open(sdist) as archive:
            self.assertIn("src/consentd/py.typed", {n.partition("/")[2] for n in archive.getnames()})
        wanted = oldest()
        self.assertEqual(len(wanted), 4)
        used = self.use(sdist, *wanted)
        for name in ("grpcio", "protobuf"):
            self.assertIn(next(w for w in wanted if w.startswith(name)).partition("==")[2], used)

    def use(self, package: Path, *pinned: str) -> str:
        """Installs into an empty environment and uses it there."""
        python = self.folder / "empty" / "bin" / "python"
        venv.create(python.parent.parent)
        installed = pip(sys.executable, "--python", str(python), "install", "--quiet", str(package), *pinned)
        self.assertEqual(installed.returncode, 0, installed.stderr)
        command = [str(python), "-c", USE]
        env = {"PYTHONPATH": str(ROOT / "tests")}
        used = subprocess.run(  # noqa: S603
            command, capture_output=True, text=True, check=False, cwd=self.folder, env=env, timeout=120
        )
        self.assertEqual(used.returncode, 0, used.stderr)
        return used.stdout

    def build(self, kind: str) -> Path:
        """Builds a copy: what a build leaves in its folder goes into the next one's wheel."""
        source = self.folder / "source"
        shutil.copytree(ROOT / "src", source / "src", ignore=shutil.ignore_patterns("*.egg-info", "__pycache__"))
        for name in ("pyproject.toml", "README.md"):
            shutil.copy(ROOT / name, source / name)
        made = f"import sys; from setuptools import build_meta; build_meta.build_{kind}(sys.argv[1])"
        command = [sys.executable, "-c", made, str(self.folder)]
        built = subprocess.run(command, capture_output=True, text=True, check=False, cwd=source)  # noqa: S603
        self.assertEqual(built.returncode, 0, built.stderr)
        (package,) = self.folder.glob("consentd-*")
        return package


if __name__ == "__main__":
    unittest.main()
