"""The cassette file: read, appended to, replaced.

Rules: a file is never truncated in place; it is appended to, or replaced by a complete temporary file (write, flush,
rename). Every finished call is in the file before the next one starts. An unreadable file is never taken for a
missing one. Writers of several processes take turns by a lock; readers need none.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import stat
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from promptecho import _forks
from promptecho._cassette import index, layout, references
from promptecho._cassette.lock import FileLock as FileLock  # handed on
from promptecho._cassette.mending import tangled
from promptecho._cassette.shape import REQUEST, Shape, check_header, wrong
from promptecho.errors import WAY_OUT, CassetteFileError, CassetteFormatError, CassetteWriteError

Json = Any
VERSION = 2
_MARK = "unfinished: true\n"
_MARK_LINE = re.compile("^unfinished: true *\r?\n", re.MULTILINE)  # at column 0: a prompt may have such a line too
_MARK_LINE_BYTES = re.compile(_MARK_LINE.pattern.encode("ascii"), re.MULTILINE)
_MARK_WITHIN = 4096
_FIRST_LINE = r"^version: 2(?:  #[^\n]*)?\n"
_NOT_COLUMN_0 = re.compile(r"^(?![ #\n-])", re.MULTILINE)
_ITEM = re.compile(r"^-(?: |\Z)", re.MULTILINE)  # at the end of a torn file there may be no more of it than the dash
_ENTRIES = re.compile(r"^interactions:\n(?=- )", re.MULTILINE)
_FIRST_ITEM = re.compile(r"^interactions:\n(?=(?:(?:#[^\n]*)?\n)*- )", re.MULTILINE)
# The last line of an item that promptecho wrote, whole: what follows `duration:` at once may be cut off. An editor may
# have taken spaces or the line end away, or put blank lines, comments or the end of the document behind it.
_COMMITTED = re.compile(
    r"^  duration: \S+(?:[ \t][^\n]*(?:\n|\Z)|\r?\n)(?:[ \t]*(?:#[^\n]*)?\r?\n)*(?:\.\.\.\s*|[ \t]*)\Z", re.MULTILINE
)
_COLUMN_0_KEY = re.compile(r"^[^\s#.-]", re.MULTILINE)


@dataclass
class Document:
    """What a cassette file says: its header keys, and the interactions as plain trees."""

    header: dict[str, Json] = field(default_factory=dict)
    items: list[dict[str, Json]] = field(default_factory=list)
    torn: bool = False

    @property
    def incomplete(self) -> tuple[int, ...]:
        """The numbers of those that refer to what is not in the file any more."""
        requests = [item.get("request") for item in self.items]
        return tuple(
            number
            for number, request in enumerate(requests)
            if isinstance(request, dict) and references.is_incomplete(request)
        )

    @property
    def unfinished(self) -> bool:
        return self.header.get("unfinished") is True


def read_bytes(path: Path) -> bytes | None:
    """What a cassette file holds, or ``None`` if there is none.

    Raises:
        CassetteFileError: the file can't be opened, or is no regular file.
    """
    try:
        # Without waiting: a FIFO would wait for its writer for ever.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        try:
            now = os.fstat(descriptor)
            if stat.S_ISDIR(now.st_mode):
                raise IsADirectoryError
            if not stat.S_ISREG(now.st_mode):
                raise CassetteFileError(f"{path} is no regular file; a cassette is a YAML file: choose another path")
            pieces = []
            while piece := os.read(descriptor, max(now.st_size, 4096)):
                pieces.append(piece)
            return pieces[0] if len(pieces) == 1 else b"".join(pieces)
        finally:
            os.close(descriptor)
    except FileNotFoundError:
        return None
    except IsADirectoryError:
        raise CassetteFileError(f"{path} is a folder; a cassette is a YAML file: name a file in it") from None
    except NotADirectoryError:
        raise CassetteFileError(f"{path}: a part of this path is a file, not a folder; choose another path") from None
    except OSError as problem:
        raise CassetteFileError(f"{path} can't be read: {problem.strerror or problem}") from problem


def decode(data: bytes, path: Path) -> str:
    """The text of a cassette file.

    Raises:
        CassetteFormatError: it isn't UTF-8.
    """
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as problem:
        if problem.reason == "unexpected end of data" and _MARK_LINE_BYTES.search(data, 0, _MARK_WITHIN):
            return data[: problem.start].decode("utf-8")  # a kill cut an append in a character: its entry is left out
        line = data.count(b"\n", 0, problem.start) + 1
        if data.startswith(b"\x1f\x8b"):
            raise CassetteFormatError(
                f"{path}, line 1: this is a gzip file, and a cassette is plain text. If another tool wrote it, convert "
                f"it: promptecho import {path}"
            ) from None
        raise CassetteFormatError(
            f"{path}, line {line}: not UTF-8 text, so no cassette; restore the file, or delete it and record again"
        ) from None


def read_text(path: Path) -> str | None:
    """The text of a cassette file, or ``None`` if there is none; raises what the two above do."""
    data = read_bytes(path)
    return None if data is None else decode(data, path)


def parse(text: str, path: Path) -> Document:
    """The document in a cassette's text; a torn last entry of an interrupted recording is left out.

    Raises:
        CassetteFormatError: it names the file, the place, what was expected and what to do.
    """
    line = tangled.conflict_line(text)
    if line is not None:
        raise _conflict(path, line)
    try:
        text = tangled.untangled(text)
    except tangled.Tangled as problem:
        raise CassetteFormatError(
            f"{path}, line {problem.line}: two recordings run into one another, as merge=union of git leaves them; "
            f"restore the file as it is in one branch, and join the branches with `promptecho merge BASE OURS THEIRS`"
        ) from None
    torn = False
    whole = text
    if _is_marked(text):
        text = without_torn_tail(text)
        torn = text != whole
    try:
        tree = layout.load(text)
    except layout.YamlProblem as problem:
        line = tangled.marker_line(text)
        if line is not None:
            raise _conflict(path, line) from None
        _refuse_tool(_of_another_tool(text), path)
        place = f", line {problem.line}" if problem.line else ""
        raise CassetteFormatError(f"{path}{place}: {problem.problem}; {WAY_OUT}") from None
    return _document(tree, path, torn, len(text))


def _of_another_tool(text: str) -> object:
    """What a file says that is no YAML of ours: JSON, or as vcrpy reads it, whose tags no cassette has."""
    import json

    from promptecho._cassette.foreign import load_vcrpy

    try:
        return json.loads(text) if text.lstrip()[:1] in ("{", "[") else load_vcrpy(text)
    except (ValueError, RecursionError):
        return None


def _refuse_tool(tree: object, path: Path) -> None:
    """Say which other tool wrote a file, if it is known."""
    from promptecho._cassette.foreign import tool_of

    name = tool_of(tree)
    if name is not None:
        raise CassetteFormatError(
            f"{path} is a {'HAR file' if name == 'har' else f'cassette of {name}'}, not of promptecho. Convert it: "
            f"promptecho import {path}"
        )


def _conflict(path: Path, line: int) -> CassetteFormatError:
    return CassetteFormatError(
        f"{path}, line {line}: two branches changed this file, and git left its conflict markers in it. Join their "
        f"recordings: promptecho merge {path}"
    )


def _document(tree: object, path: Path, torn: bool, size: int) -> Document:
    if tree is None:
        raise CassetteFormatError(f"{path} is empty, and a cassette begins with 'version: {VERSION}'; {WAY_OUT}")
    if not isinstance(tree, dict) or tree.get("version") != VERSION:
        _refuse_tool(tree, path)
    if not isinstance(tree, dict) or "version" not in tree:
        raise CassetteFormatError(f"{path} is no cassette of promptecho: it has no 'version:' at its top; {WAY_OUT}")
    version = tree["version"]
    if version == 1 and not isinstance(version, bool):
        raise CassetteFormatError(
            f"{path} is a version 1 cassette, whose keys left out method and path, so it could replay wrong answers; "
            "record it again with PROMPTECHO_MODE=all"
        )
    if version != VERSION or isinstance(version, bool):
        raise CassetteFormatError(
            f"{path}: version {version!r} is not known here (expected {VERSION}); upgrade promptecho, or record again"
        )
    check_header(tree, path)
    items = tree.get("interactions")
    if items is None and tree.get("unfinished"):
        items = []  # killed before its first recording
    if not isinstance(items, list):
        raise wrong(path, "interactions", "a list of recordings", items)
    for number, item in enumerate(items):
        if not isinstance(item, dict):
            raise Shape(path, number).wrong("", "a mapping with 'request' and 'response'", item)
    header = {key: value for key, value in tree.items() if key != "interactions"}
    return Document(header, _expanded(items, path, size), torn)


def _expanded(items: list[Json], path: Path, size: int) -> list[Json]:
    """The interactions with what they have in common; what is no interaction is refused later."""
    requests: list[Json] = [item.get("request") for item in items]
    if not any(isinstance(request, dict) and references.FIELD in request for request in requests):
        return items
    first: dict[str, int] = {}
    for number, request in enumerate(requests):
        if isinstance(request, dict):
            Shape(path, number).check(request, {"matched_on": REQUEST["matched_on"]}, "request")
        if isinstance(request, dict) and isinstance(request.get("match_key"), str):
            first.setdefault(request["match_key"], number)
    whole = references.Requests(requests.__getitem__, first.get, path, references.Budget(size, len(items))).whole
    return [
        {**item, "request": whole(number)} if isinstance(request, dict) and references.FIELD in request else item
        for number, (item, request) in enumerate(zip(items, requests))
    ]


def _is_marked(text: str) -> bool:
    return _MARK_LINE.search(text, 0, _MARK_WITHIN) is not None


def _with_mark(head: str) -> str | None:
    """The lines above the interactions, marked as unfinished; ``None`` if they are not as promptecho writes them."""
    if _is_marked(head):
        return head
    if re.search("^unfinished:", head, re.MULTILINE):
        return None  # a key stands once in a mapping
    marked, count = re.subn(_FIRST_LINE, f"version: {VERSION}\n{_MARK}", head, count=1, flags=re.MULTILINE)
    return marked if count else None


def without_torn_tail(text: str) -> str:
    """The text up to the last entry that was written whole: a kill can cut an append anywhere."""
    starts = [match.start() for match in _ITEM.finditer(text)]
    return text[: starts[-1]] if starts and not _is_whole_item(text[starts[-1] :]) else text


def _is_whole_item(text: str) -> bool:
    """Whether the last entry of a file was written whole, the end of the file included."""
    if _COMMITTED.search(text) or _COLUMN_0_KEY.search(text):
        return True
    begin = re.search(r"^(?:- |  )duration: \S+\n(?=  \S)", text, re.MULTILINE)
    if begin is None:
        return False
    try:  # another tool put the keys into another order, and none of them is left out
        item = layout.load(text)
    except layout.YamlProblem:
        return False
    return isinstance(item, list) and all(isinstance(each, dict) and "response" in each for each in item)


def entry_texts(text: str, count: int) -> tuple[str, list[str]] | None:
    """What stands above the interactions and the text of each entry; ``None`` if the layout isn't that of promptecho.

    ``count`` is how many entries there are, a torn one included.
    """
    if count == 0 and text.endswith("\ninteractions: []\n"):
        return text[: -len(" []\n")] + "\n", []
    begin = _ENTRIES.search(text)
    if begin is None or not text.endswith("\n") or _NOT_COLUMN_0.search(text.rstrip("\n"), begin.end()):
        return None
    starts = [found.start() for found in _ITEM.finditer(text, begin.end())]
    if len(starts) != count:
        return None
    return text[: begin.end()], [text[start:end] for start, end in zip(starts, [*starts[1:], len(text)])]


def without(text: str, document: Document, kept: Sequence[dict[str, Json]], path: Path) -> str:
    """The text of a file with some of its interactions alone, as they are written wherever that can be.

    ``kept`` are items of ``document``, which is what the text says.
    """
    wanted = set(map(id, kept))
    found = entry_texts(text, len(document.items))
    if found is not None:
        head, entries = found
        left = [entry for entry, item in zip(entries, document.items) if id(item) in wanted]
        edited = head + "".join(left) if left else head.removesuffix("\n") + " []\n"
        try:
            if parse(edited, path).items == kept:
                return edited
        except CassetteFormatError:  # it doesn't stand alone: it is written out below
            pass
    return document_text(document.header, list(kept), unfinished=document.unfinished)


def check_item(item: object, path: Path) -> None:
    """Refuse what is no interaction at all.

    Raises:
        CassetteFormatError: it has no request or no response.
    """
    if not isinstance(item, dict) or not all(isinstance(item.get(name), dict) for name in ("request", "response")):
        raise CassetteFormatError(f"{path}: an interaction has no 'request' or no 'response'; {WAY_OUT}")


def header_text(header: Mapping[str, Json], *, unfinished: bool) -> str:
    """The lines above the interactions."""
    lines = [f"version: {VERSION}\n"]
    if unfinished:
        lines.append(_MARK)
    rest = {key: value for key, value in header.items() if key not in ("version", "unfinished")}
    if rest:
        lines.append(layout.emit_block(rest, 0))
    return "".join(lines)


def item_text(item: Mapping[str, Json], options: str | None = None) -> str:
    """One interaction as an entry of the list, at column 0; its first line is ``- request:``.

    ``options``: the digest of the matching options with which its key was made, for the mark that lets it be found
    without being parsed.
    """
    text = "- " + layout.emit_block(dict(item), 2)[2:]
    return (
        text if options is None else text[:-1] + index.mark(text, options, references.FIELD in item["request"]) + "\n"
    )


def _flowing(item: Mapping[str, Json]) -> dict[str, Json]:
    """An entry that was read, with the lists on one line that promptecho writes so."""
    flowing = {"request": ("matched_on",), "response": ("chunks", "delays")}
    return {
        name: {
            key: layout.Flow(value) if key in flowing[name] and isinstance(value, list) else value
            for key, value in part.items()
        }
        if name in flowing
        else part
        for name, part in item.items()
    }


def document_text(header: Mapping[str, Json], items: list[dict[str, Json]], *, unfinished: bool) -> str:
    """A whole file."""
    head = header_text(header, unfinished=unfinished)
    if not items:
        return head + "interactions: []\n"
    return head + "interactions:\n" + _items_text(items, references.Written())


def _items_text(items: Iterable[Mapping[str, Json]], written: references.Written) -> str:
    """Entries of the list, each without what stands before it; ``written`` knows of them afterwards."""
    texts = []
    for item in items:
        short = written.shorten(item["request"])
        texts.append(item_text({**item, "request": short.request}))
        written.note(short)
    return "".join(texts)


def _end_of_whole_entries(data: bytes) -> int:
    """Where the text ends that ``without_torn_tail`` keeps."""
    if data.endswith(b"\n-"):
        return len(data) - 1
    last = data.rfind(b"\n- ") + 1
    return last if last and not _is_whole_item(data[last:].decode("utf-8", "replace")) else len(data)


def write_atomically(path: Path, *pieces: str | bytes | memoryview, like: Path | None = None) -> None:
    """Put a complete file in the place of another: the old one stays as it was until the new one is on disk.

    The mode of an old file is kept, that of a new one is as of the file ``like``; a symbolic link is followed.
    """
    target = Path(os.path.realpath(path))
    name = hashlib.sha256(target.name.encode("utf-8", "surrogateescape")).hexdigest()[:12]  # NAME_MAX holds for it too
    temporary = target.with_name(f".promptecho-{name}-{os.getpid()}-{threading.get_ident()}.tmp")
    mode = _mode_of(target)
    if mode is None and like is not None:
        mode = _mode_of(like)
    try:
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()  # of a process of this number that was killed
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        with open(os.open(temporary, flags, 0o666 if mode is None else 0o600), "wb") as file:  # noqa: PTH123 - a number
            file.writelines(piece.encode("utf-8") if isinstance(piece, str) else piece for piece in pieces)
            file.flush()
            os.fsync(file.fileno())
        if mode is not None:
            with contextlib.suppress(OSError):
                temporary.chmod(mode)
        temporary.replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


def _mode_of(path: Path) -> int | None:
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except OSError:
        return None


class Journal:
    """Writes the interactions of one recording to its file, each as it is finished.

    ``path`` is the file that grows; for a recording in place it is the cassette, for a re-recording the file beside it,
    which has the mode of the cassette (``like``) from the beginning.
    """

    def __init__(self, path: Path, header: Mapping[str, Json], like: Path | None = None) -> None:
        self.path = path
        self._like = like  # whose mode a new file has
        self._folder = Path(os.path.realpath(path)).parent
        self._header = header
        self._seen: tuple[int, int] | None = None  # inode and size as this journal left the file
        self._written = references.Written()
        self._counts: Counter[tuple[str, str]] = Counter()  # how many recordings of a call the file has
        self._mutex = _forks.new_lock()
        self._lock = FileLock(path)
        # Recordings of an earlier, interrupted run that go when this one is complete.
        self.left_out: list[Mapping[str, Json]] = []

    def prepare(self) -> None:
        """Make sure that a recording can be written, before a call is paid for.

        Raises:
            CassetteWriteError: the folder can't be made or written to, or the file can't be locked.
        """
        if not (os.access(self.path, os.W_OK) and os.access(self._folder, os.W_OK | os.X_OK)):
            self._make_place()
        try:
            with self._mutex, self._lock:
                pass
        except CassetteFileError as problem:
            raise CassetteWriteError(f"{problem}; the call was not sent") from None

    def _make_place(self) -> None:
        self._check_not_removed()
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            if not os.access(self._folder, os.W_OK | os.X_OK):
                raise PermissionError("no permission to write in the folder")
            if self.path.exists() and not os.access(self.path, os.W_OK):
                raise PermissionError("the file is read-only")
        except OSError as problem:
            raise self._failure(problem) from problem

    def append(self, item: Mapping[str, Json], options: str | None = None, at_most: int | None = None) -> str:
        """Write one finished interaction and give its text; ``options`` as for ``item_text``.

        Nothing is written, and the text is empty, if the file has more than ``at_most`` recordings of the call.

        Raises:
            CassetteWriteError: the disk is full, the folder is gone or closed; the file is as it was before.
        """
        with self._mutex:
            try:
                with self._lock:
                    return self._append(item, options, at_most)
            except OSError as problem:
                raise self._failure(problem) from problem

    def rewrite(
        self,
        change: Callable[[Document, str], list[dict[str, Json]] | None],
        options: Callable[[Mapping[str, Json], int], str | None],
    ) -> None:
        """Put other entries in the place of those that the file has, all at once.

        ``change`` gives them, or ``None`` if nothing changes; ``options`` gives what ``append`` takes for an entry.

        Raises:
            CassetteWriteError: the file can't be replaced; it is as it was.
        """
        with self._mutex:
            try:
                with self._lock:
                    text = read_text(self.path)
                    begin = None if text is None else _FIRST_ITEM.search(text)
                    if text is None or begin is None:
                        return
                    document = parse(text, self.path)
                    items = change(document, text)
                    if items is None:
                        return
                    written = references.Written()
                    texts = []
                    for number, item in enumerate(items):
                        short = written.shorten(item["request"])
                        texts.append(item_text(_flowing({**item, "request": short.request}), options(item, number)))
                        written.note(short)
                    write_atomically(self.path, text[: begin.end()], *texts)
                    now = self.path.stat()
                    self._written, self._seen = written, (now.st_ino, now.st_size)
                    self._counts = Counter(map(_place, items))
            except OSError as problem:
                raise self._failure(problem) from problem

    def _check_not_removed(self) -> None:
        if self._seen is not None and not self.path.exists():
            raise CassetteWriteError(
                f"{self.path} was removed while it was being recorded, and what had been recorded is gone with it; "
                "run again, and leave the file and its folder in place meanwhile"
            )

    def _failure(self, problem: OSError) -> CassetteWriteError:
        if isinstance(problem, CassetteFileError):  # it can't be locked
            return CassetteWriteError(f"{problem}; the recording is not written")
        what = problem.strerror or str(problem)
        return CassetteWriteError(
            f"{self.path}: the recording can't be written: {what}; what stood in the file before is unchanged. "
            "Make room or give write access, and run again"
        )

    def _append(self, item: Mapping[str, Json], options: str | None, at_most: int | None) -> str:
        try:
            now = self.path.stat()
        except FileNotFoundError:
            self._check_not_removed()
            kept: str | None = ""
            whole = header_text(self._header, unfinished=True) + "interactions:\n"
        else:
            if self._seen == (now.st_ino, now.st_size):
                kept, whole = None, ""
            else:
                kept, whole = self._look_again()
        if at_most is not None and self._counts[_place(item)] > at_most:
            return ""
        short = self._written.shorten(item["request"])
        text = item_text({**item, "request": short.request}, options)
        if kept is None:
            now = self._append_in_place(text, now.st_size)
        elif kept == whole:
            now = self._append_in_place(text, len(kept.encode("utf-8")))
        else:
            write_atomically(self.path, whole + text, like=self._like)
            now = self.path.stat()
        self._written.note(short)
        self._counts[_place(item)] += 1
        self._seen = (now.st_ino, now.st_size)
        return text

    def _append_in_place(self, text: str, size: int) -> os.stat_result:
        data = text.encode("utf-8")
        descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND)
        try:
            if os.write(descriptor, data) != len(data):  # one write, so that a reader sees an entry or none
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return os.fstat(descriptor)
        except OSError:
            os.ftruncate(descriptor, size)  # take back a half-written entry: what stood there before stays
            raise
        finally:
            os.close(descriptor)

    def _look_again(self) -> tuple[str, str]:
        """The text of a file that this journal did not leave as it is now, and the text to which can be appended.

        They are the same unless its last entry is torn, it is not marked unfinished, or it was written by hand or by
        another tool in a form that can't be appended to.
        """
        old = read_text(self.path) or ""
        document = parse(old, self.path)
        self._written = references.Written()
        self._counts = Counter(map(_place, document.items))
        kept = without_torn_tail(old) if _is_marked(old) else old
        begin = _FIRST_ITEM.search(kept)
        head = _with_mark(kept[: begin.start()]) if begin else None
        if begin and head and not _NOT_COLUMN_0.search(kept.rstrip("\n"), begin.end()) and kept.endswith("\n"):
            for item in document.items:
                self._written.note(self._written.shorten(item["request"]))
            return old, head + kept[begin.start() :]
        head = header_text(document.header, unfinished=True) + "interactions:\n"
        return old, head + _items_text(document.items, self._written)

    def remove(self, unwanted: Sequence[Mapping[str, Json]]) -> None:
        """Take recordings out of the file, given as trees; an unfinished file that has no others goes.

        Of several that are the same, as many go as are given, the first ones.

        Raises:
            CassetteFileError: the file can't be replaced; it is as it was.
        """
        if not unwanted:
            return
        try:
            with self._mutex, self._lock:
                text = read_text(self.path)
                if text is None:
                    return
                document = parse(text, self.path)
                rest, kept = list(unwanted), []
                for item in document.items:
                    if item in rest:
                        rest.remove(item)
                    else:
                        kept.append(item)
                if len(kept) == len(document.items):
                    return
                if kept or not document.unfinished:
                    whole = without(text, document, kept, self.path)
                    write_atomically(self.path, whole)
                else:
                    self.path.unlink()
                self._seen = None
        except OSError as problem:
            raise CassetteFileError(
                f"{self.path}: the recordings of refused calls can't be taken out: {problem.strerror or problem}"
            ) from problem

    def mark_unfinished(self) -> None:
        """Put the unfinished mark back into a file of ours: another test that records into it has failed.

        Raises:
            CassetteFileError: the file can't be replaced; it is as it was.
        """
        if not os.path.lexists(self.path):  # nothing came of it, perhaps since there was no lock for it
            return
        try:
            with self._mutex, self._lock:
                text = read_text(self.path)
                begin = _FIRST_ITEM.search(text) if text is not None else None
                if text is None or begin is None or _is_marked(text):
                    return
                head = _with_mark(text[: begin.start()])
                if head is not None:
                    write_atomically(self.path, head + text[begin.start() :])
        except OSError as problem:
            raise CassetteFileError(
                f"{self.path}: it can't be marked unfinished: {problem.strerror or problem}"
            ) from problem

    def complete(self) -> None:
        """Take the unfinished mark away.

        Raises:
            CassetteFileError: the file can't be replaced; it is as it was, still marked.
        """
        try:
            with self._mutex, self._lock:
                data = read_bytes(self.path) or b""
                mark = _MARK_LINE_BYTES.search(data, 0, _MARK_WITHIN)
                if mark is None:
                    return
                # In pieces of what was read: a large file is in memory once.
                is_as_left = self._seen == (self.path.stat().st_ino, len(data))  # then nothing of it is torn
                view, end = memoryview(data), len(data) if is_as_left else _end_of_whole_entries(data)
                write_atomically(self.path, view[: mark.start()], view[mark.end() : end])
        except OSError as problem:
            raise CassetteFileError(
                f"{self.path}: the finished recording can't be written: {problem.strerror or problem}; "
                "it stays, marked unfinished"
            ) from problem

    def move_to(self, target: Path) -> None:
        """Let the finished file take the place of another, whose mode it takes on, and whose lock the caller has.

        Raises:
            CassetteFileError: it can't; both files are as they were.
        """
        real = Path(os.path.realpath(target))
        try:
            with contextlib.suppress(FileNotFoundError):
                self.path.chmod(stat.S_IMODE(real.stat().st_mode))
            self.path.replace(real)
        except OSError as problem:
            raise CassetteFileError(
                f"{target}: the new recording can't take its place: {problem.strerror or problem}; it is in {self.path}"
            ) from problem


def _place(item: Mapping[str, Json]) -> tuple[str, str]:
    """What tells calls apart: their key and their host."""
    request = item.get("request")
    known = request if isinstance(request, Mapping) else {}
    return str(known.get("match_key")), urlsplit(str(known.get("url"))).netloc


def side_path(path: Path, number: int = 1) -> Path:
    """Where a re-recording grows until it is complete; several at once have numbers."""
    mark = ".rerecording" if number == 1 else f".rerecording-{number}"
    name = f"{path.stem}{mark}{path.suffix or '.yaml'}"
    if len(name.encode("utf-8", "surrogateescape")) > 250:
        name = hashlib.sha256(path.name.encode("utf-8", "surrogateescape")).hexdigest()[:16] + f"{mark}.yaml"
    return path.with_name(name)
