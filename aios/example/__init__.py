"""The example company: what the tests run, what the README shows, and the machinery that `aios init` copies."""

from aios.example.files import DEMO_TOPIC, NAME, OPERATOR, SECOND_TOPIC, company_files, github_files, machinery
from aios.example.starter import operator_readme, starter_files
from aios.example.traffic import write_traffic

__all__ = [
    "DEMO_TOPIC",
    "NAME",
    "OPERATOR",
    "SECOND_TOPIC",
    "company_files",
    "github_files",
    "machinery",
    "operator_readme",
    "starter_files",
    "write_traffic",
]
