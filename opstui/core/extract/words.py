"""The words by which a sentence of a ticket is recognised: what it reports, what was done, what came of it."""

from __future__ import annotations

import re

from opstui.core.documents import StepResult, TimelineKind
from opstui.core.extract.units import Unit
from opstui.core.tickets import EntryKind, Visibility


def _words(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w-])(?:{pattern})(?![\w-])", re.IGNORECASE)


HEDGE = _words(
    r"possibl[ey]|probabl[ey]|likely|suspect(?:s|ed|ing)?|perhaps|maybe|presumably|seems?|appears? to|apparently"
    r"|might|may be|may have|could be|could have|looks like|i think|we think|i guess|theory|hypothes[ie]s|unconfirmed"
    r"|not confirmed|assum(?:e|ed|ing)"
)
CAUSE = _words(
    r"root cause|cause[ds]?|causing|because|due to|triggered by|responsible for|culprit|leak(?:s|ed|ing)?|overload(?:ed)?"
    r"|broke|broken by|regress(?:ed|ion)|introduced (?:by|in|with)|came with|bug in|misconfigured|stems from|result of"
    r"|reason (?:is|was|for)|behind (?:this|it)|fault(?:y)?"
)
STATED_CAUSE = _words(
    r"root cause(?:\s+(?:is|was|found|identified|confirmed))?|caused by|the cause (?:is|was)|cause(?:\s+(?:found|confirmed))"
    r"|found the cause|due to|because(?: of)?|culprit (?:is|was)|triggered by"
)
NEGATIVE_CAUSE = _words(
    r"not the cause|isn't the cause|is not caused|no root cause|cause (?:is )?(?:still )?(?:unknown|unclear)|unknown cause"
    r"|cause not (?:yet )?(?:known|found|clear)"
)
FAILURE = _words(
    r"error(?:s|ed)?|fail(?:s|ed|ing|ure|ures)?|time[ds]?[ -]?out(?:s)?|timing out|refused|unreachable|unavailable|down|denied|expired"
    r"|crash(?:es|ed|ing|loopbackoff|loop)?|oom(?:killed)?|out of memory|killed|evict(?:ed|ion)|full|stuck|stalled|blocked"
    r"|exceed(?:s|ed)|rejected|corrupt(?:ed|ion)?|lost|missing|leak(?:s|ed|ing)?|hang(?:s|ing)?|hung|slow|latency|degraded"
    r"|not ready|notready|unhealthy|unschedulable|pending|insufficient|back-?off|[45]xx|50[0234]|exception|panic|saturated"
    r"|throttl(?:ed|ing)|flap(?:ped|ping|s)?|invalid|unknown|unauthori[sz]ed|breach(?:ed)?|broken|wrong|cannot|can't|"
    r"imagepullbackoff|errimagepull|deadline|restarted|restarts?|critical|warn(?:ing)?|quota|manifest"
)
IMPACT = _words(
    r"customers?|users?|clients?|merchants?|shoppers?|tenants?|subscribers?|callers?|staff|employees|colleagues|everyone|nobody"
    r"|outage|unavailable|downtime|impact(?:s|ed|ing)?|affect(?:s|ed|ing)|degraded|requests? (?:fail|are failing|time)"
    r"|cannot|can't|can not|unable to|data loss|lost (?:orders?|data|messages?)|orders?|payments? (?:fail|are|were)|checkout"
    r"|sign[- ]?in|log[- ]?in|revenue|sla"
)
IMPACT_STATE = _words(
    r"fail(?:s|ed|ing|ure|ures)?|error(?:s)?|[45]xx|unavailable|down|outage|cannot|can't|can not|unable|affect(?:s|ed|ing)|impact(?:s|ed)?"
    r"|impact|slow(?:er)?|degraded|time[ds]? ?out|lost|loss|wait(?:s|ing)?|stuck|denied|delayed?|behind|missing|see|sees|get|gets|report(?:s|ed)?"
    r"|no customer|not affected|unaffected|continue to serve|\d+(?:\.\d+)? ?%"
)
RECOVERED = _words(
    r"recovered|self-?(?:resolved|healed)|resolved itself|by itself|on its own|back to normal|false (?:alarm|positive|alert)"
    r"|no action (?:was )?(?:needed|required|taken)|healthy again|no further (?:restarts?|errors?|events?|alerts?)"
    r"|has since been running|ready (?:true )?since|flap(?:ped)?|transient|spurious|noisy|normal (?:operating )?(?:bounds|parameters|traffic|operation)"
    r"|check passed|test alert|drill|rolled back successfully|stable since"
)
ACTION = _words(
    r"restart(?:ed|ing)|reboot(?:ed|ing)|rolled back|rolling back|roll(?:ed)? forward|revert(?:ed|ing)|failed over|failing over"
    r"|drain(?:ed|ing)|cordon(?:ed|ing)|clear(?:ed|ing)|purg(?:ed|ing)|flush(?:ed|ing)|kill(?:ed|ing) (?:the|a|stuck|pid|process|session)"
    r"|increas(?:ed|ing)|raised|lowered|decreas(?:ed|ing)|extend(?:ed|ing)|resiz(?:ed|ing)|scal(?:ed|ing) (?:up|down|out|in|to)"
    r"|block(?:ed|ing) (?:the|ip|access|traffic)|disabl(?:ed|ing)|enabl(?:ed|ing)|rotat(?:ed|ing)|revok(?:ed|ing)|delet(?:ed|ing)"
    r"|remov(?:ed|ing)|added|mov(?:ed|ing)|silenc(?:ed|ing)|mut(?:ed|ing)|renew(?:ed|ing)|replac(?:ed|ing)|switch(?:ed|ing)"
    r"|redeploy(?:ed|ing)|paus(?:ed|ing)|resum(?:ed|ing)|stopp(?:ed|ing)|started|appl(?:ied|ying)|patch(?:ed|ing)|tri(?:ed|es)"
    r"|isolat(?:ed|ing)|reset|re-?ran|ran|freed|truncat(?:ed|ing)|set|put|unpinned|pinned|took .{0,30} out|locked|unlocked"
)
CHECK = _words(
    r"check(?:ed|ing|s)?|look(?:ed|ing) (?:at|into|in|through)|verif(?:ied|ying|y)|test(?:ed|ing)|compar(?:ed|ing)|queried|inspect(?:ed|ing)"
    r"|trac(?:ed|ing)|investigat(?:ed|ing)|confirm(?:ed|s)|found|shows?|showed|see(?:ing)?|saw|ruled out|excluded|ran|reproduced"
    r"|measur(?:ed|ing)|grepp?(?:ed)?|count(?:ed)|review(?:ed|ing)|no access|not reachable|could ?n[o']t (?:check|reach|log|get|see|access|open|connect)"
    r"|dig|curl|ping|kubectl|openssl|traceroute"
)
CHANGE = _words(
    r"deploy(?:ed|ment of|ing)|roll(?:ed)?[ -]?out(?: of)?|rolled out|releas(?:ed|e of)|upgrad(?:ed|e of|e to)|migrat(?:ed|ion of)|merged"
    r"|config(?:uration)? change|changed? (?:from|to|the)|feature flag|maintenance|switched (?:to|from|over)|cut ?over|went live|went out"
    r"|shipped|bumped|promoted|new version|rotated|new certificate|pushed (?:a|the)|provisioned|decommissioned|resized|patched"
)
COMMS = _words(
    r"told|inform(?:ed|ing)|notif(?:ied|ying)|status ?page|posted (?:an? )?update|customer (?:was|has been|called|informed)|called (?:the )?(?:customer|them)"
    r"|e-?mailed|paged|escalat(?:ed|ing)|wrote to|replied to|announc(?:ed|ement)|asked (?:the )?(?:customer|team|vendor|support)"
)
ACKNOWLEDGE = _words(
    r"ack(?:ed|nowledged|nowledge)?|taking (?:this|it|a look|over)|i'?m on it|on it|looking into (?:it|this)|looking|i'?ll take (?:this|it)|picked (?:this|it) up|assigned to me"
)
NEXT = _words(
    r"next(?: steps?)?(?: is| are)?|todo|to do|action items?|we (?:should|need to|must|will|have to|could)|i(?:'ll| will| should| need to)|needs? to (?:be )?"
    r"|should (?:be|we)|please|plan(?:ning)? to|going to|will (?:try|check|roll|restart|retry|ask|keep|watch|call|renew|fail|add|move|increase)|remains to be"
    r"|still (?:to do|needs?|have to)|waiting (?:for|on)|have to|must be|recommend(?:ed)?|not (?:yet )?(?:been )?(?:tried|checked|tested)(?: yet)?"
)
ASKING = _words(
    r"please|can (?:someone|somebody|you|anyone)|could (?:someone|you|anyone)|need(?:s)? (?:someone|somebody|the|an?|access|approval|help|a decision|tier|level|engineering)"
    r"|asking|request(?:ing|s)? (?:access|approval|help)|escalat(?:e|ing)|who (?:can|owns)|approve|decide|decision needed|we need"
)
SECURITY = _words(
    r"security|breach(?:ed)?|unauthori[sz]ed|intrusion|compromis(?:ed|e)|exfiltrat\w*|malware|ransomware|phishing|leaked (?:key|secret|token|credential\w*|password\w*)"
    r"|credential(?:s)? (?:leak\w*|stuffing)|brute[- ]force|cve-\d+-\d+|attack(?:er|ers)?"
)
ACCESS = _words(
    r"no (?:permission|access|rights?)|permission denied|access denied|not (?:allowed|permitted|authori[sz]ed)|don'?t have (?:access|permission|rights?)|lack(?:s|ing)? (?:access|permission)"
    r"|need(?:s)? (?:access|root|sudo|admin)"
)
QUESTION = re.compile(r"\?\s*[\"')\]]*\Z")
SMALL_TALK = re.compile(
    r"\s*(?:hi|hello|hey|dear|thanks?|thank you|thx|regards|best|cheers|kind regards|good (?:morning|evening|afternoon)|ok|okay|done|yes|no|\+1|lgtm)\b[^.]{0,25}[.!,]?\s*\Z",
    re.IGNORECASE,
)

_WORSE = _words(r"(?:made|making|makes|got|gets|getting|became) (?:it |things |this |that )?(?:even )?worse|worsened|worse (?:than|after|now)")
_COULD_NOT = _words(
    r"could ?n[o']t|cannot|can't|can not|unable to|no access|no permission|permission denied|access denied|not reachable|failed to (?:connect|log|open|reach|check)"
    r"|not (?:yet )?(?:been )?(?:checked|tried|tested|possible)|did(?: not|n't) (?:get|have) access|nobody (?:can|could|has)"
)
_RULED_OUT = _words(
    r"ruled out|rules out|ruling out|excluded|not the (?:cause|problem|issue|reason|culprit)|isn't the (?:cause|problem|issue)|unrelated|not related"
    r"|(?:is|are|was|were|look(?:s|ed)?|all|still) (?:ok|okay|fine|healthy|normal|green|clean|unaffected|intact|in sync)|no (?:sign|evidence|trace|indication)s? of|looks? good"
    r"|not affected|nothing wrong"
)
_NOTHING = _words(
    r"no (?:change|effect|difference|improvement|errors?|luck|result|results|findings?|anomal(?:y|ies)|matches|hits|entries|output|help|new errors?|failures?|crash(?:es)?|alerts?|problems?)"
    r"|did(?: not|n't) (?:help|change|work|fix|solve|make a difference)|does(?: not|n't) (?:help|change)|nothing (?:found|unusual|suspicious|new|changed|there|in|at all)|without (?:effect|success|result|finding)"
    r"|in vain|unchanged|same (?:error|result|problem)|found nothing|empty|still (?:fail(?:s|ing)?|failing|down|broken|there|slow|high|the same)|came back|again after"
)
_FOUND = _words(
    r"found|shows?|showed|confirm(?:ed|s)|see|saw|seeing|is full|(?:is|are|was|were) (?:down|missing|expired|full|wrong|failing|high|slow|gone|stuck|at \d)|reproduced|returns?|returned|helped|fixed|works? again|working again"
    r"|recovered|back (?:up|to normal)|dropped|drops|went down|fell|resolved|succeeded|successful(?:ly)?|expired|matches|points? (?:at|to)|identified|freed|down to|green again"
)

_SALIENT_LABELS = {"summary": 3, "description": 3, "error": 3, "message": 2, "impact": 3, "symptom": 2, "title": 1, "subject": 1}
_STATE_LINE = re.compile(r"(?:status|state|severity|priority)\b.{0,40}(?:→|->|to|changed)", re.IGNORECASE)
_INFO_LOG = re.compile(r"(?<![\w-])(?:INFO|DEBUG|TRACE)(?![\w-])|\b200 \d")


def step_result(text: str) -> StepResult:
    """What came of a step, by what its sentence says; unknown where it says nothing."""
    if _WORSE.search(text):
        return StepResult.MADE_WORSE
    if _COULD_NOT.search(text):
        return StepResult.COULD_NOT_CHECK
    if _RULED_OUT.search(text):
        return StepResult.RULED_OUT
    if _NOTHING.search(text):
        return StepResult.NO_FINDING
    if _FOUND.search(text):
        return StepResult.FOUND
    return StepResult.UNKNOWN


def says_result(text: str) -> bool:
    """Whether a sentence only says what came of the one before."""
    return step_result(text) is not StepResult.UNKNOWN


def timeline_kind(unit: Unit) -> TimelineKind:
    """What an entry's sentence is, for a timeline."""
    if unit.kind is EntryKind.ALERT:
        return TimelineKind.DETECT
    if unit.kind in (EntryKind.STATUS, EntryKind.FIELD, EntryKind.LINK):
        return TimelineKind.STATE
    if unit.kind is EntryKind.ASSIGN:
        return TimelineKind.ACK
    if unit.kind is EntryKind.ATTACH:
        return TimelineKind.FINDING
    if unit.kind is EntryKind.REPLY or (unit.visibility is Visibility.PUBLIC and unit.kind is EntryKind.COMMENT):
        return TimelineKind.COMMS
    if HEDGE.search(unit.text):
        return TimelineKind.FINDING
    if is_change(unit):
        return TimelineKind.CHANGE
    if ACTION.search(unit.text):
        return TimelineKind.ACTION
    if COMMS.search(unit.text):
        return TimelineKind.COMMS
    if len(unit.text) < 60 and ACKNOWLEDGE.search(unit.text):
        return TimelineKind.ACK
    return TimelineKind.FINDING


def is_change(unit: Unit) -> bool:
    """Whether a sentence tells of a change to the system (not of its state, not a plan)."""
    if unit.dump or unit.kind in (EntryKind.STATUS, EntryKind.FIELD, EntryKind.ASSIGN, EntryKind.ATTACH, EntryKind.LINK):
        return False
    return bool(CHANGE.search(unit.text)) and not NEXT.search(unit.text) and not QUESTION.search(unit.text)


def salience(unit: Unit) -> float:
    """How much a sentence tells of what happened; below zero it is not worth a claim."""
    text = unit.text
    if SMALL_TALK.match(text) or len(text) < 4:
        return -5.0
    score = float(_SALIENT_LABELS.get(unit.label, 0))
    if unit.label.startswith("suspected"):
        return -1.0
    failures = len(FAILURE.findall(text[:600]))
    score += min(failures, 3) * 1.5
    if any(char.isdigit() for char in text):
        score += 0.5
    if IMPACT.search(text) and IMPACT_STATE.search(text):
        score += 1.5
    if STATED_CAUSE.search(text) and unit.by_person:
        score += 2.0
    if unit.kind is EntryKind.ALERT:
        score += 2.0
    if QUESTION.search(text):
        score -= 2.0
    if unit.dump:
        score -= 1.0
        if _INFO_LOG.search(text):
            score -= 1.5
        if not failures and not RECOVERED.search(text):
            score -= 1.5
    if RECOVERED.search(text):
        score += 2.0
    if len(text) < 12:
        score -= 2.0
    elif len(text) > 400:
        score -= 1.0
    if not unit.dump and _STATE_LINE.match(text):
        score -= 1.0
    return score
