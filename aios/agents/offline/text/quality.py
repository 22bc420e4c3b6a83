"""May this sentence stand in a published piece? Each rule names itself, so that a reason can be given.

A sentence is refused for what makes a quotation look foolish: leftover markup, boilerplate, pointers to things that are
not quoted along, notes about versions, fragments.
"""

from __future__ import annotations

import re

from aios.agents.offline.text.language import Language
from aios.agents.offline.text.words import words
from aios.agents.orders import orders_in

_CODE = re.compile(r"(`+)[^`]+?\1")
_LINK = re.compile(r"\[([^\]]*)\]\((https?://[^)\s]*|mailto:[^)\s]*)\)")
_AUTOLINK = re.compile(r"<(https?://[^>\s]+|mailto:[^>\s]+)>")
SHORTEST, LONGEST = 4, 60  # words

_RULES: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (name, re.compile(pattern, re.IGNORECASE | re.VERBOSE))
    for name, pattern in (
        (
            "leftover-markup",
            r"""
            :[a-z][\w+:-]*:`|:[a-z]+:\s|\{[\w:+-]+\}\s*`|^\.\.\s|::\s*$|\|[\w-]+\||</?[a-z!]|\{\{|\{%|%\}
            |\\[a-z]+\{|\[\^|!\[|¶|\ufffd
            |\[[^\]]*\]\(|\]\[|\[[^\]]+\]|`_{1,2}(?:\W|$)|^[-=~^*\#+_]{3,}|^@|&\w+;|\bTODO\b|\bFIXME\b|\bXXX\b
            |lorem[ ]ipsum|^[|>]
            """,
        ),
        (
            "boilerplate",
            r"""
            licen[sc]ed[ ]under|copyright[ ](?:©|\(c\)|\d{4})|all[ ]rights[ ]reserved|©
            |edit[ ](?:this[ ]page[ ])?on[ ]github
            |table[ ]of[ ]contents|skip[ ]to[ ](?:main[ ]|the[ ])?content|(?:subscribe[ ]to
            |sign[ ]up[ ]for)[ ](?:our|the|my)\b
            |(?:accept|we[ ]use)[ ]cookies|cookie[ ](?:policy|banner)|last[ ](?:updated|modified)[ ](?:on|:)
            |view[ ](?:page[ ])?source
            |(?:built|generated)[ ](?:with|by)[ ]sphinx|powered[ ]by|click[ ]here|tidelift|become[ ]a[ ]sponsor
            |sponsor[ ]us|donat(?:e|ing)[ ]to
            |follow[ ](?:us|me)[ ]on|star[ ](?:us|the[ ]repo)|join[ ](?:our|us|the[ ](?:chat|discord
            |community))|bug[ ]tracker
            |(?:submit|open|send|file|create|report)[ ](?:an?[ ]|any[ ])?(?:pull[ ]request|issue|bug|patch)
            |without[ ]warrant|[“"]as[ ]is[”"]
            |ask[ ].*[ ]stack[ ]overflow|alle[ ]rechte[ ]vorbehalten|impressum
            """,
        ),
        (
            "version-note",
            r"""
            ^(?:new|added|changed|deprecated|removed|fixed|introduced)[ ](?:in|since)[ ](?:version[ ])?v?\d
            |\b(?:was|were|been)[ ](?:added|removed|deprecated|introduced|renamed)\b|\bdeprecated\b
            |\b(?:as[ ]of|since|prior[ ]to|before|until|starting[ ]with|in|from)[ ](?:\w+[ ])?(?:version[ ])?v?\d+\.\d+
            (?![\d.,]*[ ]?(?:%|€|\$|(?:percent|per[ ]cent|percentage|euros?|dollars?|pounds?|cents?|seconds?|minutes?
            |hours?|days?|weeks?|months?|years?|times|points?|million|billion|[kmg]b)\b|(?:to|and|or)[ ]\d))
            |\bwill[ ]be[ ]removed\b|\bbackports?\b|\bneu[ ]in[ ]version\b
            """,
        ),
        (
            "points-elsewhere",
            r"""
            ^\W*(?:please[ ])?(?:see|refer[ ]to|check[ ]out|take[ ]a[ ]look|have[ ]a[ ](?:look|read)|look[ ]at
            |consult|read[ ](?:on|more|the|about)|visit
              |head[ ]over|jump[ ]to|go[ ]to[ ]the|continue[ ](?:to|with|reading))\b
            |^(?:for|more)[ ](?:(?:more|further|full|other|additional|a|an|the)\b.*\b)?(?:details?|information
            |info|documentation|examples?|list|
              description|explanation|reference|discussion|guidance)\b.*\b(?:see|refer|check|read|consult|look
              |visit|found|available)\b
            |\bsee(?:[ ]also)?[ ](?:the[ ]|our[ ]|also[ ])?["“`*A-Z\[].*|[(—–-][ ]?see\b|\bsee[ ](?:below|above
            |also|the)\b|\brefer[ ]to[ ]the\b
            |\b(?:described|explained|discussed|shown|covered|mentioned|documented|listed|outlined|demonstrated
            |seen|defined|noted|introduced
              |detailed|given|used|presented|illustrated)[ ](?:in[ ](?:more[ ]detail|detail|the|this)|below
              |above|earlier|previously|later|here|before
              |further)\b
            |\b(?:above|below|previous|preceding|following)[ ](?:\w+[ ])?(?:examples?|section|chapter|page|code
            |snippet|figure|table|paragraph
              |commands?|output|listing|diagram|tutorial|document|file|function|class|script|program|test
              |parts?|steps?|guide|lines?)\b
            |\b(?:next|earlier|last)[ ](?:\w+[ ])?(?:examples?|section|chapter|page|snippet|figure|table
            |paragraph|listing|diagram|tutorial|guide)\b
            |\b(?:above|below)\b(?![ ](?:the|a|an|all|any|average|zero|its|their|your|our|that|which|\d
            |\w+[ ](?:percent|euros?|dollars?|degrees))\b)|\bhereafter\b
            |\b(?:in|on|of|throughout)[ ](?:this|the|these|our)[ ](?:\w+[ ])?(?:sections?|chapters?|page
            |tutorial|guide|documentation|docs|article|post
              |document|examples?|walkthrough|readme|recipe|how-?to|pattern|sample|snippet|listing)\b
            |\b(?:this|these|the)[ ](?:whole[ ]|rest[ ]of[ ]the[ ])?(?:section|chapter|page|tutorial|guide
            |documentation|docs|article|post|document|README|recipe
              |how-?to|walkthrough|snippet|listing|cookbook|part[ ]of[ ]the)\b
            |\b(?:the|these|this|those|first|second|third|last|our)[ ]examples?\b
            |\b(?:we(?:'ll|'re|'ve|[ ](?:will|are[ ]going|have|saw|can|need|want|could|should|now|just))|let'?s
            |let[ ]us)\b
            |\byou(?:'ll|[ ]will)[ ](?:see|learn|find|notice|discover|also[ ](?:see|find))\b|\b(?:you
            |we)[ ](?:saw|have[ ](?:seen|learned))\b
            |\bread[ ]on\b|\bas[ ](?:follows|shown|seen|mentioned|noted|before|above|below)\b|\bhere(?:'s|[ ]is
            |[ ]are)\b|\bthe[ ]following\b|\blike[ ](?:this|so)\b
            |\bmore[ ](?:info|information|details?|on[ ]that)\b|\bmentioned\b|\bin[ ]our[ ]\w+\b
            |\bin[ ]the[ ](?:next|last)[ ]\w+\b|\bin[ ]these\b
            |\bsiehe\b|\b(?:im|in[ ]diesem)[ ](?:folgenden|abschnitt|kapitel|artikel|beispiel)\b|\b(?:oben
            |unten|nachfolgend|folgende[nrsm]?)\b|\bwie[ ]folgt\b
            """,
        ),
        (
            "chatter",
            r"""
            \bhappy[ ]\w+ing\b|\bcongratulations\b|\bhave[ ]fun\b|\bthank(?:s|[ ]you)\b|\benjoy\b|\byay\b
            |[:;]-?[)D](?:\s|$)|!{2,}|\?{2,}
            |[\U0001F300-\U0001FAFF\u2600-\u27BF]
            """,
        ),
        ("first-person", r"\bI(?:'m|'d|'ve|'ll)?[ ]|\b(?:my|mine|me)\b"),
    )
)
_RST = re.compile(
    r":[a-z][\w+:-]*:`|\{[\w:+-]+\}`|`_{1,2}(?:\W|$)|`[^`<]*<https?://[^>]*>`|^\d+[.)]\s|^`[^`]+`\s+[A-Z][a-z]"
)
_ENDS = re.compile(r"[.!?…:][\"”’'»)*_`]*$")
_STARTS = re.compile(r"^[\"“‘'„«(*_]*(?:[A-ZÀ-ÞΑ-ΩА-Я0-9]|`)")
# A name that is written small ("urllib3 can …"), told from a sentence torn in two by its verb or digit.
_NAME = re.compile(
    r"(?!(?:this|that|it|which|who|what|there|these|those|and|or|but|they|he|she|we|you|as|if|when|where|how"
    r"|here|so|then|everything|nothing"
    r"|something|anything|all|both|none|one|some|any|each)\b)[a-z][\w.-]*(?:\d[\w.]*\s"
    r"|\s(?:is|are|can|will|has|uses|provides|supports|does|makes|lets|allows|handles|may|should|must|comes"
    r"|runs|automatically|offers|ist|kann|hat)\b)"
)
# "Returns the value": a docstring's verb without a subject ("Returns are counted" has one).
_DOCSTRING = re.compile(
    r"(?:Accepts|Adds|Allows|Appends|Applies|Builds|Calls|Captures|Checks|Clears|Closes|Collects|Configures"
    r"|Controls|Converts|Copies|Creates|Defaults"
    r"|Defines|Deletes|Describes|Determines|Disables|Does|Enables|Ends|Ensures|Executes|Fetches|Finds|Gets"
    r"|Gives|Handles|Holds|Implements|Indicates"
    r"|Initiali[sz]es|Inserts|Invokes|Iterates|Joins|Keeps|Loads|Makes|Marks|Merges|Moves|Opens|Parses|Passes"
    r"|Prevents|Prints|Produces|Provides|Raises"
    r"|Reads|Redirects|Registers|Removes|Renders|Replaces|Represents|Resets|Resolves|Returns|Runs|Saves|Sends"
    r"|Sets|Shows|Specifies|Splits|Starts|Stops"
    r"|Stores|Takes|Tells|Throws|Turns|Updates|Uses|Validates|Waits|Wraps|Writes|Yields)"
    r"\s(?!(?:are|were|can|could|to|of|that|must|should|will|may|might|is|which|have|has|in|on|for|from|with"
    r"|and|or|do|by|at)\b)"
)
# What a sentence that ends with a colon may say about the block that is quoted with it.
_INTRODUCES = re.compile(
    r"\b(?:here(?:'s| is| are)(?: (?:an?|some|the|one|two|how))?(?: \w+)? examples?|here(?:'s| is| are)"
    r"|the following(?: \w+)?(?: examples?| code| snippets?"
    r"| commands?)?|as follows|like (?:this|so)|following|below|the examples? below|the code below|for example"
    r"|(?:this|these|an) examples?|in the example"
    r"|wie folgt|folgende[nrsm]?)\b",
    re.IGNORECASE,
)


def without_code(sentence: str) -> str:
    """The sentence with code, absolute links and automatic links replaced by plain words."""
    return _AUTOLINK.sub("link", _LINK.sub(r"\1", _CODE.sub("Code", sentence)))


def fault(sentence: str, *, introduces: bool = False, own: bool = False) -> str:
    """The name of the first rule that refuses this sentence, empty when it may stand.

    `introduces`: it ends with a colon and the block that it announces is quoted along with it. `own`: the operator's
    text, which may say "I".
    """
    flat = " ".join(sentence.split())
    plain = without_code(flat)
    if problem := _malformed(flat, plain):
        return problem
    if flat.endswith(":") and not introduces:
        return "announces"
    judged = _INTRODUCES.sub("", plain) if introduces else plain
    found = (name for name, pattern in _RULES if pattern.search(judged))
    problem = next((name for name in found if not (own and name == "first-person")), "")
    return problem or ("order" if not own and orders_in(flat, "") else "")


def _malformed(flat: str, plain: str) -> str:
    count = len(words(plain))
    checks = (
        ("leftover-markup", _RST.search(flat) is not None),
        ("unbalanced", "`" in plain or _unbalanced(plain)),
        ("fragment", _DOCSTRING.match(flat) is not None),
        ("fragment", count < SHORTEST or not any(char.islower() for char in plain)),
        ("too-long", count > LONGEST),
        ("fragment", flat.endswith((" i.e.", " e.g.", " i.e", " e.g"))),
        ("fragment", not (_STARTS.match(flat) or _NAME.match(flat)) or not _ENDS.search(flat)),
    )
    return next((name for name, wrong in checks if wrong), "")


def _unbalanced(text: str) -> bool:
    return (
        text.count("(") != text.count(")")
        or text.count("[") != text.count("]")
        or text.count("“") != text.count("”")
        or text.count('"') % 2 == 1
        or text.count("**") % 2 == 1
    )


_EXPLETIVE = re.compile(
    r"it(?:'s|\sis|\scan\sbe|\smay\sbe)\s(?:\w+ly\s|often\s|sometimes\s|not\s|very\s)?(?:possible|recommended"
    r"|important|best|common|easy|hard|worth|useful"
    r"|helpful|necessary|good|better|tempting|difficult|impossible|advisable|essential|safe|safer|wise"
    r"|convenient|customary)\b(?!.*\b(?:this|that|these)\b)"
    r"|es\sist\s(?:\w+\s)?(?:möglich|wichtig|sinnvoll|nötig|üblich|ratsam|besser|leicht|schwer)\b",
    re.IGNORECASE | re.DOTALL,
)
_ADDS = re.compile(
    r"\b(?:is|are|can|may|will|has|have|does|do|it|you)\s(?:also|too|likewise|instead|still|then)\b|\bas\swell[.:]?$"
    r"|^(?:\S+\s){1,4}(?:however|therefore|thus|though)\b",
    re.IGNORECASE,
)


def dangles(sentence: str, language: Language) -> bool:
    """Does its beginning lean on something said before?"""
    bare = sentence.lstrip("\"“‘'„«(*_ ")
    if _EXPLETIVE.match(bare):
        return False
    if _ADDS.search(bare):
        return True
    if language.dangling.match(bare):
        return True
    first = " ".join(bare.split()[:7]).lower()
    return re.search(r"\b(?:this|these|those|such an?|the same|also|too|dies\w*|auch)\b", first) is not None
