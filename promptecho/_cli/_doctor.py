"""``promptecho doctor``: which HTTP library each installed SDK rides on, and whether this project intercepts it.

What an SDK rides on is read from the requirements that it was published with, so that the answer follows the SDK when
it moves; the rules below say only what requirements can't.
"""

from __future__ import annotations

import configparser
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path

import click

from promptecho import providers
from promptecho._backends import adapters
from promptecho._cli import _screen
from promptecho._settings import settings as _settings
from promptecho.providers import Sdk

HTTP_LIBRARIES = ("httpx2", "httpx", "requests", "urllib3", "aiohttp")
# Other libraries with which an SDK could make calls: a backend for them there is none.
UNKNOWN_LIBRARIES = ("httpcore", "pycurl", "niquests", "tornado", "grpcio", "curl-cffi", "pyreqwest", "rnet")


@dataclass(frozen=True)
class Finding:
    """One SDK. ``sync`` and ``asynchronous``: the backend that its calls need, ``None`` where it has none such."""

    sdk: str
    version: str
    sync: str | None
    asynchronous: str | None
    intercepted: bool
    advice: str


@dataclass(frozen=True)
class Report:
    mode: str
    backends: tuple[str, ...]
    libraries: Mapping[str, str]
    sdks: tuple[Finding, ...]


def installed_version(name: str) -> str | None:
    """The version of a distribution, ``None`` if it isn't installed."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _requirements(name: str) -> set[str]:
    """What a distribution needs without its extras, names in one spelling."""
    try:
        lines = metadata.requires(name) or []
    except metadata.PackageNotFoundError:
        return set()
    plain = [line for line in lines if "extra ==" not in line]
    return {re.split(r"[\s;\[<>=!~(]", line, maxsplit=1)[0].lower().replace("_", "-") for line in plain}


def rides_on(sdk: Sdk) -> tuple[str | None, str | None]:
    """The libraries of an SDK's sync and async calls; a framework rides on what the SDK below it rides on."""
    if sdk.sync or sdk.asynchronous:
        return _named(sdk.sync), _named(sdk.asynchronous)
    below = next((each for each in providers.sdks() if each.package == sdk.below), None)
    if below is not None and installed_version(below.package):
        return rides_on(below)
    needs = _requirements(sdk.package)
    library = next((name for name in HTTP_LIBRARIES if name in needs), None)
    if library is None:
        library = next((name for name in UNKNOWN_LIBRARIES if name in needs), None)
    asynchronous = library
    if sdk.optional and installed_version(sdk.optional):
        asynchronous = sdk.optional
    if library == "requests":  # it has no async calls: an SDK that makes some does so with aiohttp
        asynchronous = "aiohttp" if installed_version("aiohttp") else None
    return library, asynchronous


def _named(library: str) -> str | None:
    return None if library in ("", "-") else library


def _pytest_ini(folder: Path) -> dict[str, object]:
    """``promptecho_mode`` and ``promptecho_backends`` of the nearest file in which pytest looks for its options."""
    for parent in (folder, *folder.parents):
        for name, section in (("pytest.ini", "pytest"), ("tox.ini", "pytest"), ("setup.cfg", "tool:pytest")):
            parser = configparser.ConfigParser(interpolation=None)
            try:
                parser.read(parent / name, encoding="utf-8")
            except (configparser.Error, UnicodeDecodeError):
                continue
            if parser.has_section(section):
                mode = parser.get(section, "promptecho_mode", fallback="").strip() or None
                names = _settings.split_names(parser.get(section, "promptecho_backends", fallback="")) or None
                return _settings.check({"mode": mode, "backends": names}, str(parent / name))
    return {}


def examine(folder: Path) -> Report:
    """Look at what is installed here, with the settings that hold in a folder."""
    project = {**_settings.from_project(folder), **_pytest_ini(folder)}
    settings = _settings.resolve({}, place="doctor", project=project)
    chosen = adapters.choose(settings.backends)
    covered = {*chosen, "requests"} if "urllib3" in chosen else {*chosen}
    findings = []
    for sdk in providers.sdks():
        version = installed_version(sdk.package)
        if version is None:
            continue
        sync, asynchronous = rides_on(sdk)
        needed = [library for library in dict.fromkeys((sync, asynchronous)) if library is not None]
        missing = [library for library in needed if library not in covered]
        findings.append(
            Finding(
                sdk.package, version, sync, asynchronous, bool(needed) and not missing, _advice(needed, missing, chosen)
            )
        )
    libraries = {name: version for name in HTTP_LIBRARIES if (version := installed_version(name))}
    return Report(str(settings.mode), chosen, libraries, tuple(findings))


def _advice(needed: list[str], missing: list[str], chosen: tuple[str, ...]) -> str:
    if not needed:
        return "its HTTP library is not known here; the guard raises in mode none if it calls a provider"
    unknown = [name for name in missing if name not in adapters.known_backends()]
    if unknown:
        return f"no backend for {', '.join(unknown)}; the guard raises in mode none if it calls a provider"
    if missing:
        names = ", ".join(f'"{name}"' for name in (*chosen, *missing))
        return f"[tool.promptecho] backends = [{names}]"
    return ""


def to_json(report: Report) -> dict[str, object]:
    """The report as plain data, for ``--json``."""
    tree = asdict(report)
    for sdk in tree["sdks"]:
        sdk["async"] = sdk.pop("asynchronous")
    return tree


def show(report: Report) -> None:
    """The report as a table."""
    to = _screen.console()
    _screen.paragraph(to, f"mode: {report.mode}   backends: {', '.join(report.backends)}")
    _screen.paragraph(to, "libraries: " + ", ".join(f"{name} {version}" for name, version in report.libraries.items()))
    if not report.sdks:
        _screen.paragraph(to, "No LLM SDK that is known here is installed.")
        return
    to.print()
    rows = [
        (each.sdk, each.version, each.sync or "-", each.asynchronous or "-", "yes" if each.intercepted else "no")
        for each in report.sdks
    ]
    _screen.table(to, ("SDK", "version", "sync", "async", "intercepted"), rows, folding=("SDK",))
    advice = {each.advice: [other.sdk for other in report.sdks if other.advice == each.advice] for each in report.sdks}
    for said, sdks in advice.items():
        if said:
            click.echo(_screen.harmless(f"\n{', '.join(sdks)}:\n    {said}"))


@click.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def command(as_json: bool) -> None:
    """Say which HTTP library each installed SDK rides on, and whether this project's settings intercept it.

    Exit code 1: calls of an installed SDK would go around the cassette.
    """
    report = examine(Path.cwd())
    if as_json:
        _screen.print_json(to_json(report))
    else:
        show(report)
    raise SystemExit(0 if all(sdk.intercepted for sdk in report.sdks) else 1)
