"""Ordinary text is no credential, and private keys are, however they are dressed."""

from __future__ import annotations

import base64
import json
import random
import uuid

import pytest

from promptecho._secrets.credentials import environment_credentials
from promptecho._secrets.look import looks_like_credential
from promptecho._secrets.passes import Fields, Redactor

WORDS = [
    "postgres", "minioadmin", "customer_id", "created_at", "production", "us-east-1", "gpt-4o-mini", "my-secret-name",
    "claude-3-5-sonnet-20241022", "2024-10-01", "text-embedding-3-small", "/run/secrets/kubernetes.io/serviceaccount",
    "~/.ssh/id_rsa", "https://host.example/path", "db.example.com:5432", "localhost:6379", "10.0.0.1", "true", "4096",
    "1712345678123", "hello world", "2026-01-02T03:04:05Z", "${API_KEY}", "<your key here>", "changeme", "arn:aws:kms:us-east-1:1234:alias/my-key",
    "user@example.com", "is too short", "max_tokens", "camelCaseName", "RS256", "aes-256-gcm", "redis://localhost:6379/0",
    "C:\\keys\\key.pem", "YOUR_API_KEY_HERE", "must be at least 8 characters", "Hello, World!", "Europe/Bratislava", "iPhone15Pro", "Windows11Pro", "GalaxyS24Ultra",
]  # fmt: skip
CREDENTIALS = [
    "/7f3Kd92LmQx04VbTz81RwYp65+abcdefghijklm", ".7f3Kd92LmQx04VbTz81RwYp65", "83920174658293017465",
    "Opaque7f3Kd92LmQx04", "Passw0rd!", "Tr0ub4dor&3", "0123456789abcdef0123456789abcdef", "xK9#mP2$vL",
    "7f0c1f4e-8f4e-4b4e-9d5e-000000000001", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "tok-S3cret/Value+42=x",
]  # fmt: skip


@pytest.mark.parametrize("value", WORDS)
def test_a_word_is_no_credential(value: str) -> None:
    assert not looks_like_credential(value)
    assert environment_credentials({"ACME_SECRET_KEY": value}) == ()


@pytest.mark.parametrize("value", CREDENTIALS)
@pytest.mark.parametrize(
    "name", ["OPENAI_KEY_1", "MY_TOKEN_V2", "AZURE_OPENAI_KEY1", "OPENAI_API_KEYS", "PGPASSWORD", "Db_Pass", "authToken", "X_PAT"]
)  # fmt: skip
def test_a_value_that_looks_like_a_credential_is_one(name: str, value: str) -> None:
    for written in (value, f"{value}\n", f"Bearer {value}", f"{value},{value[::-1]}", f'"{value}"'):
        assert value in environment_credentials({name: written})


BASIC = base64.b64encode(b"me:S3cr3tValue99x").decode()


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [("API_KEYS", "k1:zX81mQp0aLw93Kdk2,k2:Opaque7f3Kd92LmQx04", ["zX81mQp0aLw93Kdk2", "Opaque7f3Kd92LmQx04"]),
     ("API_KEYS", "k1:zX81mQp0aLw93Kdk2", ["zX81mQp0aLw93Kdk2"]),
     ("OTEL_EXPORTER_OTLP_HEADERS", f"Authorization=Basic%20{BASIC}", [BASIC, "S3cr3tValue99x"]),
     ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "x-team=zX81mQp0aLw93Kdk2,a=b", ["zX81mQp0aLw93Kdk2"]),
     ("KAGGLE_CREDS", '{"username":"u","key":"0123456789abcdef0123456789abcdef"}', ["0123456789abcdef0123456789abcdef"]),
     ("SVC_CRED", '{"a": {"b": "zX81mQp0aLw93Kdk2"}}', ["zX81mQp0aLw93Kdk2"]),
     ("SVC_CREDENTIALS", "user=me;token=zX81mQp0aLw93Kdk2==", ["zX81mQp0aLw93Kdk2=="])],
)  # fmt: skip
def test_each_credential_of_a_list_is_one(name: str, value: str, expected: list[str]) -> None:
    assert set(expected) <= set(environment_credentials({name: value}))


def test_headers_of_the_environment_that_carry_none_say_nothing() -> None:
    assert environment_credentials({"HTTP_HEADERS": "Accept=application/json,User-Agent=Foo/1.0"}) == ()


@pytest.mark.parametrize("name", ["KEYCLOAK_REALM", "MONKEYS", "KEYBOARD", "TOKENIZERS", "PATH", "AUTHOR", "PASSENGER"])
def test_a_name_that_only_has_the_letters_says_nothing(name: str) -> None:
    assert environment_credentials({name: CREDENTIALS[0]}) == ()


def test_of_an_address_the_password_is_one() -> None:
    environ = {"DATABASE_URL": "postgres://app:xK9mP2vLq7@db.example/app", "REDIS_URL": "redis://:secret@localhost"}
    assert "xK9mP2vLq7" in environment_credentials(environ)
    assert not {"app", "secret", "db.example"} & set(environment_credentials(environ))


ORDINARY = [
    "https://www.example.sk/blog/sk-ako-si-vybrat-najlepsi-notebook-pre-studentov-2026",
    "sk-estimator-doc-link-active-state-now-hover", "sk-learn-contrib-lightning-with-some-long-name",
    "sk-SK_translations_for_the_mobile_application.json", '{"errors": {"password": "is too short"}}',
    "the-task-anthropic-desk-projection-risk-organization-with-many-parts", "up_and_running_with_many_words_in_a_name",
    "pa-ssword-less-authentication-for-the-modern-application-world", "re_compile_the_whole_project_again_now",
    "fw_configurationmanagerservice", "-----BEGIN PRIVATE KEY----- marks the beginning, -----END PRIVATE KEY----- the end",
    "postgresql://user:password@localhost:5432/db", "https://a/b?token=YOUR_ACCESS_TOKEN_GOES_HERE&key=created_at_column",
    "sk-a1-b2-c3-d4-e5-f6-g7-h8-i9-j0", "hvs.method_call_on_the_object_and_more", "hvs.someVeryLongMethodNameThatIsMoreThanThirtyLetters",
    "SG.InputStreamReaderFactory.createInputStreamReader", "key-0123456789abcdef0123456789abcdef", "tskey-words-without-any-number",
    "pul-0123", "the nsec1 prefix", "tr_dev_environment_variables_for_all", "sqp_is_a_solver_for_quadratic_programs_in_python",
    "Authorization: Bearer YOUR_API_KEY_GOES_HERE", '{"encrypted_content": "gAAAA' + "Qw3-" * 40 + "-sk-" + "uAqdyfMdUJ4qsg-k_qfLj2XA" * 3 + '"}',
]  # fmt: skip


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_text_stays(text: str) -> None:
    for written in (text, json.dumps({"text": text})):
        made = Redactor({})
        assert made.mask(written, Fields.IF_IT_LOOKS_LIKE_ONE) == written
        assert made.found == ()


def test_random_data_stays() -> None:
    dice = random.Random(5)
    made = Redactor({})
    for _ in range(200):
        data = bytes(dice.randrange(256) for _ in range(500))
        for text in (
            base64.b64encode(data).decode(),
            base64.urlsafe_b64encode(data).decode(),
            f"{uuid.UUID(bytes=data[:16])} {data.hex()}",
            "data:image/png;base64," + base64.b64encode(data).decode(),
        ):
            assert made.mask(text) == text


LINE = "aB3x" * 16
BODY = ["cD4y" * 16, LINE, "eF5z" * 16]


@pytest.mark.parametrize(
    "kind",
    [
        "RSA PRIVATE KEY",
        "PRIVATE KEY",
        "EC PRIVATE KEY",
        "OPENSSH PRIVATE KEY",
        "ENCRYPTED PRIVATE KEY",
        "PGP PRIVATE KEY BLOCK",
    ],
)
@pytest.mark.parametrize(
    ("join", "first"),
    [("\n", ""), ("\r\n", ""), ("\n> ", "> "), ("\n-", "-"), ("\n+", "+"), ("%0A", ""), ("%250A", ""), ("\\n", ""), (" ", ""),
     ("\n# ", "# "), ("\n    ", "    "), ("&#10;", ""), ('",\n"', '"')],
)  # fmt: skip
@pytest.mark.parametrize("end", [True, False])
def test_a_private_key_is_masked_in_every_dress(kind: str, join: str, first: str, end: bool) -> None:
    lines = [f"-----BEGIN {kind}-----", *BODY, *([f"-----END {kind}-----"] if end else [])]
    text = first + join.join(lines)
    for written in (text, json.dumps({"text": text})):
        masked = Redactor({}).mask(written)
        assert not [line for line in BODY if line in masked]
        if written.startswith("{"):
            json.loads(masked)


@pytest.mark.parametrize(
    "text",
    ["\n".join(f"{n}: {line}" for n, line in enumerate(["-----BEGIN RSA PRIVATE KEY-----", *BODY])),
     "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,AB\n\n" + "\n".join(BODY),
     "-----BEGIN%20RSA%20PRIVATE%20KEY-----%0A" + "%0A".join(BODY),
     "-----BEGIN PGP PRIVATE KEY BLOCK-----\nVersion: GnuPG v2\n\n" + "\n".join(BODY) + "\n=abcd\n-----END PGP PRIVATE KEY BLOCK-----",
     json.dumps(["-----BEGIN PRIVATE KEY-----", *BODY, "-----END PRIVATE KEY-----"]),
     base64.b64encode(("-----BEGIN PRIVATE KEY-----\n" + "\n".join(BODY)).encode()).decode()],
)  # fmt: skip
def test_a_private_key_is_masked_with_headers_numbers_and_in_lists(text: str) -> None:
    masked = Redactor({}).mask(text)
    assert LINE not in masked
    assert base64.b64encode(LINE.encode()).decode()[4:-4] not in masked
