"""The engine that embedded models run in: llama.cpp, by way of xllamacpp.

An optional package with needs of its own (AVX2 and FMA on x86, the system's libgomp), so each
need is checked before it can end in a crash, and the message says what would do.
"""

import importlib.metadata
import json
import os
import platform
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from judgekit.errors import InputError

ENGINE = "xllamacpp"

_BATCH = 512  # tokens read at a time, and an abandoned call reads one or two more; fewer are read more slowly
_MARKER = re.compile(r"<\|(?=[^\s<>|]{1,40}\|>)|<(?=/?(?:start|end)_of_turn>)|\[(?=/?INST\])")

Mode = Literal["reproducible", "fast"]


def engine_version() -> str:
    """Version of the engine, without importing it.

    Raises:
        InputError: If it is not installed.
    """
    try:
        return importlib.metadata.version(ENGINE)
    except importlib.metadata.PackageNotFoundError:
        raise InputError(
            f"the embedded judge needs {ENGINE}, which is not installed; install judgekit with its extra: "
            "pip install -e '.[local]' in its checkout"
        ) from None


def open_engine(
    file: Path, *, name: str, key: str, mode: Mode, context: int, reading: int, writing: int
) -> Any:
    """Load a model; the engine's own server on 127.0.0.1 comes with it.

    One slot, so that no other call's place in a batch can move a log-probability.

    Args:
        file: The GGUF file.
        name: What the server calls the model, instead of telling its path.
        key: What the server asks for.
        mode: `reproducible` or `fast`. This switches the prompt cache for requests of this process and
            those by HTTP alike; none has to say it again.
        context: Tokens of prompt and reply together.
        reading: Threads that read prompts; their number moves nothing but the time.
        writing: Threads that write; their number moves log-probabilities.

    Raises:
        InputError: If the engine cannot run here or cannot load the file.
    """
    engine = _import_engine()
    params = engine.CommonParams()
    params.model.path, params.model_alias = str(file), {name}
    params.n_ctx, params.n_batch, params.n_parallel = context, _BATCH, 1
    params.cache_prompt, params.cache_ram_mib = mode == "fast", 0
    params.cpuparams.n_threads, params.cpuparams_batch.n_threads = writing, reading
    params.hostnames, params.port, params.api_keys = ["127.0.0.1"], 0, [key]
    params.verbosity, params.ui, params.endpoint_slots = -1, False, False
    try:
        server = engine.Server(params)
        # An engine that is freed before its own loop has begun waits for ever; an answer shows that it has.
        server.handle_completions({"prompt": "a", "max_tokens": 1})
    except (ValueError, RuntimeError) as problem:
        raise InputError(
            f"{file}: the engine could not load this model ({problem}); is the file whole, its architecture "
            f"one that {ENGINE} {engine_version()} knows, and is there memory for it?"
        ) from None
    return server


def first_token(engine: Any, text: str) -> str:
    """The first token with which a loaded model writes a text; the text itself if it is one token."""
    grammar = f"root ::= {json.dumps(text, ensure_ascii=False)}"
    asked = {"prompt": "Answer: ", "max_tokens": 1, "temperature": 0, "grammar": grammar, "logprobs": 1}
    [choice] = engine.handle_completions(asked)["choices"]
    return str(choice["logprobs"]["content"][0]["token"])


def missing_instructions(cpuinfo: str) -> list[str]:
    r"""What an x86 processor lacks of what the engine was built for, from the text of /proc/cpuinfo.

    >>> missing_instructions("flags\t\t: fpu sse4_2 avx fma")
    ['avx2']
    """
    flags = next((line.split() for line in cpuinfo.splitlines() if line.startswith("flags")), ["avx2", "fma"])
    return [needed for needed in ("avx2", "fma") if needed not in flags]


def _import_engine() -> Any:
    engine_version()
    cpuinfo = Path("/proc/cpuinfo")
    if platform.machine().lower() in {"x86_64", "amd64"} and cpuinfo.exists():
        lacking = missing_instructions(cpuinfo.read_text(encoding="utf-8", errors="replace"))
        if lacking:
            raise InputError(
                f"the embedded judge cannot run on this processor, which has no {' and no '.join(lacking)}; "
                "use another judge, for instance endpoint:URL#model"
            )
    # Threads that spin while they wait starve each other on busy cores: 3 to 6 tokens/s instead of 36 to 68.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        import xllamacpp
    except ImportError as problem:
        hint = (
            "; install the system package libgomp1 (apt install libgomp1)"
            if "libgomp" in str(problem)
            else ""
        )
        raise InputError(f"the embedded judge's engine {ENGINE} cannot be loaded: {problem}{hint}") from None
    return xllamacpp


def processors() -> int:
    """Processors this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)  # not on macOS
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def joined(chunks: list[dict[str, Any]]) -> dict[str, Any]:
    """The chat completion that a stream of chunks adds up to.

    >>> parts = [{"choices": [{"delta": {"content": text}}]} for text in ("y", "es")]
    >>> joined([*parts, {"choices": [{"finish_reason": "stop", "delta": {}}]}])["choices"]
    [{'message': {'content': 'yes'}, 'logprobs': {'content': []}, 'finish_reason': 'stop'}]
    """
    whole: dict[str, Any] = {}
    text: list[str] = []
    logprobs: list[Any] = []
    finish: str | None = None
    for chunk in chunks:
        whole |= chunk
        for choice in chunk.get("choices") or []:
            text.append(choice.get("delta", {}).get("content") or "")
            logprobs += (choice.get("logprobs") or {}).get("content") or []
            finish = choice.get("finish_reason") or finish
    message = {"content": "".join(text)}
    return whole | {
        "choices": [{"message": message, "logprobs": {"content": logprobs}, "finish_reason": finish}]
    }


def without_markers(text: str) -> str:
    """Text in which a chat template's markers are only text.

    >>> without_markers("a < b <|im_end|> <|im_start|>assistant")
    'a < b < |im_end|> < |im_start|>assistant'
    """
    return _MARKER.sub(lambda found: f"{found[0][0]} {found[0][1:]}", text)


def tightened(schema: Mapping[str, Any], max_tokens: int | None) -> Mapping[str, Any]:
    """A reply schema whose texts are bounded, so that a small model reaches the label before its limit.

    A model of this size does not stop talking by itself; a grammar can end a text, and not every
    server's schema dialect can, so this is done here and not in the prompt's own schema.

    >>> tightened({"type": "string"}, 256)
    {'type': 'string', 'maxLength': 192}
    """
    answers = max(json.dumps(schema).count('"label": {'), 1)
    most = max((max_tokens or 1024) * 3 // 4 // answers, 24)  # letters; a token is about three of them
    bounded: dict[str, Any] = _bounded(schema, most)
    return bounded


def _bounded(schema: Any, most: int) -> Any:
    if not isinstance(schema, Mapping):
        return schema
    bounded = {key: _bounded(value, most) for key, value in schema.items()}
    if schema.get("type") == "string" and "enum" not in schema:
        bounded["maxLength"] = most
    if schema.get("type") == "array" and "maxItems" not in schema:
        inner = schema.get("items", {})
        if isinstance(inner, Mapping) and inner.get("type") == "string":
            bounded |= {"maxItems": 1, "items": _bounded(inner, most // 2)}
    return bounded
