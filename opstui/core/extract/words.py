"""The words by which a sentence of a ticket is recognised: what it reports, what was done, what came of it."""

from __future__ import annotations

import re

from opstui.core.checks.atoms import identifiers
from opstui.core.documents import StepResult, TimelineKind
from opstui.core.extract.units import Unit
from opstui.core.tickets import EntryKind, Visibility


def _words(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w-])(?:{pattern})(?![\w-])", re.IGNORECASE)


HEDGE = _words(
    r"possibl[ey]|probabl[ey]|likely|suspect(?:s|ed|ing)?|suspicions?|my guess|perhaps|maybe|presumably|seems?"
    r"|appears? to|apparently"
    r"|might|may be|may have|could be|could have|looks like|i think|we think|i guess|theory|hypothes[ie]s|unconfirmed"
    r"|not (?:confirmed|proven)|assum(?:e|ed|ing)"
)
SUSPICION = _words(
    r"suspect(?:s|ed|ing)?|suspicion|theory|hypothes[ie]s|(?:likely|probable|possible|probably"
    r"|possibly) (?:the )?(?:cause|reason|culprit)"
    r"|(?:may|might|could) (?:be|have been) (?:the )?(?:cause|reason|culprit)|my guess|i assume|we assume"
)
CAUSE = _words(
    r"root cause|cause[ds]?|causing|because|due to|triggered by|responsible for|culprit|leak(?:s|ed|ing)?"
    r"|overload(?:ed)?"
    r"|broke|broken by|regress(?:ed|ion)|introduced (?:by|in|with)|came with|bug in|misconfigured|stems from|result of"
    r"|reason (?:is|was|for)|behind (?:this|it)|fault(?:y)?"
)
STATED_CAUSE = _words(
    r"root cause(?:\s+(?:is|was|found|identified|confirmed))?|caused by|the cause (?:is|was)|cause(?:\s+(?:found"
    r"|confirmed))"
    r"|found the cause|due to|because(?: of)?|culprit (?:is|was)|triggered by"
    r"|(?:that|this|it)(?:'s| is| was) (?:indeed )?(?:the|our) (?:cause|culprit)"
)
NEGATIVE_CAUSE = _words(
    r"not the cause|isn't the cause|is not caused|no (?:root )?cause|cause (?:is )?(?:still )?(?:unknown|unclear)"
    r"|unknown cause"
    r"|cause not (?:yet )?(?:known|found|clear)"
)
FAILURE = _words(
    r"error(?:s|ed)?|fail(?:s|ed|ing|ure|ures)?|time[ds]?[ -]?out(?:s)?|timing out|refused|unreachable"
    r"|unavailable|down|denied|expired"
    r"|crash(?:es|ed|ing|loopbackoff|loop)?|oom(?:killed)?|out of memory|killed|evict(?:ed|ion)|full|stuck"
    r"|stalled|blocked"
    r"|exceed(?:s|ed)|rejected|corrupt(?:ed|ion)?|lost|missing|leak(?:s|ed|ing)?|hang(?:s|ing)?|hung|slow|latency"
    r"|degraded"
    r"|not ready|notready|unhealthy|unschedulable|pending|insufficient|back-?off|[45]xx|50[0234]|exception|panic"
    r"|saturated"
    r"|throttl(?:ed|ing)|flap(?:ped|ping|s)?|invalid|unknown|unauthori[sz]ed|breach(?:ed)?|broken|wrong|cannot|can't|"
    r"imagepullbackoff|errimagepull|deadline|restarted|restarts?|critical|warn(?:ing)?|quota|manifest"
)
IMPACT = _words(
    r"customers?|users?|clients?|merchants?|shoppers?|tenants?|subscribers?|callers?|staff|employees|colleagues"
    r"|everyone|nobody"
    r"|outage|unavailable|downtime|impact(?:s|ed|ing)?|affect(?:s|ed|ing)|degraded|requests? (?:fail|are failing|time)"
    r"|cannot|can't|can not|unable to|data loss|lost (?:orders?|data|messages?)|orders?|payments? (?:fail|are"
    r"|were)|checkouts?|calls|reports"
    r"|sign[- ]?in|log[- ]?in|revenue|sla"
)
IMPACT_STATE = _words(
    r"fail(?:s|ed|ing|ure|ures)?|error(?:s)?|[45]xx|unavailable|down|outage|cannot|can't|can not|unable"
    r"|affect(?:s|ed|ing)|impact(?:s|ed)?"
    r"|impact|slow(?:er)?|degraded|time[ds]? ?out|lost|loss|wait(?:s|ing)?|stuck|denied|delayed?|behind|missing"
    r"|see|sees|get|gets|report(?:s|ed)?"
    r"|no customer|not affected|unaffected|continue to serve|\d+(?:\.\d+)? ?%"
)
RECOVERED = _words(
    r"recovered|self-?(?:resolved|healed)|resolved itself|by itself|on its own|back to normal|false (?:alarm"
    r"|positive|alert)"
    r"|no action (?:was )?(?:needed|required|taken)|healthy again|no further (?:restarts?|errors?|events?|alerts?)"
    r"|has since been running|ready (?:true )?since|flap(?:ped)?|transient|spurious|noisy"
    r"|normal (?:operating )?(?:bounds|parameters|traffic|operation)"
    r"|check passed|test alert|drill|rolled back successfully|stable since"
)
ACTION = _words(
    r"(?:restart|reboot|rollback|fail-?over|flush|reset) (?:of|to)|restart(?:ed|ing)|reboot(?:ed|ing)|rolled back"
    r"|rolling back|roll(?:ed)? forward|revert(?:ed|ing)"
    r"|failed over|failing over"
    r"|drain(?:ed|ing)|cordon(?:ed|ing)|clear(?:ed|ing)|purg(?:ed|ing)|flush(?:ed|ing)|kill(?:ed|ing) (?:the|a"
    r"|stuck|pid|process|session)"
    r"|increas(?:ed|ing)|raised|lowered|decreas(?:ed|ing)|extend(?:ed|ing)|resiz(?:ed|ing)|scal(?:ed|ing) (?:up"
    r"|down|out|in|to)"
    r"|block(?:ed|ing) (?:the|ip|access|traffic)|disabl(?:ed|ing)|enabl(?:ed|ing)|rotat(?:ed|ing)|revok(?:ed|ing)"
    r"|delet(?:ed|ing)"
    r"|remov(?:ed|ing)|added|mov(?:ed|ing)|silenc(?:ed|ing)|mut(?:ed|ing)|renew(?:ed|ing)|replac(?:ed|ing)"
    r"|switch(?:ed|ing)"
    r"|redeploy(?:ed|ing)|paus(?:ed|ing)|resum(?:ed|ing)|stopp(?:ed|ing)|started|appl(?:ied|ying)|patch(?:ed|ing)"
    r"|tri(?:ed|es)"
    r"|isolat(?:ed|ing)|reset|re-?ran|ran|freed|truncat(?:ed|ing)|set|put|unpinned|pinned|took .{0,30} out|locked"
    r"|unlocked|(?:cancel(?:l?ed|l?ing)|terminat(?:ed|ing)) (?:the|an?|all|its|stuck|long|job|quer(?:y|ies)|pid"
    r"|process|session|backend)|power-?cycled|reinstall(?:ed|ing)|upgrad(?:ed|ing)|downgrad(?:ed|ing)"
    r"|reconfigur(?:ed|ing)|remounted|unmounted|reseated|unplugged"
)
CHECK = _words(
    r"check(?:ed|ing)|look(?:ed|ing) (?:at|in|through)|verif(?:ied|ying|y)|test(?:ed|ing)|compar(?:ed|ing)"
    r"|queried|inspect(?:ed|ing)"
    r"|trac(?:ed|ing)|investigat(?:ed|ing)|confirmed|found (?:no|nothing|the|that|a|an)|ruled out|excluded|ran"
    r"|nothing (?:\w+ )?(?:was )?found"
    r"|reproduced"
    r"|measur(?:ed|ing)|grepp?(?:ed)?|count(?:ed)|review(?:ed|ing)|no access|not reachable|could ?n[o']t (?:check"
    r"|reach|log|get|see|access|open|connect)"
    r"|dig|curl|ping|kubectl|openssl|traceroute|grep|journalctl|systemctl|psql|postqueue|tcpdump|nslookup|df"
    r"|chronyc|iostat|strace"
)
CHANGE = _words(
    r"deploy(?:ed|ing)|deployment of|rolled out|rolling out|roll-?out of|releas(?:ed|e of)|upgrad(?:ed|e of|e to)"
    r"|migrat(?:ed|ion of)|merged|config(?:uration)? change|changed (?:from|to|the)|maintenance (?:began|started"
    r"|was|on|of)"
    r"|switched (?:to|from|over)|cut ?over|went live|went out|shipped|bumped|promoted|new version|new certificate"
    r"|rotated (?:the|a|key|certificate|credential|token|secret)s?|pushed (?:a|the)|provisioned|decommissioned"
    r"|resized|patched"
    r"|drained for|moved to rack"
)
_NOT_YET = _words(
    r"prepared|planned|scheduled|proposed|ready|to be|could|would|should|before|during|since|who|which|whether"
    r"|no (?:deploy|change|rollout)"
)
COMMS = _words(
    r"told|inform(?:ed|ing)|notif(?:ied|ying)|status ?page|posted (?:an? )?update|customer (?:was|has been|called"
    r"|informed)|called (?:the )?(?:customer|them)"
    r"|e-?mailed|paged|escalat(?:ed|ing)|wrote to|replied to|announc(?:ed|ement)|asked (?:the )?(?:customer|team"
    r"|vendor|support)"
)
ACKNOWLEDGE = _words(
    r"ack(?:ed|nowledged|nowledge)?|taking (?:this|it|a look|over)|i'?m on it|on it|looking into (?:it|this)"
    r"|looking|i'?ll take (?:this|it)|picked (?:this|it) up|assigned to me"
)
NEXT = _words(
    r"next(?: steps?)?(?: is| are)?|todo|to do|action items?|we (?:should|need to|must|will|have to|could)"
    r"|i(?:'ll| will| should| need to)|needs? to (?:be )?"
    r"|should (?:be|we)|please|plan(?:ning)? to|going to|will (?:try|check|roll|restart|retry|ask|keep|watch|call"
    r"|renew|fail|add|move|increase)|remains to be"
    r"|still (?:to do|needs?|have to)|waiting (?:for|on)|have to|must be|has to (?:be|look|check|decide|approve)"
    r"|needs? (?:the|a) (?:go|ok|okay|approval|decision)|recommend(?:ed)?"
    r"|not (?:yet (?:been )?(?:tried|checked|tested)|(?:been )?(?:tried|checked|tested) yet)"
)
NO_PLAN = re.compile(
    r"\bplease (?:do not|don't)\b|\bnext (?:update|message|time|to)\b|\bthe next (?:update|message)\b|\S if\b"
    r"|\bthey have to\b",
    re.IGNORECASE,
)
ASKING = _words(
    r"please|can (?:someone|somebody|you|anyone)|could (?:someone|you|anyone)|need(?:s)? (?:someone|somebody|the"
    r"|an?|access|approval|help|a decision|tier|level|engineering)"
    r"|(?:somebody|someone) (?:from|has|needs|should|must|with)|has to (?:look|check|decide|approve)|asking"
    r"|request(?:ing|s)? (?:access|approval|help)|escalat(?:e|ing)|who (?:can|owns)|approve|decide"
    r"|decision needed|we need"
)
SECURITY = _words(
    r"security|breach(?:ed)?|unauthori[sz]ed|intrusion|compromis(?:ed|e)|exfiltrat\w*|malware|ransomware|phishing"
    r"|leaked (?:key|secret|token|credential\w*|password\w*)"
    r"|credential(?:s)? (?:leak\w*|stuffing)|brute[- ]force|cve-\d+-\d+|attack(?:er|ers)?"
)
ACCESS = _words(
    r"no (?:permission|access|rights?)|permission denied|access denied|not (?:allowed|permitted|authori[sz]ed)"
    r"|don'?t have (?:access|permission|rights?)|lack(?:s|ing)? (?:access|permission)"
    r"|need(?:s)? (?:access|root|sudo|admin)"
)
_KEPT = r"(?:data|orders?|messages?|rows|writes|records?|events?|payments?|e?mails?|files?|transactions?|bookings?)"
NO_LOSS = re.compile(
    rf"\bno (?:\w+ )?{_KEPT} (?:loss|(?:was|is|were|are|has been|have been|got) lost)|\bno loss of {_KEPT}"
    rf"|\bnothing (?:is|was|has been|got) lost|\bdata (?:is|was) (?:intact|safe)|\bwithout (?:\w+ )?{_KEPT} loss"
    rf"|\b{_KEPT}\b(?! loss)(?:(?!\b(?:but|if|whether)\b)[^.;:!?\n]){{0,40}}(?:\bnot|\bnever|n['’]t)(?: been)? lost"
    rf"|(?:\bnot|\bnever|n['’]t) los[et] (?:any )?(?:\w+ )?{_KEPT}\b",
    re.IGNORECASE,
)
LOSS = re.compile(
    r"\bdata loss\b|\blost (?:data|orders?|messages?|rows|writes|records|events)|\b(?:data|orders?|messages?|rows"
    r"|writes|records) (?:was|were|are|is|have been|has been) lost",
    re.IGNORECASE,
)
LOSS_OPEN = _words(
    r"whether|if|unless|in case|not (?:yet )?(?:excluded|ruled out|known|clear|checked)|unknown|unclear|checking"
)
"""Where a sentence about a loss leaves open whether there was one."""
QUESTION = re.compile(r"\?\s*[\"')\]]*\Z")
SMALL_TALK = re.compile(
    r"\s*(?:hi|hello|hey|dear|thanks?|thank you|thx|regards|best|cheers|kind regards|good (?:morning|evening"
    r"|afternoon)|ok|okay|done|yes|no|\+1|lgtm)\b[^.]{0,25}[.!,]?\s*\Z",
    re.IGNORECASE,
)

_WORSE = _words(
    r"(?:made|making|makes|got|gets|getting|became) (?:it |things |this |that )?(?:even )?worse|worsened"
    r"|worse (?:than|after|now)"
)
_COULD_NOT = _words(
    r"could ?n[o']t|cannot|can't|can not|unable to|no access|no permission|permission denied|access denied"
    r"|not reachable|failed to (?:connect|log|open|reach|check)"
    r"|not (?:yet )?(?:been )?(?:checked|tested|possible)|was refused|did(?: not|n't) (?:get|have) access"
    r"|nobody (?:can|could|has)"
)
_RULED_OUT = _words(
    r"ruled out|rules out|ruling out|excluded|not the (?:cause|problem|issue|reason|culprit)|isn't the (?:cause"
    r"|problem|issue)|unrelated|not related"
    r"|(?:is|are|was|were|look(?:s|ed)?|all|still) (?:ok|okay|fine|healthy|normal|green|clean|unaffected|intact"
    r"|in sync)|no (?:sign|evidence|trace|indication)s? of|looks? good"
    r"|not affected|nothing wrong"
)
_NOTHING = _words(
    r"no other [a-z]+|no (?:change|effect|difference|improvement|errors?|luck|result|results|findings?|anomal(?:y"
    r"|ies)|matches|hits|entries|output|help|new errors?|failures?|crash(?:es)?|alerts?|problems?)"
    r"|did(?: not|n't) (?:help|change|work|fix|solve|make a difference)|does(?: not|n't) (?:help|change)"
    r"|nothing (?:found|unusual|suspicious|new|changed|there|in|at all)|without (?:effect|success|result|finding)"
    r"|in vain|unchanged|same (?:error|result|problem)|found nothing|empty|still (?:fail(?:s|ing)?|failing|down"
    r"|broken|there|slow|high|the same)|came back|again after"
)
_FOUND = _words(
    r"found|shows?|showed|confirm(?:ed|s)|see|saw|seeing|is full|(?:is|are|was|were) (?:down|missing|expired|full"
    r"|wrong|failing|high|slow|gone|stuck|at \d)|reproduced|returns?|returned|gives|gave|counts?|helped|fixed"
    r"|works? again|working again"
    r"|recovered|back (?:up|to normal)|dropped|drops|went down|fell|resolved|succeeded|successful(?:ly)?|expired"
    r"|matches|points? (?:at|to)|identified|freed|down to|green again"
)

_SALIENT_LABELS = {
    "summary": 3,
    "description": 3,
    "error": 3,
    "message": 2,
    "impact": 3,
    "symptom": 2,
    "title": 1,
    "subject": 1,
}
_GRADES = frozenset(("severity", "priority", "state", "status", "urgency", "level"))
"""Labels of what the ticket's own fields tell."""
_PASSIVE = re.compile(r"\b(?:is|are|gets?|being|be|before|after|when|since|until|severity)\b.{0,25}\Z", re.IGNORECASE)
_CORRECTION = re.compile(r"correction\b|correcting\b|update:|edit:|i was wrong|that was wrong", re.IGNORECASE)
_COMPARES = _words(
    r"it was|before|instead of|rather than|diff(?:erence)?|compared|unlike|still runs?|only|all (?:of|from)|none of"
)
_STATE_LINE = re.compile(r"(?:status|state|severity|priority)\b.{0,40}(?:→|->|to|changed)", re.IGNORECASE)
_BARE_LINK = re.compile(r"\W*(?:see:?\s+)?https?://\S+\s*\Z", re.IGNORECASE)
_POINT = re.compile(r"\d{4}-\d\d-\d\dT\S+ \S+(?: \S+)?\Z")
"""A line of an observation that carries its sentence."""
_TREND = re.compile(
    r"\b(?:rose|fell|grew|dropped|climbed|went|jumped|increased|decreased)\b[^.]{0,20}?"
    r"\bfrom (-?[\d,]*\d(?:\.\d+)?)\D{1,20}?\bto (-?[\d,]*\d(?:\.\d+)?)",
    re.IGNORECASE,
)
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


def is_correction(unit: Unit) -> bool:
    """Whether somebody takes back what they wrote before."""
    return unit.by_person and bool(_CORRECTION.match(unit.text))


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
    if is_action(unit.text):
        return TimelineKind.ACTION
    if COMMS.search(unit.text):
        return TimelineKind.COMMS
    if len(unit.text) < 60 and ACKNOWLEDGE.search(unit.text):
        return TimelineKind.ACK
    return TimelineKind.FINDING


def is_change(unit: Unit) -> bool:
    """Whether a sentence tells of a change to the system (not of its state, not a plan)."""
    if unit.dump or unit.kind in (
        EntryKind.STATUS,
        EntryKind.FIELD,
        EntryKind.ASSIGN,
        EntryKind.ATTACH,
        EntryKind.LINK,
    ):
        return False
    match = CHANGE.search(unit.text)
    if match is None or NEXT.search(unit.text) or QUESTION.search(unit.text):
        return False
    return not _NOT_YET.search(unit.text[: match.end() + 20])


def is_action(text: str) -> bool:
    """Whether a sentence tells of something that was done: its verb stands at its beginning."""
    match = ACTION.search(text[:48])
    return match is not None and match.start() <= 30 and not _PASSIVE.search(text[: match.start() + 1])


OBSERVED = re.compile(
    r"\b(?:rose from|fell from|spiked to|dropped to|peaked at|was lowest at|varied between|has no data)\b.*\bUTC\b"
)
"""A change that code saw in telemetry, as ``core.observations`` words it."""


def salience(unit: Unit) -> float:
    """How much a sentence tells of what happened; below zero it is not worth a claim."""
    text = unit.text
    if SMALL_TALK.match(text) or len(text) < 4 or _BARE_LINK.match(text):
        return -5.0
    score = float(_SALIENT_LABELS.get(unit.label, 0))
    if unit.label.startswith("suspected"):
        return -1.0
    if _POINT.match(text):
        return -5.0
    if unit.label in ("object", "odd object"):
        # Read for states and values, not for words: its keys name failures that it does not have.
        return 0.75 if unit.label == "odd object" else -2.0
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
    if unit.kind is EntryKind.SYSTEM and OBSERVED.search(text):
        score += 3.0
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
    if is_correction(unit):
        score += 2.0
    if not unit.dump and identifiers(text[:400]):
        score += 0.5
    if text.count("|") > 1 or text.endswith(":"):
        score -= 1.5
    if not unit.dump and is_change(unit):
        score += 1.5
    if _COMPARES.search(text) and any(char.isdigit() for char in text):
        score += 1.5
    if unit.visibility is Visibility.PUBLIC or unit.kind is EntryKind.REPLY:
        score -= 2.5  # what customers are told is thinner than what it was made from
    if len(text) < 12:
        score -= 2.0
    elif unit.label in _GRADES and len(text) < 40:
        score -= 4.0
    elif unit.label and len(text) < 60 and not failures and unit.label not in _SALIENT_LABELS:
        score -= 2.5
    elif len(text) > 400:
        score -= 1.0
    if not unit.dump and _STATE_LINE.match(text):
        score -= 1.0
    trend = _TREND.search(text)
    if trend is not None:
        one, other = (abs(float(value.replace(",", ""))) for value in trend.groups())
        score += 1.0 + 2.0 * abs(one - other) / (max(one, other) or 1.0)
    return score
