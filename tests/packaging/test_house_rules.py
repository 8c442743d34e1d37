"""Rules that keep the code readable and that a program can check."""

import ast
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted(
    path
    for room in ("cfg", "ditto", "ditto_server", "model_formats", "stream_pipeline")
    for path in (ROOT / room).rglob("*.py")
)
TREES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in FILES}
ROOMS = sorted({path.parent.relative_to(ROOT).as_posix() for path in FILES})

MAX_LINES = 400  # of a file
MAX_ANY = 90  # in annotations: what libraries without types give
ANY_KEYWORDS = {  # files whose functions take keywords of any name: docs/decisions/keywords_of_the_api.md
    **{"stream_pipeline/engine.py": 4, "stream_pipeline/creator.py": 4, "stream_pipeline/session.py": 1},
    **{"stream_pipeline/performer.py": 2, "stream_pipeline/live_face.py": 1},
    **{"stream_pipeline/sdk.py": 2, "ditto/motion/controls.py": 2, "cfg/reading.py": 1},
    "ditto_server/live/mock_face.py": 1,  # a live face: its controls
    "stream_pipeline/commands/parsing.py": 1,  # those of argparse
}
QUESTIONS = ("How", "What", "When", "Where", "Which", "Who", "Whose")


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def annotations(tree: ast.Module) -> Iterator[ast.expr]:
    for node in ast.walk(tree):
        if isinstance(node, ast.arg | ast.AnnAssign) and node.annotation is not None:
            yield node.annotation
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.returns is not None:
            yield node.returns


def constants(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Names in capitals that a module gives a value, and the value as it is written."""
    for node in tree.body:
        if isinstance(node, ast.AnnAssign) and node.value is not None:
            targets, value = [node.target], node.value
        elif isinstance(node, ast.Assign):
            targets, value = node.targets, node.value
        else:
            continue
        for target in targets:
            names = target.elts if isinstance(target, ast.Tuple) else [target]
            values = value.elts if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) else [value]
            for name, given in zip(names, values * (len(names) if len(values) == 1 else 1), strict=True):
                if isinstance(name, ast.Name) and name.id.isupper():
                    yield name.id, ast.unparse(given)


def test_no_file_is_longer_than_one_idea_needs():
    lengths = {name_of(path): len(path.read_text(encoding="utf-8").splitlines()) for path in FILES}
    assert {name: lines for name, lines in lengths.items() if lines > MAX_LINES} == {}


def test_any_is_rare_in_annotations():
    found = sum(
        isinstance(part, ast.Name) and part.id == "Any"
        for tree in TREES.values()
        for annotation in annotations(tree)
        for part in ast.walk(annotation)
    )
    assert found < MAX_ANY


def test_keywords_of_any_name_are_taken_by_the_public_api_alone():
    found = Counter(
        name_of(path)
        for path, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.arguments) and node.kwarg is not None
    )
    assert found == ANY_KEYWORDS


def test_the_seam_of_packs_knows_no_any():
    base = (ROOT / "ditto" / "packs" / "base.py").read_text(encoding="utf-8")
    assert "Any" not in base.replace("AnyPack", "")


@pytest.mark.parametrize("room", ROOMS)
def test_a_constant_means_one_thing_within_a_room(room):
    values = defaultdict(set)
    for path, tree in TREES.items():
        if path.parent == ROOT / room:
            for name, value in constants(tree):
                values[name].add(value)
    assert {name: given for name, given in values.items() if len(given) > 1} == {}


def test_a_docstring_says_what_a_thing_is_and_asks_no_question():
    asking = [
        (name_of(path), text.splitlines()[0])
        for path, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and (text := ast.get_docstring(node) or "").split(" ", 1)[0] in QUESTIONS
    ]
    assert asking == []
