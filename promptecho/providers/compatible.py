"""Providers that speak the API of OpenAI (or of Anthropic), or a small one of their own that is matched whole."""

from __future__ import annotations

from promptecho.providers._fields import Neutral
from promptecho.providers._headers import Selecting
from promptecho.providers._key_rule import ALNUM, HEX, HEX_SIGNS, WORD, key_rule, sample
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
        headers=(Selecting(("groq-model-version",), "the version of a system"),),
        keys=(key_rule("GROQ_KEY", "gsk_", ALNUM + "{32,}", 52),),
    ),
    Provider(
        "xai",
        "xAI",
        hosts=("api.x.ai",),
        sdks=(Sdk("langchain-xai", clients=("*Chat*", "*Embeddings", "*LLM"), below="openai"),),
        keys=(key_rule("XAI_KEY", "xai-", "(?:token-)?" + ALNUM + "{40,}", 80),),
    ),
    Provider(
        "deepseek",
        "DeepSeek",
        hosts=("api.deepseek.com",),
        sdks=(Sdk("langchain-deepseek", clients=("*Chat*", "*Embeddings", "*LLM"), below="openai"),),
    ),
    Provider(
        "perplexity",
        "Perplexity",
        hosts=("api.perplexity.ai",),
        keys=(key_rule("PERPLEXITY_KEY", "pplx-", ALNUM + "{40,}", 48),),
    ),
    Provider(
        "cerebras",
        "Cerebras",
        hosts=("api.cerebras.ai",),
        sdks=(Sdk("cerebras-cloud-sdk", "cerebras.cloud.sdk", clients=("Cerebras", "AsyncCerebras")),),
        keys=(key_rule("CEREBRAS_KEY", "csk-", "[a-z0-9]{40,}", sample(48, "abcdefghjkmnpqrstvwxyz0123456789")),),
    ),
    Provider(
        "ai21",
        "AI21",
        hosts=("api.ai21.com",),
        sdks=(Sdk("ai21", clients=("AI21Client", "AsyncAI21Client")),),
        keys=(key_rule("AI21_KEY", "ai21_", ALNUM + "{24,}", 40, random=True),),
    ),
    Provider("writer", "Writer", sdks=(Sdk("writer-sdk", "writerai", clients=("Writer", "AsyncWriter")),)),
    Provider("sambanova", "SambaNova", hosts=("api.sambanova.ai",)),
    Provider(
        "voyage",
        "Voyage AI",
        hosts=("api.voyageai.com",),
        sdks=(Sdk("voyageai", clients=("Client", "AsyncClient")),),
        keys=(key_rule("VOYAGE_KEY", "pa-", WORD + "{40,}", 43, random=True),),
    ),
    Provider(
        "jina",
        "Jina",
        hosts=("api.jina.ai",),
        headers=(
            Selecting(
                (
                    "x-return-format",
                    "x-respond-with",
                    "x-engine",
                    "x-target-selector",
                    "x-remove-selector",
                    "x-wait-for-selector",
                    "x-with-links-summary",
                    "x-with-images-summary",
                    "x-with-generated-alt",
                    "x-retain-images",
                    "x-with-iframe",
                    "x-with-shadow-dom",
                    "x-token-budget",
                    "x-locale",
                    "x-site",
                ),
                "the format, the parts of a page, or what reads them",
            ),
        ),
        keys=(key_rule("JINA_KEY", "jina_", ALNUM + "{32,}" + WORD + "*", 60),),
    ),
    Provider("stability", "Stability AI", hosts=("api.stability.ai",)),
    Provider("moonshot", "Moonshot AI", hosts=("api.moonshot.ai", "api.moonshot.cn")),
    Provider(
        "zai",
        "Z.ai",
        hosts=("api.z.ai", "open.bigmodel.cn"),
        keys=(
            key_rule("ZAI_KEY", "sk_zai_ sk_kimi_ sk_cr_ sk_v1_", ALNUM + "{20,}", 32),
            key_rule("ZHIPU_KEY", "zai-", ALNUM + r"{24,}(?:\." + ALNUM + "{12,})?", 40, random=True),
        ),
    ),
    Provider("minimax", "MiniMax", hosts=("api.minimax.io",)),
    Provider(
        "alibaba",
        "Alibaba Cloud",
        hosts=("dashscope.aliyuncs.com", "dashscope-intl.aliyuncs.com"),
        headers=(
            Selecting(("x-dashscope-async", "x-dashscope-sse"), "an answer, a stream, or a task to ask for"),
            Selecting(
                ("x-dashscope-workspace", "x-dashscope-ossresourceresolve", "x-dashscope-datainspection"),
                "the models and files that are there, and the filter of content",
            ),
        ),
        keys=(key_rule("ALIBABA_KEY_ID", "LTAI", ALNUM + "{12,20}", 20, random=True),),
    ),
    Provider(
        "volcengine",
        "Volcengine",
        hosts=("ark.*.volces.com",),
        keys=(key_rule("VOLCENGINE_KEY_ID", "AKLT", ALNUM + "{40,}", 44),),
    ),
    Provider(
        "together",
        "Together AI",
        hosts=("api.together.xyz", "api.together.ai"),
        sdks=(
            Sdk("together", clients=("Together", "AsyncTogether")),
            Sdk("langchain-together", clients=("*Chat*", "*Embeddings", "*LLM"), below="openai"),
        ),
        keys=(key_rule("TOGETHER_KEY", "tgp_v1_", WORD + "{30,}", 43),),
    ),
    Provider(
        "fireworks",
        "Fireworks AI",
        hosts=("api.fireworks.ai",),
        sdks=(Sdk("fireworks-ai", "fireworks", clients=("Fireworks", "AsyncFireworks")),),
        keys=(key_rule("FIREWORKS_KEY", "fw_", ALNUM + "{20,}", 24, random=True),),
    ),
    Provider(
        "deepinfra",
        "DeepInfra",
        hosts=("api.deepinfra.com",),
        keys=(key_rule("DEEPINFRA_KEY", "di_", ALNUM + "{32,}", 40, random=True),),
    ),
    Provider(
        "replicate",
        "Replicate",
        hosts=("api.replicate.com",),
        sdks=(Sdk("replicate", functions=("run", "async_run", "stream", "async_stream")),),
        keys=(key_rule("REPLICATE_TOKEN", "r8_", ALNUM + "{30,}", 37),),
    ),
    Provider(
        "fal",
        "fal",
        hosts=("fal.run",),
        keys=(key_rule("FAL_KEY", "fal_", ALNUM + "{30,}", 40, random=True),),
    ),
    Provider(
        "nvidia",
        "NVIDIA",
        hosts=("integrate.api.nvidia.com", "ai.api.nvidia.com"),
        headers=(Selecting(("nvcf-input-asset-references", "nvcf-function-asset-ids"), "the input"),),
        keys=(key_rule("NVIDIA_KEY", "nvapi-", WORD + "{40,}", 64),),
    ),
    Provider("ibm", "IBM watsonx", hosts=("*.ml.cloud.ibm.com",), logins=("iam.cloud.ibm.com",)),
    Provider(
        "databricks",
        "Databricks",
        hosts=("*.azuredatabricks.net", "*.cloud.databricks.com"),
        keys=(key_rule("DATABRICKS_TOKEN", "dapi dose dkea", HEX + r"{32}(?:-\d)?", 32, hex=True),),
    ),
    Provider("snowflake", "Snowflake Cortex", hosts=("*.snowflakecomputing.com",)),
    Provider(
        "vllm",
        "vLLM",
        neutral=(Neutral(("priority",), "vLLM: the place in its queue", ("openai-chat",)),),
    ),
    Provider(
        "runpod",
        "RunPod",
        keys=(key_rule("RUNPOD_KEY", "rpa_", ALNUM + "{30,}", 46, random=True),),
    ),
    Provider(
        "chutes",
        "Chutes",
        keys=(
            key_rule(
                "CHUTES_KEY",
                "cpk_",
                HEX + r"{16,}\." + ALNUM + r"{20,}(?:\." + ALNUM + "{20,})?",
                sample(32, HEX_SIGNS) + "." + sample(32, HEX_SIGNS) + "." + sample(32),
            ),
        ),
    ),
    Provider(
        "upstage",
        "Upstage",
        keys=(key_rule("UPSTAGE_KEY", "up_", ALNUM + "{24,}", 29, random=True),),
    ),
    Provider(
        "baseten",
        "Baseten",
        keys=(key_rule("BASETEN_KEY", "bten_", ALNUM + "{24,}", 32, random=True),),
    ),
    Provider(
        "friendli",
        "Friendli",
        keys=(key_rule("FRIENDLI_TOKEN", "flp_", ALNUM + "{24,}", 40, random=True),),
    ),
    Provider(
        "novita",
        "Novita",
        keys=(key_rule("NOVITA_KEY", "sk_novita_", WORD + "{20,}", 32),),
    ),
    Provider(
        "hyperbolic",
        "Hyperbolic",
        keys=(key_rule("HYPERBOLIC_KEY", "hyp_", ALNUM + "{24,}", 40, random=True),),
    ),
    Provider(
        "lambda",
        "Lambda",
        keys=(
            key_rule(
                "LAMBDA_KEY",
                "secret_",
                ALNUM + r"[A-Za-z0-9_-]{20,}(?:\." + ALNUM + "{20,})?",
                sample(32) + "." + sample(32),
                random=True,
            ),
        ),
    ),
    Provider(
        "modal",
        "Modal",
        keys=(key_rule("MODAL_TOKEN", "ak- as-", ALNUM + "{22}", 22, random=True),),
    ),
)
