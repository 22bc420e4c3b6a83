"""The example company: what the tests run, what the README shows, and the machinery that `aios init` copies."""

from aios.example.files import company_files, machinery
from aios.example.starter import operator_readme, starter_company

# Who runs the example company, as git knows them.
OPERATOR = ("Mara Lindqvist", "mara@fernwerk.example")

__all__ = ["OPERATOR", "company_files", "machinery", "operator_readme", "starter_company"]
