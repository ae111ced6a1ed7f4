"""Providers that speak the API of OpenAI (or of Anthropic), or a small one of their own that is matched whole."""

from __future__ import annotations

from promptecho.providers._provider import Provider, Sdk

PROVIDERS = (
    Provider("groq", "Groq", hosts=("api.groq.com",), sdks=(Sdk("groq"),)),
    Provider("xai", "xAI", hosts=("api.x.ai",)),
    Provider("deepseek", "DeepSeek", hosts=("api.deepseek.com",)),
    Provider("perplexity", "Perplexity", hosts=("api.perplexity.ai",)),
    Provider(
        "cerebras",
        "Cerebras",
        hosts=("api.cerebras.ai",),
        sdks=(Sdk("cerebras-cloud-sdk", "cerebras.cloud.sdk"),),
    ),
    Provider("ai21", "AI21", hosts=("api.ai21.com",), sdks=(Sdk("ai21"),)),
    Provider("writer", "Writer", sdks=(Sdk("writer-sdk", "writerai"),)),
    Provider("sambanova", "SambaNova", hosts=("api.sambanova.ai",)),
    Provider("voyage", "Voyage AI", hosts=("api.voyageai.com",), sdks=(Sdk("voyageai"),)),
    Provider("jina", "Jina", hosts=("api.jina.ai",)),
    Provider("stability", "Stability AI", hosts=("api.stability.ai",)),
    Provider("moonshot", "Moonshot AI", hosts=("api.moonshot.ai", "api.moonshot.cn")),
    Provider("zai", "Z.ai", hosts=("api.z.ai", "open.bigmodel.cn")),
    Provider("minimax", "MiniMax", hosts=("api.minimax.io",)),
    Provider(
        "alibaba",
        "Alibaba Cloud",
        hosts=("dashscope.aliyuncs.com", "dashscope-intl.aliyuncs.com"),
    ),
    Provider("volcengine", "Volcengine", hosts=("ark.*.volces.com",)),
    Provider(
        "together",
        "Together AI",
        hosts=("api.together.xyz", "api.together.ai"),
        sdks=(Sdk("together"),),
    ),
    Provider("fireworks", "Fireworks AI", hosts=("api.fireworks.ai",), sdks=(Sdk("fireworks-ai", "fireworks"),)),
    Provider("deepinfra", "DeepInfra", hosts=("api.deepinfra.com",)),
    Provider("replicate", "Replicate", hosts=("api.replicate.com",), sdks=(Sdk("replicate"),)),
    Provider("fal", "fal", hosts=("fal.run",)),
    Provider("nvidia", "NVIDIA", hosts=("integrate.api.nvidia.com", "ai.api.nvidia.com")),
    Provider("ibm", "IBM watsonx", hosts=("*.ml.cloud.ibm.com",), logins=("iam.cloud.ibm.com",)),
    Provider("databricks", "Databricks", hosts=("*.azuredatabricks.net", "*.cloud.databricks.com")),
    Provider("snowflake", "Snowflake Cortex", hosts=("*.snowflakecomputing.com",)),
)
