"""A table of mistakes: each is told in one line that says where, what was found and what would do.

What is wrong with what was handed in is said before any call (exit code 2); what only a server could say,
after it was asked (exit code 3).
"""

import json
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, NamedTuple

import pandas as pd
import pytest

import judgekit as jk
from judgekit.cli import main
from judgekit.table import outcome_row

YES = '{"label": "yes"}'
RUBRIC = {"id": "tone", "criteria": [{"id": "polite", "text": "Is the response polite?"}]}
ROW = {"id": "1", "task": "Where is it?", "response": "At the depot."}
ROWS = [{**ROW, "id": str(n)} for n in range(3)]
PAIR = {"id": "1", "task": "Where is it?", "responses": {"x": "At the depot.", "y": "No idea."}}
SPEC = 'rubric = "rubric.json"\njudges = "endpoint:{url}#m"\n'


LOST = json.dumps(outcome_row(jk.Abstention("j", jk.Unit("1", ("x",)), "polite", "unreachable", "HTTP 503")))


class Row(NamedTuple):
    """One mistake.

    Args:
        says: What its message holds (`...`: anything between): place, what was found, what would do.
        made: A command line, or a function of a judge.
        files: Files that are there beside the good ones; bytes as they are, `{url}` in texts filled in.
        code: The exit code of the command.
    """

    says: str
    made: str | Callable[[Any], Any]
    files: dict[str, Any] = {}  # noqa: RUF012 - never changed
    code: int = 2


def yaml(text: str) -> dict[str, str]:
    return {"r.yaml": text}


def jsonl(*rows: Any) -> dict[str, str]:
    return {"i.jsonl": "".join(json.dumps(row) + "\n" for row in rows)}


def spec(text: str) -> dict[str, str]:
    return {"s.toml": text}


SCORE = "score items.jsonl -r rubric.json {j}"
BY = "score items.jsonl -r r.yaml {j}"
OF = "score i.jsonl -r rubric.json {j}"
GIVE = "reward give items.jsonl --spec s.toml --out out.jsonl"
AGREE = "agree outcomes.jsonl -r rubric.json --labels labels.csv"


def scored(**options: Any) -> Callable[[Any], Any]:
    return lambda judge: jk.score(ROWS, RUBRIC, judge, ledger=None, **options)


def by(rubric: Any) -> Callable[[Any], Any]:
    return lambda judge: jk.score(ROWS, rubric, judge, ledger=None)


def of(items: Any, **options: Any) -> Callable[[Any], Any]:
    return lambda judge: jk.score(items, RUBRIC, judge, ledger=None, **options)


def judged_by(judge: Any, **options: Any) -> Callable[[Any], Any]:
    return lambda _: jk.score(ROWS, RUBRIC, judge, ledger=None, **options)


def agreed(**options: Any) -> Callable[[Any], Any]:
    return lambda _: jk.agree("outcomes.jsonl", labels="labels.csv", rubric=RUBRIC, **options)


class Judgeless:
    def __call__(self, _):
        return YES


RUBRICS = [
    Row(
        "rubric ... a list ... a mapping with 'id' and 'criteria'",
        by([{"id": "polite", "text": "Is it polite?"}]),
    ),
    Row("rubric ... an int ... a path, a bundled name, or a mapping", by(42)),
    Row("criteria[0] ... found 'Is it polite?'", by({"id": "t", "criteria": ["Is it polite?"]})),
    Row("rubric: id: is missing", by({"criteria": RUBRIC["criteria"]})),
    Row("nope.yaml: cannot be read (No such file or directory)", "score items.jsonl -r nope.yaml {j}"),
    Row("support_repl ... did you mean 'support_reply'?", "score items.jsonl -r support_repl {j}"),
    Row(".: ... it is a folder, and a file is to be named", "score items.jsonl -r . {j}"),
    Row("no rubric; name one, or a recipe that has one", "score items.jsonl {j}"),
    Row(
        "r.yaml: line 3, column 36 ... got '?' ... text: Is it polite?} ... put texts \"in quotes",
        BY,
        yaml("id: t\ncriteria:\n  - {id: polite, text: Is it polite?}\n"),
    ),
    Row(
        "r.yaml: criteria[0] ('polite').kind and warm ... behind a comma ... put it in quotes",
        BY,
        yaml("id: t\ncriteria:\n  - {id: polite, text: Is it polite, kind and warm}\n"),
    ),
    Row(
        'r.yaml: line 4, column 16 ... text: Is it: polite? ... put texts "in quotes',
        BY,
        yaml("id: t\ncriteria:\n  - id: polite\n    text: Is it: polite?\n"),
    ),
    Row(
        "r.yaml: line 3, column 1 ... indents by blanks, not by tabs",
        BY,
        yaml("id: t\ncriteria:\n\t- id: polite\n"),
    ),
    Row("r.yaml: line 2 ... key 'id' stands twice", BY, yaml("id: t\nid: u\ncriteria: []\n")),
    Row(
        "r.yaml: holds a list, not a mapping with 'id' and 'criteria'",
        BY,
        yaml("- id: polite\n  text: Is it polite?\n"),
    ),
    Row(
        "r.yaml: two criteria have the id 'polite'; rename one",
        BY,
        yaml("id: t\ncriteria:\n  - {id: polite, text: 'Is it?'}\n  - {id: polite, text: 'Is it?'}\n"),
    ),
    Row(
        "r.yaml: criteria[0] ('polite') ... weight 0 ... give it a weight",
        BY,
        yaml("id: t\ncriteria:\n  - {id: polite, text: 'Is it?', weight: 0}\n"),
    ),
    Row(
        "r.yaml: criteria[0] ('polite').wieght: unknown key; did you mean 'weight'?",
        BY,
        yaml("id: t\ncriteria:\n  - {id: polite, text: 'Is it?', wieght: 2}\n"),
    ),
    Row(
        "r.yaml: criteria[0] ('polite').weight: must be a number, found 'heavy'",
        BY,
        yaml("id: t\ncriteria:\n  - {id: polite, text: 'Is it?', weight: heavy}\n"),
    ),
    Row(
        "r.yaml: criteria[0] ('polite').scale: low 5 is not below high 1",
        BY,
        yaml("id: t\ncriteria:\n  - {id: polite, text: 'Is it?', scale: 5-1}\n"),
    ),
    Row(
        "r.yaml: criteria[0] ('polite').scale ... 'five stars' ... a range such as 1-5",
        BY,
        yaml("id: t\ncriteria:\n  - {id: polite, text: 'Is it?', scale: five stars}\n"),
    ),
    Row(
        "r.yaml: criteria[0] ('polite').scale: labels 'yes' and 'yes' read the same",
        BY,
        yaml("id: t\ncriteria:\n  - {id: polite, text: 'Is it?', scale: [yes, yes]}\n"),
    ),
    Row(
        "r.yaml: criteria[0] ('polite').about ... 'response', 'task' ... found 'answer'",
        BY,
        yaml("id: t\ncriteria:\n  - {id: polite, text: 'Is it?', about: answer}\n"),
    ),
    Row("r.yaml: criteria: is empty", BY, yaml("id: t\ncriteria: []\n")),
    Row("r.yaml: criteria[0] ('polite').text: is missing", BY, yaml("id: t\ncriteria:\n  - {id: polite}\n")),
    Row(
        "r.yaml: not UTF-8 (byte 25); save it as UTF-8",
        BY,
        {"r.yaml": "id: t\ncriteria: [{id: caf\xe9, text: x}]".encode("latin-1")},
    ),
    Row(
        "r.json ... line 1 column 2",
        "score items.jsonl -r r.json {j}",
        {"r.json": '{"id": "t", "criteria": [],}'},
    ),
    Row(
        "r.yaml: warning: criterion 'good' ... 1 and 5 ... write `scale: 1-5`",
        "rubric lint r.yaml",
        yaml("id: t\ncriteria:\n  - {id: good, text: 'How good?', scale: [1, 5]}\n"),
        1,
    ),
    Row(
        "nope.yaml: error: nope.yaml: cannot be read (No such file or directory)",
        "rubric lint nope.yaml",
        {},
        1,
    ),
    Row(
        "r.json: in no format known here ... say which with --format NAME",
        "rubric import r.json",
        {"r.json": "{}"},
    ),
]
ITEMS = [
    Row(
        "frame: row 1: task is empty; fill it, or take the row out", of(pd.DataFrame([{**ROW, "task": None}]))
    ),
    Row("items: row 1: task is empty", of([{**ROW, "task": float("nan")}])),
    Row(
        "no column 'task'; found ['id', 'prompt', 'response']; map it with columns={'task': 'prompt'}",
        of(pd.DataFrame([{"id": "1", "prompt": "Hi", "response": "Hello"}])),
    ),
    Row("items: a dict holds no rows; give a path, a frame, or a list of mappings", of(ROW)),
    Row("Where is it?: files of items end in .jsonl", of("Where is it?")),
    Row("items: None holds no rows; give a path", of(None)),
    Row("items: row 1: is a str, not a mapping of columns to values", of(["a", "b"])),
    Row("items: row 1: response is an int (42), not text; put it in quotes", of([{**ROW, "response": 42}])),
    Row(
        "frame: row 1: item_id 1.5 is a float ... read the column as text",
        of(pd.DataFrame({"id": [1.5], "task": "t", "response": "r"})),
    ),
    Row("columns=['task', 'prompt'] is a list; it has to be a mapping", of(ROWS, columns=["task", "prompt"])),
    Row("columns ... 'taks'; did you mean 'task'?", of(ROWS, columns={"taks": "prompt"})),
    Row("on_bad_item='ignore'; there are raise, skip", of(ROWS, on_bad_item="ignore")),
    Row("nope.jsonl: cannot be read (No such file or directory)", "score nope.jsonl -r rubric.json {j}"),
    Row(
        "items.txt: files of items end in .jsonl ... not in '.txt'",
        "score items.txt -r rubric.json {j}",
        {"items.txt": "x"},
    ),
    Row("i.jsonl: there is nothing in it to judge; give at least one item", OF, {"i.jsonl": ""}),
    Row(
        "i.jsonl:2: is not JSON ... write one JSON object a line",
        OF,
        {"i.jsonl": json.dumps(ROW) + '\n{"id": "2", \n'},
    ),
    Row(
        "i.jsonl:1: holds only the start of a value; write each row on one line",
        OF,
        {"i.jsonl": json.dumps(ROW, indent=1)},
    ),
    Row(
        "found ['answer', 'id', 'prompt']; map them with --column task=prompt --column response=answer",
        OF,
        jsonl({"id": "1", "prompt": "t", "answer": "r"}),
    ),
    Row(
        "i.jsonl:3: task differs from that at i.jsonl:1 ... give the rows different ids",
        OF,
        jsonl(ROW, {**ROW, "id": "2"}, {**ROW, "task": "Another"}),
    ),
    Row(
        "i.jsonl:2: task differs from that at i.jsonl:1 ... make them equal",
        OF,
        jsonl(ROW, {**ROW, "task": "Another", "system": "b"}),
    ),
    Row(
        "i.jsonl:1: has both a 'response' and 'responses'; keep one of them",
        OF,
        jsonl({**ROW, "responses": {"a": "b"}}),
    ),
    Row(
        "i.jsonl:1: 'system' goes with one 'response' ... write 'systems'", OF, jsonl({**PAIR, "system": "a"})
    ),
    Row("i.jsonl:1: responses holds none; fill it", OF, jsonl({"id": "1", "task": "t", "responses": {}})),
    Row(
        "i.jsonl:1: no column 'prompt'; found ['id', 'response', 'task']; map it with --column task=",
        OF + " --column task=prompt",
        jsonl(ROW),
    ),
    Row("--column task: say OUR=THEIRS", OF + " --column task", jsonl(ROW)),
    Row(
        "i.csv:2: has 4 fields, the header 3; put fields ... in double quotes",
        "score i.csv -r rubric.json {j}",
        {"i.csv": "id,task,response\n1,Where is it, please?,There\n"},
    ),
    Row(
        "i.csv:2: is not UTF-8 ... save as UTF-8",
        "score i.csv -r rubric.json {j}",
        {"i.csv": "id,task,response\n1,Caf\xe9?,There\n".encode("latin-1")},
    ),
    Row(
        "i.json: holds a dict, not a list of rows",
        "score i.json -r rubric.json {j}",
        {"i.json": json.dumps(ROW)},
    ),
    Row("items.jsonl:1: has no reference ... give it one", "match items.jsonl {j}"),
    Row("items.jsonl:1: has no sources ... give it one", "score items.jsonl -r grounded_answer {j}"),
    Row("items.jsonl:1: has 1 response ... give it another", "compare items.jsonl -r rubric.json {j}"),
    Row(
        "i.jsonl:1: rubric: criteria[0] ('x').text: is missing",
        OF,
        jsonl({**ROW, "rubric": {"criteria": [{"id": "x"}]}}),
    ),
]
JUDGES = [
    Row(
        "judge 'gpt-4.1-mini' names no provider; did you mean 'openai/gpt-4.1-mini'?",
        judged_by("gpt-4.1-mini"),
    ),
    Row(
        "judge 'claude-haiku-4-5' names no provider; did you mean 'anthropic/claude-haiku-4-5'?",
        judged_by("claude-haiku-4-5"),
    ),
    Row("judge 'llama3' names no provider; write who serves it", judged_by("llama3")),
    Row(
        "judge 'opanai/gpt-4.1-mini' ... did you mean 'openai/gpt-4.1-mini'?",
        judged_by("opanai/gpt-4.1-mini"),
    ),
    Row("openai/gpt-4.1-mini ... needs a key: set OPENAI_API_KEY", judged_by("openai/gpt-4.1-mini")),
    Row(
        "judge 'http://localhost:8000/v1': a server is named endpoint:URL#model, as in endpoint:http://localhost:8000/v1#",
        judged_by("http://localhost:8000/v1"),
    ),
    Row(
        "endpoint:URL#model, as in endpoint:http://localhost:8000/v1#",
        judged_by("endpoint:http://localhost:8000/v1"),
    ),
    Row("control:longest ... did you mean 'longer'?", judged_by("control:longest")),
    Row("control:constant: say which label, as in control:constant=yes", judged_by("control:constant")),
    Row("nope.jsonl: cannot be read", judged_by("replay:nope.jsonl")),
    Row("local:nope.gguf: there is no such file; give the path of a GGUF file", judged_by("local:nope.gguf")),
    Row(
        "judge 'py:json:loads' imports code; allow it with own_code=True",
        judged_by("py:json:loads"),
    ),
    Row(
        "judge 'py:nowhere:judge': No module named 'nowhere' ... PYTHONPATH",
        "score items.jsonl -r rubric.json -j py:nowhere:judge",
    ),
    Row("judge 'py:json': say py:module:object", "score items.jsonl -r rubric.json -j py:json"),
    Row("judge: None; a judge is its name, a function of a call", judged_by(None)),
    Row("judge: an int; a judge is its name, a function of a call", judged_by(42)),
    Row("no judge; name at least one", judged_by([])),
    Row("judge: a function that cannot be called with one call; a judge is", judged_by(lambda: YES)),
    Row("judge: the class Judgeless, not an object of it; a judge is", judged_by(Judgeless)),
    Row(
        "two judges have one name: ['j', 'j']; give each its own",
        lambda j: jk.score(ROWS, RUBRIC, [j, j], ledger=None),
    ),
    Row(
        "no option 'temprature'; did you mean 'temperature'?",
        lambda _: jk.resolve("endpoint:http://127.0.0.1:9/v1#m", temprature=1),
    ),
    Row(
        "temperature='hot' is a str; it has to be a number",
        lambda _: jk.resolve("endpoint:http://127.0.0.1:9/v1#m", temperature="hot"),
    ),
    Row(
        "max_tokens='many' is a str; it has to be a whole number",
        lambda _: jk.resolve("endpoint:http://127.0.0.1:9/v1#m", max_tokens="many"),
    ),
    Row("--key-env n=...: no judge has this name; there are m", SCORE + " --key-env n=KEY"),
    Row("substitutes for ['n'] ... there are ['m']", SCORE + " --substitute n=control:longer"),
    Row("temperature is -1.0; give a number of 0 or more", SCORE + " --temperature -1"),
    Row(
        "substitutes='control:longer' is a str; it has to be a mapping", scored(substitutes="control:longer")
    ),
    Row(
        "systems='m1' is a str; it has to be a list",
        lambda _: jk.resolve("endpoint:http://127.0.0.1:9/v1#m", systems="m1"),
    ),
    Row(
        "stop='END' is a str; it has to be a list",
        lambda _: jk.resolve("endpoint:http://127.0.0.1:9/v1#m", stop="END"),
    ),
]
OPTIONS = [
    Row("samples='3' is a str; it has to be a whole number", scored(samples="3")),
    Row("samples=2.5 is a float; it has to be a whole number", scored(samples=2.5)),
    Row(
        "limits={'concurrency': 4} is a dict; say limits=Limits(concurrency=4)",
        scored(limits={"concurrency": 4}),
    ),
    Row("no option 'concurrency'; say limits=Limits(concurrency=...)", scored(concurrency=4)),
    Row("protocol='pairwise'; there are grade, checklist, match, compare", scored(protocol="pairwise")),
    Row("form='xml'; there are json, text, letters", scored(form="xml")),
    Row(
        "per_call='all' is a str; it has to be a whole number, or None for the whole rubric",
        scored(per_call="all"),
    ),
    Row("no panel 'average'; there are mean, median", scored(panel="average")),
    Row("min_judges='2' is a str; it has to be a whole number", scored(min_judges="2")),
    Row("no recipe 'fairevall'; did you mean 'faireval'?", scored(recipe="fairevall")),
    Row("settings ['k'] are a recipe's; name the recipe", scored(settings={"k": 1})),
    Row("again='malformed' is a str; it has to be a list", scored(again="malformed")),
    Row("again='broken'; there are refused, truncated", scored(again=["broken"])),
    Row("rule='mean'; there are placed", scored(rule="mean")),
    Row("orders 'bth'; there are 'both', 'given' and 'swapped'", scored(orders="bth", protocol="compare")),
    Row("on_empty='zero'; there are judge, lowest, abstain", scored(on_empty="zero")),
    Row("nope.md: cannot be read (No such file or directory)", scored(prompt="nope.md")),
    Row("reask='yes' is a str; it has to be True or False", scored(reask="yes")),
    Row("aggregate='mean' is a str; it has to be a function", scored(aggregate="mean")),
    Row("concurrency=0; a limit is above 0", lambda _: jk.Limits(concurrency=0)),
    Row("concurrency='16'; a limit is a whole number", lambda _: jk.Limits(concurrency="16")),
    Row("rpm='fast'; a limit is a number", lambda _: jk.Limits(rpm="fast")),
    Row("Usage: judgekit score ... '--samples' ... integer", SCORE + " --samples three"),
    Row("--samples 0; at least 1", SCORE + " --samples 0"),
    Row("--on-bad-item ignore; there are raise, skip", SCORE + " --on-bad-item ignore"),
    Row("--on-empty zero; there are judge, lowest, abstain", SCORE + " --on-empty zero"),
    Row("--per-call -1: a number from 1, 'all' or 'usual'", SCORE + " --per-call -1"),
    Row(
        "price of judge 'm' is unknown ... --price m=IN/OUT ... --budget-tokens, or --allow-unknown-price",
        SCORE + " --budget 1",
    ),
    Row("--budget -1.0; a limit is above 0", SCORE + " --budget -1"),
    Row("--strong needs --below", SCORE + " --strong control:longer"),
    Row(
        "--below 1.5; the confidence that is needed is a probability, at most 1",
        SCORE + " --strong control:longer --below 1.5",
    ),
    Row(
        "prompt 'p.md' has no part that begins with '<!-- user -->'",
        SCORE + " --prompt p.md",
        {"p.md": "Judge this: {respnse}"},
    ),
    Row(
        "recipe 'faireval' has no setting 'nope'; it has none", SCORE + " --recipe faireval --setting nope=1"
    ),
    Row(
        "results: holds the results of another job; name another folder, or overwrite it with --overwrite",
        SCORE + " --out results",
    ),
    Row(
        "rubric.json: results cannot be written there (it is a file, and a folder is to be named)",
        SCORE + " --out rubric.json",
    ),
    Row("No such option: --sample ... --samples", SCORE + " --sample 3"),
    Row("Missing argument 'items'", "score -r rubric.json {j}"),
    Row("No such command 'scroe'. Did you mean 'score'", "scroe items.jsonl"),
    Row(
        ".: cannot be opened, it is no file; --ledger names another",
        "score items.jsonl -r rubric.json -j control:longer --ledger .",
    ),
    Row(
        "rubric.json: not a ledger", "score items.jsonl -r rubric.json -j control:longer --ledger rubric.json"
    ),
    Row("aggregate takes a rubric, an item and its outcomes", scored(aggregate=lambda scores: scores)),
]
SERVERS = [
    Row(
        "judge m: 3 unreachable: http://127.0.0.1:9/v1: ... Cannot connect",
        "score items.jsonl -r rubric.json -j endpoint:http://127.0.0.1:9/v1#m --tries 1 --ledger none",
        {},
        3,
    ),
    Row(
        "judge 'm' stopped: {not_found}: HTTP 404 ... does not exist ... see that the address is",
        "score items.jsonl -r rubric.json -j endpoint:{not_found}#m --ledger none",
        {},
        3,
    ),
    Row(
        "judge 'm' stopped: {unauthorized}: HTTP 401 ... no key was sent; name its variable by --key-env",
        "score items.jsonl -r rubric.json -j endpoint:{unauthorized}#m --ledger none",
        {},
        3,
    ),
    Row(
        "judge m: 3 unreachable: {forbidden}: HTTP 403",
        "score items.jsonl -r rubric.json -j endpoint:{forbidden}#m --ledger none --tries 1",
        {},
        3,
    ),
    Row(
        "judge m: 3 unreachable: {not_json}: no chat completion: no JSON object, but <html>busy</html>",
        "score items.jsonl -r rubric.json -j endpoint:{not_json}#m --ledger none --tries 1",
        {},
        3,
    ),
    Row(
        "judge 'm' stopped: {quota}: HTTP 429: You exceeded your current quota",
        "score items.jsonl -r rubric.json -j endpoint:{quota}#m --ledger none --tries 1",
        {},
        3,
    ),
    Row(
        "judge m: 3 unreachable: {broken}: HTTP 500",
        "score items.jsonl -r rubric.json -j endpoint:{broken}#m --ledger none --tries 1",
        {},
        3,
    ),
    Row(
        "judge m: 3 malformed: no verdict of the form asked for in: 'Well, it depends {{'",
        "score items.jsonl -r rubric.json -j endpoint:{malformed}#m --ledger none",
        {},
        3,
    ),
    Row(
        "{redirect}: HTTP 307 ... name the address that it leads to",
        "score items.jsonl -r rubric.json -j endpoint:{redirect}#m --ledger none --tries 1",
        {},
        3,
    ),
    Row(
        "{not_found}: HTTP 404",
        "reward give items.jsonl --spec s.toml --out o.jsonl -j endpoint:{not_found}#m",
        spec(SPEC),
        3,
    ),
]
REWARDS = [
    Row("s.toml: smples: unknown key; did you mean 'samples'?", GIVE, spec(SPEC + "smples = 2\n")),
    Row("s.toml: scheme: ... 'explicit' ... found 'best'", GIVE, spec(SPEC + 'scheme = "best"\n')),
    Row(
        "s.toml: scheme 'explicit' needs a rubric: a bundled name, a path or a table",
        GIVE,
        spec('judges = "local"\n'),
    ),
    Row("s.toml: rubric: nope.yaml: cannot be read", GIVE, spec('rubric = "nope.yaml"\n')),
    Row("s.toml: cannot be read as TOML ... line 1", GIVE, spec("rubric = rubric.json\n")),
    Row(
        "s.toml: range [1.0, 0.0] does not rise; the lower end comes first",
        GIVE,
        spec(SPEC + "range = [1, 0]\n"),
    ),
    Row(
        "s.toml: grid 0.3 leaves a part of a step ... take 1 / a whole number",
        GIVE,
        spec(SPEC + "grid = 0.3\n"),
    ),
    Row("min_judges=2, and judges: 1; name more, or need fewer", GIVE, spec(SPEC + "min_judges = 2\n")),
    Row("s.toml: on_failure: ... 'none' ... found 'zero'", GIVE, spec(SPEC + 'on_failure = "zero"\n')),
    Row(
        "s.toml: checks[0]: check 'c' has no weight and is no gate ... give it one",
        GIVE,
        spec(SPEC + '[[checks]]\nname = "c"\nkind = "contains"\n'),
    ),
    Row(
        "no check 'says_somthing'; did you mean 'says_something'?",
        GIVE,
        spec(SPEC + '[[checks]]\nname = "c"\nkind = "says_somthing"\ngate = true\n'),
    ),
    Row(
        "s.toml: checks ['polite'] need names of their own",
        GIVE,
        spec(SPEC + '[[checks]]\nname = "polite"\nkind = "says_something"\ngate = true\n'),
    ),
    Row(
        "check 'py:checks:one' imports code; allow it with --own-code",
        GIVE,
        spec(SPEC + '[[checks]]\nname = "c"\nkind = "py:checks:one"\ngate = true\n'),
    ),
    Row(
        "nope.toml: cannot be read (No such file or directory)",
        "reward give items.jsonl --spec nope.toml --out out.jsonl",
    ),
    Row(
        "nope.jsonl: cannot be read (No such file or directory)",
        "reward give nope.jsonl --spec spec.toml --out out.jsonl",
    ),
    Row(
        "judge 'gpt-4.1' names no provider; did you mean 'openai/gpt-4.1'?", GIVE + " -j gpt-4.1", spec(SPEC)
    ),
    Row("judge 'py:a:b' imports code ... --own-code", GIVE, spec(SPEC.replace("endpoint:{url}#m", "py:a:b"))),
    Row("group '0' has no reference to match with; give it one", GIVE, spec(SPEC + 'scheme = "match"\n')),
    Row(
        "no format 'dpo'; there are trl",
        "reward pairs items.jsonl --spec spec.toml --out out.jsonl --form dpo",
    ),
    Row(
        "--form kto needs --good and --bad",
        "reward pairs items.jsonl --spec spec.toml --out out.jsonl --form kto",
    ),
    Row(
        "--each some: there are all and extremes",
        "reward pairs items.jsonl --spec spec.toml --out out.jsonl --each some",
    ),
    Row(
        "0.0.0.0 needs a token ... set JUDGEKIT_REWARD_TOKEN", "reward serve --spec spec.toml --host 0.0.0.0"
    ),
    Row("a reward spec is a path, a mapping or a RewardSpec, not an int", lambda _: jk.reward([], 42)),
    Row(
        "items: a dict holds no rows; give a path, a frame, or a list of mappings",
        lambda j: jk.reward(ROW, {"rubric": RUBRIC}, j),
    ),
    Row(
        "group '1' has no responses",
        lambda j: jk.reward([jk.rewards.Group("1", "t", {})], {"rubric": RUBRIC}, j),
    ),
]
PEOPLE = [
    Row(
        "nope.jsonl: cannot be read (No such file or directory)",
        "agree nope.jsonl --labels labels.csv -r rubric.json",
    ),
    Row(
        "nope.csv: cannot be read (No such file or directory)",
        "agree outcomes.jsonl --labels nope.csv -r rubric.json",
    ),
    Row("declare the scale: --rubric FILE, or --scale 1-5", "agree outcomes.jsonl --labels labels.csv"),
    Row("'five' is not yes_no, a range such as 1-5", "agree outcomes.jsonl --labels labels.csv --scale five"),
    Row("there are no labels by people; hand them in as labels", "agree outcomes.jsonl -r rubric.json"),
    Row(
        "labels.csv: no column 'label' ... ['item_id', 'rater']; name yours with --column label=YOURS",
        AGREE,
        {"labels.csv": "item_id,rater,rating\n1,ann,yes\n"},
    ),
    Row(
        "labels.csv:2: label 'perhaps' is not on the scale of 'polite': no, yes",
        AGREE,
        {"labels.csv": "item_id,rater,label\n1,ann,perhaps\n"},
    ),
    Row(
        "labels.csv:2: label 'ann' is not on the scale, rater 'yes' is; have the columns ... changed places?",
        AGREE,
        {"labels.csv": "item_id,rater,label\n1,yes,ann\n2,yes,ann\n"},
    ),
    Row(
        "labels are about '101/response' (labels.csv:2) ... must be the same in both",
        AGREE,
        {"labels.csv": "item_id,rater,label\n101,ann,yes\n102,ann,yes\n"},
    ),
    Row(
        "labels.csv:3: 'ann' labels item '1' ... twice; before at labels.csv:2",
        AGREE,
        {"labels.csv": "item_id,rater,label\n1,ann,yes\n1,ann,no\n"},
    ),
    Row("no judge 'nobody'; there are j", AGREE + " --judge nobody"),
    Row("--require rank=GOOD: say PURPOSE=VERDICT", AGREE + " --require rank=GOOD"),
    Row(
        "by 'country': no column of the labels has this name and anything in it; name another",
        AGREE + " --by country",
    ),
    Row("--family gpt: say NAME=JUDGE,SYSTEM", AGREE + " --family gpt"),
    Row("family 'gpt': no judge or system 'nobody'; there are j", AGREE + " --family gpt=nobody"),
    Row("--report page.pdf: the report is a page; name it page.html", AGREE + " --report page.pdf"),
    Row(
        "nope.jsonl: there is no such file",
        "cascade outcomes.jsonl nope.jsonl --labels labels.csv -r rubric.json",
    ),
    Row(
        "judges ['j'] stand in both runs",
        "cascade outcomes.jsonl outcomes.jsonl --labels labels.csv -r rubric.json --alpha 2",
    ),
    Row(
        "among the items; hand in those that were judged",
        "review export outcomes.jsonl --items i.jsonl -r rubric.json --out sheet",
        jsonl({**ROW, "id": "77"}),
    ),
    Row(
        "no rule 'doubt'; there are entropy",
        "review export outcomes.jsonl --items items.jsonl -r rubric.json --out sheet --by doubt",
    ),
    Row(
        "--budget 0, --even 1: both are above 0, and even is at most 1",
        "review export outcomes.jsonl --items items.jsonl -r rubric.json --out sheet --budget 0",
    ),
    Row(
        "key.json: cannot be read (No such file or directory)",
        "review import nope.json --key key.json --out people.jsonl",
    ),
    Row(
        "k.json: not the key of a review sheet ... `judgekit review export` writes it",
        "review import a.json --key k.json --out people.jsonl",
        {"a.json": "{}", "k.json": "{}"},
    ),
    Row(
        "--how both: there are join and replace",
        "review import a.json --key k.json --out people.jsonl --how both",
        {"a.json": "{}", "k.json": "{}"},
    ),
    Row(
        "items.jsonl:1: no rater; add the column, or name one for all with --rater NAME",
        "ingest items.jsonl -r rubric.json --out o.jsonl",
    ),
    Row(
        "--protocol match: there are grade and compare",
        "ingest items.jsonl -r rubric.json --out o.jsonl --protocol match",
    ),
    Row(
        "nope.sqlite: no such ledger; a run makes one, --ledger names another",
        "ledger show --ledger nope.sqlite",
    ),
    Row("rubric.json: not a ledger", "ledger verify --ledger rubric.json", {}, 1),
    Row(
        "nope/run.json: cannot be read (No such file or directory); results have a run.json",
        lambda _: jk.load_run("nope"),
    ),
    Row(
        "table: an int holds no rows; give a path",
        lambda _: jk.agree("outcomes.jsonl", labels=42, rubric=RUBRIC),
    ),
    Row(
        "none.jsonl: there are no verdicts in it",
        "ingest none.jsonl -r rubric.json --out o",
        {"none.jsonl": ""},
    ),
    Row(
        "none.jsonl: there are no verdicts in it",
        "review export none.jsonl --items items.jsonl -r rubric.json --out sheet",
        {"none.jsonl": ""},
    ),
    Row(
        "no convention reads 95% of the 3 texts ... i.jsonl:1: 'Well, it depends.'; name a reader",
        "ingest i.jsonl -r rubric.json --out o.jsonl --rater a",
        jsonl(*({"id": str(n), "text": "Well, it depends."} for n in range(3))),
    ),
    Row(
        "nothing was judged ... judge a: 3 malformed: has no such mark",
        "ingest i.jsonl -r rubric.json --out o.jsonl --rater a --reader keyword",
        jsonl(*({"id": str(n), "text": "Well, it depends."} for n in range(3))),
        3,
    ),
    Row("no guide 'scroe'; did you mean 'score'?", "guide scroe"),
    *(
        Row("o.jsonl: nothing was judged ... judge j: 1 unreachable: HTTP 503", command, {"o.jsonl": LOST})
        for command in (
            "agree o.jsonl -r rubric.json --labels labels.csv",
            "cascade o.jsonl outcomes.jsonl -r rubric.json --labels labels.csv",
            "stand o.jsonl",
        )
    ),
    Row(
        "outcomes.jsonl:1: is an outcome, not a reply; replay the run's ledger, or ... export",
        "score items.jsonl -r rubric.json -j replay:outcomes.jsonl --ledger none",
    ),
    Row("columns=['a'] is a list; it has to be a mapping", agreed(columns=["a"])),
    Row("b='many' is a str; it has to be a whole number", agreed(b="many")),
    Row("by 'country': no column of the labels", agreed(by="country")),
    Row("nope.jsonl: cannot be read", agreed(items="nope.jsonl")),
    Row("'--seed' ... greater than or equal to 0", AGREE + " --seed -1"),
    Row("p.md: not UTF-8 (byte 0); save it as UTF-8", SCORE + " --prompt p.md", {"p.md": b"\xff\xfe"}),
]
TABLE = {
    f"{name} {n}": row
    for name, rows in {
        "rubric": RUBRICS, "items": ITEMS, "judge": JUDGES, "option": OPTIONS, "server": SERVERS,
        "reward": REWARDS, "people": PEOPLE,
    }.items()
    for n, row in enumerate(rows, 1)
}  # fmt: skip
MODES = ["not_found", "unauthorized", "forbidden", "not_json", "quota", "broken", "malformed", "redirect"]


@pytest.fixture(scope="module")
def servers(serving):
    """Addresses by their names, and what the good one was asked."""
    asked: list[Any] = []
    with ExitStack() as stack:
        urls = {mode: stack.enter_context(serving(mode=mode)) for mode in MODES}
        good = stack.enter_context(serving(text=lambda body: asked.append(body) or YES))
        yield {**urls, "url": good, "j": f"-j endpoint:{good}#m --ledger none"}, asked


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """A folder in which all is as it should be."""
    folder = tmp_path_factory.mktemp("good")
    jk.score(ROWS, RUBRIC, jk.Scripted("j", lambda _: YES), ledger=None).save(folder / "results")
    files = {
        "rubric.json": json.dumps(RUBRIC),
        "items.jsonl": jsonl(*ROWS)["i.jsonl"],
        "pairs.jsonl": jsonl(PAIR)["i.jsonl"],
        "labels.csv": "item_id,rater,label\n0,ann,yes\n1,ann,no\n",
        "outcomes.jsonl": (folder / "results" / "outcomes.jsonl").read_text("utf-8"),
    }
    for name, text in files.items():
        (folder / name).write_text(text, "utf-8")
    return folder


@pytest.fixture
def folder(good, tmp_path, monkeypatch):
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "JUDGEKIT_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    shutil.copytree(good, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def said(command, capsys):
    """Exit code of a command, and what it wrote."""
    with pytest.raises(SystemExit) as left:
        main(shlex.split(command))
    shown = capsys.readouterr()
    return left.value.code, shown.err + shown.out


@pytest.mark.parametrize("name", TABLE)
def test_a_mistake_is_told_before_any_call_with_what_would_do(name, folder, servers, capsys):
    row, (urls, asked) = TABLE[name], servers
    for file, content in {"spec.toml": SPEC, **row.files}.items():
        raw = content if isinstance(content, bytes) else content.replace("{url}", urls["url"]).encode()
        (folder / file).write_bytes(raw)
    asked.clear()

    if callable(row.made):
        with pytest.raises(jk.InputError) as raised:
            row.made(jk.Scripted("j", lambda call: asked.append(call) or YES))
        told = str(raised.value)
    else:
        code, told = said(row.made.format(**urls), capsys)
        assert code == row.code, told

    place = 0
    says = row.says.format(**urls) if name.startswith("server") else row.says
    for part in says.split(" ... "):
        assert part in told[place:], told
        place = told.index(part, place) + len(part)
    assert "Traceback" not in told
    assert not asked


def test_the_good_files_that_mistakes_are_made_of_are_good(folder, servers, capsys):
    urls, asked = servers
    (folder / "s.toml").write_text(SPEC.replace("{url}", urls["url"]), "utf-8")

    for command in (SCORE, GIVE, AGREE, "compare pairs.jsonl -r rubric.json -j control:longer --ledger none"):
        asked.clear()
        code, told = said(command.format(**urls), capsys)
        assert code == 0, told
        assert bool(asked) == (command in {SCORE, GIVE})


def test_a_dry_run_needs_no_key_and_a_run_does(folder, capsys):
    command = "score items.jsonl -r rubric.json -j openai/gpt-4.1-mini --ledger none"

    code, told = said(f"{command} --dry-run", capsys)
    assert (code, "3 items, 3 to 6 calls" in told, "price: at most $" in told) == (0, True, True), told

    code, told = said(command, capsys)
    assert code == 2
    assert "set OPENAI_API_KEY" in told

    (folder / "s.toml").write_text('rubric = "rubric.json"\njudges = "openai/gpt-4.1-mini"\n', "utf-8")
    assert said("reward show s.toml", capsys)[0] == 0
    code, told = said(GIVE, capsys)
    assert code == 2
    assert "set OPENAI_API_KEY" in told


def test_settings_of_single_judges_reach_those_of_rewards(folder, servers, capsys):
    urls, _ = servers
    (folder / "s.toml").write_text(SPEC.replace("{url}", urls["url"]) + "samples = 2\n", "utf-8")

    code, told = said(f"{GIVE} --key-env n=KEY", capsys)
    assert code == 2
    assert "--key-env n=...: no judge has this name; there are m" in told

    code, told = said(f"{GIVE} --key-env m=KEY --revision m=2 --price m=1/2", capsys)
    assert code == 0, told
    assert "judge 'm': 2 samples are asked and paid for" in told
    assert "unknown cost" not in told


def test_copies_are_told_of_every_judge():
    both = [jk.resolve(f"endpoint:http://127.0.0.1:9/v1#{name}") for name in "ab"]
    with pytest.warns(UserWarning, match="judges 'a', 'b': 3 samples"):
        jk.preview(ROWS, RUBRIC, both, samples=3, ledger=None)


def test_a_judge_may_be_a_function_and_the_module_is_a_program():
    assert jk.score(ROWS, RUBRIC, lambda _: "yes", ledger=None).scores[0].value == 1.0
    done = subprocess.run(
        [sys.executable, "-m", "judgekit", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == jk.__version__
