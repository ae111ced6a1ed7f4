"""The wheel and the sdist: what is in them, and what they say of themselves.

Both are built here without a download, by the build backend that the test environment has. ``python dev.py build``
installs them where the sources are not, and uses them there.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
import zipfile
from email.message import Message
from email.parser import Parser
from pathlib import Path

import pytest

from promptecho._processes import children

ROOT = Path(__file__).parents[1]
PACKAGES = (ROOT / "promptecho", ROOT / "backends" / "promptecho_backends")


def build(kind: str, checkout: Path, folder: Path) -> Path:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", str(folder)],
        cwd=checkout,
        check=True,
        stdout=subprocess.DEVNULL,
        timeout=120,
    )
    (made,) = folder.glob("*.whl" if kind == "wheel" else "*.tar.gz")
    return made


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("hatchling", reason="builds the wheel")
    return build("wheel", ROOT, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("hatchling", reason="builds the sdist")
    return build("sdist", ROOT, tmp_path_factory.mktemp("sdist"))


def contents(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def names(sdist: Path) -> set[str]:
    """The files of an sdist, without the folder that they are all in."""
    with tarfile.open(sdist) as archive:
        return {entry.name.partition("/")[2] for entry in archive if entry.isfile()}


def metadata(wheel: Path) -> Message:
    (text,) = [data for name, data in contents(wheel).items() if name.endswith(".dist-info/METADATA")]
    return Parser().parsestr(text.decode("utf-8"))


def test_the_wheel_has_both_packages_and_nothing_else(wheel: Path) -> None:
    found = {name for name in contents(wheel) if ".dist-info/" not in name}
    sources = {
        file.relative_to(package.parent).as_posix()
        for package in PACKAGES
        for file in package.rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    assert found == sources | {children._PTH}
    assert {"promptecho/py.typed", "promptecho_backends/py.typed"} <= found
    assert all(name.endswith((".py", "/py.typed")) for name in found - {children._PTH})


def test_the_wheel_is_of_the_version_that_the_package_says(wheel: Path) -> None:
    said = re.search(r'__version__ = "(.+)"', (ROOT / "promptecho" / "_version.py").read_text(encoding="utf-8"))
    assert said is not None
    assert metadata(wheel)["Version"] == said[1]


def test_the_wheel_has_the_license_and_declares_it(wheel: Path) -> None:
    said = metadata(wheel)
    assert said["License-Expression"] == "MIT"
    assert said.get_all("License-File") == ["LICENSE"]
    (text,) = [data for name, data in contents(wheel).items() if name.endswith(".dist-info/licenses/LICENSE")]
    assert text == (ROOT / "LICENSE").read_bytes()


def test_the_metadata_names_each_python_that_is_tested(wheel: Path) -> None:
    said = metadata(wheel)
    tested = re.search(
        r"SUPPORTED = \[\(3, minor\) for minor in range\((\d+), (\d+)\)\]", (ROOT / "dev.py").read_text()
    )
    assert tested is not None
    first, end = int(tested[1]), int(tested[2])
    named = re.findall(r"Python :: (3\.\d+)$", "\n".join(said.get_all("Classifier", [])), re.MULTILINE)
    assert named == [f"3.{minor}" for minor in range(first, end)]
    assert said["Requires-Python"] == f">=3.{first}"


def test_an_extra_that_a_text_tells_to_install_exists(wheel: Path) -> None:
    extras = set(metadata(wheel).get_all("Provides-Extra", []))
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "promptecho").rglob("*.py")]
    told = {
        extra
        for page in pages
        for found in re.findall(r"promptecho\[([a-z][a-z0-9,]*)\]", page.read_text(encoding="utf-8"))
        for extra in found.split(",")
    }
    assert {"prices", "snapshot"} <= told <= extras


def test_the_description_is_the_readme(wheel: Path) -> None:
    said = metadata(wheel)
    assert said["Description-Content-Type"] == "text/markdown"
    assert said.get_payload() == (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_wheel_of_the_sdist_is_the_wheel_of_the_checkout(wheel: Path, sdist: Path, tmp_path: Path) -> None:
    with tarfile.open(sdist) as archive:
        archive.extraction_filter = getattr(tarfile, "data_filter", None)  # newer Pythons ask for one
        archive.extractall(tmp_path)
    (unpacked,) = tmp_path.iterdir()
    again = build("wheel", unpacked, tmp_path)
    assert contents(again) == contents(wheel)


def test_the_sdist_has_every_file_that_is_under_version_control(sdist: Path) -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("no checkout: this is an unpacked sdist")
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, check=True, stdout=subprocess.PIPE, encoding="utf-8"
    ).stdout
    tracked = {name for name in listed.split("\0") if name and (ROOT / name).is_file()}
    assert tracked - names(sdist) == set()


def test_the_sdist_has_nothing_that_a_run_leaves_behind(sdist: Path) -> None:
    left = re.compile(r"(^|/)(__pycache__|\.[a-z]+_cache|\.hypothesis|\.envs|dist|build)/|\.pyc$|^\.coverage")
    assert [name for name in sorted(names(sdist)) if left.search(name)] == []
