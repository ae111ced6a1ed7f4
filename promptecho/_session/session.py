"""One open cassette: what happens to a request. The one decision path of every backend, sync and async.

``decide`` answers with ``Replay`` (give this response), ``Forward`` (send it, and tell what came back) or ``None``
(not ours: pass it through), or raises ``CassetteMiss``. Nothing here awaits and nothing knows an HTTP library.

Rules: a wrong recording is never replayed; ``none`` never lets a call out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Callable, Union

from promptecho import _forks
from promptecho._cassette.cassette import Cassette
from promptecho._cassette.interaction import Interaction
from promptecho._cassette.relay import Relay
from promptecho._cassette.store import Journal
from promptecho._guard import background as _background
from promptecho._matching.bodies import without_coding
from promptecho._matching.canonical import has_registered
from promptecho._matching.headers import may_count
from promptecho._matching.identity import Identity, address, identify, identify_recorded, older_keys
from promptecho._matching.placeholders import fits
from promptecho._misses.explanation import explain_miss
from promptecho._models import Request, Response
from promptecho._secrets.passes import Redactor, request_fields
from promptecho._secrets.query import parameters
from promptecho._session import learnt_late
from promptecho._session.recorder import Forward, Recorder
from promptecho._settings.settings import Settings
from promptecho._settings.unseen import UnseenNames
from promptecho._telling import run
from promptecho.errors import (
    CassetteMiss,
    ChildProcessCassetteError,
    IncompleteRecordingError,
)

Json = Any

_REMEMBERED, _REMEMBERED_BYTES = 50_000, 100_000
_LOOPBACK = ("localhost", "127.0.0.1", "::1", "[::1]", "0.0.0.0")


@dataclass(frozen=True)
class Replay:
    """The response to give: ``response``, of the recording ``interaction``; background traffic has none.

    For an example see :class:`Session`.
    """

    interaction: Interaction | None
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
        if self.response.incomplete and self.interaction is not None:
            raise IncompleteRecordingError(
                f"the recording of {self.interaction.method} {self.interaction.url} ends here "
                f"({self.response.incomplete}), and the program reads on; record it again to get the rest"
            )


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
        self.open: bool = True
        self.resuming = resuming
        self._lock = _forks.new_rlock()
        self.recorder: Recorder | None = (
            None if journal is None else Recorder(cassette, settings, redactor, clock, journal, self._lock)
        )
        self.unseen: UnseenNames = UnseenNames(settings.match)
        self._identified: dict[bytes, tuple[int, Identity]] = {}
        self._asked: Counter[tuple[str, str]] = Counter()

    @property
    def is_pure_replay(self) -> bool:
        """Whether no call may go out."""
        return self.recorder is None

    def decide(self, request: Request) -> Decision:
        """What to do with a request.

        Raises:
            CassetteMiss: no recording answers it and no live call is allowed.
            CassetteWriteError: it would be recorded and can't be written.
        """
        self._check_still_open()
        if self.passes(request):
            background = _background.find(request.method, request.url)
            if background is None or not self.is_pure_replay or self.lets_out(request.host):
                self.cassette.note_passed()
                return None
            self.cassette.background += 1
            return Replay(None, background.answer(request))
        identity = self._identify(without_coding(request))
        with self._lock:
            if self.unseen.waiting:
                self._look_for_names(identity)
            found = self._choose(request, identity)
            if found is not None:
                self.cassette.note_played(found, identity)
                if identity is not found.identity:
                    self._remember(without_coding(request), identity, found)
                return Replay(found, found.response, self.settings.replay_speed)
            if self.recorder is None:
                raise self._miss(request, identity)
            return self.recorder.forward(request, identity)

    def _identify(self, request: Request) -> Identity:
        """The identity of a request, whose credentials are taken note of; of those replayed before it is remembered.

        The request is without content coding.
        """
        known = self._identified.get(_asked(request))
        learnt = self.redactor.learn(request, only_headers=known is not None)
        if learnt:
            learnt_late.mask(learnt, self.recorder, self.redactor)
        if known is not None and known[0] == self.redactor.version and not has_registered():
            return known[1]
        text = b" ".join((_without_query_credentials(request.url), request.body, *_counting(request)))
        mask = _same if self.redactor.is_clean(text) else self._mask_of(request.method, request.url)
        named = self.redactor.named
        return identify(request, self.settings.match, mask, mask_sent=named.mask_tree if named else None)

    def _mask_of(self, method: str, url: str) -> Callable[[Json], Json]:
        """What masks the parts of a request as the file has them."""
        path = address(url)[1]
        return lambda tree: self.redactor.mask_tree(tree, fields=request_fields(method, path, tree))

    def _look_for_names(self, identity: Identity) -> None:
        self.unseen.look(identity.body)
        if self.unseen.doubtful:
            recorded = (interaction.body for interaction in self.cassette.interactions)
            self.unseen.refuse_doubtful(recorded, self.cassette.path)

    def _remember(self, request: Request, identity: Identity, found: Interaction) -> None:
        """Let the same request find its way at once the next time; the identity in memory already is kept."""
        same = found.identity
        # The key too: one of promptecho 0.1.3 is another, and repeats are counted by it.
        alike = (same.key, same.host, same.unmasked_key) == (identity.key, identity.host, identity.unmasked_key)
        if alike and same.body == identity.body:
            identity = same
        elif len(request.body) > _REMEMBERED_BYTES:
            return
        if len(self._identified) >= _REMEMBERED:
            self._identified.clear()
        self._identified[_asked(request)] = (self.redactor.version, identity)

    def lets_out(self, host: str) -> bool:
        """Whether calls to a host go out untouched, whatever they are."""
        return lets_out(self.settings, host)

    def passes(self, request: Request) -> bool:
        """Whether a call is neither recorded nor replayed."""
        host, only = request.host, self.settings.only_hosts
        return (
            self.lets_out(host)
            or _background.find(request.method, request.url) is not None
            or (bool(only) and not among(host, only))
        )

    def _choose(self, request: Request, identity: Identity) -> Interaction | None:
        """The recording that answers a request; ``None`` if it goes live, or if there is none."""
        entries = self._of_one_host(request, identity, self._candidates(request, identity))
        if not entries:
            return None
        place = (identity.key, entries[0].identity.host)
        turn = self._take_turn(place) + self._asked[identity.unmasked_key, place[1]]
        return self._at_turn(request, identity, entries, turn)

    def _candidates(self, request: Request, identity: Identity) -> list[Interaction]:
        """The recordings of a request, of whatever host, in the order of the file."""
        entries = self.cassette.find([identity.key])
        if not entries and self.cassette.older:
            entries = self.cassette.find(older_keys(request, identity, self.settings.match))
        if identity.unmasked_key:  # those recorded when less was masked than today come first, as they did in the file
            entries = [*self.cassette.find([identity.unmasked_key]), *entries]
        return entries or self._find_by_placeholders(identity)

    def _of_one_host(self, request: Request, identity: Identity, entries: list[Interaction]) -> list[Interaction]:
        """Those of the request's own host; else those of another one, if it is the only one and no call may go out."""
        own = [entry for entry in entries if entry.identity.host == identity.host]
        if own or self.recorder is not None:
            return own
        if len({entry.identity.host for entry in entries}) > 1:
            raise self._miss(request, identity, ambiguous=entries)
        return entries

    def _at_turn(
        self, request: Request, identity: Identity, entries: list[Interaction], turn: int
    ) -> Interaction | None:
        """What the same request gets when it was asked ``turn`` times before."""
        repeats = self.settings.repeats
        if repeats == "reuse":
            return entries[0]
        if turn < len(entries):
            return entries[turn]
        if repeats == "strict":
            if self.recorder is not None:
                return None
            raise self._miss(request, identity, used_up=len(entries))
        # A recording that was cut off may lack the rest of a sequence (a 429 whose retry never came): go on live.
        return None if self.resuming else entries[-1]

    def _take_turn(self, place: tuple[str, str]) -> int:
        """How often the same was asked before, in all processes."""
        turn = self._asked[place]
        if self.cassette.relay is not None:
            turn = self.cassette.relay.take_turn(place, turn)
        self._asked[place] = turn + 1
        return turn

    def _find_by_placeholders(self, identity: Identity) -> list[Interaction]:
        """The recordings of one key that differ from a request in what was masked alone; none if several keys do."""
        found: dict[str, list[Interaction]] = {}
        for entry in self.cassette.with_placeholders():
            if fits(self._masked_again(entry), identity, self.redactor.may_be_masked):
                found.setdefault(entry.identity.key, []).append(entry)
        return self.cassette.find(list(found)) if len(found) == 1 else []

    def _masked_again(self, entry: Interaction) -> Identity:
        """The identity of a recording as it would be masked today."""
        identity = entry.identity
        body = self._mask_of(identity.method, entry.url)(identity.body)
        if body is identity.body:
            return identity
        normalizer = entry.document["request"].get("normalized_by")
        return identify_recorded(
            identity.method,
            entry.url,
            identity.query,
            body,
            self.settings.match,
            headers=identity.headers,
            normalizer=normalizer,
        )

    def _miss(
        self,
        request: Request,
        identity: Identity,
        *,
        used_up: int = 0,
        ambiguous: Sequence[Interaction] = (),
    ) -> CassetteMiss:
        explanation = explain_miss(
            self.cassette,
            identity,
            self.redactor.url(request.url),
            mode=str(self.settings.mode),
            used_up=used_up,
            ambiguous=ambiguous,
        )
        miss = CassetteMiss(
            explanation.text,
            summary=explanation.summary,
            request=request,
            path=self.cassette.path,
            mode=str(self.settings.mode),
        )
        self.cassette.note_miss(miss)
        return miss

    def share(self) -> Relay:
        """Let child processes take part from now on."""
        if self.settings.max_live_calls is not None or self.settings.max_live_usd is not None:
            run.share_ledger()
        with self._lock:
            if self.cassette.relay is None:
                self.cassette.relay = Relay.begin(self._asked)
            return self.cassette.relay

    def join(self, relay: Relay, asked: Mapping[tuple[str, str], int] | None = None) -> None:
        """Be the session of a child process; ``asked`` as for the relay, unless it knows it from a fork."""
        self.cassette.relay = relay
        if asked is not None:
            self._asked.update(asked)
        if self.recorder is not None:
            self.recorder.leave_open_calls()

    def _check_still_open(self) -> None:
        relay = self.cassette.relay
        if relay is not None and not relay.is_opener and relay.is_closed():
            raise ChildProcessCassetteError(
                f"{self.cassette.path} is closed, in which this process was started, so its call was not sent; end "
                "child processes before the cassette ends, and start pools inside of each cassette"
            )

    def close(self) -> None:
        """Write what is still open as abandoned, and let no further call in."""
        self.open = False
        if self.recorder is not None:
            self.recorder.close()
        self.cassette.hear_last()
        if self.cassette.relay is not None and self.unseen.waiting:
            for interaction in (*self.cassette.played, *self.cassette.recorded):  # by child processes too
                self.unseen.look(interaction.body)


def lets_out(settings: Settings, host: str) -> bool:
    """Whether settings let calls to a host go out untouched."""
    return among(host, settings.ignore_hosts) or (settings.ignore_localhost and host in _LOOPBACK)


def _asked(request: Request) -> bytes:
    """A digest of all that an identity depends on."""
    head = (
        f"{request.method} {request.url} ".encode("utf-8", "surrogatepass") + b"\n".join(_counting(request)) + b"\n\n"
    )
    return blake2b(head + request.body, digest_size=16).digest()


def _without_query_credentials(url: str) -> bytes:
    texts = (text for pair in parameters(url) for text in pair)
    return " ".join((url.partition("?")[0], *texts)).encode("utf-8", "replace")


def _counting(request: Request) -> list[bytes]:
    """The headers that may be part of a key."""
    return [
        f"{name.lower()}: {value}".encode("utf-8", "surrogatepass")
        for name, value in request.headers.pairs
        if may_count(name.lower())
    ]


def _same(tree: Json) -> Json:
    return tree


def among(host: str, names: Sequence[str]) -> bool:
    """A name stands for itself and the hosts below it; a pattern such as ``*.internal`` works too."""
    return any(host == name or host.endswith("." + name.lstrip("*.")) for name in (entry.lower() for entry in names))
