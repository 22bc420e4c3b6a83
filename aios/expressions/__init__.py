"""Expressions in workflows, policies and invariants: CEL behind a small interface of ours.

Typed, bounded, without side effects, clock or randomness. What is declared is checked field by field, so that an
unknown name or a wrong type is an error when the file is checked.
"""

from aios.expressions.cel import LIMIT, compile_bool, compile_value, evaluate, evaluate_bool
from aios.expressions.lexical import names_under
from aios.expressions.scope import ExpressionError, Schema, Scope, declare, is_name, typed
from aios.expressions.template import fill, holes, render, render_text, whole

__all__ = [
    "LIMIT",
    "ExpressionError",
    "Schema",
    "Scope",
    "compile_bool",
    "compile_value",
    "declare",
    "evaluate",
    "evaluate_bool",
    "fill",
    "holes",
    "is_name",
    "names_under",
    "render",
    "render_text",
    "typed",
    "whole",
]
