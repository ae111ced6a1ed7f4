"""A call that goes out, and what of it is written: the recording half of a session.

Rule: a finished call is written, redacted, before the end of its response is handed on.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Callable

from promptecho._bodies import streams
from promptecho._bodies.content import ContentProblem, decode_chunks
from promptecho._cassette.cassette import Cassette
from promptecho._cassette.interaction import Interaction, read_interaction, response_tree
from promptecho._cassette.layout import Flow, UnwritableText
from promptecho._cassette.store import Document, Journal
from promptecho._matching.canonical import has_registered
from promptecho._matching.identity import Identity, canonical_json
from promptecho._models import Request, ResponseHead
from promptecho._secrets.passes import REDACTED, Redactor, answer_fields, is_token_answer
from promptecho._secrets.query import to_tree
from promptecho._session import learnt_late, run_folder
from promptecho._session.refusals import is_refusal
from promptecho._settings.settings import Settings
from promptecho._telling import run
from promptecho._warning import warn
from promptecho.errors import (
    WAY_OUT,
    CassetteFormatError,
    CassetteWarning,
    CassetteWriteError,
    LiveBudgetError,
    PromptechoRecordingWarning,
    RecordedErrorResponse,
)

Json = Any


class Forward:
    """An open recording of one call: ``start`` once, ``feed`` per chunk, then ``finish``, ``abandon`` or ``abort``.

    Chunks are given as they came from the wire, with their content coding. The last of the three calls writes the
    recording before it returns; what comes after it is ignored. For an example see :class:`Session`.
    """

    def __init__(self, recorder: Recorder, request: Request, identity: Identity, repeat: int) -> None:
        self.recorder = recorder
        self.request = request
        self.identity = identity
        self.repeat = repeat
        self._head: ResponseHead | None = None
        self._chunks: list[bytes] = []
        self._delays: list[float] = []
        self.started: float = recorder.clock()  # seconds
        self._last = self.started
        self._lock = threading.Lock()
        self.done: bool = False
        self.version: int = recorder.redactor.version  # what was known when the identity was made

    def start(self, head: ResponseHead) -> None:
        """Tell status and headers.

        Raises:
            RecordedErrorResponse: a status of 400 or more under ``on_record_error="raise"``.
        """
        self._head = head
        self._last = self.recorder.clock()
        if head.status_code >= 400 and self.recorder.settings.on_record_error == "raise":
            self._close()
            url = self.recorder.redactor.url(self.request.url)
            raise RecordedErrorResponse(
                f"{self.request.method} {url} was answered with status {head.status_code} while recording into "
                f"{self.recorder.cassette.path}; nothing was recorded (on_record_error='raise')",
                status=head.status_code,
                url=url,
            )

    def feed(self, chunk: bytes) -> None:
        """Tell a chunk that goes to the program."""
        if self.recorder.settings.timing:
            now = self.recorder.clock()
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
            self.recorder.write(self, self._head, self._chunks, self._delays, None)

    def abandon(self) -> None:
        """The program stopped reading: whole if the stream's last event had come, else marked incomplete."""
        if self._close() and self._head is not None:
            self.recorder.write(
                self, self._head, self._chunks, self._delays, "the program stopped reading", check_terminal=True
            )

    def abort(self, error: BaseException) -> None:
        """The connection broke or the call was cancelled: what had arrived is kept, marked with the reason."""
        if self._close() and self._head is not None:
            self.recorder.write(
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
        self.recorder.forget(self)
        return True


class Recorder:
    """Lets the calls of one session out and writes each when it ends; for any thread.

    ``lock`` is the session's: what is counted here and what the cassette holds change together.
    """

    def __init__(
        self,
        cassette: Cassette,
        settings: Settings,
        redactor: Redactor,
        clock: Callable[[], float],
        journal: Journal,
        lock: threading.RLock,
    ) -> None:
        self.cassette = cassette
        self.settings = settings
        self.redactor = redactor
        self.clock = clock
        self.journal = journal
        self._lock = lock
        self._written: Counter[str] = Counter()
        self._live: Counter[str] = Counter()
        self._answered: set[tuple[str, str]] = set()
        self._forwards: set[Forward] = set()
        self.dropped: set[int] = set()  # the places of recordings that were taken out of the file again

    def forward(self, request: Request, identity: Identity) -> Forward:
        """Let a call out.

        Raises:
            CassetteWriteError: it can't be recorded.
            LiveBudgetError: the run has spent what it may.
        """
        self.journal.prepare()
        self._check_budget(request)
        with self._lock:
            if identity.key not in self._live:  # it goes on where the file ends
                self._live[identity.key] = self._written[identity.key] = len(self.cassette.find([identity.key]))
            forward = Forward(self, request, identity, self._live[identity.key])
            self._live[identity.key] += 1
            self._forwards.add(forward)
        return forward

    def _check_budget(self, request: Request) -> None:
        settings = self.settings
        if settings.max_live_calls is None and settings.max_live_usd is None:
            run.count_call()
            return
        calls, usd = run.spent()
        if settings.max_live_calls is not None and calls >= settings.max_live_calls:
            used_up = f"{calls} live calls were made, and max_live_calls is {settings.max_live_calls}"
        elif settings.max_live_usd is not None and usd >= settings.max_live_usd:
            used_up = f"live calls cost ${usd:.4f}, and max_live_usd is {settings.max_live_usd}"
        else:
            run.count_call()
            return
        raise LiveBudgetError(
            f"{request.method} {self.redactor.url(request.url)} was not sent: in this run {used_up}. Record in smaller "
            f"steps, or raise the limit; the cassette is {self.cassette.path}"
        )

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
        if head is None:
            return
        duration = self.clock() - forward.started
        chunks, encoded = _decoded(forward.request.method, head, raw, partial=incomplete is not None)
        if check_terminal and not encoded and _has_terminal(head, chunks):
            incomplete = None
        tree = self._tree(forward, head, chunks, delays, incomplete, encoded, duration)
        if forward.version != self.redactor.version:  # a credential was learnt while the call was on its way
            tree = self._masked_again(tree, self.redactor)
        if self.settings.on_secret == "fail" and self.redactor.found:
            raise CassetteWriteError(
                f"{self.cassette.path}: {forward.request.method} {tree['request']['url']} was not recorded: a body "
                f"holds what looks like credentials ({', '.join(self.redactor.found)}) and on_secret is 'fail'"
            )
        changed = self._through_hooks(tree)
        if changed is None:
            return
        with self._lock:
            place = (forward.identity.key, forward.identity.host)
            if self.settings.repeats == "reuse" and place in self._answered:
                return  # the same question was in flight twice; one recording per distinct request
            self._append(forward, changed)
            learnt_late.note(self)
            self._answered.add(place)  # once it is written: after a full disk the next one counts
            if self.settings.max_live_usd is not None:
                self._count_cost()
        self._warn(forward, head)

    def _append(self, forward: Forward, tree: dict[str, Json]) -> None:
        key, reuses = forward.identity.key, self.settings.repeats == "reuse"
        if forward.repeat != self._written[key]:
            tree = {**tree, "repeat": forward.repeat}
            tree["duration"] = tree.pop("duration")  # it closes the entry: see without_torn_tail
        interaction: Interaction | None = None
        trusted = not has_registered()
        if self.settings.before_record or reuses:
            interaction = self._read_again(forward, tree)
            trusted = trusted and tree["request"].get("match_key") == interaction.match_key
        digest = self.settings.match.digest if trusted else None
        at_most = self._at_most(forward)
        try:
            text = self.journal.append(tree, digest, at_most)
        except (UnwritableText, RecursionError):
            text = self.journal.append(_with_body_as_json(tree), digest, at_most)
        self._written[key] += 1
        if not text:  # the next test of one process would have been given that recording
            return
        self.cassette.note_recorded(interaction if interaction and reuses else text, tree)

    def _at_most(self, forward: Forward) -> int | None:
        """How many recordings of a call a file may have that workers of pytest-xdist record into at once.

        One more of them is another worker's of this very call.
        """
        is_shared = run_folder.folder is not None and self.cassette.relay is None and self.settings.mode != "all"
        if not is_shared or self.settings.before_record:
            return None
        return 0 if self.settings.repeats == "reuse" else forward.repeat

    def _read_again(self, forward: Forward, tree: dict[str, Json]) -> Interaction:
        try:
            return read_interaction(tree, self.cassette.file, len(self.cassette), self.settings.match)
        except CassetteFormatError as problem:
            raise CassetteWriteError(
                f"{forward.request.method} {self.redactor.url(forward.request.url)} was not recorded, since what "
                f"before_record made of it is no recording: {str(problem).replace(f'; {WAY_OUT}', '')}"
            ) from None

    def _count_cost(self) -> None:
        """Add what the call just recorded cost to what the run has spent."""
        from promptecho._telling.answers import read_answer
        from promptecho._telling.prices import price

        last = self.cassette.recorded[-1]
        answer = read_answer(last)
        if answer is None or answer.usage is None:
            return
        cost = price(answer, last.url)
        if cost is not None:
            run.count_usd(cost)
        else:
            warn(
                f"what {answer.model or 'a model'} costs is not known, so max_live_usd can't count it; "
                "set max_live_calls as well",
                CassetteWarning,
            )

    def _warn(self, forward: Forward, head: ResponseHead) -> None:
        if head.status_code >= 400 and self.settings.on_record_error == "warn":
            warn(
                f"recorded status {head.status_code} of {forward.request.method} "
                f"{self.redactor.url(forward.request.url)} into {self.cassette.path}: every replay gives it"
                f"{', unless the recording ends in an error' if is_refusal(head.status_code) else ''}. "
                "If it was meant, pass on_record_error='record'; if not, delete the recording and run again",
                PromptechoRecordingWarning,
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
            "matched_on": "all" if identity.whole else Flow(identity.matched_on),
        }
        if identity.query:
            request["query"] = identity.query if isinstance(identity.query, str) else to_tree(identity.query)
        if identity.headers is not None:
            request["headers"] = identity.headers
        if identity.registered:
            request["normalized_by"] = identity.provider
        if identity.body:
            request["body"] = identity.body
        if len(delays) != len(chunks):
            delays = []
        response = response_tree(
            ResponseHead(
                head.status_code,
                redactor.response_headers(head.headers),
                head.reason and redactor.mask(head.reason),
                head.http_version,
            ),
            self._masked_chunks(forward, head, chunks, encoded),
            delays=[round(delay, 4) for delay in delays],
            incomplete=incomplete,
            encoded=encoded,
        )
        return {"request": request, "response": response, "duration": round(duration, 4)}

    def _masked_chunks(
        self, forward: Forward, head: ResponseHead, chunks: tuple[bytes, ...], encoded: bool
    ) -> tuple[bytes, ...]:
        redactor, path = self.redactor, forward.identity.path
        if is_token_answer(path) and chunks:
            return (REDACTED.encode(),)
        fields = answer_fields(
            forward.request.method, forward.identity.path, "messages" in forward.identity.body, forward.request.body
        )
        stream = None if encoded else streams.format_of(head.headers.get("content-type"))
        if stream is None:
            chunks = redactor.mask_chunks(chunks, fields=fields)
            whole = b"".join(chunks)
            masked = whole if encoded else redactor.mask_pieces(whole, fields)
            return chunks if masked == whole else (masked,)
        chunks = redactor.mask_chunks(chunks, stream.masked, fields)
        pieces = stream.split(b"".join(chunks))
        masked_pieces = redactor.mask_across(pieces, stream.edited, fields)
        return chunks if masked_pieces == pieces else tuple(masked_pieces)

    def mask_again(self, values: Sequence[str], redactor: Redactor) -> None:
        """Mask what was written before credentials were learnt, if they are in it.

        Raises:
            CassetteWriteError: the file can't be replaced.
        """
        from promptecho._cassette.mending.masking import masked_items

        path, match = self.cassette.file, self.settings.match
        with self._lock:
            if not self.cassette.holds_recorded(partial(redactor.is_in, values)) and not (
                redactor.is_in(values, "\n".join(self.redactor.assembled))
            ):
                return

            def change(document: Document, text: str) -> list[dict[str, Json]] | None:
                return masked_items(document.items, path, match, redactor)

            def options(item: Mapping[str, Json], number: int) -> str | None:
                key = read_interaction(item, path, number, match).match_key
                return match.digest if key == item["request"].get("match_key") and not has_registered() else None

            self.cassette.replace_recorded(
                lambda entry: read_interaction(
                    self._masked_again(dict(entry.document), redactor), path, entry.number, match
                )
            )
            self.journal.rewrite(change, options)

    def _masked_again(self, tree: dict[str, Json], redactor: Redactor) -> dict[str, Json]:
        from promptecho._cassette.mending.masking import masked_items

        changed = masked_items([tree], self.cassette.file, self.settings.match, redactor)
        return tree if changed is None else changed[0]

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

    def leave_open_calls(self) -> None:
        """In a forked process: the calls that were under way are the other one's to record."""
        for forward in self._forwards:
            forward.done = True
        self._forwards.clear()

    def close(self) -> None:
        """Write what is still open as abandoned."""
        for forward in list(self._forwards):
            forward.abandon()
        texts = (canonical_json(each.document) for each in self.cassette.recorded)
        for name, meant in self.redactor.named.mistyped_in(texts):
            warn(
                f"{self.cassette.path}: redact has {name!r}, a field that nothing recorded has, so it masked nothing; "
                f"did you mean {meant!r}? If so, delete the file and record it again",
                CassetteWarning,
            )
        fired = self.redactor.found
        if fired and self.settings.on_secret == "warn" and self.cassette.recorded_count:
            warn(
                f"{self.cassette.path}: masked what looks like credentials in recorded bodies ({', '.join(fired)}); "
                "look at the file before it is committed, or pass on_secret='ignore'",
                CassetteWarning,
            )


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
    stream = streams.format_of(head.headers.get("content-type"))
    if stream is None:
        return False
    return any(stream.is_terminal(piece) for piece in stream.split(b"".join(chunks))[-3:])


def _with_body_as_json(tree: Mapping[str, Json]) -> dict[str, Json]:
    """The tree with its request body as JSON text, which holds what YAML can't: lone surrogates."""
    request = {name: value for name, value in tree["request"].items() if name != "body"}
    return {**tree, "request": {**request, "body_json": canonical_json(tree["request"]["body"])}}
