"""Made-up conversations of any length, always the same ones, for figures of speed.

People talk about what they did; now and then one asks and the other answers without repeating the subject, as people
do. The words come from a small world, so that many turns share them; numbers and places tell turns apart. What is asked
of it is asked in other words than it was said. It says little about quality: nobody talks like this.
"""

from __future__ import annotations

import random
from datetime import date, timedelta

from tests.benchmarks.corpus import Corpus, Document, Query

_NAMES = """
    Ada Bo Cleo Dag Edda Finn Gus Hedi Ivo Jana Kai Lene Mads Nele Otis Pia Quinn Rolf Sanna Till Ute Vito
"""
NAMES = tuple(_NAMES.split())
_THINGS = """
    invoice shelf kiln contract newsletter bicycle website oven permit workshop camera garden podcast printer
    loom lease stall catalogue boat violin recipe ladder lamp server mural passport jacket beehive stove
    ticket
"""
THINGS = tuple(_THINGS.split())
_DID = """
    finished repaired ordered lost sold painted moved cancelled borrowed tested cleaned returned measured
    insured photographed inherited wrapped counted described renewed
"""
DID = tuple(_DID.split())
_PLACES = """
    Aarhus Bergen Cork Delft Erfurt Faro Ghent Halle Izola Jena Kotor Lund Malaga Narvik Odense Porto Riga
    Siena Turku Utrecht Vaduz Zadar
"""
PLACES = tuple(_PLACES.split())
FEELINGS = (
    "and it took the whole weekend", "which cost more than I thought", "though nobody had asked me to",
    "and I would do it again", "because the old one gave up", "but do not tell my sister", "and then it rained",
    "with a lot of help from the neighbours", "and the dog slept through all of it",
)  # fmt: skip
SMALL_TALK = (
    "How have you been since we last spoke?", "That sounds wonderful, tell me more about it.",
    "I have been meaning to call you for days.", "The weather here is awful at the moment.",
    "Work keeps me busy but I cannot complain.", "Let us meet again soon, it has been too long.",
)  # fmt: skip


def chatter(turns: int, *, questions: int = 200, seed: int = 7) -> Corpus:
    """`turns` turns in sessions of twenty between pairs of people, and questions about some of them."""
    rng = random.Random(seed)
    documents: list[Document] = []
    queries: list[Query] = []
    every = max(turns // (3 * questions), 1)
    day = date(2024, 1, 1)
    while len(documents) < turns:
        session = len(documents) // 20
        one, other = rng.sample(NAMES, 2)
        day = date(2024, 1, 1) + timedelta(days=session % 900)
        for _ in range(10):
            number = len(documents)
            thing, did, place, sum_ = rng.choice(THINGS), rng.choice(DID), rng.choice(PLACES), rng.randint(20, 990)
            told = f"I {did} the {thing} in {place} {rng.choice(FEELINGS)}."
            asked = rng.random() < 0.5
            answer = f"In the end {sum_} euros, {rng.choice(FEELINGS)}." if asked else rng.choice(SMALL_TALK)
            documents += [
                _turn(number, session, day, one, told + (" Guess the price!" if asked else "")),
                _turn(number + 1, session, day, other, answer),
            ]
            if len(queries) < questions and (number // 2) % every == 0:
                text = f"What happened to the {thing} that {one} {did} when visiting {place}?"
                queries.append(Query(f"q{len(queries)}", text, frozenset({f"t{number}"})))
    return Corpus(tuple(documents[:turns]), tuple(query for query in queries if _is_in(query, turns)))


def _turn(number: int, session: int, day: date, speaker: str, text: str) -> Document:
    return Document(
        id=f"t{number}", text=text, title=f"Talk {session}", date=day.isoformat(), group=f"talk-{session}",
        speaker=speaker,
    )  # fmt: skip


def _is_in(query: Query, turns: int) -> bool:
    return all(int(each[1:]) < turns for each in query.relevant)
