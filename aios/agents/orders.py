"""What in a text reads like an order to a model, however it is spelled: reported, never obeyed.

This is a lamp and not a lock: what holds is that text from outside is data, and that contracts bound what may be
written. So it may miss a clever one, and must not cry wolf over the prose of an ordinary business.
"""

from __future__ import annotations

import base64
import binascii
import re
import unicodedata
from collections.abc import Iterator
from itertools import islice

from aios.domain.finding import Finding, Severity

MOST = 5  # findings of one text
_GAP = r"[^.!?]{0,40}"
_ENGLISH = (
    r"\b(?:ignore|disregard|forget)\s+(?:\w+\s+){0,4}(?:instructions?|prompts?|guidelines)\b",
    r"\b(?:ignore|disregard|forget)\s+(?:(?:all|any|the|your|my|these|those)\s+)+(?:\w+\s+){0,2}(?:rules|orders|commands)\b",
    r"\b(?:ignore|disregard|forget)\s+(?:(?:all|any|of|the)\s+)*above\b",
    r"\bforget\s+(?:everything|all|anything)\s+(?:that\s+)?you\b",
    r"\byou are now (?:an?|my|in)\b|\byou must now\b",
    r"\b(?:must|shall|will) act as\b|(?:\A|[.!?:\n] ?)act as (?:an?|the)\b",
    r"\b(?:new|updated|real|hidden) instructions?\s*:|\byour (?:new|real|true) (?:task|goal|role|instructions?)\b",
    r"\bsystem (?:prompt|override)\b|\b(?:developer|jailbreak|god) mode (?:is )?(?:on|enabled|active)\b",
    rf"\b(?:print|repeat|reveal|show|output|quote|leak)\b{_GAP}\byour (?:instructions|prompts?|rules)\b",
    rf"\b(?:print|repeat|reveal|show|output|quote|leak)\b{_GAP}\binstructions? (?:that )?you (?:were|have been)\b",
    rf"\b(?:print|reveal|show|output|send|echo|repeat)\b{_GAP}\b\w+_(?:api_?)?(?:key|token|secret|password)\b",
    r"\boperator (?:has )?(?:already )?approved (?:this|it|that)\b|(?:\A|\n) */(?:aios )?approve\b",
)
_OTHER_LANGUAGES = (
    rf"\b(?:ignorier|vergiss|vergesst|missacht)\w*\b{_GAP}(?:anweisung|anleitung|vorgabe|instruktion|regeln)",
    rf"\b(?:ignore[rz]?|oublie[rz]?)\b{_GAP}\b(?:instructions|consignes|regles)\b",
    rf"\b(?:ignor[ae]|olvid[ae]|esquec[ae]|dimentica)\w*\b{_GAP}\b(?:instrucciones|reglas|instrucoes|istruzioni|regole)\b",
    r"(?:忽略|无视|無視|忘记|忘記).{0,16}(?:指令|指示|说明|說明|规则|規則|提示)",
    r"(?:指示|命令|ルール|規則).{0,16}(?:無視|忘れ)",
    r"(?:игнорируй|забудь|проигнорируй)\w*.{0,40}(?:инструкци|указани|правил)",
)
_FORGED_VOICES = (
    r"<\|[a-z_]+\|>|\[/?inst\]|<</?sys>>",
    r"(?:\A|\n) {0,3}#{1,6} *system(?: prompt| message)? *:? *(?:\n|\Z)|(?:\A|\n)\s*assistant\s*:",
    r"[\"']role[\"']\s*:\s*[\"'](?:system|assistant|tool|developer|user)[\"']",
    r"</?(?:tool_(?:result|response|use|call)s?|function_(?:call|result)s?)\b[^>]{0,60}>|</?(?:system|assistant)>",
    r"\[(?:data|end) [0-9a-f]{8,}\]",
)
_ORDERS = re.compile("|".join((*_ENGLISH, *_OTHER_LANGUAGES, *_FORGED_VOICES)), re.IGNORECASE)
# Letters of other scripts that look like these.
_LIKE = ("аеорсухіјѕһԁԛԝвкмнтαεορυικνχτ", "aeopcyxijshdqwbkmhtaeopuiknxt")
_ALIKE = str.maketrans(_LIKE[0] + _LIKE[0].upper(), _LIKE[1] + _LIKE[1].upper())
_LEET = str.maketrans("0134578@$", "oieastbas")
_SPELLED = re.compile(r"(?:\b\w )(?:\w ){5,}\w\b|\b\w(?: \w)+(?:  +\w(?: \w)+)+\b")
_UNSEEN = frozenset({"Mn", "Me", "Cf", "Cc", "Co", "Cn"})
_ENCODED = re.compile(r"(?<![A-Za-z0-9+/=_-])[A-Za-z0-9+/_-]{24,4000}={0,2}(?![A-Za-z0-9+/=_-])")


def orders_in(text: str, path: str) -> list[Finding]:
    """What in a text reads like an instruction to a model; the first few of it."""
    hint = "it was given as data; look at where this text comes from"
    return [
        Finding(
            path,
            line,
            1,
            "instruction-in-data",
            f"reads like an instruction to a model: “{said}”",
            hint,
            Severity.WARNING,
        )
        for line, said in sorted(islice(_orders(text), MOST))
    ]


def _orders(text: str) -> Iterator[tuple[int, str]]:
    """(line, words) of each, in the first spelling that shows it."""
    plain = _seen(text)
    spellings = (plain, plain.translate(_ALIKE), plain.translate(_LEET), _SPELLED.sub(_joined, plain))
    lines: set[int] = set()
    for look in dict.fromkeys(spellings):
        for match in _ORDERS.finditer(look):
            line = look.count("\n", 0, match.start() + (match[0][:1] == "\n")) + 1
            if line not in lines:
                lines.add(line)
                yield line, _shown(match[0])
    for match in _ENCODED.finditer(text):
        said = _ORDERS.search(_seen(_decoded(match[0])))
        if said:
            yield text.count("\n", 0, match.start()) + 1, f"{_shown(said[0])} (encoded)"


def _seen(text: str) -> str:
    """The text without what nobody sees, in the plainest spelling of each letter; line for line as it was."""
    plain = unicodedata.normalize("NFKD", text)
    odd = {char for char in set(plain) if unicodedata.category(char) in _UNSEEN} - {"\n", "\t"}
    return plain.translate(dict.fromkeys(map(ord, odd)))


def _joined(match: re.Match[str]) -> str:
    return re.sub(r"(?<=\w) (?=\w)", "", match[0])


def _decoded(text: str) -> str:
    try:
        bare = text.rstrip("=").translate({ord("-"): "+", ord("_"): "/"})
        return base64.b64decode(bare + "=" * (-len(bare) % 4)).decode()
    except (binascii.Error, ValueError):
        return ""


def _shown(words: str) -> str:
    return " ".join(words.split())[:80]
