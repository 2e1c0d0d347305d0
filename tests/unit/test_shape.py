"""The shape of the house: rooms look up, only the wire touches the world, every public name is explained."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import judgekit
import judgekit.protocols

ROOT = Path(judgekit.__file__).parent
ROOMS = [
    "face", "errors", "scales", "types", "records", "distribution", "roles", "shelf", "writing", "terminal",
    "prompt", "rubric", "items", "fences", "protocols", "ledger", "plan", "judges", "run",
    "telemetry", "table", "recordings",
    "agreement", "calibration", "aggregate", "review", "standing", "recipes", "batches", "verbs", "drivers",
    "bank", "probes", "rewards", "report", "view", "testing", "cli",
]  # fmt: skip
ROOMS_WITHIN = {
    "agreement": [
        "core", "chance", "association", "models", "people", "sampling", "probability", "published", "bias",
        "auditing",
    ],
    "rewards": ["core", "watching", "serving"],  # adapters, which use them all, stand beside them
}  # fmt: skip
OUTSIDE = {
    "aiohttp", "asyncio", "http", "logging", "os", "random", "secrets", "shutil", "socket", "sqlite3",
    "subprocess", "tempfile", "threading", "time", "urllib",
}  # fmt: skip
WIRE = {
    "judges": OUTSIDE,
    "run": {"asyncio", "time"},
    "batches": {"aiohttp", "asyncio", "secrets", "urllib"},
    "terminal": {"os", "threading", "time"},  # what a terminal is, and when a line is due
    "ledger": {"asyncio", "os", "sqlite3", "threading", "time", "urllib"},
    "items": {"os", "shutil", "sqlite3", "tempfile"},  # kinds of files; what is sorted, or is read twice
    "telemetry": {"time"},  # when an event happened
    "verbs": {"asyncio", "os", "time"},
    "drivers": {"os"},  # what is said to a cluster
    "writing": {"os"},
    "review": {"random"},  # seeded: the order of a blind sheet
    "probes": {"random"},
    "rewards": OUTSIDE,  # its server
    "view": {"aiohttp", "secrets", "socket", "sqlite3"},  # its server, and the index that it reads
    "cli": OUTSIDE,
    "testing": {"shutil"},  # parts of workers that are joined
}
PURE = {
    "errors",
    "scales",
    "types",
    "records",
    "distribution",
    "roles",
    "prompt",
    "fences",
    "protocols",
    "plan",
    "aggregate",
    "recipes",
    "agreement",
}
SOURCES = sorted(
    path for path in ROOT.rglob("*.py") if path.parent != ROOT or path.stem not in {"__init__", "__main__"}
)


def room(path: Path) -> str:
    return path.relative_to(ROOT).with_suffix("").parts[0]


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def imports(tree: ast.Module) -> Iterator[str]:
    """Dotted names of the modules a module imports, `TYPE_CHECKING` blocks and functions included."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module == "judgekit":
            yield from (f"judgekit.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield str(node.module)


def dotted(path: Path) -> str:
    return ".".join(("judgekit", *path.relative_to(ROOT).with_suffix("").parts)).removesuffix(".__init__")


@cache
def uses() -> dict[str, set[str]]:
    """Module -> the modules it imports, lazy imports and names of modules included."""
    known = {dotted(path) for path in SOURCES}
    return {
        dotted(path): {
            each
            for node in ast.walk(parsed(path))
            if isinstance(node, ast.ImportFrom)
            for each in (node.module, *(f"{node.module}.{alias.name}" for alias in node.names))
            if each in known and each != dotted(path)
        }
        for path in SOURCES
    }


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def public(
    tree: ast.Module | ast.ClassDef,
) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
    """Public functions and classes of a module, and public methods of those classes."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and node.name[0] != "_":
            yield node
            if isinstance(node, ast.ClassDef):
                yield from public(node)


def test_every_room_has_its_place_in_the_order():
    assert {room(path) for path in SOURCES} <= set(ROOMS)


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_rooms_only_look_up(path: Path):
    above = set(ROOMS[: ROOMS.index(room(path)) + 1]) | {"__version__"}
    used = {each.split(".")[1] for each in imports(parsed(path)) if each.startswith("judgekit.")}

    assert used <= above, f"{name(path)} looks down at {sorted(used - above)}"


@pytest.mark.parametrize("outer", ROOMS_WITHIN)
def test_rooms_within_a_room_only_look_up(outer: str):
    order = ROOMS_WITHIN[outer]
    paths = [path for path in (ROOT / outer).rglob("*.py") if path.parent != ROOT / outer]
    for path in paths:
        inner = path.relative_to(ROOT / outer).parts[0]
        above = set(order[: order.index(inner) + 1])
        used = {each.split(".")[2] for each in imports(parsed(path)) if each.startswith(f"judgekit.{outer}.")}

        assert used <= above, f"{name(path)} looks down at {sorted(used - above)}"
    assert {path.relative_to(ROOT / outer).parts[0] for path in paths} == set(order)


def test_no_folder_is_crowded():
    folders = [ROOT, *(folder for folder in ROOT.rglob("*") if folder.is_dir())]

    assert {f.name: n for f in folders if (n := len(list(f.glob("*.py")))) > 26} == {}  # and an __init__


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_a_function_fits_a_screen_and_a_module_holds_one_thing(path: Path):
    tree = parsed(path)
    functions = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
    lines = {
        each.name: (each.end_lineno or 0) - each.lineno - len((ast.get_docstring(each) or "").splitlines())
        for each in functions
    }

    assert {function: n for function, n in lines.items() if n > 60} == {}
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 500


def test_what_a_protocol_is_stands_in_its_module():
    names = set(judgekit.protocols.PROTOCOLS)
    compared = {
        f"{name(path)}:{node.lineno}"
        for path in SOURCES
        if room(path) != "protocols"
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Compare)
        and "protocol" in ast.dump(node).lower()
        and names & {each.value for each in ast.walk(node) if isinstance(each, ast.Constant)}
    }

    assert compared == set()


@pytest.mark.parametrize(
    "path", [path for path in SOURCES if room(path) in {*ROOMS_WITHIN, "report"}], ids=name
)
def test_modules_do_not_import_each_other_in_a_circle(path: Path):
    def reached(start: str) -> Iterator[str]:
        seen, left = {start}, [start]
        while left:
            for each in uses().get(left.pop(), ()):
                yield each
                if each not in seen:
                    seen.add(each)
                    left.append(each)

    assert dotted(path) not in set(reached(dotted(path)))


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_only_the_wire_touches_network_clock_disk_and_chance(path: Path):
    used = {each.split(".")[0] for each in imports(parsed(path))} & OUTSIDE

    assert used <= WIRE.get(room(path), set()), f"{name(path)} imports {sorted(used)}"


def test_what_may_be_singular_is_inverted_by_one_piece():
    """numpy's own line between 0 and not lies below its rounding; `inverse_of` draws a wider one."""
    used = {name(path) for path in SOURCES if "linalg.pinv" in path.read_text(encoding="utf-8")}

    assert used == {"agreement/core/arrays.py"}


@pytest.mark.parametrize("path", [path for path in SOURCES if room(path) in PURE], ids=name)
def test_a_pure_room_opens_no_file(path: Path):
    tree = parsed(path)
    called = {
        node.func.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }

    assert "pathlib" not in set(imports(tree))
    assert not called & {"open", "print", "input", "exec", "eval"}


def test_the_wire_is_no_wider_than_it_has_to_be():
    used: dict[str, set[str]] = {}
    for path in SOURCES:
        used.setdefault(room(path), set()).update(
            {each.split(".")[0] for each in imports(parsed(path))} & OUTSIDE
        )

    exact = {r: modules for r, modules in WIRE.items() if modules is not OUTSIDE and r in used}
    assert {r: used[r] for r in exact} == exact


def test_a_plan_knows_of_the_ledger_only_its_key():
    used = {each for each in imports(parsed(ROOT / "plan.py")) if each.startswith("judgekit.ledger")}

    assert used == {"judgekit.ledger.key"}


@cache
def records() -> set[tuple[str, str]]:
    """Module and name of every dataclass."""
    return {
        (dotted(path), node.name)
        for path in SOURCES
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.ClassDef) and any("dataclass" in ast.unparse(d) for d in node.decorator_list)
    }


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_a_record_of_many_fields_is_made_by_keyword(path: Path):
    tree = parsed(path)
    known = {
        alias.asname or alias.name: (str(node.module), alias.name)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    made = [
        f"{node.func.id} in line {node.lineno}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and len(node.args) > 5
        if known.get(node.func.id, (dotted(path), node.func.id)) in records()
    ]

    assert made == []


@pytest.mark.parametrize(
    "path", [path for path in SOURCES if room(path) in {"shelf", "report", "review"}], ids=name
)
def test_only_templates_write_html(path: Path):
    strings = {
        node.value
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and "\n" not in node.value
    }

    assert [each for each in strings if re.search(r"</?[a-z]", each)] == []


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_every_public_name_has_a_docstring(path: Path):
    tree = parsed(path)

    assert ast.get_docstring(tree), f"{name(path)} does not say what it is for"
    assert [node.name for node in public(tree) if not ast.get_docstring(node)] == []


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'grade'"):
        _ = judgekit.grade


def test_importing_the_package_loads_nothing_heavy():
    heavy = {"litellm", "pandas", "sklearn", "scipy", "numpy", "pydantic", "aiohttp", "typer", "rich", "yaml"}
    heavy |= {"pyarrow", "ray"}
    code = f"import sys, judgekit; print(sorted({heavy!r} & set(sys.modules)))"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"
