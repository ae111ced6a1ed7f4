"""Azure: its logins, and what its gateways add to the APIs of others."""

from __future__ import annotations

from promptecho.providers._headers import Selecting
from promptecho.providers._key_rule import ALNUM, BASE64, PADDING, KeyRule, key_rule, sample
from promptecho.providers._provider import Provider

PROVIDER = Provider(
    "azure",
    "Azure",
    hosts=(
        "openai.azure.com",
        "*.cognitiveservices.azure.com",
        "*.services.ai.azure.com",
        "models.inference.ai.azure.com",
    ),
    logins=("login.microsoftonline.com",),
    headers=(
        Selecting(("x-ms-oai-image-generation-deployment",), "the model of the image tool"),
        Selecting(("foundry-features",), "features", is_list=True),
        Selecting(("extra-parameters",), "what becomes of unknown fields"),
        Selecting(
            ("azureml-model-deployment", "x-ms-model-mesh-model-name", "x-policy-id"),
            "the deployment, or the content filter",
        ),
        Selecting(
            (
                "x-ms-continuation",
                "x-ms-max-item-count",
                "x-ms-documentdb-partitionkey",
                "x-ms-documentdb-isquery",
                "consistencylevel",
            ),
            "the operation, or the page of a list",
        ),
    ),
    keys=(
        key_rule("AZURE_STORAGE_KEY", "AccountKey= SharedAccessKey=", BASE64 + "{40,}" + PADDING, sample(86) + "=="),
        KeyRule("AZURE_KEY", ("JQQJ99", "AZDO"), ALNUM + "{4,26}", sample(52) + "JQQJ99" + sample(26), lead=52),
        KeyRule(
            "AZURE_CLIENT_SECRET",
            ("Q~",),
            r"[A-Za-z0-9_.~-]{31,34}",
            "aB3" + "8Q~" + sample(34),
            lead=4,
            lead_pattern=r"[A-Za-z0-9_.~-]",
        ),
        KeyRule(
            "AZURE_STORAGE_KEY",
            ("+ASt", "+AMC", "+ABa", "ACDb", "APIM"),
            r"[A-Za-z0-9+/]{5}[AQgw]==",
            sample(76) + "+ASt" + sample(5) + "A==",
            lead=76,
            lead_pattern="[A-Za-z0-9+/]",
        ),
    ),
)
