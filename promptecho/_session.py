"""One open cassette: what happens to a request. The one decision path of every backend, sync and async.

``decide`` answers with ``Replay`` (give this response), ``Forward`` (send it, and tell what came back) or ``None``
(not ours: pass it through), or raises ``CassetteMiss``. Nothing here awaits and nothing knows an HTTP library.

Rules: a wrong recording is never replayed; ``none`` never lets a call out; a finished call is written before its
response is handed on.
"""

from __future__ import annotations

import threading
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import Any, Callable, Union

from promptecho import _run, _streams
from promptecho._cassette import Cassette, Interaction, read_interaction, response_tree
from promptecho._content import ContentProblem, decode_chunks
from promptecho._diff import explain_miss
from promptecho._matching import Identity, canonical_json, identify, older_keys
from promptecho._models import Request, Response, ResponseHead
from promptecho._redaction import REDACTED, Redactor, is_token_answer
from promptecho._settings import Settings
from promptecho._store import Journal
from promptecho._yaml import Flow, UnwritableText
from promptecho.errors import (
    CassetteMiss,
    CassetteWarning,
    CassetteWriteError,
    IncompleteRecordingError,
    LiveBudgetError,
    PromptechoRecordingWarning,
    RecordedErrorResponse,
)
from promptecho.normalizers import has_registered

Json = Any

# Hosts of error reports and usage counters that SDKs and frameworks call on their own: never part of a test.
TELEMETRY_HOSTS = (
    "api.smith.langchain.com",
    "api.segment.io",
    "app.posthog.com",
    "eu.i.posthog.com",
    "us.i.posthog.com",
    "us-assets.i.posthog.com",
    "api.mixpanel.com",
    "api.amplitude.com",
    "api2.amplitude.com",
    "ingest.sentry.io",
    "cloud.langfuse.com",
    "us.cloud.langfuse.com",
    "telemetry.crewai.com",
    "backend.composio.dev",
    "telemetry.vercel.com",
)
# Look-ups that SDKs make on their own, once a day or at import, and do without when they fail: part of an address.
BACKGROUND_LOOKUPS = (
    "://raw.githubusercontent.com/BerriAI/litellm/",  # litellm: prices and headers
    "/api/agent-harnesses",  # huggingface_hub: names of coding agents
)
_REMEMBERED, _REMEMBERED_BYTES = 50_000, 100_000
_LOOPBACK = ("localhost", "127.0.0.1", "::1", "[::1]", "0.0.0.0")


@dataclass(frozen=True)
class Replay:
    """The recorded response to give: ``response``, of the recording ``interaction``.

    For an example see :class:`Session`.
    """

    interaction: Interaction
    response: Response
    speed: float | None = None

    def seconds(self, index: int) -> float:
        """How long to wait before the chunk of a number: 0.0 unless ``replay_speed`` is set."""
        delays = self.response.delays
        return delays[index] / self.speed if self.speed and index < len(delays) else 0.0

    def check_end(self) -> None:
        """To be called when the program reads past the last chunk.

        Raises:
            IncompleteRecordingError: the recording does not reach as far.
        """
        if self.response.incomplete:
            raise IncompleteRecordingError(
                f"the recording of {self.interaction.method} {self.interaction.url} ends here "
                f"({self.response.incomplete}), and the program reads on; record it again to get the rest"
            )


class Forward:
    """An open recording of one call: ``start`` once, ``feed`` per chunk, then ``finish``, ``abandon`` or ``abort``.

    Chunks are given as they came from the wire, with their content coding. The last of the three calls writes the
    recording before it returns; what comes after it is ignored. For an example see :class:`Session`.
    """

    def __init__(self, session: Session, request: Request, identity: Identity, repeat: int) -> None:
        self._session = session
        self.request = request
        self.identity = identity
        self.repeat = repeat
        self._head: ResponseHead | None = None
        self._chunks: list[bytes] = []
        self._delays: list[float] = []
        self._started = self._last = session.clock()
        self._lock = threading.Lock()
        self.done = False

    def start(self, head: ResponseHead) -> None:
        """Tell status and headers.

        Raises:
            RecordedErrorResponse: a status of 400 or more under ``on_record_error="raise"``.
        """
        self._head = head
        self._last = self._session.clock()
        if head.status_code >= 400 and self._session.settings.on_record_error == "raise":
            self._close()
            url = self._session.redactor.url(self.request.url)
            raise RecordedErrorResponse(
                f"{self.request.method} {url} was answered with status {head.status_code} while recording into "
                f"{self._session.cassette.path}; nothing was recorded (on_record_error='raise')",
                status=head.status_code,
                url=url,
            )

    def feed(self, chunk: bytes) -> None:
        """Tell a chunk that goes to the program."""
        if self._session.settings.timing:
            now = self._session.clock()
            self._delays.append(now - self._last)
            self._last = now
        self._chunks.append(chunk)

    def fed(self) -> int:
        """How many chunks there are: the mark to which ``rewind`` returns."""
        return len(self._chunks)

    def rewind(self, count: int) -> None:
        """Forget what was read after the program had stopped reading, where that did not reach the end."""
        del self._chunks[count:], self._delays[count:]

    def has_ended(self) -> bool:
        """Whether the stream's last event has come, so that nothing is missing if the program leaves now."""
        if self._head is None:
            return False
        chunks, encoded = _decoded(self.request.method, self._head, self._chunks, partial=True)
        return not encoded and _has_terminal(self._head, chunks)

    def finish(self) -> None:
        """The body arrived whole: write the recording."""
        if self._close():
            self._session.write(self, self._head, self._chunks, self._delays, None)

    def abandon(self) -> None:
        """The program stopped reading: whole if the stream's last event had come, else marked incomplete."""
        if self._close() and self._head is not None:
            self._session.write(
                self, self._head, self._chunks, self._delays, "the program stopped reading", check_terminal=True
            )

    def abort(self, error: BaseException) -> None:
        """The connection broke or the call was cancelled: what had arrived is kept, marked with the reason."""
        if self._close() and self._head is not None:
            self._session.write(
                self,
                self._head,
                self._chunks,
                self._delays,
                f"{type(error).__name__} while receiving",
                check_terminal=True,
            )

    def _close(self) -> bool:
        with self._lock:
            if self.done:
                return False
            self.done = True
        self._session.forget(self)
        return True

    @property
    def started(self) -> float:
        return self._started


Decision = Union[Replay, Forward, None]


class Session:
    """One active cassette with its settings; ``decide`` may be called from any thread or task.

    What a wrapper does with a call that is recorded:

    >>> asked = backend.Request("POST", "https://api.example/ask", body=b'{"question": "hi"}')
    >>> with promptecho.use_cassette("cassettes/by_hand.yaml"):
    ...     forward = backend.session_for("httpx").decide(asked)
    ...     forward.start(backend.ResponseHead(200, backend.Headers({"content-type": "application/json"})))
    ...     forward.feed(b'{"answer": ')
    ...     forward.feed(b'"hello"}')
    ...     forward.finish()

    and with one that is replayed:

    >>> with promptecho.use_cassette("cassettes/by_hand.yaml", mode="none"):
    ...     replay = backend.session_for("httpx").decide(asked)
    ...     print(replay.response.head.status_code, replay.response.body)
    ...     replay.check_end()
    200 b'{"answer": "hello"}'
    """

    def __init__(
        self,
        cassette: Cassette,
        settings: Settings,
        redactor: Redactor,
        clock: Callable[[], float],
        *,
        journal: Journal | None,
        resuming: bool,
    ) -> None:
        self.cassette = cassette
        self.settings = settings
        self.redactor = redactor
        self.clock = clock
        self.journal = journal  # None: no call may go out
        self.open = True
        self.resuming = resuming
        self._lock = threading.RLock()
        self._identified: dict[bytes, tuple[int, Identity]] = {}
        self._asked: Counter[tuple[str, str]] = Counter()
        self._written: Counter[str] = Counter()
        self._live: Counter[str] = Counter()
        self._answered: set[tuple[str, str]] = set()
        self._forwards: set[Forward] = set()

    @property
    def is_pure_replay(self) -> bool:
        """Whether no call may go out."""
        return self.journal is None

    # --- deciding ---

    def decide(self, request: Request) -> Decision:
        """What to do with a request.

        Raises:
            CassetteMiss: no recording answers it and no live call is allowed.
            CassetteWriteError: it would be recorded and can't be written.
        """
        if self._passes(request):
            self.cassette.passed_through += 1
            return None
        identity = self._identify(request)
        with self._lock:
            found = self._choose(request, identity)
            if found is not None:
                self.cassette.note_played(found, identity)
                if identity is not found.identity:
                    self._remember(request, identity, found)
                return Replay(found, found.response, self.settings.replay_speed)
            if self.journal is None:
                raise self._miss(request, identity)
            self.journal.prepare()
            self._check_budget(request)
            if identity.key not in self._live:  # it goes on where the file ends
                self._live[identity.key] = self._written[identity.key] = len(self.cassette.find([identity.key]))
            forward = Forward(self, request, identity, self._live[identity.key])
            self._live[identity.key] += 1
            self._forwards.add(forward)
            return forward

    def _check_budget(self, request: Request) -> None:
        settings = self.settings
        if settings.max_live_calls is None and settings.max_live_usd is None:
            _run.count_call()
            return
        calls, usd = _run.spent()
        if settings.max_live_calls is not None and calls >= settings.max_live_calls:
            used_up = f"{calls} live calls were made, and max_live_calls is {settings.max_live_calls}"
        elif settings.max_live_usd is not None and usd >= settings.max_live_usd:
            used_up = f"live calls cost ${usd:.4f}, and max_live_usd is {settings.max_live_usd}"
        else:
            _run.count_call()
            return
        raise LiveBudgetError(
            f"{request.method} {self.redactor.url(request.url)} was not sent: in this run {used_up}. Record in smaller "
            f"steps, or raise the limit; the cassette is {self.cassette.path}"
        )

    def _identify(self, request: Request) -> Identity:
        """The identity of a request, whose credentials are taken note of; of those replayed before it is remembered."""
        known = self._identified.get(_asked(request))
        self.redactor.learn(request, only_headers=known is not None)
        if known is not None and known[0] == self.redactor.version and not has_registered():
            return known[1]
        text = request.url.partition("?")[0].encode("utf-8", "replace") + b" " + request.body
        mask = _same if self.redactor.is_clean(text) else self.redactor.mask_tree
        return identify(request, self.settings.match, mask)

    def _remember(self, request: Request, identity: Identity, found: Interaction) -> None:
        """Let the same request find its way at once the next time; the identity in memory already is kept."""
        same = found.identity
        # The key too: one of promptecho 0.1.3 is another, and repeats are counted by it.
        if (same.key, same.host) == (identity.key, identity.host) and same.body == identity.body:
            identity = same
        elif len(request.body) > _REMEMBERED_BYTES:
            return
        if len(self._identified) >= _REMEMBERED:
            self._identified.clear()
        self._identified[_asked(request)] = (self.redactor.version, identity)

    def _passes(self, request: Request) -> bool:
        host = request.host
        settings = self.settings
        if settings.only_hosts:
            return not _among(host, settings.only_hosts)
        return (
            _is_telemetry(host)
            or any(part in request.url for part in BACKGROUND_LOOKUPS)
            or _among(host, settings.ignore_hosts)
            or (settings.ignore_localhost and host in _LOOPBACK)
        )

    def _choose(self, request: Request, identity: Identity) -> Interaction | None:
        keys = [identity.key]
        if self.cassette.older:
            keys += older_keys(request, identity, self.settings.match)
        entries = self.cassette.find(keys)
        same_host = [entry for entry in entries if entry.identity.host == identity.host]
        if not same_host:
            if self.journal is not None:
                return None  # a call may go out, so another host's answer is never taken
            if len({entry.identity.host for entry in entries}) > 1:
                raise self._miss(request, identity, ambiguous=entries)
        entries = same_host or entries
        if not entries:
            return None
        place = (identity.key, entries[0].identity.host)
        asked = self._asked[place]
        self._asked[place] += 1
        if asked < len(entries):
            return entries[0] if self.settings.repeats == "reuse" else entries[asked]
        if self.settings.repeats == "reuse":
            return entries[0]
        if self.settings.repeats == "strict":
            if self.journal is not None:
                return None
            raise self._miss(request, identity, used_up=len(entries))
        # A recording that was cut off may lack the rest of a sequence (a 429 whose retry never came): go on live.
        return None if self.resuming else entries[-1]

    def _miss(
        self,
        request: Request,
        identity: Identity,
        *,
        used_up: int = 0,
        ambiguous: Sequence[Interaction] = (),
    ) -> CassetteMiss:
        miss = CassetteMiss(
            explain_miss(
                self.cassette,
                identity,
                self.redactor.url(request.url),
                mode=str(self.settings.mode),
                used_up=used_up,
                ambiguous=ambiguous,
            ),
            request=request,
            path=self.cassette.path,
            mode=str(self.settings.mode),
        )
        self.cassette.misses.append(miss)
        return miss

    # --- recording ---

    def forget(self, forward: Forward) -> None:
        with self._lock:
            self._forwards.discard(forward)

    def write(
        self,
        forward: Forward,
        head: ResponseHead | None,
        raw: list[bytes],
        delays: list[float],
        incomplete: str | None,
        *,
        check_terminal: bool = False,
    ) -> None:
        """Write a finished call to the file, redacted, and count it."""
        if head is None or self.journal is None:
            return
        duration = self.clock() - forward.started
        chunks, encoded = _decoded(forward.request.method, head, raw, partial=incomplete is not None)
        if check_terminal and not encoded and _has_terminal(head, chunks):
            incomplete = None
        tree = self._tree(forward, head, chunks, delays, incomplete, encoded, duration)
        if self.settings.on_secret == "fail" and self.redactor.found:
            raise CassetteWriteError(
                f"{self.cassette.path}: {forward.request.method} {tree['request']['url']} was not recorded: a body "
                f"holds what looks like credentials ({', '.join(self.redactor.found)}) and on_secret is 'fail'"
            )
        changed = self._through_hooks(tree)
        if changed is None:
            return
        with self._lock:
            key = forward.identity.key
            if self.settings.repeats == "reuse":
                if (key, forward.identity.host) in self._answered:
                    return  # the same question was in flight twice; one recording per distinct request
                self._answered.add((key, forward.identity.host))
            if forward.repeat != self._written[key]:
                changed = {**changed, "repeat": forward.repeat}
                changed["duration"] = changed.pop("duration")  # it closes the entry: see without_torn_tail
            interaction: Interaction | None = None
            trusted = not has_registered()
            if self.settings.before_record or self.settings.repeats == "reuse":
                interaction = read_interaction(changed, self.cassette.path, len(self.cassette), self.settings.match)
                trusted = trusted and changed["request"].get("match_key") == interaction.match_key
            digest = self.settings.match.digest if trusted else None
            try:
                text = self.journal.append(changed, digest)
            except (UnwritableText, RecursionError):
                text = self.journal.append(_with_body_as_json(changed), digest)
            self._written[key] += 1
            self.cassette.note_recorded(interaction if interaction and self.settings.repeats == "reuse" else text)
            if self.settings.max_live_usd is not None:
                self._count_cost()
        self._warn(forward, head)

    def _count_cost(self) -> None:
        """Add what the call just recorded cost to what the run has spent."""
        from promptecho._answers import read_answer
        from promptecho._prices import price

        last = self.cassette.recorded[-1]
        answer = read_answer(last)
        if answer is None or answer.usage is None:
            return
        cost = price(answer, last.url)
        if cost is not None:
            _run.count_usd(cost)
        else:
            warnings.warn(
                f"what {answer.model or 'a model'} costs is not known, so max_live_usd can't count it; "
                "set max_live_calls as well",
                CassetteWarning,
                stacklevel=2,
            )

    def _warn(self, forward: Forward, head: ResponseHead) -> None:
        if head.status_code >= 400 and self.settings.on_record_error == "warn":
            warnings.warn(
                f"recorded status {head.status_code} of {forward.request.method} "
                f"{self.redactor.url(forward.request.url)} into {self.cassette.path}: every replay gives it. "
                "If it was meant, pass on_record_error='record'; if not, delete the recording and run again",
                PromptechoRecordingWarning,
                stacklevel=2,
            )

    def _tree(
        self,
        forward: Forward,
        head: ResponseHead,
        chunks: tuple[bytes, ...],
        delays: list[float],
        incomplete: str | None,
        encoded: bool,
        duration: float,
    ) -> dict[str, Json]:
        identity, redactor = forward.identity, self.redactor
        request: dict[str, Json] = {
            "method": identity.method,
            "url": redactor.url(forward.request.url),
            "match_key": identity.short_key,
            "matched_on": "all" if identity.whole else Flow(identity.matched),
        }
        if identity.query:
            request["query"] = identity.query
        if identity.registered:
            request["normalized_by"] = identity.provider
        if identity.body:
            request["body"] = identity.body
        if len(delays) != len(chunks):
            delays = []
        response = response_tree(
            ResponseHead(head.status_code, redactor.response_headers(head.headers), head.reason, head.http_version),
            self._masked_chunks(identity.path, head, chunks, encoded),
            delays=[round(delay, 4) for delay in delays],
            incomplete=incomplete,
            encoded=encoded,
        )
        return {"request": request, "response": response, "duration": round(duration, 4)}

    def _masked_chunks(
        self, path: str, head: ResponseHead, chunks: tuple[bytes, ...], encoded: bool
    ) -> tuple[bytes, ...]:
        if is_token_answer(path) and chunks:
            return (REDACTED.encode(),)
        stream = None if encoded else _streams.format_of(head.headers.get("content-type"))
        if stream is None:
            return self.redactor.mask_chunks(chunks)
        chunks = self.redactor.mask_chunks(chunks, stream.masked)
        pieces = stream.split(b"".join(chunks))
        masked = self.redactor.mask_across(pieces, stream.edited)
        return chunks if masked == pieces else tuple(masked)

    def _through_hooks(self, tree: dict[str, Json]) -> dict[str, Json] | None:
        for hook in self.settings.before_record:
            changed = hook(tree)
            if changed is None:
                return None
            tree = changed
        if self.settings.before_record:
            tree = {**tree, "duration": tree.get("duration", 0.0)}
            tree["duration"] = tree.pop("duration")
        return tree

    def close(self) -> None:
        """Write what is still open as abandoned, and let no further call in."""
        self.open = False
        for forward in list(self._forwards):
            forward.abandon()
        fired = self.redactor.found
        if fired and self.settings.on_secret == "warn" and self.cassette.recorded_count:
            warnings.warn(
                f"{self.cassette.path}: masked what looks like credentials in recorded bodies ({', '.join(fired)}); "
                "look at the file before it is committed, or pass on_secret='ignore'",
                CassetteWarning,
                stacklevel=2,
            )


def _asked(request: Request) -> bytes:
    """A digest of all that an identity depends on."""
    head = f"{request.method} {request.url} {request.headers.get('content-type')} ".encode("utf-8", "surrogatepass")
    return blake2b(head + request.body, digest_size=16).digest()


def _same(tree: Json) -> Json:
    return tree


@lru_cache(maxsize=256)
def _is_telemetry(host: str) -> bool:
    return _among(host, TELEMETRY_HOSTS)


def _among(host: str, names: Sequence[str]) -> bool:
    """A name stands for itself and the hosts below it; a pattern such as ``*.internal`` works too."""
    return any(host == name or host.endswith("." + name.lstrip("*.")) for name in (entry.lower() for entry in names))


def _decoded(method: str, head: ResponseHead, raw: list[bytes], *, partial: bool) -> tuple[tuple[bytes, ...], bool]:
    """The chunks without content coding, and whether that failed and they still have it."""
    coding = head.headers.get("content-encoding").strip().lower()
    chunks = tuple(chunk for chunk in raw if chunk)
    if not coding or coding == "identity" or not chunks or method.upper() == "HEAD":
        return chunks, False
    try:
        return tuple(decode_chunks(chunks, coding, partial=partial)), False
    except ContentProblem:
        return chunks, True


def _has_terminal(head: ResponseHead, chunks: tuple[bytes, ...]) -> bool:
    stream = _streams.format_of(head.headers.get("content-type"))
    if stream is None:
        return False
    return any(stream.is_terminal(piece) for piece in stream.split(b"".join(chunks))[-3:])


def _with_body_as_json(tree: Mapping[str, Json]) -> dict[str, Json]:
    """The tree with its request body as JSON text, which holds what YAML can't: lone surrogates."""
    request = {name: value for name, value in tree["request"].items() if name != "body"}
    return {**tree, "request": {**request, "body_json": canonical_json(tree["request"]["body"])}}
