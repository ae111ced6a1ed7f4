"""Gemini: candidates of parts; each chunk of a stream is a whole answer with some of the parts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from promptecho._answers._answer import Answer, Reader, Usage, from_pieces, with_alternatives
from promptecho._answers._pieces import read_message
from promptecho._answers._trees import count, entries, first_text, index, mapping, mappings, ordered, text

Json = Any

_FIELDS = ("candidates", "promptFeedback", "usageMetadata")


def read(tree: Json) -> Answer | None:
    """The answer in a body with ``candidates``, a blocked prompt, or an embedding."""
    body = mapping(tree)
    if "response" in body and "candidates" in mapping(body.get("response")):  # Code Assist wraps the body
        body = mapping(body["response"])
    model = text(body.get("modelVersion"))
    if isinstance(body.get("candidates"), list) or "promptFeedback" in body:
        blocked = mapping(body.get("promptFeedback"))
        refusal = first_text(blocked, "blockReasonMessage", "blockReason") or None
        answers = [
            from_pieces(
                "gemini",
                read_message({"role": "model", **mapping(candidate, "content")}),
                model=model,
                finish_reason=text(mapping(candidate).get("finishReason")),
                refusal=refusal,
            )
            for candidate in entries(body.get("candidates"))
        ]
        return with_alternatives(answers or [Answer("gemini", model, refusal=refusal)], usage(body))
    if "values" in mapping(body.get("embedding")) or any(
        "values" in mapping(each) for each in entries(body.get("embeddings"))
    ):
        return Answer("gemini", model, usage=usage(body))
    return None


def usage(body: dict[str, Json]) -> Usage | None:
    """Tokens; Gemini counts thoughts apart from the candidates', and results of its own tools apart from the prompt."""
    tree = mapping(body.get("usageMetadata"))
    prompt = count(tree, "promptTokenCount")
    if prompt is None:
        return None
    thoughts = count(tree, "thoughtsTokenCount") or 0
    return Usage(
        prompt + (count(tree, "toolUsePromptTokenCount") or 0),
        (count(tree, "candidatesTokenCount", "responseTokenCount") or 0) + thoughts,
        count(tree, "cachedContentTokenCount") or 0,
        0,
        thoughts,
    )


def assemble(events: Sequence[Json]) -> Json:
    """The plain body that the chunks of a stream make up."""
    chunks = [event for event in mappings(events) if any(name in event for name in _FIELDS)]
    if not chunks:
        return None
    body: dict[str, Json] = {}
    candidates: dict[int, dict[str, Json]] = {}
    for chunk in chunks:
        body.update((name, value) for name, value in chunk.items() if name not in ("candidates", "usageMetadata"))
        body["usageMetadata"] = {**mapping(body.get("usageMetadata")), **mapping(chunk.get("usageMetadata"))}
        for each in map(mapping, entries(chunk.get("candidates"))):
            candidate = candidates.setdefault(index(each.get("index")), {"content": {"parts": []}})
            if isinstance(each.get("finishReason"), str):
                candidate["finishReason"] = each["finishReason"]
            for part in entries(mapping(each, "content").get("parts")):
                _add_part(candidate["content"]["parts"], part)
    return {**body, "candidates": ordered(candidates)}


def _add_part(parts: list[Json], part: Json) -> None:
    """Pieces of one text are one part again; a thought and a text are two."""
    last = mapping(parts[-1]) if parts else {}
    new = mapping(part)
    both_texts = isinstance(new.get("text"), str) and isinstance(last.get("text"), str)
    if both_texts and bool(last.get("thought")) == bool(new.get("thought")):
        parts[-1] = {**last, "text": last["text"] + new["text"]}
    else:
        parts.append(part)


SHAPE = Reader("gemini", read, assemble)
