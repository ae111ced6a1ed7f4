# ruff: noqa: E501 - a table, a rule on each line
"""The formats of keys that vendors give out: one value for each, with an example that the rule must find.

Rule: what is known of a format is in its ``KeyRule`` and nowhere else; the tests of a rule are made from its example.
A prefix that could begin an ordinary word asks for a ``random`` rest, so that slugs and class names stay.
"""

from __future__ import annotations

import re

from promptecho import providers
from promptecho.providers._key_rule import (
    ALNUM,
    BASE64,
    COLON,
    HEX,
    HEX_SIGNS,
    PADDING,
    SLASH,
    UPPER_SIGNS,
    WORD,
    KeyRule,
    key_rule,
    sample,
)

_UUID = HEX + "{8}-(?:" + HEX + "{4}-){3}" + HEX + "{12}"
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

# Of vendors that are no providers; the keys of those are with them.
RULES: tuple[KeyRule, ...] = (
    # what agents use
    key_rule("PINECONE_KEY", "pcsk_", ALNUM + "{5,12}_" + ALNUM + "{40,}", "4aB1cD_" + sample(63)),
    key_rule("E2B_KEY", "e2b_ sk_e2b_", HEX + "{40}", 40, hex=True),
    key_rule("BRAVE_KEY", "BSA", WORD + "{27,28}", 28, random=True),
    key_rule("YOU_KEY", "ydc-sk-", WORD + "{20,}", 40, random=True),
    key_rule("BROWSERBASE_KEY", "bb_live_ bb_test_", WORD + "{20,}", 27, random=True),
    key_rule("BROWSER_USE_KEY", "bu_", WORD + "{30,}", 43, random=True),
    key_rule("MEM0_KEY", "m0-", ALNUM + "{36,}", 40, random=True),
    key_rule("DAYTONA_KEY", "dtn_", ALNUM + "{40,}", 64, random=True),
    key_rule("APIFY_TOKEN", "apify_api_", ALNUM + "{30,}", 36),
    key_rule("LINKUP_KEY", "lk_", ALNUM + "{24,}", 32, random=True),
    key_rule("ZEP_KEY", "z_", r"1dW[A-Za-z0-9_-]{30,}(?:\.[A-Za-z0-9_-]{20,})?", "1dW" + sample(60) + "." + sample(40)),
    key_rule("SMITHERY_KEY", "smry_ smithery_", WORD + "{24,}", 36, random=True),
    key_rule("NOTION_TOKEN", "ntn_", ALNUM + "{40,}", "12345678901" + sample(35)),
    key_rule("LINEAR_KEY", "lin_api_ lin_oauth_", ALNUM + "{32,}", 40),
    key_rule("FIGMA_TOKEN", "figd_ figo_ figu_", WORD + "{36,}", 43, random=True),
    key_rule("AIRTABLE_TOKEN", "pat", ALNUM + r"{14}\." + HEX + "{64}", sample(14) + "." + sample(64, HEX_SIGNS)),
    key_rule("ASANA_TOKEN", "1/ 2/", r"\d{12,}(?:" + SLASH + r"\d{12,})?" + COLON + HEX + "{32}", "1234567890123456:" + sample(32, HEX_SIGNS)),
    key_rule("POSTMAN_KEY", "PMAK-", HEX + "{24}-" + HEX + "{34}", sample(24, HEX_SIGNS) + "-" + sample(34, HEX_SIGNS)),
    key_rule("SENDGRID_KEY", "SG.", WORD + r"{16,32}\." + WORD + "{16,64}", sample(22) + "." + sample(43), random=True),
    # Elsewhere "key-" and 32 hex digits are a key of a cache.
    key_rule("MAILGUN_KEY", "api:key- mailgun_api_key=key- MAILGUN_API_KEY=key-", HEX + "{32}", 32, hex=True),
    key_rule("MAILCHIMP_KEY", "xkeysib-", HEX + "{64}-" + ALNUM + "{16}", sample(64, HEX_SIGNS) + "-" + sample(16)),
    key_rule("RESEND_KEY", "re_", ALNUM + "{6,10}_" + ALNUM + "{20,}", sample(8) + "_" + sample(24)),
    key_rule("TWILIO_KEY", "SK", "[0-9a-f]{32}", 32, hex=True),
    key_rule("TELEGRAM_TOKEN", ":AA", WORD + "{33}", 33),
    key_rule("DISCORD_WEBHOOK", "discord.com/api/webhooks/ discordapp.com/api/webhooks/", r"\d{15,}" + SLASH + WORD + "{40,}", "123456789012345678/" + sample(68)),
    key_rule("SLACK_WEBHOOK", "hooks.slack.com/services/ hooks.slack.com/workflows/ hooks.slack.com/triggers/", "(?:" + ALNUM + "|" + SLASH + "){30,}", "T0123ABCD/B0123ABCD/" + sample(24)),
    key_rule("ZAPIER_MCP", "mcp.zapier.com/api/mcp/s/", WORD + "{20,}", 60),
    key_rule("SLACK_TOKEN", "xoxa- xoxb- xoxo- xoxp- xoxr- xoxs- xoxe- xoxc- xoxd- xapp- xwfp-", r"[A-Za-z0-9%-]{10,}(?:\.[A-Za-z0-9%-]{10,})*", "1234567890-" + sample(24)),
    key_rule("STRIPE_KEY", "sk_live_ sk_test_ rk_live_ rk_test_ sk_prod_ sk_org_", ALNUM + "{16,}", 24),
    key_rule("STRIPE_WEBHOOK_SECRET", "whsec_", r"[A-Za-z0-9+/]{24,}=*", 32),
    key_rule("SHOPIFY_TOKEN", "shpat_ shpca_ shppa_ shpss_", "[a-fA-F0-9]{32}", 32, hex=True),
    key_rule("SQUARE_TOKEN", "sq0atp- sq0csp- sq0idp- EAAAE EAAAl EAAAF", WORD + "{22,60}", 43, random=True),
    key_rule("HUBSPOT_TOKEN", "pat-na1- pat-na2- pat-na3- pat-eu1- pat-ap1-", _UUID, _AN_ID),
    key_rule("TYPEFORM_TOKEN", "tfp_", WORD + "{40,}", 59),
    key_rule("CONTENTFUL_TOKEN", "CFPAT-", WORD + "{40,}", 43),
    key_rule("SHIPPO_TOKEN", "shippo_live_ shippo_test_", HEX + "{40}", 40, hex=True),
    key_rule("DUFFEL_TOKEN", "duffel_live_ duffel_test_", WORD + "{40,}", 43),
    key_rule("FLUTTERWAVE_KEY", "FLWSECK-", "[A-Za-z0-9]{32}-X", sample(32, HEX_SIGNS) + "-X"),
    key_rule("README_KEY", "rdme_", "[a-z0-9]{60,}", sample(70, "abcdefghjkmnpqrstvwxyz0123456789")),
    key_rule("RETOOL_TOKEN", "retool_", WORD + "{26,}", 40, random=True),
    key_rule("NOSTR_KEY", "nsec1", "[02-9ac-hj-np-z]{58}", sample(58, "023456789acdefghjklmnpqrstuvwxyz")),
    # code
    key_rule("GITLAB_TOKEN", "glpat- gldt- glrt- glcbt- glptt- glft- glsoat- glimt- glagent- gloas- glffct- glwt-", r"[A-Za-z0-9_-]{20,}(?:\.[a-z0-9]{2})?(?:\.?[a-z0-9]{7,9})?", sample(27) + ".01." + sample(9, HEX_SIGNS)),
    key_rule("BITBUCKET_TOKEN", "ATBB ATCTT3xFfG", ALNUM + r"[A-Za-z0-9_=-]{23,}", 32, random=True),
    key_rule("ATLASSIAN_TOKEN", "ATATT3", r"[A-Za-z0-9_=-]{40,}", "xFfGF0" + sample(180)),
    key_rule("SONAR_TOKEN", "squ_ sqp_ sqa_", HEX + "{40}", 40, hex=True),
    key_rule("SNYK_TOKEN", "snyk_uat. snyk_sat.", r"[a-z0-9]{8}\." + WORD + r"{20,}(?:\." + WORD + "{20,})*", "0a1b2c3d." + sample(60) + "." + sample(43)),
    key_rule("CURSOR_KEY", "crsr_", ALNUM + "{32,}", 64, hex=True),
    key_rule("NPM_TOKEN", "npm_", ALNUM + "{36}", 36),
    key_rule("PYPI_TOKEN", "pypi-AgE", WORD + "{50,}", "IcHlwaS5vcmc" + sample(70)),
    key_rule("RUBYGEMS_KEY", "rubygems_", HEX + "{48}", 48, hex=True),
    key_rule("DOCKER_TOKEN", "dckr_pat_ dckr_oat_", WORD + "{20,}", 27),
    key_rule("SOURCEGRAPH_TOKEN", "sgp_", r"(?:[a-fA-F0-9]{16}_|local_)?[a-fA-F0-9]{40}", sample(16, HEX_SIGNS) + "_" + sample(40, HEX_SIGNS)),
    key_rule("CODECOV_TOKEN", "ghcr_ circleci_ CCIPAT_ CCIPRJ_", WORD + "{36,}", 60, random=True),
    key_rule("BUILDKITE_TOKEN", "bkua_", HEX + "{40}", 40, hex=True),
    # clouds and data
    KeyRule("TERRAFORM_TOKEN", (".atlasv1.",), r"[A-Za-z0-9_=-]{60,70}", sample(14) + ".atlasv1." + sample(67), lead=14),
    key_rule("TENCENT_KEY_ID", "AKID", ALNUM + "{28,36}", 32),
    key_rule("SUPABASE_KEY", "sb_secret_ sbp_ sbp_oauth_", WORD + "{20,}", 31, random=True),
    key_rule("DIGITALOCEAN_TOKEN", "dop_v1_ doo_v1_ dor_v1_ sk-do-", WORD + "{40,}", 64, hex=True),
    key_rule("FLY_TOKEN", "fo1_ fm1r_ fm1a_ fm2_", r"[A-Za-z0-9+/_-]{40,}=*", 43),
    key_rule("RENDER_KEY", "rnd_", ALNUM + "{24,}", 32, random=True),
    key_rule("RAILWAY_TOKEN", "railway_", WORD + "{30,}", 40, random=True),
    key_rule("HEROKU_KEY", "HRKU-", WORD + "{36,}", "AA" + sample(58)),
    key_rule("NETLIFY_TOKEN", "nfp_ nfc_ nfo_ nfu_", ALNUM + "{36,}", 40),
    key_rule("PLANETSCALE_TOKEN", "pscale_tkn_ pscale_oauth_ pscale_pw_", r"[A-Za-z0-9_=-]{32,}(?:\.[A-Za-z0-9_=-]+)*", 43),
    key_rule("NEON_KEY", "napi_ npg_", ALNUM + "{16,}", 64, random=True),
    key_rule("TURSO_TOKEN", "tur_", ALNUM + "{30,}", 43, random=True),
    key_rule("CONFLUENT_KEY", "cflt", r"[A-Za-z0-9+/]{40,}", 60, random=True),
    key_rule("ASTRA_TOKEN", "AstraCS:", "(?:" + ALNUM + "|" + COLON + "){40,}", sample(24) + ":" + sample(64, HEX_SIGNS)),
    key_rule("VAULT_TOKEN", "hvs. hvb. hvr.", WORD + "{24,}", 95, random=True),
    key_rule("DOPPLER_TOKEN", "dp.pt. dp.st. dp.ct. dp.sa. dp.scim. dp.audit.", WORD + r"{36,}(?:\." + WORD + "+)*", 43),
    key_rule("ONEPASSWORD_TOKEN", "ops_eyJ", r"[A-Za-z0-9+/=_-]{60,}", 260),
    key_rule("INFISICAL_TOKEN", "st.", HEX + r"{24}\." + HEX + r"{32,}(?:\." + HEX + "{32,})?", sample(24, HEX_SIGNS) + "." + sample(32, HEX_SIGNS)),
    key_rule("GRAFANA_TOKEN", "glsa_ glc_", r"[A-Za-z0-9+/_]{32,}=*", 41),
    key_rule("NEWRELIC_KEY", "NRAK- NRII- NRJS-", ALNUM + "{19,}", 27),
    key_rule("DYNATRACE_TOKEN", "dt0c01. dt0s16.", r"[A-Z0-9]{8,24}\.[A-Z0-9]{64}", sample(24, UPPER_SIGNS) + "." + sample(64, UPPER_SIGNS)),
    key_rule("PULUMI_TOKEN", "pul-", HEX + "{40}", 40, hex=True),
    key_rule("PREFECT_KEY", "pnu_ pnb_", ALNUM + "{36,}", 36, random=True),
    key_rule("TAILSCALE_KEY", "tskey-", r"(?:[a-z]{2,10}-)?[A-Za-z0-9]{8,}(?:CNTRL)?-" + ALNUM + "{20,}", "auth-kB3xF4cT5n11CNTRL-" + sample(32)),
    key_rule("BAIDU_KEY", "bce-v3/", "ALTAK-" + ALNUM + "{10,}" + SLASH + HEX + "{40}", "ALTAK-" + sample(21) + "/" + sample(40, HEX_SIGNS)),
    key_rule("MAPBOX_TOKEN", "sk.eyJ1 tk.eyJ1", WORD + r"{20,}\." + WORD + "{20,}", "Ijoi" + sample(60) + "." + sample(22)),
    key_rule("TINYBIRD_TOKEN", "p.eyJ1", WORD + r"{20,}\." + WORD + "{20,}", "Ijoi" + sample(60) + "." + sample(43)),
    key_rule("TURBOPUFFER_KEY", "tpuf_", ALNUM + "{30,}", 32, random=True),
    key_rule("INNGEST_KEY", "signkey-", "(?:prod|test|branch|dev)[a-z-]*-" + HEX + "{32,}", "prod-" + sample(64, HEX_SIGNS)),
    key_rule("TRIGGER_KEY", "tr_dev_ tr_prod_ tr_stg_ tr_preview_ tr_pat_", ALNUM + "{20,}", 24, random=True),
    key_rule("DENO_TOKEN", "ddp_ ddo_ ddw_", ALNUM + "{36}", 36, random=True),
    key_rule("XATA_KEY", "xau_", ALNUM + "{30,}", 36, random=True),
    key_rule("PRIVATE_KEY", _DER, BASE64 + "{16,}(?:" + _LINE_END + BASE64 + "{16,})*(?:" + _LINE_END + BASE64 + "{1,15}=)?" + PADDING, 400),
    key_rule("PRIVATE_KEY", "MC4CAQAwBQYDK2VwBCIEI MC4CAQAwBQYDK2VuBCIEI", BASE64 + "{41,}" + PADDING, 43),
    key_rule("PRIVATE_KEY", "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg MHcCAQEEI MIG2AgEAMBAGByqGSM49AgEGBSuBBAAi", BASE64 + "{100,}" + PADDING, 136),
    key_rule("AGE_KEY", "AGE-SECRET-KEY-1", r"[A-Z0-9]{58}", sample(58, UPPER_SIGNS)),
    key_rule("OPENSHIFT_TOKEN", "sha256~", WORD + "{43}", 43),
    key_rule("MONGODB_KEY", "mdb_sa_sk_", WORD + "{30,}", 40),
)  # fmt: skip


def all_rules() -> tuple[KeyRule, ...]:
    """Every format: of providers, and of all other vendors."""
    return (*providers.keys(), *RULES)


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
