"""A message of any provider, in a request or an answer, as pieces: text, thinking, tool calls, results, attachments.

What isn't known is a piece of its own and shown as JSON: nothing that was sent goes missing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from promptecho.providers._trees import entries, first_text, mapping, parsed, text

Json = Any

# Blocks that say nothing to a reader: cache marks, signatures, encrypted reasoning.
_SILENT = ("cachePoint", "redacted_thinking", "thoughtSignature")
_CALLS = ("tool_use", "server_tool_use", "mcp_tool_use", "function_call", "custom_tool_call", "mcp_call")
_RESULTS = ("tool_result", "function_call_output", "custom_tool_call_output", "mcp_tool_result")
_LONG = 200
_BASE64 = re.compile(r"(?:data:[\w./+-]+;base64,)?[A-Za-z0-9+/_-]+=*")
_MEDIA = ("image", "document", "video", "audio", "file", "image_url", "input_image", "input_file", "input_audio",
          "image_generation_call", "container_upload", "document_url")  # fmt: skip


@dataclass(frozen=True)
class Piece:
    """One piece of a message. ``kind``: text, thinking, tool_call, tool_result, attachment, refusal or other.

    ``text`` is what it says (of an attachment, a note on it); ``name``, ``arguments`` and ``id`` belong to calls and
    results of tools.
    """

    kind: str
    text: str = ""
    name: str = ""
    arguments: Json = None
    id: str = ""


def size_note(size: int) -> str:
    """A number of bytes as a person reads it."""
    if size < 1024:
        return f"{size} bytes"
    return f"{size / 1024:.0f} KB" if size < 1024 * 1024 else f"{size / 1024 / 1024:.1f} MB"


def attachment(media_type: str, data: Json) -> Piece:
    """A note on an image, a document or a sound: its type, and its size or where it is."""
    value = text(data)
    if value.startswith("data:") and ";base64," in value:
        head, _, value = value.partition(";base64,")
        media_type = head[5:].partition(";")[0] or media_type
    elif "://" in value[:12]:
        return Piece("attachment", f"{media_type}, {value}")
    if not value:
        return Piece("attachment", media_type)
    size = max(0, len(value) * 3 // 4 - value[-2:].count("="))
    return Piece("attachment", f"{media_type}, {size_note(size)}")


def read_message(message: Json) -> tuple[Piece, ...]:
    """The pieces of one message, in the order in which a reader wants them."""
    if not isinstance(message, dict):
        return tuple(read_blocks(message))
    kind = message.get("type")
    if kind in _CALLS or kind in _RESULTS or kind == "reasoning" or ("role" not in message and kind is not None):
        return tuple(_block(message))  # an item of OpenAI's Responses
    if message.get("role") in ("tool", "function", "tool_result"):
        identity = first_text(message, "tool_call_id", "call_id", "tool_use_id")
        name = first_text(message, "name", "tool_name")
        return (Piece("tool_result", flat_text(message.get("content")), name, id=identity),)
    pieces: list[Piece] = []
    thought = first_text(message, "reasoning_content", "reasoning", "thinking", "tool_plan")
    if thought:
        pieces.append(Piece("thinking", thought))
    content = message.get("content", message.get("parts"))
    pieces.extend(read_blocks(content))
    if text(message.get("refusal")):
        pieces.append(Piece("refusal", message["refusal"]))
    for call in entries(message.get("tool_calls")):
        pieces.append(_call(call))
    if isinstance(message.get("function_call"), dict):
        pieces.append(_call(message["function_call"]))
    pieces.extend(_media_of(message))
    return tuple(pieces)


def _media_of(message: dict[str, Json]) -> Iterator[Piece]:
    """Images and sound beside the content: Ollama's, OpenRouter's, OpenAI's audio."""
    for image in entries(message.get("images")):
        if isinstance(image, str):
            yield attachment("image", image)
        else:
            yield from _block(image)
    audio = mapping(message.get("audio"))
    if "data" in audio:
        yield attachment("audio", audio["data"])
    if text(audio.get("transcript")) and not message.get("content"):
        yield Piece("text", audio["transcript"])


def read_blocks(content: Json) -> Iterator[Piece]:
    """The pieces of a message's content: a text, or a list of blocks."""
    if content is None or content == "":
        return
    if isinstance(content, list):
        for block in content:
            yield from _block(block)
    else:
        yield from _block(content)


def flat_text(content: Json) -> str:
    """A content as one text: that of a tool's result, of a system prompt."""
    if isinstance(content, str):
        return content
    if content is None:
        return ""
    pieces = list(read_blocks(content))
    if not any(piece.kind in ("text", "attachment", "thinking") for piece in pieces):
        return as_json(content)
    return "\n".join(f"[{piece.text}]" if piece.kind == "attachment" else piece.text or piece.name for piece in pieces)


def as_json(tree: Json) -> str:
    """A tree as one line of JSON, with a note in the place of each image or document in base64."""
    try:
        return json.dumps(_with_notes(tree), ensure_ascii=False)
    except (ValueError, TypeError, RecursionError):
        return "(JSON that is nested too deeply)"


def _with_notes(tree: Json) -> Json:
    if isinstance(tree, str) and len(tree) >= _LONG and _BASE64.fullmatch(tree):
        return f"<{attachment('base64', tree).text}>"
    if isinstance(tree, dict):
        return {key: _with_notes(value) for key, value in tree.items()}
    if isinstance(tree, list):
        return [_with_notes(value) for value in tree]
    return tree


def _block(block: Json) -> Iterator[Piece]:
    if isinstance(block, str):
        yield Piece("text", block)
        return
    if not isinstance(block, dict):
        yield Piece("other", as_json(block))
        return
    kind = text(block.get("type"))
    if kind in _CALLS:
        yield _call(block)
    elif kind in _RESULTS:
        yield _result(block)
    elif kind in _MEDIA:
        yield _media(kind, block)
    elif kind in ("thinking", "reasoning") or block.get("thought") is True:
        yield from _thinking(block)
    elif kind == "refusal":
        yield Piece("refusal", first_text(block, "refusal", "text"))
    elif kind == "message":
        yield from read_blocks(block.get("content"))
    elif kind in _SILENT or any(name in block for name in _SILENT if len(block) == 1):
        return
    elif isinstance(block.get("text"), str):
        yield Piece("text", block["text"])
    else:
        yield from _named_block(block)


def _named_block(block: dict[str, Json]) -> Iterator[Piece]:
    """Blocks of Gemini and Bedrock: an object under a name that says its kind."""
    if isinstance(block.get("functionCall"), dict):
        call = block["functionCall"]
        yield Piece("tool_call", name=text(call.get("name")), arguments=call.get("args", {}), id=text(call.get("id")))
    elif isinstance(block.get("functionResponse"), dict):
        result = block["functionResponse"]
        yield Piece("tool_result", as_json(result.get("response")), text(result.get("name")), id=text(result.get("id")))
    elif isinstance(block.get("toolUse"), dict):
        call = block["toolUse"]
        identity = text(call.get("toolUseId"))
        yield Piece("tool_call", name=text(call.get("name")), arguments=parsed(call.get("input", {})), id=identity)
    elif isinstance(block.get("toolResult"), dict):
        result = block["toolResult"]
        yield Piece("tool_result", _bedrock_result(result.get("content")), id=text(result.get("toolUseId")))
    elif isinstance(block.get("reasoningContent"), dict):
        thought = text(mapping(block["reasoningContent"], "reasoningText").get("text"))
        if thought:
            yield Piece("thinking", thought)
    elif isinstance(block.get("inlineData"), dict) or isinstance(block.get("inline_data"), dict):
        inline = mapping(block.get("inlineData") or block.get("inline_data"))
        yield attachment(first_text(inline, "mimeType", "mime_type") or "attachment", inline.get("data"))
    elif isinstance(block.get("fileData"), dict) or isinstance(block.get("file_data"), dict):
        file = mapping(block.get("fileData") or block.get("file_data"))
        where = first_text(file, "fileUri", "file_uri")
        yield attachment(first_text(file, "mimeType", "mime_type") or "file", where)
    elif isinstance(block.get("citationsContent"), dict):
        yield from read_blocks(block["citationsContent"].get("content"))
    else:
        for name in ("image", "document", "video", "audio"):
            if isinstance(block.get(name), dict):
                inner = block[name]
                media_type = f"{name}/{text(inner.get('format')) or '*'}"
                source = mapping(inner.get("source"))
                where = text(mapping(source, "s3Location").get("uri"))
                yield attachment(media_type, where or source.get("bytes"))
                return
        yield Piece("other", as_json(block))


def _bedrock_result(content: Json) -> str:
    blocks = entries(content)
    if len(blocks) == 1 and isinstance(blocks[0], dict) and set(blocks[0]) == {"json"}:
        return as_json(blocks[0]["json"])
    return flat_text(content)


def _call(call: Json) -> Piece:
    """A tool call of OpenAI's, Anthropic's, Mistral's, Cohere's or Ollama's shape."""
    tree = mapping(call)
    inner = mapping(tree.get("function") or tree.get("custom") or tree)
    arguments: Json = next((inner[name] for name in ("arguments", "input", "parameters", "args") if name in inner), {})
    identity = first_text(tree, "call_id", "id")
    return Piece("tool_call", name=text(inner.get("name")), arguments=parsed(arguments), id=identity)


def _result(block: dict[str, Json]) -> Piece:
    identity = first_text(block, "tool_use_id", "call_id")
    content = block.get("content", block.get("output"))
    return Piece("tool_result", flat_text(content), first_text(block, "name"), id=identity)


def _thinking(block: dict[str, Json]) -> Iterator[Piece]:
    said = block.get("thinking", block.get("text"))
    if isinstance(said, list):  # Mistral
        said = "".join(text(mapping(each).get("text")) for each in said)
    if not isinstance(said, str):  # OpenAI's Responses
        parts = [*entries(block.get("summary")), *entries(block.get("content"))]
        said = "\n\n".join(found for found in (text(mapping(part).get("text")) for part in parts) if found)
    if said:
        yield Piece("thinking", said)


def _media(kind: str, block: dict[str, Json]) -> Piece:
    name = (
        kind.replace("input_", "")
        .replace("_url", "")
        .replace("_generation_call", "")
        .replace("container_upload", "file")
    )
    if isinstance(block.get("source"), dict):  # Anthropic
        source = block["source"]
        media_type = first_text(source, "media_type") or name
        if source.get("type") == "text":
            return Piece(
                "attachment", f"{media_type}, {size_note(len(text(source.get('data')).encode('utf-8', 'replace')))}"
            )
        return attachment(media_type, first_text(source, "data", "url", "file_id"))
    if kind == "image_generation_call":
        return attachment(f"image/{text(block.get('output_format')) or 'png'}", block.get("result"))
    if isinstance(block.get("input_audio"), dict):
        sound = block["input_audio"]
        return attachment(f"audio/{text(sound.get('format')) or '*'}", sound.get("data"))
    inner = block.get(kind, block.get("file", block))
    if isinstance(inner, str):
        return attachment(name, inner)
    tree = mapping(inner)
    label = first_text(tree, "filename") or name
    return attachment(label, first_text(tree, "url", "image_url", "file_data", "file_url", "data"))
