"""What stands between a test and the network, other than promptecho: recorders, doubles, marks, fixtures."""

from __future__ import annotations

import re

# Functions that keep calls in from when they are called.
STARTERS = frozenset(
    ("responses.start", "respx.start", "httpretty.enable", "pook.on", "pytest_socket.disable_socket",
     "responses.mock.start", "respx.mock.start", "mocket.Mocket.enable")
)  # fmt: skip
# Variables that lead SDKs elsewhere.
_ROUTES = re.compile(r"(?:_BASE_URL|_API_BASE|_ENDPOINT(?:_URL\w*)?|_HOST|_PROXY|_API_URL)$", re.IGNORECASE)
# Names of libraries whose call, decorator or context keeps HTTP calls in.
_RECORDERS = frozenset(
    ("vcr.use_cassette", "vcr.VCR.use_cassette", "vcr.mode", "respx.mock", "respx.MockRouter", "responses.activate",
     "responses.RequestsMock", "requests_mock.Mocker", "requests_mock.mock", "httpretty.activate", "httpretty.enabled",
     "httpretty.httprettified", "moto.mock_aws", "moto.mock_bedrock", "moto.mock_bedrock_runtime",
     "aioresponses.aioresponses", "aioresponses.core.aioresponses", "betamax.Betamax", "cassetter.use_cassette",
     "pook.on", "pook.use", "pook.activate", "responses.mock", "mocket.Mocketizer", "mocket.mocketize",
     "botocore.stub.Stubber", "pytest_socket.disable_socket", "inline_snapshot.external_mock",
     "urllib3_mock.Responses", "placebo.attach", "gock.activate")
)  # fmt: skip
_MARKS = frozenset(
    ("vcr", "default_cassette", "block_network", "respx", "httpx_mock", "responses", "moto", "disable_socket",
     "use_cassette", "cassette")
)  # fmt: skip
_FIXTURES = frozenset(
    ("respx_mock", "httpx_mock", "httpx2_mock", "requests_mock", "vcr_cassette", "responses", "aioresponses",
     "mock_aioresponse", "aresponses", "socket_disabled", "mock_aws", "betamax_session", "betamax_recorder", "pook",
     "httpretty", "llm_mock", "vcr")
)  # fmt: skip
_WORDS = re.compile(
    r"(?:^|[_.\W])(?:mock(?:ed|s|er)?|fake[sd]?|stub(?:bed|s)?|cassettes?|vcr|replay(?:ed)?|dummy)(?=$|[_.\W])"
)
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
PATCHERS = frozenset(
    (
        "unittest.mock.patch", "mock.patch", "unittest.mock.patch.object", "mock.patch.object",
        "unittest.mock.patch.multiple", "mock.patch.multiple",
    )
)  # fmt: skip


def is_route(variable: str) -> bool:
    """Whether an environment variable tells SDKs where to send their calls."""
    return _ROUTES.search(variable) is not None


def says_double(name: str) -> bool:
    """Whether a name says that what bears it is a double or a recorder: ``mock_llm``, ``FakeServer``."""
    return _WORDS.search(_CAMEL.sub("_", name).lower()) is not None


def is_recorder(name: str) -> bool:
    """Whether a library's name, called or used as a decorator, keeps calls in."""
    return name in _RECORDERS or says_double(name)


def is_covering_mark(name: str) -> bool:
    return name in _MARKS or says_double(name)


def is_covering_fixture(name: str) -> bool:
    """Whether a fixture that is not the project's own keeps calls in, by its name."""
    return name in _FIXTURES or says_double(name)
