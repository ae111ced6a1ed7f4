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


def test_anthropic():
    client = anthropic.Anthropic()
    with client.messages.stream(model="c", max_tokens=5, messages=[]) as stream:  # FINDING: unrecorded-call
        print(stream)
    client.beta.messages.create(model="c", max_tokens=5, messages=[])  # FINDING: unrecorded-call


async def test_gemini():
    client = genai.Client(api_key="x")
    client.models.generate_content(model="g", contents="hi")  # FINDING: unrecorded-call
    await client.aio.models.generate_content_stream(model="g", contents="hi")  # FINDING: unrecorded-call
    chat = client.chats.create(model="g")
    chat.send_message("hi")  # FINDING: unrecorded-call


def test_mistral():
    with Mistral(api_key="x") as client:
        client.chat.complete(model="m", messages=[])  # FINDING: unrecorded-call
        client.embeddings.create(model="m", inputs=[])  # FINDING: unrecorded-call


def test_cohere():
    client = cohere.ClientV2()
    client.chat(model="c", messages=[])  # FINDING: unrecorded-call
    client.rerank(model="r", query="q", documents=[])  # FINDING: unrecorded-call


def test_groq_and_ollama():
    Groq().chat.completions.create(model="g", messages=[])  # FINDING: unrecorded-call
    ollama.chat(model="o", messages=[])  # FINDING: unrecorded-call
    ollama.Client(host="http://localhost:11434").generate(model="o", prompt="hi")  # FINDING: unrecorded-call


def test_huggingface():
    client = InferenceClient(provider="groq")
    client.chat_completion([])  # FINDING: unrecorded-call
    client.chat.completions.create(messages=[])  # FINDING: unrecorded-call


def test_bedrock():
    boto3.client("bedrock-runtime").converse(modelId="m", messages=[])  # FINDING: unrecorded-call
    bedrock().invoke_model(modelId="m", body="{}")  # FINDING: unrecorded-call


async def test_litellm():
    complete(model="gpt-5", messages=[])  # FINDING: unrecorded-call
    await litellm.acompletion(model="gpt-5", messages=[])  # FINDING: unrecorded-call


def test_langchain():
    llm = ChatOpenAI(model="gpt-5")
    chain = ChatPromptTemplate.from_template("{x}") | llm.bind_tools([])
    chain.invoke({"x": 1})  # FINDING: unrecorded-call
    llm.with_structured_output(dict).batch([])  # FINDING: unrecorded-call


def test_pydantic_ai():
    agent = Agent("openai:gpt-5")
    agent.run_sync("hi")  # FINDING: unrecorded-call


async def test_plain_http():
    httpx.post(f"{URL}/responses", json={})  # FINDING: unrecorded-call
    requests.request("POST", "https://api.anthropic.com/v1/messages", json={})  # FINDING: unrecorded-call
    with httpx.Client(base_url="https://api.mistral.ai") as client:
        client.post("/v1/chat/completions", json={})  # FINDING: unrecorded-call
    async with aiohttp.ClientSession() as session:
        async with session.post("https://api.groq.com/openai/v1/chat/completions") as reply:  # FINDING: unrecorded-call
            print(reply)


class OlderStyle(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.client = anthropic.Anthropic()

    def test_it(self):
        self.client.messages.create(model="c", max_tokens=5, messages=[])  # FINDING: unrecorded-call
