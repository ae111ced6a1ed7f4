"""Hugging Face's text-generation-inference (https://huggingface.github.io/text-generation-inference) and Inference API.

Their ``{inputs, parameters}`` bodies hold a prompt that has its chat template in it already, and are matched whole;
what is told here is that one is asked for a stream by its path. Their chat routes have OpenAI's shape.
"""

from __future__ import annotations

from typing import Any

from promptecho.normalizers._canonical import Call, Shape

Json = Any


def detect(call: Call) -> bool:
    return "inputs" in call.body and "messages" not in call.body


def _streams(call: Call) -> bool:
    return call.path.endswith("/generate_stream") or call.body.get("stream") is True


def normalize(call: Call) -> dict[str, Json]:
    return dict(call.body)


SHAPE = Shape("huggingface", detect, normalize, _streams)
