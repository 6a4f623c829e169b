#!/usr/bin/env python3
"""Makes the notebook docs/tutorials/python.ipynb from docs/tutorials/python.md: a cell per block of Python, without
outputs. Blocks that are not run are shown as text.

    python3 tests/python_notebook.py
"""

import json
import re
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent / "docs/tutorials"
PAGE, NOTEBOOK = FOLDER / "python.md", FOLDER / "python.ipynb"
ABOUT = "*Made from `docs/tutorials/python.md` by `tests/python_notebook.py`.*"


def cells(page):
    """The cells of a page in order, as kind and text."""
    parts = re.split(r"^```python\n(.*?)^```\n", page, flags=re.DOTALL | re.MULTILINE)
    for index, part in enumerate(parts):
        if index % 2:
            yield "code", part.strip("\n")
        elif part.strip():
            yield "markdown", re.sub(r'^(```\w+) not-run=".*"$', r"\1", part.strip("\n"), flags=re.MULTILINE)


def notebook(page):
    """The text of the notebook of a page."""
    made = []
    for number, (kind, text) in enumerate([*cells(page), ("markdown", ABOUT)]):
        cell = {"cell_type": kind, "id": f"cell-{number}", "metadata": {}, "source": text.splitlines(keepends=True)}
        if kind == "code":
            cell |= {"execution_count": None, "outputs": []}
        made.append(cell)
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    whole = {"cells": made, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(whole, indent=1, ensure_ascii=False) + "\n"


def run_notebook():
    """Runs the code of the notebook, which must be that of the page; gives the number of its cells."""
    text = NOTEBOOK.read_text(encoding="utf-8")
    made = notebook(PAGE.read_text(encoding="utf-8"))
    assert text == made, f"{NOTEBOOK.name} is not made from {PAGE.name}: run tests/python_notebook.py"
    codes = ["".join(cell["source"]) for cell in json.loads(text)["cells"] if cell["cell_type"] == "code"]
    names = {"print": lambda *_: None}
    for number, code in enumerate(codes, 1):
        exec(compile(code, f"{NOTEBOOK.name}, code cell {number}", "exec"), names)
    assert codes, f"{NOTEBOOK.name}: no code"
    return len(codes)


if __name__ == "__main__":
    NOTEBOOK.write_text(notebook(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
