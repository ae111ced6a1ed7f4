"""Hosts: at which providers answer, at which programs log in, and which stay on this machine.

A name stands for itself and every host below it. ``*`` in a pattern stands for one or more characters.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from functools import lru_cache

# Models, and the tools that agents ask as they ask models.
LLM_HOSTS = (
    # model providers
    "api.openai.com", "api.anthropic.com", "generativelanguage.googleapis.com", "api.mistral.ai", "api.cohere.com",
    "api.cohere.ai", "api.groq.com", "api.x.ai", "api.deepseek.com", "api.perplexity.ai", "api.cerebras.ai",
    "api.ai21.com", "api.sambanova.ai", "api.voyageai.com", "api.jina.ai", "api.stability.ai", "ollama.com",
    "api.moonshot.ai", "api.moonshot.cn", "api.z.ai", "open.bigmodel.cn", "api.minimax.io",
    "dashscope.aliyuncs.com", "dashscope-intl.aliyuncs.com", "ark.*.volces.com",
    # hosts of many models, and gateways
    "openrouter.ai", "api.together.xyz", "api.together.ai", "api.fireworks.ai", "api.deepinfra.com",
    "api.replicate.com", "fal.run", "router.huggingface.co", "api-inference.huggingface.co",
    "*.endpoints.huggingface.cloud", "models.github.ai", "models.inference.ai.azure.com",
    "integrate.api.nvidia.com", "ai.api.nvidia.com", "gateway.ai.cloudflare.com", "ai-gateway.vercel.sh",
    "api.portkey.ai",
    # clouds
    "openai.azure.com", "*.cognitiveservices.azure.com", "*.services.ai.azure.com",
    "aiplatform.googleapis.com", "*-aiplatform.googleapis.com", "aiplatform.*.rep.googleapis.com",
    "bedrock*.amazonaws.com", "bedrock*.amazonaws.com.cn", "bedrock*.api.aws", "*.vpce.amazonaws.com",
    "runtime.sagemaker.*.amazonaws.com", "runtime.sagemaker.*.amazonaws.com.cn",
    "*.ml.cloud.ibm.com", "*.azuredatabricks.net", "*.cloud.databricks.com", "*.snowflakecomputing.com",
    # search, pages, speech
    "api.tavily.com", "api.exa.ai", "api.firecrawl.dev", "api.elevenlabs.io", "api.deepgram.com",
    "api.assemblyai.com",
)  # fmt: skip

# Where tokens are given out: no provider answers there.
LOGIN_HOSTS = (
    "oauth2.googleapis.com", "sts.googleapis.com", "login.microsoftonline.com", "iam.cloud.ibm.com",
    "sts.amazonaws.com", "sts.*.amazonaws.com", "sts.*.amazonaws.com.cn",
)  # fmt: skip


def pattern(names: Iterable[str]) -> re.Pattern[str]:
    """Matches a host, in small letters, that one of some names or patterns stands for."""
    parts = [".+".join(re.escape(piece) for piece in name.lower().split("*")) for name in names]
    return re.compile(rf"(?:.+\.)?(?:{'|'.join(parts)})" if parts else r"(?!)")


_LLM, _LOGIN = pattern(LLM_HOSTS), pattern(LOGIN_HOSTS)


@lru_cache(maxsize=4096)
def is_llm_host(host: str) -> bool:
    """Whether a host is a known provider's."""
    return _LLM.fullmatch(_plain(host)) is not None


@lru_cache(maxsize=4096)
def is_login_host(host: str) -> bool:
    """Whether a host is known to give out tokens."""
    return _LOGIN.fullmatch(_plain(host)) is not None


@lru_cache(maxsize=4096)
def is_loopback(host: str) -> bool:
    """Whether a name or an address stays on this machine."""
    host = _plain(host).strip("[]").partition("%")[0]
    if host in ("", "localhost") or host.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None) or address
    return bool(mapped.is_loopback or mapped.is_unspecified)


def _plain(host: str) -> str:
    return host.lower().rstrip(".")
