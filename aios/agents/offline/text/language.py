"""What the engines know of a language: its stop words, its stemmer, the words a passage must not start with.

English and German are known. Any other language gets no stop words and no stemming: recall is poorer, nothing is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, lru_cache

_ENGLISH_STOP = """
a about above after again against all also although always am among an and another any anyone anything are around as
at away back be became because become been before behind being below between both but by came can cannot come could
did do does doing done down during each either else enough etc even ever every everything far few first for from
further get gets getting give given gives go goes going gone got had has have having he her here hers him his how
however i if in indeed instead into is it its itself just keep kind know last later least less let like likely look
made make makes making many may maybe me might more most much must my near need needs never next no nor not nothing
now of off often on once one only onto or other others otherwise our out over own per perhaps please put quite
rather really same say says see seem seems seen several shall she should simply since so some something sometimes
soon still such take taken than that the their them themselves then there therefore these they thing things this
those though through thus to together too toward towards two under until up upon us use used uses using usually very
via want wants was way ways we well were what whatever when whenever where whether which while who whole whose why
will with within without would yet you your yours yourself don doesn didn isn aren won ll ve re
one two three four five six seven eight nine ten eleven twelve hundred thousand
"""
_GERMAN_STOP = """
aber alle allem allen aller alles als also am an andere anderen auch auf aus bei beim bin bis bist da damit dann das
dass dein deine dem den der des dessen deren die dies diese diesem diesen dieser dieses doch dort du durch ein eine
einem einen einer eines er es etwas euer für gegen gewesen hab habe haben hat hatte hatten hier hin hinter ich ihm
ihn ihnen ihr ihre ihrem ihren ihrer im in indem ins ist ja jede jedem jeden jeder jedes jedoch jene kann kannst
kein keine können könnte machen man manche mehr mein meine mich mir mit muss musste müssen nach nicht nichts noch
nun nur ob oder ohne schon sehr sein seine seinem seinen seiner selbst sich sie sind so solche soll sollen sollte
sondern sonst über um und uns unser unter usw viel vom von vor war waren warum was weil weiter welche welcher wenn
wer werde werden wie wieder will wir wird wirst wo wollen während wurde wurden würde zu zum zur zwar zwischen bzw
"""
_ENGLISH_DANGLING = r"""
    (?:this|that|these|those|it|it's|its|they|their|them|he|she|his|her|such|both|either|neither|none|however|but|and|or
      |nor|so|then|thus|therefore|hence|otherwise|instead|also|additionally|furthermore|moreover|similarly|likewise
      |nevertheless|nonetheless|still|yet|again|finally|lastly|next|now|here|besides|conversely|consequently
      |first|second
      |third|firstly|secondly|alternatively|notice|another|other|others|rather|meanwhile|afterwards?|beyond|sure|yes|no
      |ok|okay|well|similar|accordingly|together|too|later[ ]on|earlier[ ]on|not[ ]only|one[ ](?:such
      |of[ ]th\w+|more|other)
      |as[ ]a[ ]result|as[ ](?:such|it|this|before|mentioned|we|you[ ](?:can[ ])?see|noted|always|usual|with
      |an?[ ]alternative)
      |in[ ](?:this|that|these|those|such|addition|other|fact|particular|short|contrast|both|either
      |the[ ](?:first|second|latter
      |former|above|same|next|previous|last|example|following)|our[ ]|its|each|here)
      |on[ ](?:the[ ]other|top[ ]of[ ]th\w+|this|that)|for[ ](?:this|that|these|those|example|instance
      |the[ ]same|it|them|more|even|further|finer|greater)
      |to[ ](?:(?:do|achieve|accomplish|solve|fix|avoid|prevent|help|handle|address|support|enable|change|use
      |test|run|get|make)
      [ ](?:this|that|so|it|these|them)\b|this|that)
      |because[ ](?:of[ ])?(?:this|that|it|they|these)|due[ ]to[ ](?:this|that)|after[ ](?:that|this|these|it|doing)
      |before[ ](?:that|this|it)|with[ ](?:this|that|these|those|it|both|our|the[ ]above)|at[ ](?:this|that)[ ]
      |by[ ](?:doing|this|that)|doing[ ](?:so|this|that)|if[ ](?:so|not|it|this|that|they|these|none|neither
      |either|both)
      |when[ ](?:it|this|that|they|these|doing)|while[ ](?:it|this|that|they|these)|once[ ](?:it|this|that|they
      |you've|done)
      |even[ ](?:so|then|if[ ]it|though[ ](?:it|this|they)|more)|unlike[ ](?:this|that|it)|like[ ](?:this|that)
      |since[ ](?:it|this|that|they|these)|without[ ](?:it|this|that|these)|using[ ](?:this|it|these|that|them)
      |from[ ](?:here|there|this|that)|under[ ](?:this|these)|there[ ](?:is|are)[ ](?:also|other|another
      |one[ ]more|several[ ]other)
      |(?:you|we|one|users|it|they)[ ](?:can|could|may|might|should|will|must|would|do|are|have|also|still|now
      |then)?[ ]?
      (?:also|then|still|now|instead|thus|therefore|even)\b
      |the[ ](?:latter|former|same|other|second|third|last|result(?:ing)?|above|following|rest|next|previous
      |difference|reason
      |examples?|answer|output|code|problem|downside|advantage|benefit|catch|idea|point|trick|solution
      |above-mentioned|corresponding)
      |(?:all|most|some|any|many|each|every|several|either|none|two|three|part|both)[ ](?:of[ ](?:this|these
      |those|them|it|which)|other)
      |more[ ](?:over|specifically|precisely|importantly)|what[ ]this|note,?[ ](?:that[ ])?(?:this|it|these
      |that|how|the[ ]use|also)
      |now[ ]|again,|be[ ]aware|keep[ ]in[ ]mind|remember|of[ ]course|that's|here's|there's|let's|let[ ]us|we'll)\b
    |because\b[^,]*\Z  # a reason without what it is the reason of
    |the[ ](?:method|function|class|object|argument|command|script|callback|decorator|value|string|button)[ ](?!`|“|")
"""
_GERMAN_DANGLING = r"""
    (?:dies|diese[mnrs]?|das[ ](?:ist|heißt|bedeutet|macht|gilt|kann|geht|wird|hat)|es|sie|er|aber|jedoch|und
    |oder|also|dann
      |daher|deshalb|deswegen|darum|außerdem|zudem|trotzdem|dennoch|hier|dort|dabei|damit|dadurch|dafür|dazu
      |darüber|daraus
      |danach|dagegen|solche[mnrs]?|beide|ebenso|ferner|allerdings|andernfalls|ansonsten|sonst|zum[ ]beispiel
      |schließlich
      |zunächst|nun|jetzt|so|denn|sondern|stattdessen|umgekehrt|letztere|erstere|weiterhin|darin|davon|hierbei
      |hierfür|ihre?
      |jene|dementsprechend|folglich|somit|in[ ]diesem|aus[ ]diesem|mit[ ]diese[mr]|bei[ ]diese[mr])\b
    |weil\b[^,]*\Z
"""


# Irregular members of a family of words, which no stemmer brings together: the first stands for all.
_ENGLISH_FAMILIES = """
begin began begun; break broke broken; bring brought; build built; buy bought; choose choice chose chosen;
decide decision decisive; draw drew drawn; drive drove driven; fall fell fallen; find found; forget forgot
forgotten; get got gotten; give gave given; grow grew grown growth; hear heard; hide hid hidden; hold held; keep
kept; know knew known; lead led; learn learnt; lose lost loss; mean meant; pay paid; raise rise rose risen; run
ran; say said; see saw seen; sell sold sale; send sent; speak spoke spoken speech; spend spent; succeed success;
tell told; think thought; win won; write wrote written
"""


@dataclass(frozen=True, slots=True)
class Language:
    """`stem` maps a lower-case word to its stem; `dangling` matches a sentence start that leans on what came before."""

    code: str
    stop: frozenset[str]
    stem: Callable[[str], str]
    dangling: re.Pattern[str]
    known: bool = field(default=True)


def _stemmer(name: str, families: str = "") -> Callable[[str], str]:
    import snowballstemmer  # type: ignore[import-untyped, unused-ignore]  # 10 ms, and only agents need it

    stem = snowballstemmer.stemmer(name).stemWord
    heads = {stem(word): stem(family.split()[0]) for family in families.split(";") for word in family.split()}

    @cache
    def stemmed(word: str) -> str:
        found: str = stem(word)
        canonical: str = heads.get(found, found)
        return canonical

    return stemmed


def _identity(word: str) -> str:
    return word


@lru_cache(maxsize=8)
def language(code: str) -> Language:
    """The language of a two-letter code (`de-AT` counts as `de`)."""
    short = code.lower()[:2]
    flags = re.IGNORECASE | re.VERBOSE
    if short == "en":
        return Language(
            "en",
            frozenset(_ENGLISH_STOP.split()),
            _stemmer("english", _ENGLISH_FAMILIES),
            re.compile(_ENGLISH_DANGLING, flags),
        )
    if short == "de":
        return Language("de", frozenset(_GERMAN_STOP.split()), _stemmer("german"), re.compile(_GERMAN_DANGLING, flags))
    return Language(short, frozenset(), _identity, re.compile(r"(?!)"), known=False)
