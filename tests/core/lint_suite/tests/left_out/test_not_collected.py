from openai import OpenAI


def test_not_collected():
    OpenAI().models.list()
