"""Tokens of chat, mail, payment, monitoring, model and office services, in the formats that their makers publish."""

from __future__ import annotations

import base64
import re

from opstui.adapters.redaction.cloud_rules import token
from opstui.adapters.redaction.rules import Hit, Rule
from opstui.adapters.redaction.values import is_real, is_strong


def _numbered(hit: Hit) -> bool:
    """Slack's tokens hold ids of their workspace; a made-up one in a manual does not."""
    return len(hit.value) >= 24 and bool(re.search(r"[0-9]{8}|[0-9a-f]{32}", hit.value)) and is_real(hit.value)


def _jwt(hit: Hit) -> bool:
    """Its header names an algorithm (RFC 7515)."""
    head = hit.value.partition(".")[0]
    told = base64.urlsafe_b64decode(head + "=" * (-len(head) % 4 if len(head) % 4 != 1 else 3))
    return b'"alg"' in told or b'"enc"' in told or b'"typ"' in told


def _named(hit: Hit) -> bool:
    return is_strong(hit.value, least=16)


def beside(kind: str, service: str, value: str, *anchors: str) -> Rule:
    """A token without a prefix of its own, on a line that names the service."""
    return Rule(
        kind,
        rf"(?i:{service})[^\n]{{0,40}}?(?i:key|token|secret|sid|\bauth\w*"
        rf"|\bpat)\b[^\nA-Za-z0-9]{{1,12}}(?:is\s{{1,3}})?[\"'\x60]?({value})(?:[^A-Za-z0-9]|$)",
        anchors,
        _named,
    )


RULES = (
    # Chat
    Rule("SLACK_TOKEN", r"\bxox[a-z](?:\.xox[a-z])?-[A-Za-z0-9-]{16,}", ("xox",), _numbered),
    Rule("SLACK_TOKEN", r"\bxapp-[0-9]-[A-Z0-9]{6,}-[0-9]{6,}-[A-Za-z0-9]{20,}", ("xapp-",), _numbered),
    token(
        "SLACK_WEBHOOK",
        r"(?i)(?:https?://)?hooks\.slack(?:-gov)?\.com/(?:services|workflows|triggers)/[A-Za-z0-9+/_-]{20,}",
        "hooks.slack",
    ),
    token(
        "TEAMS_WEBHOOK",
        r"(?i)https://[a-z0-9.-]*webhook\.office\.com/webhookb?2?/[A-Za-z0-9@/-]{60,}",
        "webhook.office.com",
    ),
    token(
        "DISCORD_WEBHOOK",
        r"(?i)https?://(?:[a-z]+\.)?discord(?:app)?\.com/api/(?:v[0-9]+/)?webhooks/[0-9]{15,20}/"
        r"[A-Za-z0-9_-]{40,}",
        "/webhooks/",
    ),
    token(
        "CHAT_WEBHOOK",
        r"https://chat\.googleapis\.com/v1/spaces/[A-Za-z0-9_-]+/messages\?[^\s\"'<>]{30,}",
        "chat.googleapis.com",
    ),
    token(
        "LOGIC_APP_URL", r"https://[a-z0-9.-]+\.logic\.azure\.com(?::443)?/workflows/[^\s\"'<>]{60,}", "logic.azure.com"
    ),
    token("ZAPIER_WEBHOOK", r"https://hooks\.zapier\.com/hooks/catch/[0-9]+/[A-Za-z0-9]{5,}", "hooks.zapier.com"),
    token("DISCORD_TOKEN", r"\b[MNO][A-Za-z0-9_-]{22,27}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,45}", "."),
    token("TELEGRAM_TOKEN", r"\b(?:bot)?[0-9]{8,10}:AA[A-Za-z0-9_-]{32,35}", ":aa"),
    # Money and shops
    token("STRIPE_KEY", r"\b[rs]k_(?:live|test|prod)_[A-Za-z0-9]{16,}", "k_live_", "k_test_", "k_prod_"),
    token("WEBHOOK_SECRET", r"\bwhsec_[A-Za-z0-9+/=]{20,}", "whsec_"),
    token("SQUARE_TOKEN", r"\b(?:sq0[a-z]{3}-[A-Za-z0-9_-]{22,43}|EAAA[A-Za-z0-9+=-]{60})", "sq0", "eaaa"),
    token(
        "SHOPIFY_TOKEN",
        r"\bshp[a-z]{2,3}_[0-9a-fA-F]{30,}",
        "shpat_",
        "shpca_",
        "shppa_",
        "shpss_",
        "shptka_",
        "shpua_",
        "shp",
    ),
    token("PAYPAL_TOKEN", r"\baccess_token\$(?:production|sandbox)\$[a-z0-9]{16}\$[0-9a-f]{32}", "access_token$"),
    token("PLAID_TOKEN", r"\baccess-(?:sandbox|development|production)-[0-9a-f-]{36}", "access-"),
    token("ADYEN_KEY", r"\bAQE[a-z][A-Za-z0-9+/]{60,}[=A-Za-z0-9+/-]*", "aqe"),
    token("FLUTTERWAVE_KEY", r"\bFLWSECK(?:_TEST)?-[0-9a-zA-Z]{12,}(?:-X)?", "flwseck"),
    token("EASYPOST_KEY", r"(?:^|[^A-Za-z0-9+/])(EZ[AT]K[A-Za-z0-9]{50,})", "ezak", "eztk"),
    token("SHIPPO_TOKEN", r"\bshippo_(?:live|test)_[0-9a-f]{30,}", "shippo_"),
    # Mail and messages
    token("SENDGRID_KEY", r"\bSG\.[A-Za-z0-9_-]{16,32}\.[A-Za-z0-9_-]{16,64}", "sg."),
    token("MAILGUN_KEY", r"\b(?:key-[0-9a-f]{32}|[0-9a-f]{32}-[0-9a-f]{8}-[0-9a-f]{8})\b", "key-", "-"),
    token("MAILCHIMP_KEY", r"\b[0-9a-f]{32}-us[0-9]{1,2}\b", "-us"),
    token("MANDRILL_KEY", r"\bmd-[A-Za-z0-9_-]{22}\b", "md-"),
    token("BREVO_KEY", r"\bx(?:keysib|smtpsib)-[0-9a-f]{64}-[A-Za-z0-9]{16}", "xkeysib-", "xsmtpsib-"),
    token("RESEND_KEY", r"\bre_[A-Za-z0-9]{8}_[A-Za-z0-9]{20,}", "re_"),
    token("TWILIO_KEY", r"\bSK[0-9a-f]{32}\b", "sk"),
    beside("TWILIO_TOKEN", "twilio", "[0-9a-f]{32}", "twilio"),
    beside("POSTMARK_TOKEN", "postmark", "[0-9a-f-]{36}", "postmark"),
    # Monitoring and on call
    token(
        "GRAFANA_TOKEN",
        r"\b(?:gl(?:sa|c)_[A-Za-z0-9+/=]{24,}(?:_[0-9a-fA-F]{8})?|eyJrIjoi[A-Za-z0-9+/=]{40,})",
        "glsa_",
        "glc_",
        "eyjrijoi",
    ),
    token("DATADOG_KEY", r"\bdd(?:p|w|app|api|pat)_[A-Za-z0-9]{30,}", "ddp_", "ddw_", "ddapp_", "ddapi_", "ddpat_"),
    beside("DATADOG_KEY", r"datadog|\bdd[_ -](?:api|app)", "[0-9a-f]{32,40}", "datadog", "dd_", "dd-", "dd "),
    token(
        "NEWRELIC_KEY",
        r"\b(?:NR(?:AK|II|IQ|AA|RA|SP|JS|BR)-[A-Za-z0-9_-]{19,}|[0-9a-f]{32,36}NRAL)\b",
        "nrak-",
        "nrii-",
        "nriq-",
        "nraa-",
        "nrra-",
        "nrsp-",
        "nrjs-",
        "nrbr-",
        "nral",
    ),
    token("SENTRY_TOKEN", r"\bsntry[a-z]_[A-Za-z0-9+/=_]{40,}", "sntry"),
    token("SENTRY_DSN", r"https?://([0-9a-f]{32}(?::[0-9a-f]{32})?)@[a-z0-9.-]+/[0-9]+", "http"),
    token("DYNATRACE_TOKEN", r"\bdt0[a-z][0-9]{2}\.[A-Z0-9]{8,24}\.[A-Z0-9]{60,}", "dt0"),
    token("HONEYCOMB_KEY", r"\bhc[abxz][ilm][kc]_[A-Za-z0-9]{40,}", "hca", "hcb", "hcx", "hcz"),
    beside(
        "PAGERDUTY_KEY", r"pager[_ -]?duty|\bpd[_ -]", r"[A-Za-z0-9+_-]{20}|[0-9a-f]{32}", "pager", "pd_", "pd-", "pd "
    ),
    token("PAGERDUTY_KEY", r"(?:^|[\s\"'=:])(u\+[A-Za-z0-9_+-]{18})(?:[\s\"',;.]|$)", "u+"),
    token("OPSGENIE_KEY", r"(?i)\bgeniekey[\s:=\"']{1,4}([0-9a-f-]{36})", "geniekey"),
    token("SUMO_KEY", r"(?i)sumo[^\n]{0,40}?(?:key|id|token)[\"'\s:=]{1,6}((?:su)?[A-Za-z0-9]{12,64})\b", "sumo"),
    token("SPLUNK_TOKEN", r"(?i)\bsplunk\s+([0-9a-f]{8}-[0-9a-f-]{27}|[A-Za-z0-9_^]{40,})", "splunk"),
    token("ROLLBAR_TOKEN", r"(?i)rollbar[^\n]{0,40}?[\"'\s:=]([0-9a-f]{32}|[0-9a-f]{64,128})\b", "rollbar"),
    token("STATUSPAGE_KEY", r"(?i)statuspage[^\n]{0,30}?key[\"'\s:=]{1,6}([0-9a-f-]{32,40})\b", "statuspage"),
    token("K6_TOKEN", r"(?i)\bk6[_ -]cloud[_ -]token[\"'\s:=]{1,6}([0-9a-f]{40,64})\b", "k6"),
    # Models
    token("ANTHROPIC_KEY", r"\bsk-ant-[A-Za-z0-9]{2,12}-[A-Za-z0-9_-]{24,}", "sk-ant-"),
    token("OPENAI_KEY", r"\bsk-(?:[a-zA-Z]{3,10}-)?[A-Za-z0-9_-]{32,}", "sk-"),
    token("OPENROUTER_KEY", r"\bsk-or-(?:v[0-9]-)?[0-9a-f]{40,}", "sk-or-"),
    token("HUGGINGFACE_TOKEN", r"\b(?:hf_[A-Za-z0-9]{30,}|api_org_[A-Za-z0-9]{30,40})\b", "hf_", "api_org_"),
    token("GROQ_KEY", r"\bgsk_[A-Za-z0-9]{40,}", "gsk_"),
    token("REPLICATE_TOKEN", r"\br8_[A-Za-z0-9]{30,}", "r8_"),
    token("XAI_KEY", r"\bxai-[A-Za-z0-9]{60,}", "xai-"),
    token("PERPLEXITY_KEY", r"\bpplx-[A-Za-z0-9]{40,}", "pplx-"),
    token("LANGSMITH_KEY", r"\blsv2_[a-z]{2}_[0-9a-f]{30,}(?:_[0-9a-f]{8,})?", "lsv2_"),
    token("WANDB_KEY", r"(?i)\bwandb[^\n]{0,24}[\s:=\"']([0-9a-f]{40})\b", "wandb"),
    token("NVIDIA_KEY", r"\bnvapi-[A-Za-z0-9_-]{50,}", "nvapi-"),
    token("TAVILY_KEY", r"\btvly-[A-Za-z0-9-]{24,}", "tvly-"),
    # Office and tickets
    token("ATLASSIAN_TOKEN", r"\bAT[AO](?:TT|A)[A-Za-z0-9]?[A-Za-z0-9_=.-]{50,}", "atatt", "atoa", "atata"),
    token(
        "OKTA_TOKEN",
        r"\b(?i:okta|ssws)[^\n]{0,40}?[\s:=\"'](00[A-Za-z0-9_-]{38,42})(?:[^A-Za-z0-9_-]|$)",
        "okta",
        "ssws",
    ),
    token("NOTION_TOKEN", r"\b(?:ntn_[A-Za-z0-9]{40,}|secret_[A-Za-z0-9]{40,50})\b", "ntn_", "secret_"),
    token("LINEAR_KEY", r"\blin_[a-z]{2,5}_[A-Za-z0-9]{30,}", "lin_"),
    token("AIRTABLE_TOKEN", r"\bpat[A-Za-z0-9]{14}\.[0-9a-f]{40,}", "pat"),
    token("FIGMA_TOKEN", r"\bfig[duo][a-z]?_[A-Za-z0-9_-]{36,}", "figd_", "figu_", "figo_", "fig"),
    token("ASANA_TOKEN", r"\b[0-2]/[0-9]{13,19}(?:/[0-9]{13,19})?:[0-9a-f]{32}\b", "/"),
    token("HUBSPOT_TOKEN", r"(?i)\bpat-(?:na|eu|ap)[0-9]?-[0-9a-f]{8}-[0-9a-f-]{27}", "pat-"),
    token("POSTMAN_KEY", r"\bPMA[KT]-[0-9a-fA-F]{20,}(?:-[0-9a-f]{30,})?", "pmak-", "pmat-"),
    token("README_KEY", r"\brdme_[A-Za-z0-9]{60,}", "rdme_"),
    token("TYPEFORM_TOKEN", r"\btfp_[A-Za-z0-9_.=-]{40,}", "tfp_"),
    token("DUFFEL_TOKEN", r"\bduffel_(?:live|test)_[A-Za-z0-9_=-]{40,}", "duffel_"),
    token("FRAMEIO_TOKEN", r"\bfio-u-[A-Za-z0-9_=-]{50,}", "fio-u-"),
    token("FACEBOOK_TOKEN", r"\bEAA[A-Za-z0-9]{60,}", "eaa"),
    token("FACEBOOK_SECRET", r"\b[0-9]{13,17}\|[A-Za-z0-9_-]{25,32}", "|"),
    token("TWITTER_TOKEN", r"\bA{20,}[A-Za-z0-9%]{60,}", "aaaaaaaaaaaaaaaaaaaa"),
    token("INTRA42_SECRET", r"\bs-s4t2(?:ud|af)-[0-9a-f]{64}", "s-s4t2"),
    token("DROPBOX_TOKEN", r"\bsl\.[A-Za-z0-9_-]{100,}", "sl."),
    token("LINKEDIN_SECRET", r"\bWPL_AP[01]\.[A-Za-z0-9]{16}\.[A-Za-z0-9+/=]{8,}", "wpl_ap"),
    token("MERAKI_KEY", r"(?i:meraki)[^\n]{0,40}?[\s:=\"']([0-9a-f]{40})\b", "meraki"),
    token("SALESFORCE_TOKEN", r"\b00D[A-Za-z0-9]{12,15}![A-Za-z0-9._]{60,}", "00d"),
    token("ZENDESK_TOKEN", r"/token:([A-Za-z0-9]{40})\b", "/token:"),
    token("SNOWFLAKE_TOKEN", r"\bver:[0-9]-hint:[0-9]+-[A-Za-z0-9+/=-]{60,}", "-hint:"),
    # Made by many
    Rule("JWT", r"\bey[IJKJ][A-Za-z0-9_-]{8,}\.ey[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?", ("ey",), _jwt),
    Rule(
        "JWT",
        r"\bey[JK][A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\."
        r"[A-Za-z0-9_-]{10,}",
        ("ey",),
    ),
)
