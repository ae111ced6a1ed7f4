from openai import OpenAI

MODELS = OpenAI().models.list()  # FINDING: unrecorded-call


def test_models():
    assert MODELS
