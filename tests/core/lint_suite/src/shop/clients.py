"""Where the application's clients come from."""

import functools
import os

import boto3
import openai
from anthropic import Anthropic
from openai import OpenAI

_client = None
shared = OpenAI()


def get_client():
    global _client
    if _client is None:
        _client = OpenAI(timeout=30)
    return _client


@functools.lru_cache
def cached_client():
    return OpenAI(base_url=os.environ.get("OPENAI_BASE_URL"))


def make(kind: str = "openai"):
    return {"openai": openai.OpenAI, "anthropic": Anthropic}[kind]()


def bedrock():
    session = boto3.Session(region_name="eu-west-1")
    return session.client("bedrock-runtime")
