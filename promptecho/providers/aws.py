"""Amazon Bedrock, and SageMaker."""

from __future__ import annotations

from promptecho.providers._provider import Provider, Sdk

PROVIDER = Provider(
    "aws",
    "Amazon Bedrock",
    hosts=(
        "bedrock*.amazonaws.com",
        "bedrock*.amazonaws.com.cn",
        "bedrock*.api.aws",
        "*.vpce.amazonaws.com",
        "runtime.sagemaker.*.amazonaws.com",
        "runtime.sagemaker.*.amazonaws.com.cn",
    ),
    logins=("sts.amazonaws.com", "sts.*.amazonaws.com", "sts.*.amazonaws.com.cn"),
    sdks=(
        Sdk("boto3", clients=("client(bedrock*)",), sync="urllib3", asynchronous="-"),
        Sdk("aioboto3", clients=("client(bedrock*)",), sync="-", asynchronous="aiohttp"),
        Sdk("langchain-aws", clients=("*Chat*", "*Embeddings", "*LLM"), sync="urllib3", asynchronous="urllib3"),
    ),
    price_id="aws",
)
