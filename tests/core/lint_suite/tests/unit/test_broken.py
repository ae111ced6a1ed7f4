import openai


def test_half_written(:  # FINDING: unreadable
    pass
