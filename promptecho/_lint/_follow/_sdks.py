"""The SDKs that lint knows: how their clients are made, and which of their methods call the provider.

Rule: a client that was given an address or a transport which can't be told to be a provider's is no known client.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from promptecho._guard import is_llm_host, is_loopback
from promptecho._lint._follow._arguments import Arguments
from promptecho._lint._follow._values import NONE, UNKNOWN, Constant, Cover, External, Instance, Mapping, Text, Value

# Methods that go out, on a resource of a client (``client.chat.completions``).
_VERBS = frozenset(
    ("create", "parse", "stream", "list", "retrieve", "delete", "update", "cancel", "generate", "edit",
     "create_variation", "count_tokens", "upload", "download", "content", "compact", "create_and_poll",
     "create_and_run", "create_and_run_poll", "submit_tool_outputs", "submit_tool_outputs_and_poll", "search", "poll",
     "upload_and_poll", "tool_runner", "results", "remix", "create_with_completion", "create_partial",
     "create_iterable", "retrieve_content", "count", "wait_for_processing")
)  # fmt: skip
_RAW_VERBS = frozenset(("get", "post", "put", "patch", "delete", "head", "options", "request", "stream"))
_MISTRAL = frozenset(
    ("complete", "create", "stream", "parse", "parse_stream", "process", "moderate", "moderate_chat", "classify",
     "classify_chat", "list", "retrieve", "delete", "upload", "download", "start", "append", "restart", "start_stream",
     "append_stream", "restart_stream", "get", "get_signed_url", "judge", "update")
)  # fmt: skip
_MISTRAL_ALL = _MISTRAL | {f"{name}_async" for name in _MISTRAL}
_GENAI = frozenset(
    ("generate_content", "generate_content_stream", "embed_content", "count_tokens", "compute_tokens",
     "generate_images", "edit_image", "upscale_image", "generate_videos", "recontext_image", "segment_image", "list",
     "get", "update", "delete", "create", "upload", "download", "cancel", "tune")
)  # fmt: skip
_COHERE = frozenset(
    ("chat", "chat_stream", "embed", "embed_stream", "rerank", "classify", "generate", "generate_stream", "summarize",
     "check_api_key", "tokenize", "detokenize")
)  # fmt: skip
_OLLAMA = frozenset(
    ("chat", "generate", "embed", "embeddings", "list", "show", "pull", "push", "create", "copy", "delete", "ps",
     "web_search", "web_fetch")
)  # fmt: skip
_HUGGINGFACE = frozenset(
    ("audio_classification", "audio_to_audio", "automatic_speech_recognition", "chat_completion",
     "document_question_answering", "feature_extraction", "fill_mask", "get_endpoint_info", "health_check",
     "image_classification", "image_segmentation", "image_to_image", "image_to_text", "image_to_video",
     "object_detection", "question_answering", "sentence_similarity", "summarization", "table_question_answering",
     "tabular_classification", "tabular_regression", "text_classification", "text_generation", "text_to_image",
     "text_to_speech", "text_to_video", "token_classification", "translation", "visual_question_answering",
     "zero_shot_classification", "zero_shot_image_classification")
)  # fmt: skip
_BEDROCK = frozenset(
    ("converse", "converse_stream", "invoke_model", "invoke_model_with_response_stream", "count_tokens",
     "apply_guardrail", "start_async_invoke", "invoke_model_with_bidirectional_stream", "retrieve",
     "retrieve_and_generate", "retrieve_and_generate_stream", "invoke_agent", "invoke_inline_agent", "invoke_flow",
     "rerank")
)  # fmt: skip
_BEDROCK_SERVICES = ("bedrock-runtime", "bedrock-agent-runtime")
_LITELLM = frozenset(
    ("completion", "acompletion", "text_completion", "atext_completion", "embedding", "aembedding",
     "image_generation", "aimage_generation", "responses", "aresponses", "rerank", "arerank", "transcription",
     "atranscription", "speech", "aspeech", "moderation", "amoderation", "completion_with_retries",
     "acompletion_with_retries", "batch_completion")
)  # fmt: skip
_LANGCHAIN = frozenset(
    ("invoke", "ainvoke", "stream", "astream", "batch", "abatch", "astream_events", "astream_log", "generate",
     "agenerate", "predict", "apredict", "batch_as_completed", "abatch_as_completed", "embed_query",
     "aembed_query", "embed_documents", "aembed_documents", "get_num_tokens_from_messages_remote")
)  # fmt: skip
_LANGCHAIN_SAME = frozenset(
    ("bind_tools", "with_structured_output", "bind", "with_retry", "with_fallbacks", "with_config", "pipe",
     "with_types", "with_listeners", "configurable_fields", "configurable_alternatives", "pick", "assign", "map")
)  # fmt: skip
_PYDANTIC = frozenset(("run", "run_sync", "run_stream", "run_stream_sync", "run_stream_events", "iter"))

_LANGCHAIN_CLASSES = {
    "langchain_openai": ("ChatOpenAI", "AzureChatOpenAI", "OpenAI", "AzureOpenAI", "OpenAIEmbeddings",
                         "AzureOpenAIEmbeddings"),
    "langchain_anthropic": ("ChatAnthropic", "AnthropicLLM"),
    "langchain_aws": ("ChatBedrock", "ChatBedrockConverse", "BedrockLLM", "BedrockEmbeddings"),
    "langchain_google_genai": ("ChatGoogleGenerativeAI", "GoogleGenerativeAI", "GoogleGenerativeAIEmbeddings"),
    "langchain_google_vertexai": ("ChatVertexAI", "VertexAI", "VertexAIEmbeddings"),
    "langchain_mistralai": ("ChatMistralAI", "MistralAIEmbeddings"),
    "langchain_groq": ("ChatGroq",),
    "langchain_cohere": ("ChatCohere", "CohereEmbeddings", "CohereRerank"),
    "langchain_ollama": ("ChatOllama", "OllamaLLM", "OllamaEmbeddings"),
    "langchain_huggingface": ("HuggingFaceEndpoint", "HuggingFaceEndpointEmbeddings"),
    "langchain_deepseek": ("ChatDeepSeek",),
    "langchain_xai": ("ChatXAI",),
    "langchain_together": ("ChatTogether",),
    "langchain_fireworks": ("ChatFireworks",),
}  # fmt: skip
_CLIENTS: dict[str, str] = {
    **{f"openai.{name}": "openai" for name in ("OpenAI", "AsyncOpenAI", "Client", "AsyncClient")},
    **{f"openai.{name}": "openai" for name in ("AzureOpenAI", "AsyncAzureOpenAI")},
    **{
        f"anthropic.{prefix}Anthropic{suffix}": "anthropic"
        for prefix in ("", "Async")
        for suffix in ("", "Bedrock", "Vertex", "Foundry")
    },
    "anthropic.Client": "anthropic",
    "anthropic.AsyncClient": "anthropic",
    **{f"groq.{name}": "groq" for name in ("Groq", "AsyncGroq", "Client", "AsyncClient")},
    **{f"together.{name}": "together" for name in ("Together", "AsyncTogether")},
    "cerebras.cloud.sdk.Cerebras": "cerebras",
    "cerebras.cloud.sdk.AsyncCerebras": "cerebras",
    "google.genai.Client": "genai",
    "google.genai.client.Client": "genai",
    **{f"{module}.Mistral": "mistral" for module in ("mistralai", "mistralai.client", "mistralai.client.sdk")},
    **{f"cohere.{name}": "cohere" for name in ("Client", "AsyncClient", "ClientV2", "AsyncClientV2")},
    "ollama.Client": "ollama",
    "ollama.AsyncClient": "ollama",
    "huggingface_hub.InferenceClient": "huggingface",
    "huggingface_hub.AsyncInferenceClient": "huggingface",
    "litellm.Router": "litellm",
    **{f"{module}.{name}": "langchain" for module, names in _LANGCHAIN_CLASSES.items() for name in names},
    "langchain.chat_models.init_chat_model": "langchain",
    "langchain.embeddings.init_embeddings": "langchain",
    "pydantic_ai.Agent": "pydantic",
    "pydantic_ai.agent.Agent": "pydantic",
    "httpx.Client": "http", "httpx.AsyncClient": "http", "httpx2.Client": "http", "httpx2.AsyncClient": "http",
    "openai.DefaultHttpxClient": "http", "openai.DefaultAsyncHttpxClient": "http",
    "anthropic.DefaultHttpxClient": "http", "anthropic.DefaultAsyncHttpxClient": "http",
    "requests.Session": "http", "requests.sessions.Session": "http", "requests.session": "http",
    "aiohttp.ClientSession": "http",
}  # fmt: skip
_SESSIONS = ("boto3.Session", "boto3.session.Session", "aioboto3.Session", "aiobotocore.session.get_session")
_TRANSPORTS = frozenset(
    f"{module}.{name}" for module in ("httpx", "httpx2") for name in ("HTTPTransport", "AsyncHTTPTransport")
)
_HTTP_MODULES = ("httpx", "httpx2", "requests")
_ADDRESSES = ("base_url", "api_base", "host", "endpoint_url", "server_url", "endpoint", "openai_api_base",
              "anthropic_api_url", "azure_endpoint")  # fmt: skip
_PLUGGED = ("http_client", "client", "async_client", "httpx_client", "http_async_client", "transport", "api_client",
            "app", "mounts", "connector", "async_httpx_client", "provider", "root_client")  # fmt: skip
# Functions that wrap a client and give one that behaves the same.
_WRAPPERS = frozenset(
    ("instructor.from_openai", "instructor.from_anthropic", "instructor.patch", "instructor.from_groq",
     "instructor.from_mistral", "instructor.from_cohere", "langsmith.wrappers.wrap_openai",
     "langsmith.wrappers.wrap_anthropic", "braintrust.wrap_openai", "copy.copy", "copy.deepcopy")
)  # fmt: skip
_SAME_CLIENT = frozenset(("with_options", "copy", "__enter__", "__aenter__"))
# Instances of what is real, but no client by itself.
_REAL_MODELS = "pydantic_ai.models."
_FAKE_MODELS = ("pydantic_ai.models.test", "pydantic_ai.models.function")
_PACKAGES = {
    "openai": "openai", "anthropic": "anthropic", "groq": "groq", "together": "together", "genai": "google",
    "mistral": "mistralai", "cohere": "cohere", "ollama": "ollama", "huggingface": "huggingface_hub",
    "bedrock": "boto3",
}  # fmt: skip
# A replacement in one of these stops every call that rides on it.
_CARRIERS = frozenset(
    ("httpx", "httpx2", "httpcore", "httpcore2", "requests", "urllib3", "aiohttp", "botocore", "socket", "http")
)
_SDK_PACKAGES = frozenset((*_PACKAGES.values(), "litellm", "aioboto3", "langchain", "langchain_core", "pydantic_ai",
                           "instructor", *_LANGCHAIN_CLASSES))  # fmt: skip


@dataclass(frozen=True)
class Outcome:
    """What calling something of an SDK gives; ``network``: the call goes to a provider."""

    value: Value = UNKNOWN
    network: bool = False


def is_sdk_package(name: str) -> bool:
    """Whether a replacement in a package can keep calls from going out."""
    return name in _CARRIERS or name in _SDK_PACKAGES


def package(kind: str) -> str:
    """The package whose replacement covers the calls of a kind of client."""
    group = family(kind)
    return _PACKAGES.get(group, kind.partition(".")[0])


def family(kind: str) -> str:
    """The family of a client's class: ``openai``, ``http`` and so on."""
    return _CLIENTS.get(kind, kind)


def needs_all_backends(kind: str) -> bool:
    """Whether calls ride on a library that promptecho intercepts only when it is asked to."""
    return kind.startswith(("bedrock", "requests", "aiohttp", "langchain_aws"))


def is_covered(kind: str, patches: frozenset[str]) -> bool:
    """Whether a replacement in some package stands in the way of calls by a kind of client."""
    if not patches:
        return False
    group = family(kind)
    if group in ("langchain", "pydantic", "litellm", "http"):
        return bool(patches & (_SDK_PACKAGES | _CARRIERS))
    own = {_PACKAGES.get(group, group)} | ({"aioboto3", "botocore"} if group == "bedrock" else set())
    return bool(patches & (own | _CARRIERS))


# --- making clients ---------------------------------------------------------------------------------------------------


def construct(name: str, passed: Arguments) -> Value | None:
    """The client that a call of a library's name gives, ``UNKNOWN`` for a doubtful one, ``None`` for no client."""
    if name in _WRAPPERS:
        return passed.first if isinstance(passed.first, Instance) else UNKNOWN
    if name in _SESSIONS:
        return Instance("boto3.Session")
    if name in ("boto3.client", "aioboto3.client"):
        return _aws_client(passed)
    if name in _TRANSPORTS:
        return Instance(name)
    if name.startswith((_REAL_MODELS, "pydantic_ai.providers.")):
        fake = name.startswith(_FAKE_MODELS) or not _is_real(passed)
        return UNKNOWN if fake else Instance("pydantic_ai.model")
    group = _CLIENTS.get(name)
    if group is None:
        return None
    if group == "pydantic":
        return _agent(name, passed)
    if not _is_real(passed, local=group == "ollama"):
        return UNKNOWN
    if group == "http":
        return Instance(name, base=_address(passed.get("base_url", 0, NONE)) or "")
    if group == "genai" and _is_rerouted(passed.options.get("http_options", NONE)):
        return UNKNOWN
    return Instance(name)


def is_benign_for_genai(option: object) -> bool:
    """Whether an option of google-genai's HTTP client leaves calls on their way."""
    return option in ("timeout", "api_version", "headers", "retry_options")


def _is_rerouted(http_options: Value) -> bool:
    """Whether options of google-genai give an address or a client of one's own."""
    if isinstance(http_options, Mapping):
        return any(not is_benign_for_genai(key) for key, _ in http_options.items)
    return http_options != NONE and http_options != Instance("google.genai.types.HttpOptions")


def _is_real(passed: Arguments, *, local: bool = False) -> bool:
    """Whether nothing that a client was given leads elsewhere."""
    if not passed.complete:
        return False
    for name in _ADDRESSES:
        value = passed.options.get(name, NONE)
        if value != NONE and not _is_far(value, local):
            return name == "azure_endpoint" and not isinstance(value, Text)
    for name in _PLUGGED:
        value = passed.options.get(name, NONE)
        if value in (NONE, Constant(False, "bool")) or isinstance(value, Text):
            continue
        if not isinstance(value, Instance):
            return False
    return True


def _is_far(value: Value, local: bool) -> bool:
    """Whether an address is known to be on another machine; one from the environment is taken to be."""
    if isinstance(value, Instance) and value.kind == "os.environ":
        return True
    if not isinstance(value, Text):
        return False
    host = _host(value.start, whole=value.exact is not None)
    return (
        host is not None and (local or not is_loopback(host)) and not host.endswith((".test", ".example", ".invalid"))
    )


def _host(address: str, *, whole: bool) -> str | None:
    """The host of an address of which the start is known."""
    if "://" not in address:
        return None
    rest = address.partition("://")[2]
    if not whole and "/" not in rest:
        return None
    try:
        return urlsplit(address).hostname
    except ValueError:
        return None


def _address(value: Value) -> str | None:
    return value.start if isinstance(value, Text) and _host(value.start, whole=value.exact is not None) else None


def _aws_client(passed: Arguments) -> Value:
    service = passed.get("service_name", 0)
    known = isinstance(service, Text) and service.exact in _BEDROCK_SERVICES
    return Instance("bedrock") if known and _is_real(passed) else UNKNOWN


def _agent(name: str, passed: Arguments) -> Value:
    model = passed.get("model", 0, NONE)
    if not passed.complete:
        return UNKNOWN
    if model == NONE:
        return Instance(name, base="no model")
    return Instance(name) if _is_real_model(model) else UNKNOWN


def _is_real_model(model: Value) -> bool:
    if isinstance(model, Text):
        return model.exact is not None and model.exact != "test" and bool(model.exact)
    return model == Instance("pydantic_ai.model")


# --- calling ----------------------------------------------------------------------------------------------------------


def call_function(name: str, passed: Arguments) -> Outcome | None:
    """A function of a library's module, such as ``litellm.completion``; ``None`` if none is known by that name."""
    module, _, function = name.rpartition(".")
    if module == "litellm" and function in _LITELLM:
        faked = passed.options.get("mock_response", NONE) != NONE or not _is_real(replace(passed, complete=True))
        return Outcome(network=not faked)
    if module == "ollama" and function in _OLLAMA:
        return Outcome(network=True)
    if module == "openai" or (module.startswith("openai.") and function in _VERBS):  # the client of the module itself
        parts = name.split(".")[1:]
        known = len(parts) >= 2 and parts[0] in ("chat", "completions", "embeddings", "responses", "images", "audio",
                                                  "models", "moderations", "files", "beta")  # fmt: skip
        return Outcome(network=True) if known and parts[-1] in _VERBS else None
    if module in _HTTP_MODULES and function in _RAW_VERBS:
        return Outcome(network=_goes_to_provider(function, passed, ""))
    if module == "aiohttp" and function == "request":
        return Outcome(network=_goes_to_provider(function, passed, ""))
    return None


def call_method(client: Instance, passed: Arguments) -> Outcome:
    """A call of a client's attribute, such as ``OpenAI().chat.completions.create(...)``."""
    path, group = client.path, family(client.kind)
    if not path:
        return Outcome()
    last = path[-1]
    if last in _SAME_CLIENT and len(path) == 1:
        same = Instance(client.kind, base=client.base)
        return Outcome(same if _is_real(passed) else UNKNOWN)
    if client.kind == "boto3.Session":
        if last in ("client", "create_client"):
            return Outcome(_aws_client(passed))
        return Outcome()
    if group == "http":
        network = last in _RAW_VERBS and _goes_to_provider(last, passed, client.base)
        return Outcome(network=network)
    if group == "pydantic":
        return _run_agent(client, last, passed)
    if group == "langchain":
        if last in _LANGCHAIN_SAME and len(path) == 1:
            return Outcome(Instance(client.kind))
        return Outcome(network=last in _LANGCHAIN and len(path) == 1)
    if group == "genai":
        return _call_genai(path)
    return Outcome(network=_is_call(group, path))


def _is_call(group: str, path: tuple[str, ...]) -> bool:
    plain = tuple(name for name in path if name not in ("with_raw_response", "with_streaming_response"))
    if not plain:
        return False
    last = plain[-1]
    if group in ("openai", "anthropic", "groq", "together", "cerebras"):
        return (len(plain) >= 2 and last in _VERBS) or (len(plain) == 1 and last in _RAW_VERBS)
    if group == "mistral":
        return len(plain) >= 2 and last in _MISTRAL_ALL
    if group == "cohere":
        direct = plain[1:] if plain[0] == "v2" else plain
        return (len(direct) == 1 and last in _COHERE) or (len(direct) >= 2 and last in (*_VERBS, "get"))
    if group == "huggingface":
        return (len(plain) == 1 and last in _HUGGINGFACE) or plain == ("chat", "completions", "create")
    methods = {"ollama": _OLLAMA, "bedrock": _BEDROCK, "litellm": _LITELLM}.get(group, frozenset())
    return len(plain) == 1 and last in methods


def _call_genai(path: tuple[str, ...]) -> Outcome:
    plain = path[1:] if path[0] == "aio" else path
    if plain == ("chats", "create"):
        return Outcome(Instance("google.genai.Client", ("chats", "chat")))
    if plain[:2] == ("chats", "chat"):
        return Outcome(network=plain[2:] in (("send_message",), ("send_message_stream",)))
    return Outcome(network=len(plain) == 2 and plain[-1] in _GENAI)


def _run_agent(agent: Instance, last: str, passed: Arguments) -> Outcome:
    model = passed.options.get("model", NONE)
    if agent.path == ("override",) and model != NONE and not _is_real_model(model):
        return Outcome(Cover("model", patches=frozenset({"pydantic_ai"}), blocks=False))
    if last not in _PYDANTIC or len(agent.path) != 1:
        return Outcome()
    if model == NONE:
        return Outcome(network=agent.base != "no model")
    return Outcome(network=_is_real_model(model))


def _goes_to_provider(verb: str, passed: Arguments, base: str) -> bool:
    """Whether a plain HTTP call is known to go to a provider of models."""
    url = passed.get("url", 1 if verb in ("request", "stream") else 0)
    if not isinstance(url, Text):
        return False
    whole = url.exact is not None
    address = url.start
    if "://" not in address:
        if not base or not address:
            return False
        address, whole = base, True
    host = _host(address, whole=whole)
    return host is not None and is_llm_host(host)


def piped(left: Value, right: Value) -> Value:
    """``prompt | model | parser`` of LangChain: a chain with a known model in it calls what the model calls."""
    for side in (left, right):
        if isinstance(side, Instance) and family(side.kind) == "langchain" and not side.path:
            return side
    return UNKNOWN


def shown(client: Value) -> str:
    """A call as a message names it."""
    if isinstance(client, External):
        return client.name
    if isinstance(client, Instance):
        name = {"bedrock": 'client("bedrock-runtime")'}.get(client.kind, client.kind.rpartition(".")[2])
        path = [part for part in client.path if not (part == "chat" and client.path[:1] == ("chats",))]
        return ".".join((name, *path))
    return ""
