"""Where one library rides on another, a call is recorded once, and replays through either layer."""

from __future__ import annotations

import asyncio
import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from promptecho import use_cassette
from promptecho.errors import BackendError, SettingsError
from tests.sdk.calls import CHAT, KEY
from tests.sdk.provider_server import ProviderServer


def _needs(*modules: str) -> pytest.MarkDecorator:
    missing = [name for name in modules if importlib.util.find_spec(name) is None]
    return pytest.mark.skipif(bool(missing), reason=f"needs {', '.join(missing)}")


def over_requests(url: str) -> Any:
    requests: Any = pytest.importorskip("requests", reason="needs requests")
    return requests.post(f"{url}/v1/chat/completions", json=CHAT, timeout=5).json()


def over_vendored_aiohttp(url: str) -> Any:
    openai: Any = pytest.importorskip("openai", reason="needs openai")

    async def main() -> Any:
        async with openai.AsyncOpenAI(
            base_url=f"{url}/v1", api_key=KEY, max_retries=0, http_client=openai.DefaultAioHttpClient()
        ) as client:
            return json.loads((await client.chat.completions.create(**CHAT)).model_dump_json())

    return asyncio.run(main())


def over_httpx_aiohttp(url: str) -> Any:
    httpx, transports = (
        pytest.importorskip("httpx", reason="needs httpx"),
        pytest.importorskip("httpx_aiohttp", reason="needs httpx_aiohttp"),
    )

    async def main() -> Any:
        async with httpx.AsyncClient(transport=transports.AiohttpTransport()) as client:
            return (await client.post(f"{url}/v1/chat/completions", json=CHAT)).json()

    return asyncio.run(main())


STACKS = [
    pytest.param(over_requests, "requests", "urllib3", id="requests-urllib3", marks=_needs("requests", "urllib3")),
    pytest.param(
        over_vendored_aiohttp, "httpx2", "aiohttp", id="openai-aiohttp", marks=_needs("openai", "httpx2", "aiohttp")
    ),
    pytest.param(over_httpx_aiohttp, "httpx", "aiohttp", id="httpx-aiohttp", marks=_needs("httpx_aiohttp", "aiohttp")),
]


@pytest.mark.parametrize(("call", "upper", "lower"), STACKS)
@pytest.mark.parametrize("recorded_at", ["upper", "lower", "both"])
@pytest.mark.parametrize("replayed_at", ["upper", "lower", "both"])
def test_a_recording_of_one_layer_replays_through_another(
    tmp_path: Path, call: Callable[[str], Any], upper: str, lower: str, recorded_at: str, replayed_at: str
) -> None:
    layers = {"upper": [upper], "lower": [lower], "both": [upper, lower]}
    path = tmp_path / "c.yaml"
    with ProviderServer() as server:
        with use_cassette(path, backends=layers[recorded_at]) as cassette:
            live = call(server.url)
    assert len(cassette.recorded) == len(server.hits) == 1
    with use_cassette(path, "none", backends=layers[replayed_at]) as cassette:
        assert call(server.url) == live
    assert len(cassette.played) == 1


def test_a_recording_of_one_library_replays_through_every_other(tmp_path: Path) -> None:
    from tests.conformance.drivers import Call, all_drivers

    path = tmp_path / "c.yaml"
    drivers = all_drivers()
    with ProviderServer() as server:
        call = Call("POST", f"{server.url}/v1/chat/completions", json=CHAT)
        with use_cassette(path, backends=[drivers[0].backend]):
            live = drivers[0].send(call).body
    for driver in drivers:
        with use_cassette(path, "none", backends=[driver.backend]):
            assert driver.send(call).body == live


@pytest.mark.parametrize(
    ("name", "error", "text"),
    [
        ("urlib3", SettingsError, "did you mean 'urllib3'"),
        ("broken", BackendError, "'broken' can't be loaded: ZeroDivisionError"),
        ("nothing", BackendError, "has no patch_points"),
        ("no_such_library", BackendError, "pip install no_such_library"),
    ],
)
def test_a_backend_that_is_not_there_or_broken_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, error: type[BaseException], text: str
) -> None:
    info = tmp_path / "broken-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[promptecho.backends]\nbroken = broken:Broken\nnothing = nothing:Nothing\nno_such_library = nothing:Nothing\n"
    )
    (tmp_path / "broken.py").write_text("1 / 0\n")
    (tmp_path / "nothing.py").write_text("class Nothing: pass\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(error, match=text):
        use_cassette(tmp_path / "c.yaml", backends=[name]).__enter__()


def test_a_library_too_old_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    urllib3: Any = pytest.importorskip("urllib3", reason="needs urllib3")
    monkeypatch.setattr(urllib3, "__version__", "1.26.18")
    with pytest.raises(BackendError, match=r"urllib3 1\.26\.18 is too old"):
        use_cassette(tmp_path / "c.yaml", backends=["urllib3"]).__enter__()
