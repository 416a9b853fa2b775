"""Tokens of clouds, code hosts and registries, in the formats that their makers publish."""

from __future__ import annotations

from opstui.adapters.redaction.rules import Hit, Rule
from opstui.adapters.redaction.values import entropy, is_filler, is_real


def _real(hit: Hit) -> bool:
    return is_real(hit.value)


def _mixed(hit: Hit) -> bool:
    """Random letters and digits, not a word that happens to fit."""
    return not is_filler(hit.value) and any(char.isdigit() for char in hit.value) and entropy(hit.value) >= 3.2


def token(kind: str, pattern: str, *anchors: str) -> Rule:
    """A token that is known by its prefix."""
    return Rule(kind, pattern, anchors, _real)


RULES = (
    # Amazon: 20 characters of capitals and digits behind a prefix that names the kind of key.
    token("AWS_KEY_ID", r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b", "akia", "asia", "abia", "acca"),
    Rule(
        "AWS_SECRET_KEY",
        r"\b(?:AKIA|ASIA)[A-Z0-9]{16}[\s,;:"
        r"|/\"'=]{1,8}(?:[a-zA-Z_ ]{3,40}[\s:=\"']{1,6})?([A-Za-z0-9/+]{40})\b",
        ("akia", "asia"),
        _mixed,
    ),
    Rule(
        "AWS_SECRET_KEY",
        r"(?i:secret[_ .-]?(?:access[_ .-]?)?key)[^\n]{0,24}?[^A-Za-z0-9/+]([A-Za-z0-9/+]{40})(?:"
        r"[^A-Za-z0-9/+=]|$)",
        ("secret",),
        _mixed,
    ),
    token("AWS_SESSION_TOKEN", r"\b(?:IQoJb3JpZ2lu|F[QwR]oG[A-Z]X)[A-Za-z0-9/+=_-]{60,}", "iqojb3", "ogzx"),
    token(
        "AWS_BEDROCK_KEY",
        r"\b(?:ABSK[A-Za-z0-9+/=]{60,}|bedrock-api-key-[A-Za-z0-9+/=_-]{60,})",
        "absk",
        "bedrock-api-key-",
    ),
    token("AWS_MWS_TOKEN", r"\bamzn\.mws\.[0-9a-f-]{36}", "amzn.mws."),
    # Google
    token("GOOGLE_API_KEY", r"\bAIza[0-9A-Za-z_-]{32,40}", "aiza"),
    token("GOOGLE_TOKEN", r"\bya29\.[0-9A-Za-z_.-]{20,}", "ya29."),
    token("GOOGLE_TOKEN", r"\b1//0[0-9A-Za-z_-]{30,}", "1//0"),
    token("GOOGLE_CLIENT_SECRET", r"\bGOCSPX-[0-9A-Za-z_-]{20,}", "gocspx-"),
    token("GOOGLE_HMAC_KEY", r"\bGOOG[0-9A-Z]{20,60}\b", "goog"),
    # Azure: a client secret has a digit and «Q~» behind its first three characters.
    token(
        "AZURE_CLIENT_SECRET",
        r"(?:^|[^A-Za-z0-9_~.-])([A-Za-z0-9_~.-]{3}[0-9]Q~[A-Za-z0-9_~.-]{30,36})(?:[^A-Za-z0-9_~-]|$)",
        "q~",
    ),
    token(
        "AZURE_KEY",
        r"(?i:(?:account|sharedaccess|access|shared|primary"
        r"|secondary)[_ ]?key)[\"']?\s{0,4}[=:]\s{0,4}[\"']?([A-Za-z0-9+/]{40,90}={1,2})",
        "key",
    ),
    token(
        "AZURE_KEY",
        r"\b[A-Za-z0-9]{44,76}(?:JQQJ9|AZDO|AzFu|AzSe|\+A(?:St|CR|Sb|Eh|MC|Db|RM)|ACDb)[A-Za-z0-9+/=]{4,40}",
        "jqqj9",
        "azdo",
        "azfu",
        "azse",
        "+a",
        "acdb",
    ),
    Rule(
        "AZURE_DEVOPS_TOKEN",
        r"(?i)(?:azure|devops|vsts|\bpat\b)[^\n]{0,40}[^a-z0-9]([a-z2-7]{52})\b",
        ("azure", "devops", "vsts", "pat"),
        _mixed,
    ),
    token("AZURE_SAS", r"(?i)[?&;\s]sig=([A-Za-z0-9%+/_-]{40,}={0,2}(?:%3d){0,2})", "sig="),
    # Other clouds
    token("DIGITALOCEAN_TOKEN", r"\bdo[a-z]_v1_[0-9a-fA-F]{40,}", "_v1_"),
    token("HEROKU_KEY", r"\bHRKU-[0-9A-Za-z_-]{30,}", "hrku-"),
    token("FLY_TOKEN", r"\b(?:fo1_[A-Za-z0-9_-]{30,}|fm[0-9][a-z]?_[A-Za-z0-9+/=_,-]{60,})", "fo1_", "fm1", "fm2"),
    token(
        "CLOUDFLARE_TOKEN",
        r"\b(?:v1\.0-[0-9a-f]{24}-[0-9a-f]{100,}|cf(?:k|ut|at|sk)_[A-Za-z0-9_-]{30,})",
        "v1.0-",
        "cfk_",
        "cfut_",
        "cfat_",
        "cfsk_",
    ),
    token("ALIBABA_KEY", r"\bLTAI[A-Za-z0-9]{12,26}\b", "ltai"),
    token("TENCENT_KEY", r"\bAKID[A-Za-z0-9]{28,40}\b", "akid"),
    token(
        "YANDEX_TOKEN",
        r"\b(?:t1\.[A-Za-z0-9_-]{60,}\.[A-Za-z0-9_-]{60,}|y[0-3]_[A-Za-z0-9_-]{40,}"
        r"|AQVN[A-Za-z0-9_-]{35,38})",
        "t1.",
        "y0_",
        "y1_",
        "y2_",
        "y3_",
        "aqvn",
    ),
    token("SCALEWAY_KEY", r"\bSCW[A-Z0-9]{17}\b", "scw"),
    token("LINODE_TOKEN", r"(?i)linode[^\n]{0,30}[^0-9a-f]([0-9a-f]{64})\b", "linode"),
    token("OPENSHIFT_TOKEN", r"\bsha256~[A-Za-z0-9_-]{40,50}", "sha256~"),
    token("VERCEL_TOKEN", r"\bvc[apkrit]_[A-Za-z0-9]{24,}", "vca_", "vcp_", "vck_", "vcr_", "vci_", "vct_"),
    token("NETLIFY_TOKEN", r"\bnf[poc]_[A-Za-z0-9]{30,}", "nfp_", "nfo_", "nfc_"),
    token("SUPABASE_KEY", r"\b(?:sbp_[0-9a-f]{32,}|sb_secret_[A-Za-z0-9_-]{20,})", "sbp_", "sb_secret_"),
    token("PLANETSCALE_TOKEN", r"\bpscale_[a-z]+_[A-Za-z0-9_.=-]{28,}", "pscale_"),
    token("DATABRICKS_TOKEN", r"\b(?:dapi|dose|dkea)[0-9a-f]{30,}(?:-[0-9])?", "dapi", "dose", "dkea"),
    token("TAILSCALE_KEY", r"\btskey-[a-z]+-[A-Za-z0-9]{8,}(?:-[A-Za-z0-9]{10,})?", "tskey-"),
    # Code hosts and builds
    token(
        "GITHUB_TOKEN",
        r"\b(?:gh[a-z]_[A-Za-z0-9_]{30,}|github_pat_[A-Za-z0-9_]{36,})",
        "ghp_",
        "gho_",
        "ghu_",
        "ghs_",
        "ghr_",
        "github_pat_",
    ),
    token("GITHUB_TOKEN", r"\bv1\.[0-9a-f]{40}\b", "v1."),
    token(
        "GITLAB_TOKEN",
        r"\b(?:gl(?:pat|dt|rt|rtr|cbt|ptt|ft|imt|agent|oas|soat|ffct"
        r"|wt)-(?:[A-Za-z0-9]{1,3}_)?[A-Za-z0-9_.-]{18,}|GR1348941[A-Za-z0-9_-]{18,})",
        "glpat-",
        "gldt-",
        "glrt-",
        "glrtr-",
        "glcbt-",
        "glptt-",
        "glft-",
        "glimt-",
        "glagent-",
        "gloas-",
        "glsoat-",
        "glffct-",
        "glwt-",
        "gr1348941",
    ),
    token(
        "BITBUCKET_TOKEN",
        r"\b(?:BBDC-[A-Za-z0-9+/@_-]{40,}|ATBB[A-Za-z0-9_=.-]{20,}|ATCTT3[A-Za-z0-9_=-]{40,})",
        "bbdc-",
        "atbb",
        "atctt3",
    ),
    token("BUILDKITE_TOKEN", r"\bbk[a-z]{1,2}_[A-Za-z0-9]{30,}", "bkua_", "bkat_", "bkct_", "bkaj_", "bkpt_"),
    token("CIRCLECI_TOKEN", r"\bCCI(?:PAT|PRJ)_[A-Za-z0-9_-]{30,}", "ccipat_", "cciprj_"),
    token("SONAR_TOKEN", r"\bsq[apu]_[0-9a-f]{40}\b", "sqa_", "sqp_", "squ_"),
    token(
        "SOURCEGRAPH_TOKEN",
        r"\b(?:sgp_(?:[A-Za-z0-9]{1,16}_)?[0-9a-fA-F]{40}|sl[kp]_[A-Za-z0-9_-]{40,})",
        "sgp_",
        "slk_",
        "slp_",
    ),
    token("OCTOPUS_KEY", r"(?:^|[^A-Za-z0-9/_-])(API-[A-Z0-9]{25,36})\b", "api-"),
    token(
        "ARTIFACTORY_TOKEN",
        r"\b(?:AKC[a-zA-Z0-9]{10,}|AP[0-9A-F][a-zA-Z0-9]{20,}|cmVmdGtu[A-Za-z0-9+/=]{40,})",
        "akc",
        "ap",
        "cmvmdgtu",
    ),
    # Registries of packages and images
    token("NPM_TOKEN", r"\bnpm_[A-Za-z0-9]{30,}", "npm_"),
    token("PYPI_TOKEN", r"\bpypi-[A-Za-z0-9_-]{40,}", "pypi-"),
    token("DOCKER_TOKEN", r"\bdckr_[a-z]{3}_[A-Za-z0-9_-]{20,}", "dckr_"),
    token("RUBYGEMS_KEY", r"\brubygems_[0-9a-f]{40,}", "rubygems_"),
    token("NUGET_KEY", r"\boy2[a-z0-9]{43}\b", "oy2"),
    token("CRATES_TOKEN", r"\bcio[A-Za-z0-9]{32}\b", "cio"),
    token("CLOJARS_TOKEN", r"\bCLOJARS_[0-9a-f]{50,}", "clojars_"),
    # Secrets' own keepers, and what builds infrastructure
    token("VAULT_TOKEN", r"\bhv[a-z]\.[A-Za-z0-9_-]{20,}", "hvs.", "hvb.", "hvr."),
    Rule(
        "VAULT_TOKEN",
        r"(?:^|[^A-Za-z0-9._-])([sbr]\.[A-Za-z0-9]{24})(?:[^A-Za-z0-9._-]|\.?$|\.\s)",
        ("s.", "b.", "r."),
        _mixed,
    ),
    token(
        "VAULT_UNSEAL_KEY",
        r"(?i)(?:unseal|recovery) key(?: \d{1,2})?\s{0,3}[:=]\s{0,3}([A-Za-z0-9+/]{40,}={0,2})",
        "unseal key",
        "recovery key",
    ),
    token("TERRAFORM_TOKEN", r"\b[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=-]{40,}", ".atlasv1."),
    token("PULUMI_TOKEN", r"\bpul-[0-9a-f]{40}\b", "pul-"),
    token("DOPPLER_TOKEN", r"\bdp\.[a-z]{2,5}\.(?:[a-z0-9_-]{2,35}\.)?[A-Za-z0-9]{38,}", "dp."),
    token("ONEPASSWORD_TOKEN", r"\bops_eyJ[A-Za-z0-9+/=_-]{60,}", "ops_eyj"),
    token("ONEPASSWORD_KEY", r"\bA3-[A-Z0-9]{6}-(?:[A-Z0-9]{11}|[A-Z0-9]{6}-[A-Z0-9]{5})(?:-[A-Z0-9]{5}){3}\b", "a3-"),
    token("AGE_KEY", r"(?i)\bAGE-SECRET-KEY-1[0-9A-Z]{50,}", "age-secret-key-"),
    token("INFRACOST_KEY", r"(?:^|[^A-Za-z0-9._-])(ico-[A-Za-z0-9]{32})\b", "ico-"),
    token("RANCHER_TOKEN", r"\b(?:token|kubeconfig-u?)-[a-z0-9-]{3,24}:[a-z0-9]{40,60}\b", "token-", "kubeconfig-"),
    token("CONTENTFUL_TOKEN", r"\bCFPAT-[A-Za-z0-9_-]{40,}", "cfpat-"),
    token("PREFECT_KEY", r"\bpn[ub]_[A-Za-z0-9]{30,}", "pnu_", "pnb_"),
)
