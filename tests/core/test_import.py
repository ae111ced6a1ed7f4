"""``promptecho import`` and ``promptecho export``: recordings of other tools replay, and ours become HAR and come back.

The sample files in ``tests/data`` were recorded with the real tools by ``tests/data/record.py``, which names versions.
"""

from __future__ import annotations

import base64
import gzip
import json
import os
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promptecho import Cassette, Mode, use_cassette
from promptecho._cassette import index as _index
from promptecho._cassette import store
from promptecho._import import Imported, import_file
from promptecho._import.exchange import time_of
from promptecho._matching.identity import MatchOptions
from promptecho._models import Headers, Request, Response, ResponseHead
from promptecho._secrets.passes import Redactor
from promptecho._session.recorder import Forward
from promptecho._session.session import Replay, Session
from promptecho._settings.settings import Settings
from promptecho.errors import CassetteFileError, CassetteFormatError, CassetteMiss, CassetteWriteError
from tests.command_line import promptecho

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "tests" / "data"
BASE = "http://127.0.0.1:8765/v1"
CHAT = {"messages": [{"content": "Grüße?", "role": "user"}], "model": "gpt-5"}  # in another order than it was sent
ODD = ["1e5", "no", "~", "0x1f", "0o17", "1_000", "12:30:45", "2026-11-25", "=", "<<", "", " a ", "a: b", "- x"]
REPLAY = Settings(mode=Mode.NONE)


class Player:
    """A cassette opened for a pure replay, by its index, asked without any HTTP library."""

    def __init__(self, path: Path, settings: Settings = REPLAY) -> None:
        cassette = Cassette(path, settings.match)
        index = _index.index(path.read_bytes(), path, settings.match.digest)
        assert index is not None
        cassette.add_index(index)
        self._session = Session(cassette, settings, Redactor({}), lambda: 0.0, journal=None, resuming=False)

    def ask(
        self, method: str, url: str, body: bytes = b"", content_type: str = "application/json", **headers: str
    ) -> Response:
        sent = {"content-type": content_type, **{name.replace("_", "-"): value for name, value in headers.items()}}
        decision = self._session.decide(Request(method, url, Headers(sent), body))
        assert isinstance(decision, Replay)
        return decision.response

    def post(self, path: str, tree: object) -> Response:
        return self.ask("POST", BASE + path, json.dumps(tree, indent=1).encode())


def imported(tmp_path: Path, content: object, name: str = "old.yaml", **options: Any) -> tuple[Path, Imported]:
    """A file with some content, imported."""
    source = tmp_path / name
    if isinstance(content, bytes):
        source.write_bytes(content)
    else:
        text = content if isinstance(content, str) else json.dumps(content)
        source.write_bytes(text.encode("utf-8", "surrogatepass"))
    target = tmp_path / "new" / "cassette.yaml"
    return target, import_file(source, target, **options)


def vcrpy_entry(**changes: Any) -> dict[str, Any]:
    request = {
        "method": "POST",
        "uri": f"{BASE}/x",
        "headers": {},
        "body": '{"input": "a"}',
        **changes.pop("request", {}),
    }
    response = {
        "status": {"code": 200, "message": "OK"},
        "headers": {"Content-Type": ["application/json"]},
        "body": {"string": '{"a": 1}'},
        **changes.pop("response", {}),
    }
    return {"request": request, "response": response, **changes}


def vcrpy_file(*entries: dict[str, Any]) -> str:
    return json.dumps({"version": 1, "interactions": list(entries)})


# --- what the real tools wrote ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "vcrpy-httpx2.yaml",
        "vcrpy-decoded.yaml",
        "cassetter-httpx2.yaml",
        "mitmproxy.har",
        "cassetter-httpx2.toml",
    ],
)
def test_a_recorded_suite_replays_call_by_call(tmp_path: Path, name: str) -> None:
    target = tmp_path / "cassette.yaml"
    report = import_file(DATA / name, target)
    assert (report.recordings, report.streams, report.errors, report.skipped) == (12, 2, 1, {})
    assert report.warnings == ()
    play = Player(target)

    plain, zipped = play.post("/chat/completions", CHAT), play.post("/zipped/chat/completions", CHAT)
    assert json.loads(plain.body)["choices"][0]["message"]["content"] == "Grüße 1"
    assert json.loads(zipped.body)["choices"][0]["message"]["content"] == "Grüße 2"
    assert "content-encoding" not in zipped.head.headers
    assert zipped.head.headers.get("content-length") == str(len(zipped.body))

    for path, number in (("/chat/completions", 3), ("/zipped/chat/completions", 4)):
        stream = play.post(path, {**CHAT, "stream": True})
        assert len(stream.chunks) == 4  # one by one
        assert stream.chunks[0].decode() == f'data: {{"id":"s{number}","text":"Grüße"}}\n\n'
        assert stream.chunks[-1] == b"data: [DONE]\n\n"

    picture = play.ask("GET", f"{BASE}/png?api_key=another&size=1+1")
    assert picture.body.startswith(b"\x89PNG")
    assert picture.head.headers.get("content-type") == "image/png"

    form_data = b"--X\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nw\r\n--X\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\nContent-Type: audio/wav\r\n\r\nRIFF\x00\xff\r\n--X--\r\n"  # fmt: skip
    assert b"c6" in play.ask("POST", f"{BASE}/audio", form_data, "multipart/form-data; boundary=X").body
    assert b"c7" in play.ask("POST", f"{BASE}/form", b"a=1&b=%C3%BC", "application/x-www-form-urlencoded").body
    assert b"c8" in play.ask("POST", f"{BASE}/bytes", b"\x00\xff\xfe", "").body
    assert json.loads(play.post("/odd", {"input": ODD}).body)["odd"] == ODD
    assert [play.post("/limited", CHAT).head.status_code for _ in range(2)] == [429, 200]
    assert (nothing := play.post("/nothing", CHAT)).head.status_code == 204
    assert nothing.body == b""

    with pytest.raises(CassetteMiss):
        play.post("/chat/completions", {**CHAT, "messages": [{"role": "user", "content": "other"}]})
    with pytest.raises(CassetteMiss):
        play.ask("GET", f"{BASE}/png?api_key=another&size=2+2")


def test_bytes_of_vcrpy_replay_exactly(tmp_path: Path) -> None:
    import_file(DATA / "vcrpy-httpx2.yaml", tmp_path / "cassette.yaml")
    answer = Player(tmp_path / "cassette.yaml").post("/zipped/chat/completions", CHAT)
    expected = {"id": "c2", "choices": [{"message": {"content": "Grüße 2"}}], "odd": ODD}
    assert answer.body == json.dumps(expected, ensure_ascii=False, separators=(",", ":")).encode()


def test_no_credential_of_the_source_is_in_the_cassette(tmp_path: Path) -> None:
    assert "local-sample-key-1" in (DATA / "vcrpy-httpx2.yaml").read_text(encoding="utf-8")
    import_file(DATA / "vcrpy-httpx2.yaml", tmp_path / "cassette.yaml")
    text = (tmp_path / "cassette.yaml").read_text(encoding="utf-8")
    assert "local-sample-key" not in text
    assert "set-cookie: REDACTED" in text
    assert "size=REDACTED&api_key=REDACTED" in text


def test_an_imported_cassette_is_a_finished_one_with_an_index_and_its_date(tmp_path: Path) -> None:
    target = tmp_path / "cassette.yaml"
    import_file(DATA / "vcrpy-httpx2.yaml", target)
    data = target.read_bytes()
    index = _index.index(data, target, MatchOptions().digest)
    assert index is not None
    assert len(index) == 12
    assert index.plain == []  # each key can be trusted
    header = store.parse(data.decode(), target).header
    assert header["recorded_at"] == "2026-11-25T12:00:00Z"  # of the Date fields: vcrpy keeps no time of its own
    assert header["recorded_with"]["imported_from"] == "vcrpy"
    assert "unfinished" not in header
    assert [path.name for path in tmp_path.iterdir()] == ["cassette.yaml"]


def test_bodies_that_requests_read_from_files_and_iterators_are_taken_over(tmp_path: Path) -> None:
    report = import_file(DATA / "vcrpy-requests.yaml", tmp_path / "cassette.yaml")
    assert report.backends == ("requests",)
    play = Player(tmp_path / "cassette.yaml")
    assert b"c2" in play.ask("POST", f"{BASE}/bytes", b"\x00\xff\xfe", "").body
    assert b"c3" in play.ask("POST", f"{BASE}/bytes", b"x1y2", "").body


def test_trees_that_aiohttp_was_given_are_taken_over_and_its_decoded_bodies_not_decoded_again(tmp_path: Path) -> None:
    import_file(DATA / "vcrpy-aiohttp.yaml", tmp_path / "cassette.yaml")
    play = Player(tmp_path / "cassette.yaml")
    answer = play.post("/zipped/chat/completions", CHAT)
    assert json.loads(answer.body)["id"] == "c1"
    assert "content-encoding" not in answer.head.headers
    assert play.post("/zipped/chat/completions", {**CHAT, "stream": True}).body.endswith(b"data: [DONE]\n\n")
    assert b"c3" in play.ask("POST", f"{BASE}/zipped/chat/completions", b"\x00\xff", "").body


def test_json_cassettes_and_scrubbed_ones_are_read_and_the_scrubbing_is_told(tmp_path: Path) -> None:
    assert import_file(DATA / "vcrpy-text.json", tmp_path / "text.yaml").warnings == ()
    assert Player(tmp_path / "text.yaml").post("/limited", CHAT).head.status_code == 429
    report = import_file(DATA / "vcrpy-scrubbed.yaml", tmp_path / "scrubbed.yaml")
    (warning,) = report.warnings
    assert warning.startswith(f"entry 0 (POST {BASE}/chat/completions) and 2 more: the request body is not as long")


def test_what_stands_for_a_key_is_not_masked_in_prompts(tmp_path: Path) -> None:
    entry = vcrpy_entry(
        request={"headers": {"Authorization": ["Bearer my-dummy-key"]}, "body": '{"input": "is my-dummy-key a key?"}'}
    )
    target, _ = imported(tmp_path, vcrpy_file(entry))
    assert Player(target).post("/x", {"input": "is my-dummy-key a key?"}).body == b'{"a": 1}'


# --- requests of which no headers, or only some, were kept ------------------------------------------------------------

TALK: Any = {"contents": [{"role": "user", "parts": [{"text": "Register Ann, password Secret1."}]}]}
CALLED: Any = {"functionCall": {"name": "register", "args": {"password": "Secret1"}}}
TURNS: Any = {"contents": [*TALK["contents"], {"role": "model", "parts": [CALLED]}]}


def asked(body: Any, query: str = "", answer: int = 0, **headers: list[str]) -> dict[str, Any]:
    uri = f"https://generativelanguage.googleapis.com/v1beta/models/gemini:generateContent{query}"
    return vcrpy_entry(
        request={"uri": uri, "headers": headers, "body": json.dumps(body)},
        response={"body": {"string": json.dumps({"answer": answer})}},
    )


@pytest.mark.parametrize("headers", [{}, {"accept": ["*/*"]}, {"x-goog-api-key": ["DUMMY"], "accept-language": ["de"]}])
@pytest.mark.parametrize("query", ["", "?alt=sse", "?key=of-google", "?alt=sse&key=DUMMY"])
def test_a_request_without_its_headers_answers_whatever_they_are_and_no_other_one(
    tmp_path: Path, headers: dict[str, list[str]], query: str
) -> None:
    target, _ = imported(tmp_path, vcrpy_file(asked(TALK, query, 1, **headers), asked(TURNS, query, 2, **headers)))
    player = Player(target)
    url = f"https://generativelanguage.googleapis.com/v1beta/models/gemini:generateContent{query}"
    for body, answer in ((TALK, b'{"answer": 1}'), (TURNS, b'{"answer": 2}')):
        assert player.ask("POST", url, json.dumps(body).encode()).body == answer
        fields = "a.b,c"
        assert player.ask("POST", url, json.dumps(body).encode(), x_goog_fieldmask=fields, accept="a/b").body == answer
    for wrong, body in ((url, {"contents": [{"parts": [{"text": "?"}]}]}), (f"{url}{'&' if query else '?'}v=2", TALK)):
        with pytest.raises(CassetteMiss):
            player.ask("POST", wrong, json.dumps(body).encode())


def test_a_query_that_is_ignored_as_a_whole_is_none_on_import_and_on_replay(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.promptecho]\nignore = ["?start"]\n')
    (tmp_path / "old.json").write_text(vcrpy_file(asked(TALK, "?start=1", 1)))
    assert promptecho(tmp_path, "import", "old.json", "-o", "new.yaml").returncode == 0
    url = "https://generativelanguage.googleapis.com/v1beta/models/gemini:generateContent"
    settings = Settings(mode=Mode.NONE, match=MatchOptions(ignore=("?start",)))
    for query in ("?start=1", "?start=2", ""):
        player = Player(tmp_path / "new.yaml", settings)
        assert player.ask("POST", url + query, json.dumps(TALK).encode()).body == b'{"answer": 1}'


def test_a_request_that_says_who_asks_has_all_of_its_headers(tmp_path: Path) -> None:
    beta = {"user-agent": ["x"], "openai-beta": ["assistants=v2"]}
    target, _ = imported(tmp_path, vcrpy_file(vcrpy_entry(request={"headers": beta})))
    body = b'{"input": "a"}'
    assert Player(target).ask("POST", f"{BASE}/x", body, openai_beta="assistants=v2").body == b'{"a": 1}'
    with pytest.raises(CassetteMiss):
        Player(target).ask("POST", f"{BASE}/x", body)


def test_what_was_masked_in_a_request_without_its_headers_is_found_where_nothing_is_masked(tmp_path: Path) -> None:
    os.environ["LATER_API_KEY"] = key = "Zq8vT3mW9xK2pL5nR7dF"
    try:
        body = {"messages": [{"role": "user", "content": f"Is {key} a key?"}], "model": "m"}
        target, _ = imported(tmp_path, vcrpy_file(vcrpy_entry(request={"body": json.dumps(body)})))
    finally:
        del os.environ["LATER_API_KEY"]
    assert key not in target.read_text()
    asked_with = {"accept_language": "de", "anthropic_version": "2023-06-01"}
    assert Player(target).ask("POST", f"{BASE}/x", json.dumps(body).encode(), **asked_with).body == b'{"a": 1}'
    with pytest.raises(CassetteMiss):
        Player(target).ask("POST", f"{BASE}/x?v=2", json.dumps(body).encode(), **asked_with)


# --- forms of vcrpy ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("request_body", "sent"),
    [
        (None, b""),
        ("", b""),
        ("plain text", b"plain text"),
        ({"string": "plain text"}, b"plain text"),
        ({"base64_string": base64.b64encode(b"\x00\xff").decode()}, b"\x00\xff"),
        ({"encoding": "base64", "string": base64.b64encode(b"\x00\xff").decode()}, b"\x00\xff"),
        ({"model": "m", "input": ["a"]}, b'{"input":["a"],"model":"m"}'),
        (["a", 1], b'["a",1]'),
        ("\ud800", b"\xed\xa0\x80"),
    ],
)
def test_request_bodies_in_every_form(tmp_path: Path, request_body: object, sent: bytes) -> None:
    target, _ = imported(tmp_path, vcrpy_file(vcrpy_entry(request={"body": request_body})))
    assert Player(target).ask("POST", f"{BASE}/x", sent, "").body == b'{"a": 1}'


@pytest.mark.parametrize(
    ("response", "body"),
    [
        ({"body": {"string": ""}}, b""),
        ({"body": {}}, b""),
        ({"body": None}, b""),
        ({"body": {"base64_string": base64.b64encode(b"\x00\xff").decode()}}, b"\x00\xff"),
        ({"parsed_body": {"a": [1]}, "body": None}, b'{"a": [1]}'),
    ],
)
def test_response_bodies_in_every_form(tmp_path: Path, response: dict[str, Any], body: bytes) -> None:
    target, _ = imported(tmp_path, vcrpy_file(vcrpy_entry(response=response)))
    assert Player(target).post("/x", {"input": "a"}).body == body


def test_requests_whose_bodies_were_stored_parsed_are_matched(tmp_path: Path) -> None:
    entry = vcrpy_entry()
    del entry["request"]["body"]
    entry["request"]["parsed_body"] = {"input": "a"}
    target, _ = imported(tmp_path, vcrpy_file(entry))
    assert Player(target).post("/x", {"input": "a"}).body == b'{"a": 1}'


def test_responses_of_the_first_httpx_stub_are_read(tmp_path: Path) -> None:
    entry = vcrpy_entry()
    entry["response"] = {
        "http_version": "HTTP/1.1",
        "status_code": 503,
        "headers": {"content-encoding": "gzip", "content-type": "application/json"},
        "content": '{"error": 1}',
    }
    target, report = imported(tmp_path, vcrpy_file(entry))
    assert report.errors == 1
    answer = Player(target).post("/x", {"input": "a"})
    assert (answer.head.status_code, answer.body) == (503, b'{"error": 1}')


def test_header_fields_keep_their_repeats_and_an_unusual_reason_is_kept(tmp_path: Path) -> None:
    entry = vcrpy_entry(
        response={"status": {"code": 429, "message": "Enhance Your Calm"}, "headers": {"X-A": ["1", "2"], "x-b": "3"}}
    )
    target, _ = imported(tmp_path, vcrpy_file(entry))
    head = Player(target).post("/x", {"input": "a"}).head
    assert head.reason == "Enhance Your Calm"
    assert head.headers.pairs == (("X-A", "1"), ("X-A", "2"), ("x-b", "3"))


def test_a_damaged_compressed_body_is_kept_and_told(tmp_path: Path) -> None:
    cut = base64.b64encode(gzip.compress(b"a" * 100)[:-8]).decode()
    entry = vcrpy_entry(response={"headers": {"content-encoding": ["gzip"]}, "body": {"base64_string": cut}})
    target, report = imported(tmp_path, vcrpy_file(entry))
    assert "can't be decoded" in report.warnings[0]
    answer = Player(target).post("/x", {"input": "a"})
    assert answer.body == base64.b64decode(cut)
    assert answer.head.headers.get("content-encoding") == "gzip"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("", "is empty"),
        ("\n\n", "is empty"),
        (b"\xff\xfe\x00", "line 1: not UTF-8"),
        ("interactions: [\nversion: 1", ": not readable YAML"),
        ("interactions: []\nversion: 1\n", "holds no recording that could be taken over (it is empty)"),
        ("version: 1\nversion: 1\ninteractions: []\n", "line 2: the key 'version' stands twice"),
        ("- request: {uri: 'http://a/'}\n  response: {}\n", "vcrpy before 1.0"),
        (json.dumps({"version": 3, "interactions": [vcrpy_entry()]}), "version 3 of a vcrpy cassette is not known"),
        (vcrpy_file(vcrpy_entry(), vcrpy_entry(request={"uri": 5})), "interactions[1].request.uri is 5, expected a URL"),
        (vcrpy_file(vcrpy_entry(request={"uri": "/v1/x"})), "request.uri is '/v1/x', expected a URL with scheme and host"),
        (vcrpy_file(vcrpy_entry(request={"method": None})), "interactions[0].request.method is None"),
        (vcrpy_file(vcrpy_entry(request={"headers": [1]})), "interactions[0].request.headers is [1], expected a mapping"),
        (vcrpy_file(vcrpy_entry(response={"status": {"code": "200"}})), "interactions[0].response.status.code is '200'"),
        (vcrpy_file(vcrpy_entry(response={"status": {"code": 99}})), "expected a status code"),
        (vcrpy_file(vcrpy_entry(response={"body": {"text": "a"}})), "interactions[0].response.body is {'text': 'a'}"),
        (vcrpy_file(vcrpy_entry(response={"body": {"base64_string": "?"}})), "expected base64"),
        ("interactions:\n- request: !!python/object:os.system {uri: a}\n", "line 2: the tag 'tag:yaml.org,2002:python/"),
        ("interactions:\n- !!python/object/apply:os.system ['true']\n", "would make a Python object, and is not read"),
        ("interactions:\n- request: {uri: 'http://a/', method: GET}\n  response: 5\n", "interactions[0].response is 5"),
        ("a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
            f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join(['*' + chr(97 + n)] * 10)}]\n" for n in range(7)
        ), "aliases expand"),
        ("http_interactions: []\n", "is no cassette of vcrpy or cassetter and no HAR"),
        ("version: 2\ninteractions: []\n", "is a cassette of promptecho already"),
        (json.dumps({"version": 2, "interactions": [{"request": {"url": "http://a/"}, "response": {}}]}), "promptecho already"),
    ],
)  # fmt: skip
def test_a_bad_file_gives_one_error_that_names_it_and_leaves_nothing(
    tmp_path: Path, content: str | bytes, expected: str
) -> None:
    with pytest.raises(CassetteFormatError) as caught:
        imported(tmp_path, content)
    assert expected in str(caught.value)
    assert str(caught.value).startswith(str(tmp_path / "old.yaml"))
    assert [path.name for path in tmp_path.iterdir()] == ["old.yaml"]


def test_json_that_is_cut_off_or_repeats_a_key_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CassetteFormatError, match="not readable JSON"):
        imported(tmp_path, '{"version": 1, "interactions": [', "old.json")
    with pytest.raises(CassetteFormatError, match="'version' stands twice"):
        imported(tmp_path, '{"version": 1, "version": 1, "interactions": []}', "old.json")


# --- cassetter --------------------------------------------------------------------------------------------------------


def cassetter_file(body: object, **more: object) -> dict[str, Any]:
    entry = {
        "request": {"method": "POST", "uri": f"{BASE}/x?a=1", "headers": {}, "body": body},
        "response": {
            "status": 200,
            "headers": {"content-encoding": ["gzip"]},
            "body": {"type": "text", "content": "b"},
        },
        "recorded_at": "2026-02-20T10:30:01.123456789Z",
    }
    return {"version": 1, "interactions": [entry], **more}


def test_calls_that_are_no_http_are_counted_and_left_out(tmp_path: Path) -> None:
    content = cassetter_file({"type": "none"}, grpc_interactions=[{}, {}], ws_interactions=[{}])
    target, report = imported(tmp_path, content)
    assert report.skipped == {"gRPC": 2, "WebSocket": 1}
    assert report.format == "cassetter"
    assert Player(target).ask("POST", f"{BASE}/x?a=1").body == b"b"
    assert store.parse(target.read_text(), target).header["recorded_at"] == "2026-02-20T10:30:01Z"


def test_values_that_cassetter_filtered_out_of_what_is_matched_are_told(tmp_path: Path) -> None:
    content = cassetter_file({"type": "json", "content": {"password": "[FILTERED]"}})
    content["interactions"][0]["request"]["uri"] = f"{BASE}/x?user=[FILTERED]&token=[FILTERED]"
    _, report = imported(tmp_path, content)
    assert [line.partition(": the ")[2].partition(" so ")[0] for line in report.warnings] == [
        "request body holds [FILTERED] in the place of a value,",
        "query holds [FILTERED] in the place of a value,",
    ]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({**cassetter_file({"type": "none"}), "version": 2}, "version 2 of a cassetter cassette is not known"),
        (cassetter_file({"type": "xml", "content": "a"}), "request.body.type is 'xml', expected json, text, binary or none"),
        (cassetter_file({"type": "binary", "content": "0g"}), "request.body.content is '0g', expected hex digits"),
        (cassetter_file({"type": "text"}), "request.body.content is None, expected a text"),
    ],
)  # fmt: skip
def test_a_bad_cassetter_file_is_refused(tmp_path: Path, content: object, expected: str) -> None:
    with pytest.raises(CassetteFormatError) as caught:
        imported(tmp_path, content)
    assert expected in str(caught.value)


# --- HAR --------------------------------------------------------------------------------------------------------------


def har_entry(url: str = f"{BASE}/x", **changes: Any) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "startedDateTime": "2026-11-24T23:00:00.250+01:00",
        "time": 812.5,
        "request": {
            "method": "POST",
            "url": url,
            "httpVersion": "h2",
            "cookies": [],
            "headers": [
                {"name": ":authority", "value": "127.0.0.1"},
                {"name": "content-type", "value": "application/json"},
                {"name": "authorization", "value": "Bearer local-sample-key-3"},
            ],
            "queryString": [],
            "postData": {"mimeType": "application/json", "text": '{"input": "a"}'},
            "headersSize": -1,
            "bodySize": 14,
        },
        "response": {
            "status": 200,
            "statusText": "",
            "httpVersion": "h2",
            "cookies": [],
            "headers": [
                {"name": ":status", "value": "200"},
                {"name": "content-type", "value": "application/json; charset=utf-8"},
                {"name": "content-encoding", "value": "br"},
            ],
            "content": {"size": 27, "mimeType": "application/json", "text": '{"for": "local-sample-key-3"}'},
            "redirectURL": "",
            "headersSize": -1,
            "bodySize": -1,
        },
        "cache": {},
        "timings": {"send": 0, "wait": 800, "receive": 12.5},
    }
    for name, value in changes.items():
        entry[name] = {**entry[name], **value} if isinstance(value, dict) else value
    return entry


def har_file(*entries: dict[str, Any]) -> dict[str, Any]:
    return {
        "log": {"version": "1.2", "creator": {"name": "WebInspector", "version": "537.36"}, "entries": list(entries)}
    }


def test_a_call_of_a_browser_is_taken_over_with_its_time(tmp_path: Path) -> None:
    target, report = imported(tmp_path, har_file(har_entry()), "browser.har")
    assert (report.format, report.recordings, report.warnings) == ("har", 1, ())
    answer = Player(target).post("/x", {"input": "a"})
    assert answer.body == b'{"for": "REDACTED"}'
    assert [name for name, _ in answer.head.headers] == ["content-type"]
    assert answer.head.reason is None
    (interaction,) = Cassette.load(target).interactions
    assert interaction.duration == 0.8125
    header = store.parse(target.read_text(), target).header
    assert header["recorded_at"] == "2026-11-24T22:00:00Z"
    assert header["recorded_with"]["imported_from"] == "HAR of WebInspector 537.36"


def test_what_is_no_call_or_has_no_answer_is_left_out_by_reason(tmp_path: Path) -> None:
    absent = {"content": {"size": 100, "mimeType": "application/json"}}
    stream = {"content": {"size": 0 - 1, "mimeType": "text/event-stream"}, "bodySize": -1}
    target, report = imported(
        tmp_path,
        har_file(
            har_entry("wss://127.0.0.1/socket"),
            har_entry("chrome-extension://abc/x.js"),
            har_entry("data:text/plain,hi"),
            {**har_entry(f"{BASE}/app.js"), "_resourceType": "script"},
            {**har_entry(f"{BASE}/logo.png"), "_resourceType": "image"},
            {**har_entry(f"{BASE}/y"), "_resourceType": "fetch"},
            har_entry(f"{BASE}/blocked", response={"status": 0}),
            har_entry(f"{BASE}/odd", response={"status": 999}),
            har_entry(f"{BASE}/attached", response={"content": {"size": -1, "_file": "a.json"}}),
            har_entry(f"{BASE}/lost", response={"content": {"size": 9, "text": ""}}),
            har_entry(f"{BASE}/nothing", response={"content": {"size": 20, "compression": -20, "text": ""}}),
            har_entry(f"{BASE}/evicted?key=local-sample-key-3", response=absent),
            har_entry(f"{BASE}/stream", response=stream),
            har_entry(f"{BASE}/empty", response={"status": 204, "content": {"size": 0, "mimeType": "x-unknown"}}),
            har_entry("https://eu.i.posthog.com/i/v0/e/"),
        ),
        "browser.har",
    )
    assert report.skipped == {
        "WebSocket": 1,
        "not HTTP": 2,
        "part of a web page": 2,
        "no response": 1,
        "status that can't be replayed": 1,
        "response body not in the file": 4,
        "passes through by its host": 1,
    }
    assert report.recordings == 3
    assert any("log.entries[11]" in line and "save the HAR with content" in line for line in report.warnings)
    assert not any("local-sample-key" in line for line in report.warnings)
    assert Player(target).post("/empty", {"input": "a"}).body == b""


def test_only_the_hosts_asked_for_are_taken(tmp_path: Path) -> None:
    content = har_file(har_entry("https://api.openai.com/v1/x"), har_entry("https://shop.example/v1/x"))
    target, report = imported(tmp_path, content, "all.har", only_hosts=["openai.com"])
    assert (report.recordings, report.skipped) == (1, {"another host": 1})
    assert "shop.example" not in target.read_text()
    with pytest.raises(CassetteFormatError, match="2 another host"):
        import_file(tmp_path / "all.har", tmp_path / "none.yaml", only_hosts=["anthropic.com"])


@pytest.mark.parametrize(
    ("post", "content_type", "sent"),
    [
        ({"mimeType": "application/x-www-form-urlencoded", "params": [{"name": "a", "value": "ü 1"}]},
         "application/x-www-form-urlencoded", b"a=%C3%BC+1"),
        ({"mimeType": "multipart/form-data; boundary=B", "params": [
            {"name": "a", "value": "1"}, {"name": "f", "fileName": "a.txt", "contentType": "text/plain", "value": "hi"}]},
         "multipart/form-data; boundary=C",
         b'--C\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--C\r\nContent-Disposition: form-data; name="f"; '
         b'filename="a.txt"\r\nContent-Type: text/plain\r\n\r\nhi\r\n--C--\r\n'),
        ({"mimeType": "application/octet-stream", "encoding": "base64", "text": "AP8="}, "", b"\x00\xff"),
        ({"mimeType": "application/json", "text": '{"input": "ü"}'}, "application/json", '{"input":"ü"}'.encode()),
    ],
)  # fmt: skip
def test_post_data_in_every_form(tmp_path: Path, post: dict[str, Any], content_type: str, sent: bytes) -> None:
    entry = har_entry(request={"postData": post, "headers": []})
    target, _ = imported(tmp_path, har_file(entry), "a.har")
    assert Player(target).ask("POST", f"{BASE}/x", sent, content_type).head.status_code == 200


def test_request_bodies_that_are_not_in_the_file_are_told(tmp_path: Path) -> None:
    without = har_entry(request={"postData": None, "bodySize": 20})
    multipart = {"mimeType": "multipart/form-data; boundary=B", "params": [{"name": "f", "fileName": "a.wav"}]}
    _, report = imported(
        tmp_path, har_file(without, har_entry(request={"postData": multipart, "headers": []})), "a.har"
    )
    assert len(report.warnings) == 2
    assert "entry 0" in report.warnings[0]
    assert "request body is not in the file" in report.warnings[0]
    assert "a file that it sent is not in the HAR" in report.warnings[1]


def test_a_text_goes_back_to_the_bytes_of_its_charset(tmp_path: Path) -> None:
    headers = [{"name": "Content-Type", "value": "text/plain; charset=ISO-8859-1"}]
    entry = har_entry(response={"headers": headers, "content": {"size": -1, "mimeType": "text/plain", "text": "ü"}})
    target, _ = imported(tmp_path, har_file(entry), "a.har")
    assert Player(target).post("/x", {"input": "a"}).body == b"\xfc"


def test_a_har_with_a_byte_order_mark_is_read_and_a_bad_one_refused_by_its_entry(tmp_path: Path) -> None:
    _, report = imported(tmp_path, b"\xef\xbb\xbf" + json.dumps(har_file(har_entry())).encode(), "a.har")
    assert report.recordings == 1
    with pytest.raises(
        CassetteFormatError, match=r"log\.entries\[1\]\.response\.content\.text is '\?', expected base64"
    ):
        bad = {"content": {"text": "?", "encoding": "base64"}}
        imported(tmp_path, har_file(har_entry(), har_entry(response=bad)), "b.har", force=True)
    with pytest.raises(CassetteFormatError, match=r"version '2\.0' of HAR is not known"):
        imported(tmp_path, {"log": {"version": "2.0", "entries": []}}, "c.har", force=True)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-25T12:00:00Z", "2026-11-25T12:00:00+00:00"),
        ("2026-11-25T12:00:00.5-02:30", "2026-11-25T12:00:00.500000-02:30"),
        ("2026-11-25T12:00:00.123456789Z", "2026-11-25T12:00:00.123456+00:00"),
        ("2026-11-25T12:00:00", "2026-11-25T12:00:00+00:00"),
    ],
)
def test_times_are_read_in_the_forms_in_which_tools_write_them(text: str, expected: str) -> None:
    assert time_of(text) == datetime.fromisoformat(expected)


def test_what_is_no_time_is_none() -> None:
    assert time_of("yesterday") is time_of(5) is time_of("") is None


# --- the command ------------------------------------------------------------------------------------------------------


def test_a_folder_is_imported_with_its_paths_and_what_is_no_recording_is_left_alone(tmp_path: Path) -> None:
    old = tmp_path / "old"
    (old / "deep").mkdir(parents=True)
    (old / "a.yml").write_text(vcrpy_file(vcrpy_entry()))
    (old / "deep" / "b.json").write_text(vcrpy_file(vcrpy_entry()))
    (old / "settings.yaml").write_text("colour: blue\n")
    (old / "notes.txt").write_text("hello")
    (old / ".git").mkdir()
    (old / ".git" / "c.yaml").write_text(vcrpy_file(vcrpy_entry()))
    done = promptecho(tmp_path, "import", "old", "--into", "new", "--json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert [(each["source"], each["target"]) for each in said["imported"]] == [
        (str(Path("old/a.yml")), str(Path("new/a.yaml"))),
        (str(Path("old/deep/b.json")), str(Path("new/deep/b.yaml"))),
    ]
    assert said["ignored"] == [str(Path("old/settings.yaml"))]
    assert said["failed"] == []
    assert len(Cassette.load(tmp_path / "new" / "deep" / "b.yaml").interactions) == 1
    assert not (tmp_path / "new" / ".git").exists()


def test_a_folder_is_imported_in_place_beside_what_is_no_recording_of_another_tool(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(vcrpy_file(vcrpy_entry()))
    (tmp_path / "b.yaml").write_text(vcrpy_file(vcrpy_entry()))
    (tmp_path / "settings.yaml").write_text("colour: blue\n")
    old = (tmp_path / "b.yaml").read_text()
    done = promptecho(tmp_path, "import", ".", "--json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert [each["target"] for each in said["imported"]] == ["a.yaml", "b.yaml"]
    assert said["ignored"] == ["settings.yaml"]
    assert (tmp_path / "b.yaml.orig").read_text() == old
    assert (tmp_path / "settings.yaml").read_text() == "colour: blue\n"
    assert len(Cassette.load(tmp_path / "b.yaml").interactions) == 1


def test_one_broken_file_of_a_folder_is_told_and_the_others_are_imported(tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_text(vcrpy_file(vcrpy_entry()))
    (tmp_path / "b.yml").write_text(vcrpy_file(vcrpy_entry(request={"uri": 5})))
    done = promptecho(tmp_path, "import", ".", "--into", "new")
    assert done.returncode == 1
    assert "b.yml: interactions[0].request.uri is 5" in done.stderr
    assert len(list((tmp_path / "new").iterdir())) == 1


def test_two_recordings_that_would_become_one_cassette_are_both_left_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(vcrpy_file(vcrpy_entry()))
    (tmp_path / "a.yaml").write_text(vcrpy_file(vcrpy_entry(request={"body": "other"})))
    done = promptecho(tmp_path, "import", ".", "--force")
    assert done.returncode == 2
    assert "a.json and a.yaml would both become a.yaml" in done.stderr
    assert (tmp_path / "a.yaml").read_text() == vcrpy_file(vcrpy_entry(request={"body": "other"}))


def test_a_cassette_that_is_there_is_replaced_only_by_force_and_only_by_a_whole_one(tmp_path: Path) -> None:
    source = tmp_path / "test_a.yaml"
    source.write_text(vcrpy_file(vcrpy_entry()))
    (tmp_path / "test_a.yaml.orig").write_text("kept before")
    refused = promptecho(tmp_path, "import", "test_a.yaml")  # beside the source: the source itself
    assert refused.returncode == 2
    assert "test_a.yaml.orig is there already, and would keep what test_a.yaml is now; pass --force" in refused.stderr
    assert source.read_text() == vcrpy_file(vcrpy_entry())

    other = promptecho(tmp_path, "import", DATA / "vcrpy-text.json", "-o", "test_a.yaml")
    assert other.returncode == 2
    assert "test_a.yaml is there already; pass --force" in other.stderr

    broken = tmp_path / "broken.yaml"
    broken.write_text(vcrpy_file(vcrpy_entry(), vcrpy_entry(response={"status": 5})))
    failed = promptecho(tmp_path, "import", "broken.yaml", "-o", "test_a.yaml", "--force")
    assert failed.returncode == 2
    assert source.read_text() == vcrpy_file(vcrpy_entry())

    replaced = promptecho(tmp_path, "import", "test_a.yaml", "--force")
    assert replaced.returncode == 0, replaced.stderr
    assert len(Cassette.load(source).interactions) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["broken.yaml", "test_a.yaml", "test_a.yaml.orig"]


def test_the_settings_of_the_project_hold_and_a_refused_secret_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.promptecho]\non_secret = "fail"\nmatch_on = ["input"]\n')
    secret = "sk-ant-api03-" + "a1B2" * 20
    (tmp_path / "a.yml").write_text(
        vcrpy_file(vcrpy_entry(), vcrpy_entry(request={"body": f'{{"input": "{secret}"}}'}))
    )
    done = promptecho(tmp_path, "import", "a.yml")
    assert done.returncode == 2
    assert "on_secret is 'fail'" in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.yml", "pyproject.toml"]

    (tmp_path / "pyproject.toml").write_text('[tool.promptecho]\nmatch_on = ["input"]\n')
    done = promptecho(tmp_path, "import", "a.yml", "--json")
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "a.yaml").read_text()
    assert "match_on: [input]" in text
    assert secret not in text
    assert any(
        "masked what looks like credentials" in line for line in json.loads(done.stdout)["imported"][0]["warnings"]
    )


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("missing.yaml",), "missing.yaml doesn't exist"),
        (("a.yml", "-o", "x.yaml", "--into", "y"), "give one of them"),
        (("a.yml", "b.yml", "-o", "x.yaml"), "use --into FOLDER"),
        ((".", "-o", "x.yaml"), "use --into FOLDER"),
        (("a.yml", "--from", "betamax"), "'betamax' is not one of"),
        (("a.yml", "--from", "har"), "was to be read as har and looks like vcrpy"),
        (("empty",), "no recording of another tool in empty"),
        (("a.yml", "-o", "empty"), "empty is a folder"),
        ((), "Missing argument"),
    ],
)
def test_wrong_use_is_said_in_one_line(tmp_path: Path, arguments: tuple[str, ...], expected: str) -> None:
    (tmp_path / "a.yml").write_text(vcrpy_file(vcrpy_entry()))
    (tmp_path / "empty").mkdir()
    done = promptecho(tmp_path, "import", *arguments)
    assert done.returncode == 2
    assert expected in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


def test_the_report_for_people_says_what_to_do(tmp_path: Path) -> None:
    done = promptecho(tmp_path, "import", DATA / "vcrpy-requests.yaml", DATA / "vcrpy-scrubbed.yaml", "--into", "n")
    assert done.returncode == 0, done.stderr
    assert "recordings" in done.stdout
    assert 'backends=["requests"]' in done.stdout
    assert "a call that sends the original finds no recording" in done.stdout


def test_a_read_only_folder_is_one_error(tmp_path: Path) -> None:
    if os.name == "nt" or os.geteuid() == 0:
        target = tmp_path / "file" / "x.yaml"  # root may write anywhere: a file in the place of the folder
        (tmp_path / "file").write_text("")
    else:
        (tmp_path / "closed").mkdir(mode=0o500)
        target = tmp_path / "closed" / "x.yaml"
    (tmp_path / "a.yml").write_text(vcrpy_file(vcrpy_entry()))
    with pytest.raises((CassetteWriteError, CassetteFileError)):
        import_file(tmp_path / "a.yml", target)


# --- export -----------------------------------------------------------------------------------------------------------

NUMBER, TEXT, LIST, MAP = (int, float), str, list, dict
# The mandatory fields of HAR 1.2.
HAR_FIELDS: dict[str, dict[str, Any]] = {
    "entry": {"startedDateTime": TEXT, "time": NUMBER, "request": MAP, "response": MAP, "cache": MAP, "timings": MAP},
    "request": {"method": TEXT, "url": TEXT, "httpVersion": TEXT, "cookies": LIST, "headers": LIST, "queryString": LIST,
                "headersSize": int, "bodySize": int},
    "postData": {"mimeType": TEXT, "params": LIST, "text": TEXT},
    "response": {"status": int, "statusText": TEXT, "httpVersion": TEXT, "cookies": LIST, "headers": LIST,
                 "content": MAP, "redirectURL": TEXT, "headersSize": int, "bodySize": int},
    "content": {"size": int, "mimeType": TEXT, "text": TEXT},
    "timings": {"send": NUMBER, "wait": NUMBER, "receive": NUMBER},
}  # fmt: skip


def check_fields(tree: dict[str, Any], kind: str) -> None:
    for name, expected in HAR_FIELDS[kind].items():
        assert isinstance(tree[name], expected), (kind, name, tree.get(name))


def check_har(tree: dict[str, Any]) -> None:
    log = tree["log"]
    assert log["version"] == "1.2"
    assert log["creator"].keys() == {"name", "version"}
    for entry in log["entries"]:
        check_fields(entry, "entry")
        check_fields(entry["request"], "request")
        if "postData" in entry["request"]:
            check_fields(entry["request"]["postData"], "postData")
        check_fields(entry["response"], "response")
        check_fields(entry["response"]["content"], "content")
        check_fields(entry["timings"], "timings")
        timings = entry["timings"]
        assert timings["send"] + timings["wait"] + timings["receive"] == pytest.approx(entry["time"], abs=0.001)
        assert min(timings.values()) >= 0
        for pair in (*entry["request"]["headers"], *entry["request"]["queryString"], *entry["response"]["headers"]):
            assert isinstance(pair["name"], str)
            assert isinstance(pair["value"], str)
        assert time_of(entry["startedDateTime"]) is not None


def test_a_cassette_is_exported_to_valid_har_and_comes_back(tmp_path: Path) -> None:
    import_file(DATA / "vcrpy-httpx2.yaml", tmp_path / "a.yaml")
    done = promptecho(tmp_path, "export", "a.yaml", "-o", "out/a.har")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    tree = json.loads((tmp_path / "out" / "a.har").read_text(encoding="utf-8"))
    check_har(tree)
    entries = tree["log"]["entries"]
    assert len(entries) == 12
    assert entries[0]["startedDateTime"] == "2026-11-25T12:00:00.000Z"
    assert json.loads(entries[0]["request"]["postData"]["text"])["messages"][0]["content"] == "Grüße?"
    assert entries[2]["response"]["content"]["text"].endswith("data: [DONE]\n\n")
    assert base64.b64decode(entries[4]["response"]["content"]["text"]).startswith(b"\x89PNG")
    assert {"name": "size", "value": "REDACTED"} in entries[4]["request"]["queryString"]

    with pytest.raises(CassetteFormatError, match="12 another host"):
        import_file(tmp_path / "out" / "a.har", tmp_path / "b.yaml", only_hosts=["openai.com"])
    back = promptecho(tmp_path, "import", "out/a.har", "-o", "b.yaml")
    assert back.returncode == 0, back.stderr
    assert facts(tmp_path / "b.yaml") == facts(tmp_path / "a.yaml")


def test_an_export_goes_to_standard_output_and_says_if_there_is_no_date(tmp_path: Path) -> None:
    done = promptecho(tmp_path, "export", DATA / "promptecho-0.1.3.yaml", LC_ALL="C", PYTHONUTF8="0")
    assert done.returncode == 0
    tree = json.loads(done.stdout)
    check_har(tree)
    assert tree["log"]["entries"][0]["startedDateTime"] == "1970-01-01T00:00:00.000Z"
    assert "doesn't say when it was recorded" in tree["log"]["comment"]
    assert "doesn't say when it was recorded" in done.stderr


def test_an_export_replaces_a_file_only_by_force(tmp_path: Path) -> None:
    import_file(DATA / "vcrpy-text.json", tmp_path / "a.yaml")
    (tmp_path / "a.har").write_text("mine")
    refused = promptecho(tmp_path, "export", "a.yaml", "-o", "a.har")
    assert refused.returncode == 2
    assert "a.har is there already" in refused.stderr
    assert (tmp_path / "a.har").read_text() == "mine"
    assert promptecho(tmp_path, "export", "a.yaml", "-o", "a.har", "--force").returncode == 0
    assert promptecho(tmp_path, "export", "a.yaml", "-o", "a.har/b.har").returncode == 2
    assert promptecho(tmp_path, "export", "missing.yaml").returncode == 2
    assert promptecho(tmp_path, "export", DATA / "vcrpy-text.json").returncode == 2


# --- there and back, whatever was recorded ----------------------------------------------------------------------------


class _Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def record(path: Path, calls: list[dict[str, Any]]) -> None:
    """A cassette as recording writes it."""
    clock = _Clock()
    timed = Settings(timing=True, on_record_error="record", on_secret="ignore")
    journal = store.Journal(path, {"match_on": timed.match.names, "recorded_at": "2026-11-25T12:00:00Z"})
    cassette = Cassette(path, timed.match)
    session = Session(cassette, timed, Redactor({}), clock, journal=journal, resuming=False)
    for call in calls:
        headers = Headers({"content-type": call["sent_as"]} if call["sent_as"] else {})
        forward = session.decide(Request(call["method"], call["url"], headers, call["sent"]))
        assert isinstance(forward, Forward)
        forward.recorder.settings = Settings(**{**vars(timed), "timing": call["timing"]})
        forward.start(ResponseHead(call["status"], Headers(call["headers"]), call["reason"]))
        for chunk in call["chunks"]:
            clock.now += 0.125
            forward.feed(chunk)
        clock.now += 0.5
        if call["broken"]:
            forward.abort(ConnectionResetError())
        else:
            forward.finish()
    journal.complete()


def facts(path: Path) -> list[Any]:
    """What makes two cassettes equal: keys, canonical bodies, and what replays, to the byte."""
    return [
        (
            each.identity.key,
            each.url,
            json.dumps(each.body, sort_keys=True),
            each.status,
            each.response.head,
            each.response.chunks,
            each.response.delays,
            each.incomplete,
            each.streaming,
            each.duration,
            each.document.get("repeat"),
        )
        for each in Cassette.load(path).interactions
    ]


prompts = st.text(max_size=12) | st.sampled_from(["\u2028", "a\nb\n", "\x00", "no", "1e5", "\ud83d\ude00"])
json_bodies = st.fixed_dictionaries(
    {"model": st.sampled_from(["gpt-5", "m"]), "messages": st.lists(prompts.map(lambda text: {"role": "user", "content": text}), max_size=2)},
    optional={"stream": st.booleans(), "temperature": st.sampled_from([0, 0.5, 1e-7, 1.0]), "seed": st.integers(-(2**70), 2**70)},
).map(lambda tree: (json.dumps(tree).encode("utf-8", "surrogatepass"), "application/json"))  # fmt: skip
sent = st.one_of(
    json_bodies,
    st.just((b"", "")),
    st.binary(min_size=1, max_size=8).map(lambda data: (data, "application/octet-stream")),
    st.just((b'["a", "\xc3\xbc", 1.50]', "application/json")),
    st.just((b'{"input": "\\ud800"}', "application/json")),
    st.sampled_from(["a=1&b=", "a=%C3%BC+x&a=2", "", "="]).map(lambda text: (text.encode(), "application/x-www-form-urlencoded")),
    st.binary(max_size=6).map(lambda data: (
        b'--B\r\nContent-Disposition: form-data; name="f"; filename="a.bin"\r\nContent-Type: a/b\r\n\r\n' + data
        + b'\r\n--B\r\nContent-Disposition: form-data; name="m"\r\n\r\nw\r\n--B--\r\n', "multipart/form-data; boundary=B")),
)  # fmt: skip
answered = st.one_of(
    st.tuples(st.just("application/json"), st.sampled_from([b'{"a": 1.50, "b": "\xc3\xbc"}', b'{"a":[]}', b"[1,\n2]", b"{", b""]).map(lambda data: [data])),
    st.tuples(st.just("text/event-stream; charset=utf-8"), st.lists(st.sampled_from([b"data: a\n\n", b"data: \xc3", b"\xbc\n\n", b"\xff\n\n", b"data: [DONE]\n\n", b"\r\n"]), max_size=4)),
    st.tuples(st.sampled_from(["image/png", "text/plain", "text/plain; charset=latin-1", ""]), st.lists(st.binary(max_size=6), max_size=3)),
    st.tuples(st.just("application/x-ndjson"), st.just([b'{"a": 1}\n{"a"', b": 2}\n"])),
)  # fmt: skip


@st.composite
def calls(draw: st.DrawFn) -> dict[str, Any]:
    body, sent_as = draw(sent)
    content_type, chunks = draw(answered)
    headers = [("Content-Type", content_type)] if content_type else []
    coding = draw(st.sampled_from(["", "", "gzip", "gzip, but not really"]))
    if coding and chunks:
        headers.append(("content-encoding", "gzip"))
        if coding == "gzip":
            chunks = [gzip.compress(b"".join(chunks), mtime=0)]
    headers += draw(st.sampled_from([[], [("x-a", "1"), ("X-B", "2"), ("x-a", "3")], [("location", "/next?a=1")]]))
    status = draw(st.sampled_from([200, 200, 201, 307, 429, 503, 299]))
    return {
        "method": draw(st.sampled_from(["POST", "PUT"])),
        "url": "https://api.openai.com/v1/" + draw(st.sampled_from(["chat/completions", "x?a=1&b=%20", "caf%C3%A9", "x?key=k"])),
        "sent": body,
        "sent_as": sent_as,
        "status": status,
        "reason": draw(st.sampled_from([None, None, "Fine"] if status == 299 else [None, None, "Fine", ""])),
        "headers": headers,
        "chunks": chunks,
        "timing": draw(st.booleans()),
        "broken": draw(st.integers(0, 4)) == 0,
    }  # fmt: skip


@settings(deadline=None, max_examples=60)
@given(st.lists(calls(), min_size=1, max_size=5))
def test_what_is_exported_comes_back_with_the_same_keys_and_bytes(recorded: list[dict[str, Any]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        first, second = Path(folder, "first.yaml"), Path(folder, "second.yaml")
        record(first, recorded)
        from promptecho._cli._export import export_text

        text, _ = export_text(first)
        check_har(json.loads(text))
        Path(folder, "a.har").write_text(text, encoding="utf-8")
        import_file(Path(folder, "a.har"), second)
        assert facts(second) == facts(first)
        again, _ = export_text(second)
        assert json.loads(again)["log"]["entries"] == json.loads(text)["log"]["entries"]


def test_the_budget_of_a_project_is_for_live_calls_and_not_for_imports(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.promptecho]\nmax_live_calls = 0\n", encoding="utf-8")
    old = DATA / "vcrpy-httpx2.yaml"
    done = promptecho(tmp_path, "import", old, "-o", "new.yaml")
    assert done.returncode == 0, done.stderr
    assert Cassette.load(tmp_path / "new.yaml").interactions


ISTR = """\
version: 1
interactions:
- request:
    body: '{"model": "m"}'
    headers:
      ? !!python/object/apply:multidict._multidict.istr
      - Accept
      : - application/json
      ? !!python/object/new:multidict._multidict_py.istr [X-Other]
      : - a
    method: POST
    uri: https://h/v1
  response:
    body: {string: '{}'}
    headers: {}
    status: {code: 200, message: OK}
"""


def test_header_names_of_aiohttp_are_plain_texts_and_other_objects_are_not_made(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(ISTR)
    assert promptecho(tmp_path, "import", "a.yaml", "-o", "b.yaml").returncode == 0
    assert len(Cassette.load(tmp_path / "b.yaml").interactions) == 1
    (tmp_path / "a.yaml").write_text(ISTR.replace("multidict._multidict.istr", "multidict._multidict.CIMultiDict"))
    refused = promptecho(tmp_path, "import", "a.yaml", "-o", "c.yaml")
    assert "CIMultiDict' would make a Python object, and is not read" in refused.stderr
    (tmp_path / "a.yaml").write_text(ISTR.replace("X-Other", "Accept"))
    assert "the key 'Accept' stands twice" in promptecho(tmp_path, "import", "a.yaml", "-o", "c.yaml").stderr


@pytest.mark.parametrize("length", [0, 1, 2, 3])
def test_a_body_that_was_only_spaced_anew_gives_no_warning(tmp_path: Path, length: int) -> None:
    tree = {"model": "m", "messages": [{"role": "user", "content": "héllo"}]}
    lengths = [
        len(json.dumps(tree, separators=separators, ensure_ascii=ascii_only).encode())
        for separators in (None, (",", ":"))
        for ascii_only in (True, False)
    ]
    request = {"headers": {"content-length": [str(lengths[length])]}, "body": None, "parsed_body": tree}
    (tmp_path / "a.yaml").write_text(vcrpy_file(vcrpy_entry(request=request)))
    done = promptecho(tmp_path, "import", "a.yaml", "-o", "b.yaml")
    assert (done.returncode, "Content-Length" in done.stdout + done.stderr) == (0, False)
    request["headers"] = {"content-length": ["7"]}
    (tmp_path / "a.yaml").write_text(vcrpy_file(vcrpy_entry(request=request)))
    assert "Content-Length" in promptecho(tmp_path, "import", "a.yaml", "-o", "c.yaml").stdout


def test_compressed_cassettes_are_read_and_damaged_ones_refused(tmp_path: Path) -> None:
    data = gzip.compress(vcrpy_file(vcrpy_entry()).encode())
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "a.yaml.gz").write_bytes(data)
    done = promptecho(tmp_path, "import", "old", "--into", "new")
    assert done.returncode == 0, done.stderr
    assert len(Cassette.load(tmp_path / "new" / "a.yaml").interactions) == 1
    (tmp_path / "cut.yaml.gz").write_bytes(data[:-20])
    assert "the gzip data is cut off" in promptecho(tmp_path, "import", "cut.yaml.gz").stderr
    with pytest.raises(CassetteFormatError, match=r"a gzip file.*convert it: promptecho import .*a\.yaml\.gz"):
        Cassette.load(tmp_path / "old" / "a.yaml.gz")


@pytest.mark.parametrize(
    "name", [path.name for path in sorted(DATA.iterdir()) if path.suffix in (".yaml", ".har", ".json")]
)
def test_a_file_of_another_tool_in_the_place_of_a_cassette_is_named_with_the_command_that_converts_it(
    tmp_path: Path, name: str
) -> None:
    if name.startswith("promptecho"):
        return
    path = tmp_path / "test_a.yaml"
    path.write_bytes((DATA / name).read_bytes())
    said = []
    for mode in ("once", "none", "new_episodes"):
        with pytest.raises(CassetteFormatError) as caught, use_cassette(path, mode):
            pass
        said.append(str(caught.value))
    assert len(set(said)) == 1
    assert "delete" not in said[0]
    command = said[0].partition("Convert it: promptecho ")[2].split()
    assert promptecho(tmp_path, *command).returncode == 0
    assert len(Cassette.load(path).interactions) > 0
    assert (tmp_path / "test_a.yaml.orig").read_bytes() == (DATA / name).read_bytes()
