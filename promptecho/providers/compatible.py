"""Providers that speak the API of OpenAI (or of Anthropic), or a small one of their own that is matched whole."""

from __future__ import annotations

from promptecho.providers._provider import Provider, Sdk

PROVIDERS = (
    Provider(
        "groq",
        "Groq",
        hosts=("api.groq.com",),
        sdks=(
            Sdk("groq", clients=("Groq", "AsyncGroq", "Client", "AsyncClient")),
            Sdk("langchain-groq", clients=("*Chat*", "*Embeddings", "*LLM"), below="groq"),
        ),
    ),
    Provider(
        "xai",
        "xAI",
        hosts=("api.x.ai",),
        sdks=(Sdk("langchain-xai", clients=("*Chat*", "*Embeddings", "*LLM"), below="openai"),),
    ),
    Provider(
        "deepseek",
        "DeepSeek",
        hosts=("api.deepseek.com",),
        sdks=(Sdk("langchain-deepseek", clients=("*Chat*", "*Embeddings", "*LLM"), below="openai"),),
    ),
    Provider("perplexity", "Perplexity", hosts=("api.perplexity.ai",)),
    Provider(
        "cerebras",
        "Cerebras",
        hosts=("api.cerebras.ai",),
        sdks=(Sdk("cerebras-cloud-sdk", "cerebras.cloud.sdk", clients=("Cerebras", "AsyncCerebras")),),
    ),
    Provider("ai21", "AI21", hosts=("api.ai21.com",), sdks=(Sdk("ai21", clients=("AI21Client", "AsyncAI21Client")),)),
    Provider("writer", "Writer", sdks=(Sdk("writer-sdk", "writerai", clients=("Writer", "AsyncWriter")),)),
    Provider("sambanova", "SambaNova", hosts=("api.sambanova.ai",)),
    Provider(
        "voyage", "Voyage AI", hosts=("api.voyageai.com",), sdks=(Sdk("voyageai", clients=("Client", "AsyncClient")),)
    ),
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
        sdks=(
            Sdk("together", clients=("Together", "AsyncTogether")),
            Sdk("langchain-together", clients=("*Chat*", "*Embeddings", "*LLM"), below="openai"),
        ),
    ),
    Provider(
        "fireworks",
        "Fireworks AI",
        hosts=("api.fireworks.ai",),
        sdks=(Sdk("fireworks-ai", "fireworks.client", clients=("Fireworks", "AsyncFireworks")),),
    ),
    Provider("deepinfra", "DeepInfra", hosts=("api.deepinfra.com",)),
    Provider(
        "replicate",
        "Replicate",
        hosts=("api.replicate.com",),
        sdks=(Sdk("replicate", functions=("run", "async_run", "stream", "async_stream")),),
    ),
    Provider("fal", "fal", hosts=("fal.run",)),
    Provider("nvidia", "NVIDIA", hosts=("integrate.api.nvidia.com", "ai.api.nvidia.com")),
    Provider("ibm", "IBM watsonx", hosts=("*.ml.cloud.ibm.com",), logins=("iam.cloud.ibm.com",)),
    Provider("databricks", "Databricks", hosts=("*.azuredatabricks.net", "*.cloud.databricks.com")),
    Provider("snowflake", "Snowflake Cortex", hosts=("*.snowflakecomputing.com",)),
)
