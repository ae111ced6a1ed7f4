"""use_cassette as decorator and context manager, and which cassette is active where."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import importlib.util
import inspect
import subprocess
import sys
import textwrap
import threading
import urllib.request
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpcore
import httpx
import pytest

import promptecho
from promptecho import CassetteMiss, use_cassette
from promptecho.errors import AmbiguousCassetteError, CassetteNestingError, PromptechoError, SettingsError
from tests.conformance.server import ScriptedServer


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as running:
        yield running


def ask(server: ScriptedServer, text: str = "hi") -> bytes:
    return httpx.post(f"{server.url}/echo", json={"prompt": text}, trust_env=False).content


async def ask_async(server: ScriptedServer, text: str = "hi") -> bytes:
    async with httpx.AsyncClient(trust_env=False) as client:
        return (await client.post(f"{server.url}/echo", json={"prompt": text})).content


class CallableObject:
    def __init__(self, server: ScriptedServer) -> None:
        self.server = server

    async def __call__(self) -> bytes:
        return await ask_async(self.server)


def kinds(server: ScriptedServer) -> dict[str, tuple[Any, Any]]:
    """Each kind of function that can be decorated, and how to run it to its end."""

    def plain() -> bytes:
        return ask(server)

    async def coroutine() -> bytes:
        return await ask_async(server)

    def generator() -> Iterator[bytes]:
        yield b"first"
        yield ask(server)

    async def async_generator() -> AsyncIterator[bytes]:
        yield b"first"
        yield await ask_async(server)

    def returns_coroutine() -> Any:
        return coroutine()

    async def collect(stream: Any) -> bytes:
        return [item async for item in stream][-1]

    return {
        "plain": (plain, lambda f: f()),
        "coroutine": (coroutine, lambda f: asyncio.run(f())),
        "generator": (generator, lambda f: list(f())[-1]),
        "async generator": (async_generator, lambda f: asyncio.run(collect(f()))),
        "returns a coroutine": (returns_coroutine, lambda f: asyncio.run(f())),
        "partial": (functools.partial(plain), lambda f: f()),
        "callable object": (CallableObject(server), lambda f: asyncio.run(f())),
    }


@pytest.mark.parametrize("kind", sorted(kinds(None)))  # type: ignore[arg-type]  # only the names are used here
def test_every_kind_of_function_runs_inside_its_cassette(server: ScriptedServer, tmp_path: Path, kind: str) -> None:
    function, run = kinds(server)[kind]
    decorated = use_cassette(tmp_path / "c.yaml")(function)
    live = run(decorated)
    assert server.hits == 1
    server.stop()
    assert run(use_cassette(tmp_path / "c.yaml", mode="none")(function)) == live
    with pytest.raises(CassetteMiss):
        run(use_cassette(tmp_path / "other.yaml", mode="none")(function))
    assert server.hits == 1


def test_a_decorated_function_keeps_its_kind_and_name(tmp_path: Path) -> None:
    @use_cassette(tmp_path / "c.yaml")
    def generator() -> Iterator[int]:
        """What it does."""
        yield 1

    @use_cassette(tmp_path / "c.yaml")
    async def coroutine(a: int) -> int:
        return a

    assert inspect.isgeneratorfunction(generator)
    assert inspect.iscoroutinefunction(coroutine)
    assert (generator.__name__, generator.__doc__) == ("generator", "What it does.")
    assert list(inspect.signature(coroutine).parameters) == ["a"]


def test_a_generator_gives_back_its_return_value_and_takes_what_is_sent(tmp_path: Path) -> None:
    @use_cassette(tmp_path / "c.yaml")
    def talk() -> Any:
        got = yield 1
        return got * 2

    running = talk()
    assert next(running) == 1
    with pytest.raises(StopIteration) as end:
        running.send(21)
    assert end.value.value == 42


def test_an_async_generator_takes_what_is_sent_and_thrown(tmp_path: Path) -> None:
    @use_cassette(tmp_path / "c.yaml")
    async def talk() -> Any:
        got = yield 1
        try:
            yield got
        except KeyError:
            yield "caught"

    async def main() -> list[Any]:
        running = talk()
        return [await running.__anext__(), await running.asend(7), await running.athrow(KeyError())]

    assert asyncio.run(main()) == [1, 7, "caught"]


def test_methods_static_methods_and_class_methods_are_decorated(server: ScriptedServer, tmp_path: Path) -> None:
    class Asker:
        @use_cassette(tmp_path / "m.yaml")
        def method(self) -> bytes:
            return ask(server, "method")

        @use_cassette(tmp_path / "s.yaml")
        @staticmethod
        def static() -> bytes:
            return ask(server, "static")

        @use_cassette(tmp_path / "k.yaml")
        @classmethod
        def of_class(cls) -> bytes:
            return ask(server, "class")

    live = [Asker().method(), Asker.static(), Asker.of_class()]
    server.stop()
    assert [Asker().method(), Asker.static(), Asker.of_class()] == live


def test_the_tests_of_a_decorated_class_share_one_cassette(server: ScriptedServer, tmp_path: Path) -> None:
    def make() -> Any:
        @use_cassette(tmp_path / "c.yaml")
        class Tests:
            def test_one(self) -> bytes:
                return ask(server, "one")

            def test_two(self) -> bytes:
                return ask(server, "two")

            def not_a_test(self) -> str:
                return "untouched"

        return Tests()

    first = make()
    live = [first.test_one(), first.test_two()]
    assert server.hits == 2
    server.stop()
    again = make()
    assert [again.test_two(), again.test_one()] == live[::-1]
    with pytest.raises(TypeError, match="no methods"):
        use_cassette(tmp_path / "c.yaml")(type("Empty", (), {}))


def test_the_async_context_manager_works_like_the_sync_one(server: ScriptedServer, tmp_path: Path) -> None:
    async def main(mode: str) -> bytes:
        async with use_cassette(tmp_path / "c.yaml", mode) as cassette:
            answer = await ask_async(server)
            assert len(cassette.interactions) == 1
            return answer

    live = asyncio.run(main("once"))
    server.stop()
    assert asyncio.run(main("none")) == live


def test_every_patched_attribute_is_the_original_again_whatever_was_raised(tmp_path: Path) -> None:
    points = [
        (httpx.HTTPTransport, "handle_request"),
        (httpx.AsyncHTTPTransport, "handle_async_request"),
        (httpx.Client, "_transport_for_url"),
        (httpx.AsyncClient, "_transport_for_url"),
        (httpcore.HTTPConnection, "handle_request"),
        (httpcore.AsyncHTTPConnection, "handle_async_request"),
    ]

    def state() -> list[object]:
        found = [vars(owner)[name] for owner, name in points]
        return [(each, each.__code__, dict(vars(each))) for each in found]

    before = state()
    with pytest.raises(KeyboardInterrupt), use_cassette(tmp_path / "c.yaml"):
        assert state() != before
        raise KeyboardInterrupt
    assert state() == before
    assert not any("promptecho" in type(finder).__module__ for finder in sys.meta_path)


def test_nesting_in_one_context_is_an_error_that_names_both(tmp_path: Path) -> None:
    with use_cassette(tmp_path / "outer.yaml"):
        with pytest.raises(CassetteNestingError, match=r"inner\.yaml.*outer\.yaml") as caught:
            with use_cassette(tmp_path / "inner.yaml"):
                pass
    assert isinstance(caught.value, RuntimeError)


def test_the_innermost_of_nested_cassettes_takes_the_calls_while_it_is_open(
    server: ScriptedServer, tmp_path: Path
) -> None:
    with use_cassette(tmp_path / "outer.yaml") as outer:
        ask(server, "before")
        with use_cassette(tmp_path / "inner.yaml", nest=True) as inner:
            ask(server, "inside")
            in_thread(ask, server, "from a thread")
        ask(server, "after")
        in_thread(ask, server, "from a thread, after")
    assert [each.body["prompt"] for each in inner.recorded] == ["inside", "from a thread"]
    assert [each.body["prompt"] for each in outer.recorded] == ["before", "after", "from a thread, after"]


def test_a_nested_cassette_of_one_task_is_not_that_of_the_others(server: ScriptedServer, tmp_path: Path) -> None:
    async def nested(number: int) -> list[Any]:
        async with use_cassette(tmp_path / f"{number}.yaml", nest=True) as cassette:
            await ask_async(server, f"task {number}")
            await asyncio.sleep(0)
            await ask_async(server, f"task {number} again")
        return [each.body["prompt"] for each in cassette.recorded]

    async def main() -> tuple[list[Any], list[Any]]:
        async with use_cassette(tmp_path / "outer.yaml") as outer:
            *found, _ = await asyncio.gather(*map(nested, range(4)), ask_async(server, "beside them"))
        return found, [each.body["prompt"] for each in outer.recorded]

    found, outer = asyncio.run(main())
    assert found == [[f"task {number}", f"task {number} again"] for number in range(4)]
    assert outer == ["beside them"]


def test_the_error_of_nesting_says_what_opened_both(tmp_path: Path) -> None:
    @use_cassette(tmp_path / "held.yaml")
    def held() -> Iterator[None]:
        yield

    fixture = held()
    next(fixture)
    with pytest.raises(CassetteNestingError) as caught, use_cassette(tmp_path / "second.yaml"):
        pass
    fixture.close()  # type: ignore[attr-defined]  # it is a generator
    said = str(caught.value)
    assert "@use_cassette on held, which has not ended (a fixture that yields inside its cassette?)" in said
    assert "use_cassette in test_the_error_of_nesting_says_what_opened_both, " in said
    assert "nest=True" in said


def test_a_decorator_without_a_path_names_the_cassette_after_what_it_decorates(
    server: ScriptedServer, tmp_path: Path
) -> None:
    file = tmp_path / "shop.py"
    file.write_text(
        textwrap.dedent(
            """
            import promptecho
            use_cassette = promptecho.use_cassette
            ask = None

            @use_cassette
            def plain(): return ask()

            @use_cassette()
            async def coroutine(): return ask()

            @use_cassette
            def generator(): yield ask()

            class Shop:
                @use_cassette()
                def method(self): return ask()
                @use_cassette
                @staticmethod
                def static(): return ask()

            @use_cassette
            class TestShop:
                def setup_method(self): ask()
                def test_a(self): ask()
            """
        ),
        encoding="utf-8",
    )
    spec = importlib.util.spec_from_file_location("shop", file)
    assert spec is not None
    assert spec.loader is not None
    shop: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(shop)
    shop.ask = lambda: ask(server)
    shop.plain()
    asyncio.run(shop.coroutine())
    assert len(list(shop.generator())) == 1
    shop.Shop().method()
    shop.Shop.static()
    shop.TestShop().setup_method()
    names = {path.stem for path in (tmp_path / "cassettes").iterdir()}
    assert names == {"plain", "coroutine", "generator", "Shop.method", "Shop.static", "TestShop"}


def test_a_with_statement_without_a_path_is_an_error_that_says_so() -> None:
    with pytest.raises(SettingsError, match="in a with statement, name the file"), use_cassette():
        pass


def test_two_tasks_in_two_cassettes_do_not_mix(server: ScriptedServer, tmp_path: Path) -> None:
    async def task(name: str) -> list[str]:
        async with use_cassette(tmp_path / f"{name}.yaml") as cassette:
            for number in range(5):
                await ask_async(server, f"{name} {number}")
                await asyncio.sleep(0)
            return [each.body["prompt"] for each in cassette.recorded]

    async def main() -> list[list[str]]:
        return await asyncio.gather(task("a"), task("b"))

    assert asyncio.run(main()) == [[f"{name} {number}" for number in range(5)] for name in "ab"]


def test_200_gathered_tasks_record_and_replay_exactly(server: ScriptedServer, tmp_path: Path) -> None:
    async def main() -> list[bytes]:
        async with httpx.AsyncClient(trust_env=False, limits=httpx.Limits(max_connections=20), timeout=60) as client:
            return [
                answer.content
                for answer in await asyncio.gather(
                    *(client.post(f"{server.url}/echo", json={"prompt": str(number)}) for number in range(200))
                )
            ]

    with use_cassette(tmp_path / "c.yaml") as cassette:
        live = asyncio.run(main())
    assert len(cassette.recorded) == server.hits == 200
    server.stop()
    with use_cassette(tmp_path / "c.yaml", "none") as cassette:
        assert asyncio.run(main()) == live
    assert not cassette.unused


def in_thread(function: Any, *arguments: Any) -> Any:
    """Run in a thread with an empty context, as a worker that was started before."""
    outcome: list[Any] = []

    def run() -> None:
        try:
            outcome.append(contextvars.Context().run(function, *arguments))
        except BaseException as error:
            outcome.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if isinstance(outcome[0], BaseException):
        raise outcome[0]
    return outcome[0]


def test_a_worker_thread_uses_the_only_active_cassette(server: ScriptedServer, tmp_path: Path) -> None:
    with use_cassette(tmp_path / "c.yaml") as cassette:
        in_thread(ask, server)
    assert len(cassette.recorded) == 1


def test_a_worker_thread_with_several_to_choose_from_gets_an_error(server: ScriptedServer, tmp_path: Path) -> None:
    with use_cassette(tmp_path / "a.yaml"):

        def other() -> None:
            with use_cassette(tmp_path / "b.yaml"), pytest.raises(AmbiguousCassetteError, match=r"a\.yaml, .*b\.yaml"):
                in_thread(ask, server)

        in_thread(other)
    assert server.hits == 0


def test_a_swallowed_miss_is_raised_again_when_the_cassette_closes(server: ScriptedServer, tmp_path: Path) -> None:
    with pytest.raises(CassetteMiss), use_cassette(tmp_path / "c.yaml", "none"):
        try:
            ask(server)
        except BaseException:
            pass


def test_a_miss_lost_in_gather_is_raised_again(server: ScriptedServer, tmp_path: Path) -> None:
    async def main() -> None:
        await asyncio.gather(ask_async(server), return_exceptions=True)

    with pytest.raises(CassetteMiss), use_cassette(tmp_path / "c.yaml", "none"):
        asyncio.run(main())


def test_a_miss_that_the_test_catches_by_name_is_not_raised_again(server: ScriptedServer, tmp_path: Path) -> None:
    with use_cassette(tmp_path / "c.yaml", "none") as cassette:
        with pytest.raises(CassetteMiss):
            ask(server)
        try:
            ask(server)
        except promptecho.CassetteMiss:
            pass
    assert len(cassette.misses) == 2


def test_misses_can_be_acknowledged(server: ScriptedServer, tmp_path: Path) -> None:
    with use_cassette(tmp_path / "c.yaml", "none") as cassette:
        try:
            ask(server)
        except BaseException:
            cassette.acknowledge_misses()


def test_a_miss_passes_except_exception() -> None:
    assert issubclass(CassetteMiss, PromptechoError)
    assert not issubclass(PromptechoError, Exception)
    assert not issubclass(CassetteMiss, Exception)
    assert not issubclass(promptecho.RecordedErrorResponse, Exception)


def test_a_relative_path_is_fixed_when_the_cassette_opens(
    server: ScriptedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    cassette = use_cassette("c.yaml")
    monkeypatch.chdir(tmp_path)
    with cassette:
        monkeypatch.chdir(tmp_path / "elsewhere")
        ask(server)
    assert (tmp_path / "c.yaml").exists()
    assert not (tmp_path / "elsewhere" / "c.yaml").exists()


def test_the_mode_variable_is_read_when_a_cassette_opens_and_wins(
    server: ScriptedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @use_cassette(tmp_path / "c.yaml", mode="once")
    def function() -> bytes:
        return ask(server)

    monkeypatch.setenv("PROMPTECHO_MODE", "none")
    with pytest.raises(CassetteMiss):
        function()
    monkeypatch.delenv("PROMPTECHO_MODE")
    function()
    monkeypatch.setenv("PROMPTECHO_MODE", "all")
    function()
    assert server.hits == 2


def test_a_library_that_is_imported_later_is_intercepted_all_the_same(server: ScriptedServer, tmp_path: Path) -> None:
    program = f"""
        import sys, promptecho
        assert "httpx" not in sys.modules
        with promptecho.use_cassette({str(tmp_path / "c.yaml")!r}) as cassette:
            import httpx
            httpx.post({server.url!r} + "/echo", json={{"prompt": "hi"}}, trust_env=False)
        assert len(cassette.recorded) == 1
        assert httpx.HTTPTransport.handle_request.__module__.startswith("httpx"), "restored"
        assert not any("promptecho" in type(finder).__module__ for finder in sys.meta_path)
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(program)], check=True, timeout=60)
    assert server.hits == 1


def test_in_process_transports_are_left_alone(tmp_path: Path) -> None:
    class Own(httpx.BaseTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            return httpx.Response(200, text="double")

    for transport in (httpx.MockTransport(lambda request: httpx.Response(200, text="double")), Own()):
        with use_cassette(tmp_path / "c.yaml", "none"), httpx.Client(transport=transport) as client:
            assert client.get("http://example.test/").text == "double"


def test_a_transport_that_sends_by_itself_is_intercepted(server: ScriptedServer, tmp_path: Path) -> None:
    class Own(httpx.BaseTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            with urllib.request.urlopen(str(request.url), timeout=5) as answer:
                return httpx.Response(200, content=answer.read())

    for mode in ("once", "none"):
        with use_cassette(tmp_path / "c.yaml", mode) as cassette, httpx.Client(transport=Own()) as client:
            assert "x" in client.get(f"{server.url}/x").text
        assert len(cassette.interactions) == 1
    assert server.hits == 1


def test_a_transport_around_the_network_one_runs_on_replay_too(server: ScriptedServer, tmp_path: Path) -> None:
    class Adding(httpx.BaseTransport):
        def __init__(self) -> None:
            self.inner = httpx.HTTPTransport()

        def handle_request(self, request: httpx.Request) -> httpx.Response:
            response = self.inner.handle_request(request)
            response.headers["x-added"] = "yes"
            return response

    for mode in ("once", "none"):
        with use_cassette(tmp_path / "c.yaml", mode) as cassette, httpx.Client(transport=Adding()) as client:
            assert client.get(f"{server.url}/x").headers["x-added"] == "yes"
            assert len(cassette.interactions) == 1
    assert server.hits == 1


def test_ignored_hosts_pass_through_untouched(server: ScriptedServer, tmp_path: Path) -> None:
    for arguments in ({"ignore_localhost": True}, {"ignore_hosts": ["127.0.0.1"]}, {"only_hosts": ["api.openai.com"]}):
        with use_cassette(tmp_path / "c.yaml", "none", **arguments) as cassette:  # type: ignore[arg-type]
            ask(server)
        assert cassette.passed_through == 1
    assert server.hits == 3
    assert not (tmp_path / "c.yaml").exists()


def test_importing_promptecho_loads_no_http_library_and_no_cli_library() -> None:
    program = """
        import sys, promptecho, promptecho.pytest_plugin
        heavy = {"httpx", "httpx2", "requests", "urllib3", "aiohttp", "botocore", "click", "rich", "portalocker"}
        assert not heavy & set(sys.modules), heavy & set(sys.modules)
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(program)], check=True, timeout=60)
