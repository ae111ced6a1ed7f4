"""Every SDK that is known, unrecorded."""

import unittest

import aiohttp
import anthropic
import boto3
import cohere
import httpx
import litellm
import ollama
import requests
from google import genai
from groq import Groq
from huggingface_hub import InferenceClient
from langchain_core.prompts import ChatPromptTemplate
from langchain_openai import ChatOpenAI
from litellm import completion as complete
from mistralai.client import Mistral
from pydantic_ai import Agent
from shop.clients import bedrock

URL = "https://api.openai.com/v1"


def test_anthropic():  # FINDING: unrecorded-call
    client = anthropic.Anthropic()
    with client.messages.stream(model="c", max_tokens=5, messages=[]) as stream:
        print(stream)
    client.beta.messages.create(model="c", max_tokens=5, messages=[])


async def test_gemini():  # FINDING: unrecorded-call
    client = genai.Client(api_key="x")
    client.models.generate_content(model="g", contents="hi")
    await client.aio.models.generate_content_stream(model="g", contents="hi")
    chat = client.chats.create(model="g")
    chat.send_message("hi")


def test_mistral():  # FINDING: unrecorded-call
    with Mistral(api_key="x") as client:
        client.chat.complete(model="m", messages=[])
        client.embeddings.create(model="m", inputs=[])


def test_cohere():  # FINDING: unrecorded-call
    client = cohere.ClientV2()
    client.chat(model="c", messages=[])
    client.rerank(model="r", query="q", documents=[])


def test_groq_and_ollama():  # FINDING: unrecorded-call
    Groq().chat.completions.create(model="g", messages=[])
    ollama.chat(model="o", messages=[])
    ollama.Client(host="http://localhost:11434").generate(model="o", prompt="hi")


def test_huggingface():  # FINDING: unrecorded-call
    client = InferenceClient(provider="groq")
    client.chat_completion([])
    client.chat.completions.create(messages=[])


def test_bedrock():  # FINDING: unrecorded-call
    boto3.client("bedrock-runtime").converse(modelId="m", messages=[])
    bedrock().invoke_model(modelId="m", body="{}")


async def test_litellm():  # FINDING: unrecorded-call
    complete(model="gpt-5", messages=[])
    await litellm.acompletion(model="gpt-5", messages=[])


def test_langchain():  # FINDING: unrecorded-call
    llm = ChatOpenAI(model="gpt-5")
    chain = ChatPromptTemplate.from_template("{x}") | llm.bind_tools([])
    chain.invoke({"x": 1})
    llm.with_structured_output(dict).batch([])


def test_pydantic_ai():  # FINDING: unrecorded-call
    agent = Agent("openai:gpt-5")
    agent.run_sync("hi")


async def test_plain_http():  # FINDING: unrecorded-call
    httpx.post(f"{URL}/responses", json={})
    requests.request("POST", "https://api.anthropic.com/v1/messages", json={})
    with httpx.Client(base_url="https://api.mistral.ai") as client:
        client.post("/v1/chat/completions", json={})
    async with aiohttp.ClientSession() as session:
        async with session.post("https://api.groq.com/openai/v1/chat/completions") as reply:
            print(reply)


class OlderStyle(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.client = anthropic.Anthropic()

    def test_it(self):  # FINDING: unrecorded-call
        self.client.messages.create(model="c", max_tokens=5, messages=[])
