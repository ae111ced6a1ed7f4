"""Google: Gemini, and Vertex AI."""

from __future__ import annotations

from promptecho.providers._provider import Provider, Sdk

PROVIDER = Provider(
    "google",
    "Google",
    hosts=(
        "generativelanguage.googleapis.com",
        "aiplatform.googleapis.com",
        "*-aiplatform.googleapis.com",
        "aiplatform.*.rep.googleapis.com",
    ),
    logins=("oauth2.googleapis.com", "sts.googleapis.com"),
    sdks=(
        Sdk("google-genai", "google.genai", clients=("Client",), optional="aiohttp"),
        Sdk(
            "google-cloud-aiplatform",
            "vertexai",
            sync="grpcio",
            asynchronous="grpcio",
            way_out="Or let it ride on requests: vertexai.init(api_transport='rest').",
        ),
        Sdk(
            "langchain-google-genai",
            clients=("*Chat*", "*Embeddings", "GoogleGenerativeAI"),
            way_out="Or let it ride on requests: transport='rest'.",
        ),
    ),
    price_id="google",
)
