# ruff: noqa: E501 - a table, a rule on each line
"""The formats of keys that vendors give out: one value for each, with an example that the rule must find.

Rule: what is known of a format is in its ``KeyRule`` and nowhere else; the tests of a rule are made from its example.
A prefix that could begin an ordinary word asks for a ``random`` rest, so that slugs and class names stay.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import cache
from urllib.parse import quote

_A, _W, _H, _U = "[A-Za-z0-9]", "[A-Za-z0-9_-]", "[a-f0-9]", "[A-Z0-9]"
# Standard base64, whose signs are escaped in JSON and in URLs.
_B = r"(?:[A-Za-z0-9+]|\\*/|%(?:25)*2[BbFf]|\\+u002[BbFf])"
_SLASH, _COLON = r"(?:\\*/|%(?:25)*2[Ff])", r"(?::|%(?:25)*3[Aa])"
_PAD = r"(?:=|%(?:25)*3[Dd]|\\+u003[Dd]){0,2}"


@dataclass(frozen=True)
class KeyRule:
    """A key format: what a key begins with, what follows, and a key of that form.

    ``lead`` is the length of what stands before a mark that is in the middle of a key, ``lead_pattern`` its signs.
    """

    name: str
    prefixes: tuple[str, ...]
    rest: str
    example: str
    random: bool = False
    lead: int = 0
    lead_pattern: str = _A

    @property
    def is_long(self) -> bool:
        """Whether its prefixes say enough, so that letters may stand before them."""
        return min(map(len, self.prefixes)) >= 6


@cache
def pattern(prefix: str, rest: str) -> re.Pattern[str]:
    """The pattern of keys with a prefix: it begins with the prefix itself, which the search finds quickly."""
    return re.compile(re.escape(prefix) + rest)


def spellings(prefix: str) -> tuple[str, ...]:
    """A prefix as it is, and as JSON and URLs (in URLs, too) escape its signs."""
    found = [
        prefix,
        prefix.replace("/", r"\/"),
        prefix.replace("=", r"\u003d"),
        prefix.replace("=", r"\u003D"),
        quote(prefix, safe=""),
        quote(quote(prefix, safe=""), safe=""),
    ]
    return tuple(dict.fromkeys(found))


def _sample(length: int, signs: str = "aAbBcCdDeEfF0123456789gGhHjJkKmMnNpPqQrRsStT") -> str:
    """A text that looks drawn at random, always the same: no scanner takes this file for one with keys in it."""
    digests = b"".join(hashlib.sha256(bytes([number])).digest() for number in range(1 + length // 32))
    return "".join(signs[octet % len(signs)] for octet in digests[:length])


_HEX, _UPPER = "0123456789abcdef", "ABCDEFGHJKLMNPQRSTUVWXYZ234567"


def _rule(
    name: str, prefixes: str, rest: str, example: str | int, *, hex: bool = False, random: bool = False
) -> KeyRule:
    """A rule; ``prefixes`` are separated by spaces, ``example`` is a length or what follows the first prefix."""
    begins = tuple(prefixes.split())
    sample = _sample(example, _HEX if hex else _sample.__defaults__[0]) if isinstance(example, int) else example  # type: ignore[index]
    return KeyRule(name, begins, rest, begins[0] + sample, random)


_UUID = _H + "{8}-(?:" + _H + "{4}-){3}" + _H + "{12}"
_AN_ID = "0f1e2d3c-4b5a-4978-8695-a4b3c2d1e0f9"
_LINE_END = r"(?:\\+r)?(?:\\+n|\r?\n)[ \t]{0,8}"
# How RSA keys of the usual sizes begin without the lines of PEM (RFC 5208 and RFC 8017, in base64).
_DER = " ".join(
    [
        f"MII{size}IBADANBgkqhkiG9w0BAQEFAASC"
        for size in ("Evg", "EvA", "EvQ", "JQg", "JQw", "JRA", "Cdg", "Cdw", "CeA", "G/Q", "G/g", "G/w")
    ]
    + [f"MII{size}IBAAKC" for size in ("Eow", "EpA", "EpQ", "JKA", "JKQ", "JKg")]
    + [f"MII{size}IBAAKB" for size in ("CXA", "CXQ", "CXg")]
)

# Of two rules that fit at one place, the first is meant.
RULES: tuple[KeyRule, ...] = (
    # models
    _rule("ANTHROPIC_KEY", "sk-ant-", _W + "{20,}", "api03-" + _sample(40)),
    _rule("OPENROUTER_KEY", "sk-or-", "(?:v1-)?" + _A + "{32,}", "v1-" + _sample(64, _HEX)),
    _rule("LANGFUSE_KEY", "sk-lf-", _H + r"{8}-(?:" + _H + "{4}-){3}" + _H + "{12}", "0f1e2d3c-4b5a-4978-8695-a4b3c2d1e0f9"),
    _rule("LITELLM_KEY", "sk-litellm-", _W + "{16,}", 32, random=True),
    _rule("HELICONE_KEY", "sk-helicone-", _W + "{16,}", 32, random=True),
    _rule("OPENAI_KEY", "sk-proj- sk-svcacct- sk-admin- sk-None-", _W + "{28,}", 48),
    _rule("OPENAI_KEY", "sk-", _W + "{20,}", 48, random=True),
    _rule("OPENAI_SESSION", "sess-", _A + "{32,}", 40, random=True),
    _rule("OPENAI_CLIENT_SECRET", "ek_", _A + "{20,}", 32, random=True),
    _rule("GOOGLE_KEY", "AIza", _W + "{35}", 35),
    _rule("GOOGLE_AUTH_KEY", "AQ.", _W + "{40,}", "Ab8" + _sample(45)),
    _rule("GOOGLE_CLIENT_TOKEN", "auth_tokens/", _W + "{16,}", 32, random=True),
    _rule("GOOGLE_CLIENT_SECRET", "GOCSPX-", _W + "{20,}", 28),
    _rule("GOOGLE_TOKEN", "ya29.", _W + r"{20,}(?:\." + _W + "+)*", "a0Af_" + _sample(60)),
    _rule("GOOGLE_REFRESH_TOKEN", "1//0", _W + "{30,}", 60),
    _rule("GROQ_KEY", "gsk_", _A + "{32,}", 52),
    _rule("HUGGINGFACE_TOKEN", "hf_oauth_ hf_jwt_ api_org_", _W + r"{24,}(?:\." + _W + "+)*", 48),
    _rule("HUGGINGFACE_TOKEN", "hf_", _A + "{30,}", 34),
    _rule("XAI_KEY", "xai-", "(?:token-)?" + _A + "{40,}", 80),
    _rule("REPLICATE_TOKEN", "r8_", _A + "{30,}", 37),
    _rule("PERPLEXITY_KEY", "pplx-", _A + "{40,}", 48),
    _rule("NVIDIA_KEY", "nvapi-", _W + "{40,}", 64),
    _rule("FIREWORKS_KEY", "fw_", _A + "{20,}", 24, random=True),
    _rule("CEREBRAS_KEY", "csk-", "[a-z0-9]{40,}", _sample(48, "abcdefghjkmnpqrstvwxyz0123456789")),
    _rule("TOGETHER_KEY", "tgp_v1_", _W + "{30,}", 43),
    _rule("VOYAGE_KEY", "pa-", _W + "{40,}", 43, random=True),
    _rule("JINA_KEY", "jina_", _A + "{32,}" + _W + "*", 60),
    _rule("ELEVENLABS_KEY", "sk_", _H + "{40,}", 48, hex=True),
    _rule("CARTESIA_KEY", "sk_car_", _A + "{20,}", 24),
    _rule("ZAI_KEY", "sk_zai_ sk_kimi_ sk_cr_ sk_v1_", _A + "{20,}", 32),
    _rule("VERCEL_AI_GATEWAY_KEY", "vck_", _A + "{24,}", 56, random=True),
    _rule("VERCEL_TOKEN", "vcp_ vci_ vca_ vcr_", _A + "{24,}", 56, random=True),
    _rule("RUNPOD_KEY", "rpa_", _A + "{30,}", 46, random=True),
    _rule("CHUTES_KEY", "cpk_", _H + r"{16,}\." + _A + r"{20,}(?:\." + _A + "{20,})?", _sample(32, _HEX) + "." + _sample(32, _HEX) + "." + _sample(32)),
    _rule("LLAMACLOUD_KEY", "llx-", _A + "{32,}", 48, random=True),
    _rule("UPSTAGE_KEY", "up_", _A + "{24,}", 29, random=True),
    _rule("AI21_KEY", "ai21_", _A + "{24,}", 40, random=True),
    _rule("FAL_KEY", "fal_", _A + "{30,}", 40, random=True),
    _rule("BASETEN_KEY", "bten_", _A + "{24,}", 32, random=True),
    _rule("DEEPINFRA_KEY", "di_", _A + "{32,}", 40, random=True),
    _rule("FRIENDLI_TOKEN", "flp_", _A + "{24,}", 40, random=True),
    _rule("NOVITA_KEY", "sk_novita_", _W + "{20,}", 32),
    _rule("HYPERBOLIC_KEY", "hyp_", _A + "{24,}", 40, random=True),
    _rule("LAMBDA_KEY", "secret_", _A + r"[A-Za-z0-9_-]{20,}(?:\." + _A + "{20,})?", _sample(32) + "." + _sample(32), random=True),
    _rule("MODAL_TOKEN", "ak- as-", _A + "{22}", 22, random=True),
    _rule("DEEPGRAM_KEY", "dg_", _A + "{32,}", 40, random=True),
    _rule("ASSEMBLYAI_KEY", "aai_", _A + "{24,}", 40, random=True),
    _rule("RIME_KEY", "rime_", _A + "{24,}", 40, random=True),
    _rule("PORTKEY_KEY", "pk-live- pk-test-", _W + "{20,}", 32, random=True),
    _rule("LANGSMITH_KEY", "lsv2_", r"(?:pt|sk)_[a-f0-9]{32}_[a-f0-9]{10}", "pt_" + _sample(32, _HEX) + "_" + _sample(10, _HEX)),
    _rule("LANGSMITH_KEY", "ls__", _H + "{32}", 32, hex=True),
    _rule("WANDB_KEY", "wandb_v1_", _W + "{40,}", 77),
    _rule("ZHIPU_KEY", "zai-", _A + r"{24,}(?:\." + _A + "{12,})?", 40, random=True),
    # what agents use
    _rule("PINECONE_KEY", "pcsk_", _A + "{5,12}_" + _A + "{40,}", "4aB1cD_" + _sample(63)),
    _rule("TAVILY_KEY", "tvly-", "(?:dev-|prod-)?" + _W + "{28,}", "dev-" + _sample(32), random=True),
    _rule("FIRECRAWL_KEY", "fc-", _H + "{32}", 32, hex=True),
    _rule("E2B_KEY", "e2b_ sk_e2b_", _H + "{40}", 40, hex=True),
    _rule("BRAVE_KEY", "BSA", _W + "{27,28}", 28, random=True),
    _rule("YOU_KEY", "ydc-sk-", _W + "{20,}", 40, random=True),
    _rule("BROWSERBASE_KEY", "bb_live_ bb_test_", _W + "{20,}", 27, random=True),
    _rule("BROWSER_USE_KEY", "bu_", _W + "{30,}", 43, random=True),
    _rule("COMPOSIO_KEY", "ak_", _W + "{18,}", 20, random=True),
    _rule("MEM0_KEY", "m0-", _A + "{36,}", 40, random=True),
    _rule("DAYTONA_KEY", "dtn_", _A + "{40,}", 64, random=True),
    _rule("APIFY_TOKEN", "apify_api_", _A + "{30,}", 36),
    _rule("LINKUP_KEY", "lk_", _A + "{24,}", 32, random=True),
    _rule("ZEP_KEY", "z_", r"1dW[A-Za-z0-9_-]{30,}(?:\.[A-Za-z0-9_-]{20,})?", "1dW" + _sample(60) + "." + _sample(40)),
    _rule("SMITHERY_KEY", "smry_ smithery_", _W + "{24,}", 36, random=True),
    _rule("NOTION_TOKEN", "ntn_", _A + "{40,}", "12345678901" + _sample(35)),
    _rule("LINEAR_KEY", "lin_api_ lin_oauth_", _A + "{32,}", 40),
    _rule("FIGMA_TOKEN", "figd_ figo_ figu_", _W + "{36,}", 43, random=True),
    _rule("AIRTABLE_TOKEN", "pat", _A + r"{14}\." + _H + "{64}", _sample(14) + "." + _sample(64, _HEX)),
    _rule("ASANA_TOKEN", "1/ 2/", r"\d{12,}(?:" + _SLASH + r"\d{12,})?" + _COLON + _H + "{32}", "1234567890123456:" + _sample(32, _HEX)),
    _rule("POSTMAN_KEY", "PMAK-", _H + "{24}-" + _H + "{34}", _sample(24, _HEX) + "-" + _sample(34, _HEX)),
    _rule("SENDGRID_KEY", "SG.", _W + r"{16,32}\." + _W + "{16,64}", _sample(22) + "." + _sample(43), random=True),
    # Elsewhere "key-" and 32 hex digits are a key of a cache.
    _rule("MAILGUN_KEY", "api:key- mailgun_api_key=key- MAILGUN_API_KEY=key-", _H + "{32}", 32, hex=True),
    _rule("MAILCHIMP_KEY", "xkeysib-", _H + "{64}-" + _A + "{16}", _sample(64, _HEX) + "-" + _sample(16)),
    _rule("RESEND_KEY", "re_", _A + "{6,10}_" + _A + "{20,}", _sample(8) + "_" + _sample(24)),
    _rule("TWILIO_KEY", "SK", "[0-9a-f]{32}", 32, hex=True),
    _rule("TELEGRAM_TOKEN", ":AA", _W + "{33}", 33),
    _rule("DISCORD_WEBHOOK", "discord.com/api/webhooks/ discordapp.com/api/webhooks/", r"\d{15,}" + _SLASH + _W + "{40,}", "123456789012345678/" + _sample(68)),
    _rule("SLACK_WEBHOOK", "hooks.slack.com/services/ hooks.slack.com/workflows/ hooks.slack.com/triggers/", "(?:" + _A + "|" + _SLASH + "){30,}", "T0123ABCD/B0123ABCD/" + _sample(24)),
    _rule("ZAPIER_MCP", "mcp.zapier.com/api/mcp/s/", _W + "{20,}", 60),
    _rule("SLACK_TOKEN", "xoxa- xoxb- xoxo- xoxp- xoxr- xoxs- xoxe- xoxc- xoxd- xapp- xwfp-", r"[A-Za-z0-9%-]{10,}(?:\.[A-Za-z0-9%-]{10,})*", "1234567890-" + _sample(24)),
    _rule("STRIPE_KEY", "sk_live_ sk_test_ rk_live_ rk_test_ sk_prod_ sk_org_", _A + "{16,}", 24),
    _rule("STRIPE_WEBHOOK_SECRET", "whsec_", r"[A-Za-z0-9+/]{24,}=*", 32),
    _rule("SHOPIFY_TOKEN", "shpat_ shpca_ shppa_ shpss_", "[a-fA-F0-9]{32}", 32, hex=True),
    _rule("SQUARE_TOKEN", "sq0atp- sq0csp- sq0idp- EAAAE EAAAl EAAAF", _W + "{22,60}", 43, random=True),
    _rule("HUBSPOT_TOKEN", "pat-na1- pat-na2- pat-na3- pat-eu1- pat-ap1-", _UUID, _AN_ID),
    _rule("TYPEFORM_TOKEN", "tfp_", _W + "{40,}", 59),
    _rule("CONTENTFUL_TOKEN", "CFPAT-", _W + "{40,}", 43),
    _rule("SHIPPO_TOKEN", "shippo_live_ shippo_test_", _H + "{40}", 40, hex=True),
    _rule("DUFFEL_TOKEN", "duffel_live_ duffel_test_", _W + "{40,}", 43),
    _rule("FLUTTERWAVE_KEY", "FLWSECK-", "[A-Za-z0-9]{32}-X", _sample(32, _HEX) + "-X"),
    _rule("README_KEY", "rdme_", "[a-z0-9]{60,}", _sample(70, "abcdefghjkmnpqrstvwxyz0123456789")),
    _rule("RETOOL_TOKEN", "retool_", _W + "{26,}", 40, random=True),
    _rule("NOSTR_KEY", "nsec1", "[02-9ac-hj-np-z]{58}", _sample(58, "023456789acdefghjklmnpqrstuvwxyz")),
    # code
    _rule("GITHUB_TOKEN", "ghp_ gho_ ghu_ ghs_ ghr_", _A + "{36,}", 36),
    _rule("GITHUB_TOKEN", "github_pat_", "[A-Za-z0-9_]{50,}", _sample(22) + "_" + _sample(59)),
    _rule("GITLAB_TOKEN", "glpat- gldt- glrt- glcbt- glptt- glft- glsoat- glimt- glagent- gloas- glffct- glwt-", r"[A-Za-z0-9_-]{20,}(?:\.[a-z0-9]{2})?(?:\.?[a-z0-9]{7,9})?", _sample(27) + ".01." + _sample(9, _HEX)),
    _rule("BITBUCKET_TOKEN", "ATBB ATCTT3xFfG", _A + r"[A-Za-z0-9_=-]{23,}", 32, random=True),
    _rule("ATLASSIAN_TOKEN", "ATATT3", r"[A-Za-z0-9_=-]{40,}", "xFfGF0" + _sample(180)),
    _rule("SONAR_TOKEN", "squ_ sqp_ sqa_", _H + "{40}", 40, hex=True),
    _rule("SNYK_TOKEN", "snyk_uat. snyk_sat.", r"[a-z0-9]{8}\." + _W + r"{20,}(?:\." + _W + "{20,})*", "0a1b2c3d." + _sample(60) + "." + _sample(43)),
    _rule("CURSOR_KEY", "crsr_", _A + "{32,}", 64, hex=True),
    _rule("NPM_TOKEN", "npm_", _A + "{36}", 36),
    _rule("PYPI_TOKEN", "pypi-AgE", _W + "{50,}", "IcHlwaS5vcmc" + _sample(70)),
    _rule("RUBYGEMS_KEY", "rubygems_", _H + "{48}", 48, hex=True),
    _rule("DOCKER_TOKEN", "dckr_pat_ dckr_oat_", _W + "{20,}", 27),
    _rule("SOURCEGRAPH_TOKEN", "sgp_", r"(?:[a-fA-F0-9]{16}_|local_)?[a-fA-F0-9]{40}", _sample(16, _HEX) + "_" + _sample(40, _HEX)),
    _rule("SENTRY_TOKEN", "sntrys_ sntryu_", r"[A-Za-z0-9+/=_]{40,}", 64),
    _rule("POSTHOG_KEY", "phx_ phs_", _A + "{40,}", 43),
    _rule("CODECOV_TOKEN", "ghcr_ circleci_ CCIPAT_ CCIPRJ_", _W + "{36,}", 60, random=True),
    _rule("BUILDKITE_TOKEN", "bkua_", _H + "{40}", 40, hex=True),
    # clouds and data
    _rule("AWS_KEY_ID", "AKIA ASIA ABIA ACCA", _U + "{16}", _sample(16, _UPPER)),
    _rule("AWS_BEDROCK_KEY", "ABSK", _B + "{60,}" + _PAD, 96),
    _rule("AWS_BEDROCK_KEY", "bedrock-api-key-", _B + "{40,}" + _PAD, 120),
    _rule("AZURE_STORAGE_KEY", "AccountKey= SharedAccessKey=", _B + "{40,}" + _PAD, _sample(86) + "=="),
    KeyRule("AZURE_KEY", ("JQQJ99", "AZDO"), _A + "{4,26}", _sample(52) + "JQQJ99" + _sample(26), lead=52),
    KeyRule("AZURE_CLIENT_SECRET", ("Q~",), r"[A-Za-z0-9_.~-]{31,34}", "aB3" + "8Q~" + _sample(34), lead=4, lead_pattern=r"[A-Za-z0-9_.~-]"),
    KeyRule("AZURE_STORAGE_KEY", ("+ASt", "+AMC", "+ABa", "ACDb", "APIM"), r"[A-Za-z0-9+/]{5}[AQgw]==", _sample(76) + "+ASt" + _sample(5) + "A==", lead=76, lead_pattern="[A-Za-z0-9+/]"),
    KeyRule("TERRAFORM_TOKEN", (".atlasv1.",), r"[A-Za-z0-9_=-]{60,70}", _sample(14) + ".atlasv1." + _sample(67), lead=14),
    _rule("ALIBABA_KEY_ID", "LTAI", _A + "{12,20}", 20, random=True),
    _rule("TENCENT_KEY_ID", "AKID", _A + "{28,36}", 32),
    _rule("VOLCENGINE_KEY_ID", "AKLT", _A + "{40,}", 44),
    _rule("DATABRICKS_TOKEN", "dapi dose dkea", _H + r"{32}(?:-\d)?", 32, hex=True),
    _rule("SUPABASE_KEY", "sb_secret_ sbp_ sbp_oauth_", _W + "{20,}", 31, random=True),
    _rule("DIGITALOCEAN_TOKEN", "dop_v1_ doo_v1_ dor_v1_ sk-do-", _W + "{40,}", 64, hex=True),
    _rule("CLOUDFLARE_KEY", "v1.0-", _H + "{24}-" + _H + "{100,}", _sample(24, _HEX) + "-" + _sample(146, _HEX)),
    _rule("CLOUDFLARE_TOKEN", "cfut_ cfat_ cfk_", _W + "{36,}", 48, random=True),
    _rule("FLY_TOKEN", "fo1_ fm1r_ fm1a_ fm2_", r"[A-Za-z0-9+/_-]{40,}=*", 43),
    _rule("RENDER_KEY", "rnd_", _A + "{24,}", 32, random=True),
    _rule("RAILWAY_TOKEN", "railway_", _W + "{30,}", 40, random=True),
    _rule("HEROKU_KEY", "HRKU-", _W + "{36,}", "AA" + _sample(58)),
    _rule("NETLIFY_TOKEN", "nfp_ nfc_ nfo_ nfu_", _A + "{36,}", 40),
    _rule("PLANETSCALE_TOKEN", "pscale_tkn_ pscale_oauth_ pscale_pw_", r"[A-Za-z0-9_=-]{32,}(?:\.[A-Za-z0-9_=-]+)*", 43),
    _rule("NEON_KEY", "napi_ npg_", _A + "{16,}", 64, random=True),
    _rule("TURSO_TOKEN", "tur_", _A + "{30,}", 43, random=True),
    _rule("CONFLUENT_KEY", "cflt", r"[A-Za-z0-9+/]{40,}", 60, random=True),
    _rule("ASTRA_TOKEN", "AstraCS:", "(?:" + _A + "|" + _COLON + "){40,}", _sample(24) + ":" + _sample(64, _HEX)),
    _rule("VAULT_TOKEN", "hvs. hvb. hvr.", _W + "{24,}", 95, random=True),
    _rule("DOPPLER_TOKEN", "dp.pt. dp.st. dp.ct. dp.sa. dp.scim. dp.audit.", _W + r"{36,}(?:\." + _W + "+)*", 43),
    _rule("ONEPASSWORD_TOKEN", "ops_eyJ", r"[A-Za-z0-9+/=_-]{60,}", 260),
    _rule("INFISICAL_TOKEN", "st.", _H + r"{24}\." + _H + r"{32,}(?:\." + _H + "{32,})?", _sample(24, _HEX) + "." + _sample(32, _HEX)),
    _rule("GRAFANA_TOKEN", "glsa_ glc_", r"[A-Za-z0-9+/_]{32,}=*", 41),
    _rule("NEWRELIC_KEY", "NRAK- NRII- NRJS-", _A + "{19,}", 27),
    _rule("DYNATRACE_TOKEN", "dt0c01. dt0s16.", r"[A-Z0-9]{8,24}\.[A-Z0-9]{64}", _sample(24, _UPPER) + "." + _sample(64, _UPPER)),
    _rule("PULUMI_TOKEN", "pul-", _H + "{40}", 40, hex=True),
    _rule("PREFECT_KEY", "pnu_ pnb_", _A + "{36,}", 36, random=True),
    _rule("TAILSCALE_KEY", "tskey-", r"(?:[a-z]{2,10}-)?[A-Za-z0-9]{8,}(?:CNTRL)?-" + _A + "{20,}", "auth-kB3xF4cT5n11CNTRL-" + _sample(32)),
    _rule("BAIDU_KEY", "bce-v3/", "ALTAK-" + _A + "{10,}" + _SLASH + _H + "{40}", "ALTAK-" + _sample(21) + "/" + _sample(40, _HEX)),
    _rule("MAPBOX_TOKEN", "sk.eyJ1 tk.eyJ1", _W + r"{20,}\." + _W + "{20,}", "Ijoi" + _sample(60) + "." + _sample(22)),
    _rule("TINYBIRD_TOKEN", "p.eyJ1", _W + r"{20,}\." + _W + "{20,}", "Ijoi" + _sample(60) + "." + _sample(43)),
    _rule("TURBOPUFFER_KEY", "tpuf_", _A + "{30,}", 32, random=True),
    _rule("INNGEST_KEY", "signkey-", "(?:prod|test|branch|dev)[a-z-]*-" + _H + "{32,}", "prod-" + _sample(64, _HEX)),
    _rule("TRIGGER_KEY", "tr_dev_ tr_prod_ tr_stg_ tr_preview_ tr_pat_", _A + "{20,}", 24, random=True),
    _rule("DENO_TOKEN", "ddp_ ddo_ ddw_", _A + "{36}", 36, random=True),
    _rule("XATA_KEY", "xau_", _A + "{30,}", 36, random=True),
    _rule("PRIVATE_KEY", _DER, _B + "{16,}(?:" + _LINE_END + _B + "{16,})*(?:" + _LINE_END + _B + "{1,15}=)?" + _PAD, 400),
    _rule("PRIVATE_KEY", "MC4CAQAwBQYDK2VwBCIEI MC4CAQAwBQYDK2VuBCIEI", _B + "{41,}" + _PAD, 43),
    _rule("PRIVATE_KEY", "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg MHcCAQEEI MIG2AgEAMBAGByqGSM49AgEGBSuBBAAi", _B + "{100,}" + _PAD, 136),
    _rule("AGE_KEY", "AGE-SECRET-KEY-1", r"[A-Z0-9]{58}", _sample(58, _UPPER)),
    _rule("OPENSHIFT_TOKEN", "sha256~", _W + "{43}", 43),
    _rule("MONGODB_KEY", "mdb_sa_sk_", _W + "{30,}", 40),
)  # fmt: skip

_LOOKED_AT = 256
_SLUG = re.compile(r"[^A-Za-z0-9]+")
_CAMEL = re.compile(r"[A-Z]?[a-z]+(?:[A-Z]+[a-z]+)+")  # a name of a program: five letters and more to a word


def is_slug(text: str) -> bool:
    """Whether a text is made of short pieces alone, as no key is: ``a1-b2-c3``."""
    return max(map(len, _SLUG.split(text[:_LOOKED_AT]))) < 6


def looks_random(text: str) -> bool:
    """Whether a text was drawn, not written: letters and digits change as in no word, or run on as no word does."""
    text = text[:_LOOKED_AT]
    pieces = [piece for piece in _SLUG.split(text) if piece]
    if not pieces:
        return False
    longest = max(pieces, key=len)
    if len(longest) >= 30:
        return _CAMEL.fullmatch(longest) is None or sum(map(str.isupper, longest)) * 4 > len(longest)
    pairs = changes = 0
    for piece in pieces:
        kinds = ["d" if sign.isdigit() else "u" if sign.isupper() else "l" for sign in piece]
        if len(kinds) > 2 and kinds[0] == "u" and kinds[1] == "l":
            kinds[0] = "l"  # a word with a capital
        pairs += len(kinds) - 1
        changes += sum(a != b for a, b in zip(kinds, kinds[1:]))
    digits = sum(sign.isdigit() for sign in text)
    return pairs >= 6 and changes >= (0.25 if digits >= 2 else 0.45) * pairs
