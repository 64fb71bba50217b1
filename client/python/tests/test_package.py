"""The wheel builds, and works in an empty environment with the newest dependencies that it allows."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import unittest
import venv
import zipfile
from pathlib import Path

ROOT = Path(__file__).parent.parent

USE = """
import consentd, consentd.aio
from consentd import v1
with consentd.Client("127.0.0.1:1", timeout=0.2) as client:
    request = v1.CheckRequest(controller="example", subject_id="u", purpose="p", context={"gpc": True})
    assert not client.is_allowed(request)
    try:
        client.check(request)
    except consentd.Error as error:
        print(error.code.name)
"""


def pip(python: Path | str, *args: str) -> subprocess.CompletedProcess[str]:
    command = [str(python), "-m", "pip", "--disable-pip-version-check", *args]
    return subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603


class TestPackage(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        if pip(sys.executable, "download", "--quiet", "--no-deps", "--dest", folder.name, "typing-extensions").returncode:
            self.skipTest("pip reaches no packages")

    def test_wheel(self) -> None:
        wheel = self.build()
        python = self.folder / "empty" / "bin" / "python"
        venv.create(python.parent.parent)
        installed = pip(sys.executable, "--python", str(python), "install", "--quiet", str(wheel))
        self.assertEqual(installed.returncode, 0, installed.stderr)
        command = [str(python), "-c", USE]
        used = subprocess.run(command, capture_output=True, text=True, check=False, cwd=self.folder)  # noqa: S603
        self.assertEqual((used.returncode, used.stdout), (0, "UNAVAILABLE\n"), used.stderr)

    def build(self) -> Path:
        """Builds a copy: what a build leaves in its folder goes into the next one's wheel."""
        source = self.folder / "source"
        shutil.copytree(ROOT / "src", source / "src", ignore=shutil.ignore_patterns("*.egg-info", "__pycache__"))
        for name in ("pyproject.toml", "README.md"):
            shutil.copy(ROOT / name, source / name)
        wheels = self.folder / "wheels"
        options = ["--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", str(wheels)]
        built = pip(sys.executable, "wheel", *options, str(source))
        self.assertEqual(built.returncode, 0, built.stderr)
        (wheel,) = wheels.glob("*.whl")
        names = set(zipfile.ZipFile(wheel).namelist())
        self.assertLessEqual({"consentd/py.typed", "consentd/v1/types_pb2.py", "consentd/v1/types_pb2.pyi"}, names)
        self.assertFalse([n for n in names if not n.startswith("consentd")])
        return wheel


if __name__ == "__main__":
    unittest.main()
