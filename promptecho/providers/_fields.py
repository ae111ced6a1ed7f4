"""Fields of request bodies, as values: those that leave the answer alone, and objects of settings."""

from __future__ import annotations

from dataclasses import dataclass

# Where an entry holds: in the chats of known APIs alone (your own API may answer by who asks), in any chat whose fields
# are all known, or in whatever has messages.
KNOWN_APIS, CHATS, ANYWHERE = 1, 2, 3
BY_FIELDS = 0  # of a shape of requests: its fields say which of them it is


@dataclass(frozen=True)
class Neutral:
    """Fields (in snake_case) that don't count, in the bodies of some shapes (none: of all), and why."""

    names: tuple[str, ...]
    reason: str
    shapes: tuple[str, ...] = ()
    where: int = CHATS
    # It may be in an object of settings (``generationConfig``) as well.
    is_setting: bool = False


# Objects in which providers put settings that others have at the top.
SETTINGS = {
    "generationConfig": "Gemini", "generation_config": "Gemini", "inferenceConfig": "Bedrock",
    "textGenerationConfig": "Titan", "additionalModelRequestFields": "Bedrock", "options": "Ollama",
    "parameters": "Hugging Face and watsonx", "sampling_params": "SGLang",
    "extra_body": "what an SDK should have merged",
}  # fmt: skip
