"""Anthropic messages (https://docs.anthropic.com/en/api/messages), also behind Bedrock, Vertex and gateways."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from promptecho._selecting_headers import features
from promptecho.normalizers._canonical import Call, Shape
from promptecho.normalizers._messages import content, message, rename_call_ids
from promptecho.normalizers._tools import tools, with_schemas_in_order

Json = Any


def detect(call: Call) -> bool:
    return isinstance(call.body.get("messages"), list) and (
        call.path.endswith("/messages")
        or call.path.endswith((":rawPredict", ":streamRawPredict"))  # Vertex AI
        or "anthropic_version" in call.body
    )


def _streams(call: Call) -> bool:
    return call.body.get("stream") is True or call.path.endswith(":streamRawPredict")


def normalize(call: Call) -> dict[str, Json]:
    return normalize_body(call.body)


def normalize_body(body: Mapping[str, Json]) -> dict[str, Json]:
    """The canonical body of a messages call."""
    changed = {key: value for key, value in body.items() if key != "cache_control"}
    if "system" in changed:
        changed["system"] = content(changed["system"])
    if isinstance(changed.get("messages"), list):
        changed["messages"] = rename_call_ids([message(each) for each in changed["messages"]])
    if "tools" in changed:
        changed["tools"] = tools(changed["tools"])
    if isinstance(changed.get("anthropic_beta"), list) and all(
        isinstance(each, str) for each in changed["anthropic_beta"]
    ):
        changed["anthropic_beta"] = features(changed["anthropic_beta"])
    config = changed.get("output_config")
    if isinstance(config, dict) and "format" in config and "response_format" not in changed:
        changed["response_format"] = config["format"]
        rest = {key: value for key, value in config.items() if key != "format"}
        changed = {key: (rest if key == "output_config" else value) for key, value in changed.items()
                   if key != "output_config" or rest}  # fmt: skip
    if "output_format" in changed and "response_format" not in changed:
        changed["response_format"] = changed.pop("output_format")
    if "response_format" in changed:
        changed["response_format"] = with_schemas_in_order(changed["response_format"])
    return changed


SHAPE = Shape("anthropic", detect, normalize, _streams)
