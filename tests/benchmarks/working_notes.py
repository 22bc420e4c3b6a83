"""Made-up working notes of a small company, always the same ones: what the offline agents research in benchmarks.

Eight subjects, ten documents each, of four to six headings with facts of their own: who, where, how many. Documents of
one subject share their words as documents of one subject do, and no two sentences are the same.
"""

from __future__ import annotations

import random

from aios.domain.front_matter import render_markdown
from aios.domain.slug import slug
from tests.benchmarks.chatter import NAMES, PLACES

SUBJECTS = {
    "refunds": ("refund", "a refund", "returned payments"),
    "cancelling": ("cancellation", "a cancellation", "customers who leave"),
    "onboarding": ("onboarding", "an onboarding call", "first weeks with a new customer"),
    "support": ("support", "a support ticket", "questions that customers ask"),
    "invoices": ("invoice", "an invoice", "bills and when they are paid"),
    "renewals": ("renewal", "a renewal", "contracts that come to their end"),
    "newsletters": ("newsletter", "a newsletter", "letters to readers"),
    "webinars": ("webinar", "a webinar", "talks that people watch"),
}
_KINDS = ("Log of", "Notes from an interview on", "Figures on", "Checklist for", "Experiment with")
_ASPECTS = {
    "How long {a} takes": (
        "In {place} {a} took {n} days on average, and {m} where {name} handled it alone.",
        "Of {n} cases, {m} were closed on the first day after the {word} was noticed.",
        "Most of the time goes by while somebody waits for {name} to answer, which took {n} hours in the median.",
        "The slowest {word} of the year lasted {n} days because the address in {place} was wrong.",
    ),
    "What {a} costs": (
        "One {word} costs the company {n} euros, of which {m} are working time.",
        "{name} counted {n} euros for {a} in {place}, twice what the year before had shown.",
        "The bank keeps {n} cents of each {word}, whatever its amount.",
        "A cheaper way to handle a {word} saved {n} euros a month and cost one afternoon in {place}.",
    ),
    "Who asks for {a}": (
        "Small teams of {m} people or fewer make up {n} percent of those who ask for {a}.",
        "Customers in {place} ask for {a} more often than others, and {name} found {n} reasons why.",
        "Half of the people behind a {word} had been customers for more than {n} months.",
        "Resellers hardly ever ask; the {n} of them that did came through {name}.",
    ),
    "What to write about {a}": (
        "A message of {n} words about the {word} was answered by {m} of a hundred readers.",
        "{name} writes the reason into the first sentence, and the number of the {word} into the subject.",
        "The version from {place} leaves out every apology and was read to its end by {n} percent.",
        "A second message about the same {word} is sent after {n} days, never earlier.",
    ),
    "Mistakes with {a}": (
        "In {n} of {m} cases the {word} was booked twice, once by {name} and once by the system.",
        "The form in {place} lost the date of the {word} whenever the browser was closed.",
        "Nobody had told {name} that {a} needs a reason, so {n} of them had none.",
        "A {word} without a name on it took {n} people to sort out.",
    ),
    "What to measure of {a}": (
        "The share of customers with {a} is counted each month, and {n} percent is the mark to stay below.",
        "{name} counts days, not hours, because the {word} often begins on a weekend in {place}.",
        "The figure that told most was how many came back within {n} weeks after the {word}.",
        "A sample of {n} is too small to say anything about {place} alone.",
    ),
    "What changed after {a}": (
        "After the {word} {n} of {m} customers in {place} bought something else within the quarter.",
        "{name} called everybody a month later, and {n} of those called had already forgotten the {word}.",
        "Churn stood at {n} percent before the change and at {m} percent a year after it.",
        "The team in {place} stopped doing it by hand and has not had a single lost {word} since.",
    ),
}
_OPENINGS = (
    "These are {kind} {about}, kept by {name} in {place} since the spring of {year}.",
    "What follows covers {n} cases from {place}, collected by {name} for the yearly look at {about}.",
    "{name} wrote this down after {n} months of work on {about}, mostly for the office in {place}.",
)


def working_notes(*, each: int = 10, seed: int = 11) -> dict[str, str]:
    """Source records by path, `each` of every subject: about 2.5 KB apiece, of which no two are alike."""
    chance = random.Random(seed)
    files = {}
    for subject, (word, one, about) in SUBJECTS.items():
        for number in range(each):
            kind, person = _KINDS[number % len(_KINDS)], chance.choice(NAMES)
            title = f"{kind} {subject} in {chance.choice(PLACES)}, {2018 + number}"
            body = f"# {title}\n\n{_sentence(chance, chance.choice(_OPENINGS), word, one, about, kind.lower())}\n"
            for aspect in chance.sample(list(_ASPECTS), chance.randint(4, 6)):
                heading = aspect.replace("{a}", subject)
                told = [_sentence(chance, each_, word, one, about, "") for each_ in chance.sample(_ASPECTS[aspect], 4)]
                body += f"\n## {heading}\n\n{told[0]} {told[1]}\n\n{told[2]} {told[3]}\n"
            data = {"schema": "source.v1", "title": title, "origin": f"notes/{person.lower()}.md", "trust": "operator"}
            files[f"state/sources/{slug(title)}.md"] = render_markdown(data, body)
    return files


def _sentence(chance: random.Random, form: str, word: str, one: str, about: str, kind: str) -> str:
    n, m = sorted(chance.sample(range(2, 400), 2), reverse=True)
    text = form.format(
        word=word, a=one, about=about, kind=kind, n=n, m=m, name=chance.choice(NAMES), place=chance.choice(PLACES),
        year=chance.randint(2015, 2024),
    )  # fmt: skip
    return text[0].upper() + text[1:]
