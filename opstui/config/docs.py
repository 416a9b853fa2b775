"""The sentence under each setting, read back from the source, so that it is written once."""

from __future__ import annotations

import ast
import inspect
from functools import cache
from itertools import pairwise


@cache
def field_docs(kind: type) -> dict[str, str]:
    """Key → the sentence under it; empty where the source is not at hand."""
    try:
        tree = ast.parse(inspect.getsource(kind))
    except (OSError, TypeError):
        return {}
    body = tree.body[0].body if isinstance(tree.body[0], ast.ClassDef) else []
    found: dict[str, str] = {}
    for field, sentence in pairwise(body):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
            if isinstance(sentence, ast.Expr) and isinstance(sentence.value, ast.Constant):
                found[field.target.id] = inspect.cleandoc(str(sentence.value.value))
    return found


def table_doc(kind: type) -> str:
    """The sentence under the table's class."""
    return inspect.cleandoc(kind.__doc__ or "")
