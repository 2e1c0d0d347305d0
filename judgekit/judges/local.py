"""A model in this process: the judge that needs no key, no server and no network.

The engine (llama.cpp, by way of xllamacpp) has one slot, and one worker thread asks it one call after
another. `reproducible` reads every prompt afresh and repeats to the bit; `fast` keeps the prefix it has just
read, which is many times quicker where calls share one, but moves log-probabilities by up to 0.17, so
near-ties flip. The package is optional and has needs of its own (AVX2 and FMA on x86, the system's libgomp),
so each is checked before it can end in a crash. What the bundled model is worth is said in `WORTH`.
"""

import asyncio
import dataclasses
import importlib.metadata
import json
import logging
import os
import platform
import re
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple, Self

from judgekit.errors import InputError, ProviderError
from judgekit.judges import model_store
from judgekit.judges.wire import body_of, changed, refusal_of, reply_of, settings_of
from judgekit.types import Call, Message, Reply

ENGINE = "xllamacpp"

_SLOTS = 3  # prompts that fast mode keeps: of both orders of a pair, and one for what else is asked
_ALIKE = 0.45  # the share of a prompt that has to stand in a slot for it to be taken; else the oldest one is
_BATCH = 512  # tokens read at a time, and an abandoned call reads one or two more; fewer are read more slowly
_MARKER = re.compile(r"<\|(?=[^\s<>|]{1,40}\|>)|<(?=/?(?:start|end)_of_turn>)|\[(?=/?INST\])")

Mode = Literal["reproducible", "fast"]


class MissingEngine(InputError):  # noqa: N818 - what is wrong
    """The engine of the embedded judge is not installed."""


def engine_version() -> str:
    """Return the engine's version without importing it; raise InputError if it is not installed."""
    try:
        return importlib.metadata.version(ENGINE)
    except importlib.metadata.PackageNotFoundError:
        raise MissingEngine(
            f"the embedded judge needs {ENGINE}, which is not installed; install judgekit with its extra: "
            "pip install -e '.[local]' in its checkout"
        ) from None


def missing_instructions(cpuinfo: str) -> list[str]:
    """Return what an x86 processor lacks of avx2 and fma, from the text of /proc/cpuinfo."""
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
    """Return how many processors this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)  # not on macOS
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def joined(chunks: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the chat completion that a stream of chunks adds up to."""
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
    """Return a text in which a chat template's markers are only text."""
    return _MARKER.sub(lambda found: f"{found[0][0]} {found[0][1:]}", text)


def tightened(schema: Mapping[str, Any], max_tokens: int | None) -> Mapping[str, Any]:
    """Return a reply schema whose texts are bounded, so that a small model reaches the label in time.

    A model of this size does not stop talking by itself; not every server's schema dialect can end a text, so
    this is done here and not in the prompt's own schema.

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


WORTH = (
    "the bundled model (SmolLM2-135M) is useful to see the machinery work and useless as a grader: of two "
    "responses it names the one shown first 94 to 100 % of the time; its accuracy against people is .42 to "
    ".58 on LLMBar and .40 to .63 on PandaLM, depending on the order; 'the longer answer' gets .56 to .66"
)
REVISION = "local/1"  # part of the identity: raised when the same call would be put to the engine otherwise
_MOST_THREADS = 8
_FORM = re.compile(r"schema|grammar|parser", re.IGNORECASE)
_LOG = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class Local:
    """A GGUF model in this process; an asynchronous context manager that loads it and frees it.

    A chat template's own markers (`<|im_end|>` and the like) in a prompt are broken by a blank, since the
    engine would obey them: a response could end its turn and speak for the judge.

    Args:
        path: A GGUF file; None is the bundled model.
        name: The rater's name; `local`, or `local:` and the file's stem, where left out.
        seed: Of the sampling; sample k of a call is drawn with `seed + k`, so that repeats differ.
        mode: `reproducible` or `fast`; see the module.
        threads: Threads of the engine. Where left out, all processors read prompts, and replies are written
            by 1 thread for the bundled model and at most 8 for one of your own. The writing ones are part of
            the identity, since their number moves log-probabilities.
        context: Tokens of prompt and reply together; a longer prompt abstains as `too_long`.
        bounded: Whether a reply's texts are bounded by its grammar (`tightened`).
        pull: Whether the bundled model may be downloaded if it is not here.
        say: Told what a person should know: what is downloaded, what the judge is worth.
    """

    path: str | None = None
    name: str = ""
    temperature: float = 0.0
    max_tokens: int | None = 256
    seed: int = 0
    mode: Mode = "reproducible"
    threads: int | None = None
    context: int = 4096
    bounded: bool = True
    pull: bool = True
    say: Callable[[str], None] = field(default=_LOG.warning, repr=False)
    refused: set[str] = field(default_factory=set, init=False, repr=False)
    systems: tuple[str, ...] = field(default=(), init=False, repr=False)
    endpoint: str = field(default="local", init=False, repr=False)
    at_once: int = field(default=1, init=False, repr=False)
    _identity: dict[str, Any] = field(default_factory=dict, init=False, repr=False)
    _engine: Any = field(default=None, init=False, repr=False)
    _worker: ThreadPoolExecutor | None = field(default=None, init=False, repr=False)
    _closing: threading.Event = field(default_factory=threading.Event, init=False, repr=False)
    _single: set[str] = field(default_factory=set, init=False, repr=False)

    def __post_init__(self) -> None:
        if self.mode not in {"reproducible", "fast"}:
            raise InputError(f"mode {self.mode!r} is not one of: reproducible, fast")
        for option, least in (("context", 1), ("threads", 1), ("seed", 0)):
            if (number := getattr(self, option)) is not None and number < least:
                raise InputError(f"{option} is {number}; give {least} or more")
        self._settings(0)
        if self.path is not None:
            model_store.find(self.path)
        self.name = self.name or ("local" if self.path is None else f"local:{Path(self.path).stem}")

    @property
    def identity(self) -> Mapping[str, Any]:
        """The model (by digest), engine, mode and settings, and no path; a large file is read once."""
        if not self._identity:
            own = None if self.path is None else model_store.digest(model_store.find(self.path))
            self._identity |= {
                "adapter": REVISION,
                "engine": f"{ENGINE} {engine_version()}",
                "model": f"sha256:{own or model_store.MODEL.sha256}",
                "mode": self.mode,
                "temperature": float(self.temperature),
                "max_tokens": self.max_tokens,
                "seed": self.seed,
                "context": self.context,
                "threads": self.writing_threads,
                "bounded": self.bounded,
            }
        return self._identity

    @property
    def model(self) -> str:
        """The model and the mode, in words: what stands in each reply."""
        name = model_store.MODEL.name if self.path is None else Path(self.path).stem
        return f"{name} ({self.mode})"

    @property
    def writing_threads(self) -> int:
        """Threads that write."""
        return self.threads or (1 if self.path is None else min(processors(), _MOST_THREADS))

    def with_(self, **changes: Any) -> "Local":
        """Return this judge with other settings, for instance `judge.with_(temperature=1.0, name="warm")`."""
        options = {f.name: getattr(self, f.name) for f in dataclasses.fields(self) if f.init}
        return Local(**changed(options, changes))

    def cost(self, input_tokens: int, output_tokens: int) -> float:  # noqa: ARG002 - a price list's shape
        """Return 0, since it costs nothing."""
        return 0.0

    def file(self) -> Path:
        """Return the model's file, downloaded first where that is needed and allowed."""
        if self.path is None and self.pull and not model_store.pulled():
            return model_store.pull(say=self.say)
        return model_store.find(self.path)

    async def __aenter__(self) -> Self:
        """Load the model in the worker thread, after its download where it has to be."""
        if self._worker is not None:
            raise InputError(f"judge {self.name!r} is open already; make a second one")
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="judgekit-local")
        self._closing.clear()
        try:
            await asyncio.get_running_loop().run_in_executor(self._worker, self._load)
        except BaseException:
            self._close()
            raise
        if self.path is None:  # one of your own nobody has measured
            self.say(WORTH)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Free the model; calls that nobody waits for any more are ended first."""
        self._close()

    async def __call__(self, call: Call, /) -> Reply:
        """Ask the model; a cancelled call ends at its next token, or while reading in a second or two."""
        if self._worker is None:
            raise InputError(f"judge {self.name!r} is not open: use it in 'async with', or let a run open it")
        abandoned = threading.Event()
        try:
            return await asyncio.get_running_loop().run_in_executor(
                self._worker, self._answer, call, abandoned
            )
        finally:
            abandoned.set()

    def open_engine(self, key: str) -> Any:
        """Load the model into an engine of one slot, so that no other call can move a log-probability.

        Its own server comes with it, on 127.0.0.1 and asking for `key`. Fast mode switches the prompt cache
        on for all its requests; of the embedded model, which is small, in slots enough for a pair's orders.
        """
        engine, file = _import_engine(), self.file()
        params = engine.CommonParams()
        params.model.path, params.model_alias = str(file), {self.model}
        slots = _SLOTS if self.mode == "fast" and self.path is None else 1
        params.n_ctx, params.n_batch, params.n_parallel = slots * self.context, _BATCH, slots
        params.slot_prompt_similarity = _ALIKE
        params.cache_prompt, params.cache_ram_mib = self.mode == "fast", 0
        params.cpuparams.n_threads = self.writing_threads
        params.cpuparams_batch.n_threads = self.threads or processors()
        params.hostnames, params.port, params.api_keys = ["127.0.0.1"], 0, [key]
        params.verbosity, params.ui, params.endpoint_slots = -1, False, False
        try:
            server = engine.Server(params)
            # One that is freed before its own loop has begun waits for ever; an answer shows that it has.
            server.handle_completions({"prompt": "a", "max_tokens": 1})
        except (ValueError, RuntimeError) as problem:
            raise InputError(
                f"{file}: the engine could not load this model ({problem}); is the file whole, its "
                f"architecture one that {ENGINE} {engine_version()} knows, and is there memory for it?"
            ) from None
        return server

    def _load(self) -> None:
        self._engine = self.open_engine(secrets.token_urlsafe())

    def _close(self) -> None:
        """Wait, blocking, until a call at hand has stopped; waiting asynchronously could be cancelled."""
        if (worker := self._worker) is not None:
            self._closing.set()
            worker.submit(setattr, self, "_engine", None)
            worker.shutdown(wait=True)
            self._worker = None

    def _answer(self, call: Call, abandoned: threading.Event) -> Reply:
        """Make one request, in the worker, read as it streams, since only a stream can be stopped."""
        if self._closing.is_set() or abandoned.is_set():
            return Reply(fault="cancelled")
        for letter, _ in call.letters:
            self._check_letter(letter)
        body = self.body(call)
        chunks: list[dict[str, Any]] = []

        def stop(chunk: dict[str, Any]) -> bool:
            chunks.append(chunk)
            return abandoned.is_set() or self._closing.is_set()

        began = time.monotonic()
        try:
            self._engine.handle_chat_completions(body, stop)
        except (ValueError, RuntimeError) as problem:  # what the engine says before it streams
            chunks = [{"error": {"code": 400, "message": str(problem)}}]
        if abandoned.is_set() or self._closing.is_set():
            return Reply(fault="cancelled")
        reply = self._read(chunks, body, letters=bool(call.letters))
        return dataclasses.replace(reply, model=self.model, cost_usd=0.0, seconds=time.monotonic() - began)

    def _settings(self, sample: int) -> dict[str, Any]:
        seed, most = self.seed + sample, self.max_tokens
        return settings_of(temperature=self.temperature, max_tokens=most, top_p=None, seed=seed, extra={})

    def body(self, call: Call) -> dict[str, Any]:
        """Return the request that a call becomes."""
        inert = tuple(Message(m.role, without_markers(m.content)) for m in call.messages)
        schema = call.schema
        if schema is not None and self.bounded:
            schema = tightened(schema, self.max_tokens)
        plain = dataclasses.replace(call, messages=inert, schema=schema)
        body = body_of(plain, self.model, self._settings(call.sample), self.refused)
        return body | {"stream": True, "stream_options": {"include_usage": True}, "return_progress": True}

    def _read(self, chunks: list[dict[str, Any]], body: Mapping[str, Any], *, letters: bool) -> Reply:
        error = next((chunk["error"] for chunk in chunks if "error" in chunk), None)
        if error is None:
            return reply_of(joined(chunks), letters=letters)
        message = str(error.get("message", error))
        param = "response_format" if _FORM.search(message) else None
        return refusal_of(int(error.get("code", 500)), message, body, param=param, refused=self.refused)

    def _check_letter(self, letter: str) -> None:
        """See that the first token with which the model writes a letter is the letter itself."""
        if letter in self._single:
            return
        grammar = f"root ::= {json.dumps(letter, ensure_ascii=False)}"
        asked = {"prompt": "Answer: ", "max_tokens": 1, "temperature": 0, "grammar": grammar, "logprobs": 1}
        [choice] = self._engine.handle_completions(asked)["choices"]
        if (token := str(choice["logprobs"]["content"][0]["token"])).strip() != letter:
            raise ProviderError(
                f"{self.name}: option letter {letter!r} is not one token of {self.model} (it begins with "
                f"{token!r}), so its probability cannot be read; ask for text instead of probabilities"
            )
        self._single.add(letter)


def parse_local(spec: str) -> str | None:
    """Return the path in `local:PATH`; None for `local`, the bundled model."""
    kind, colon, path = spec.partition(":")
    if kind != "local" or (colon and not path):
        raise InputError(f"{spec!r} is not an embedded judge; write local, or local:/path/to/model.gguf")
    return path or None


class Address(NamedTuple):
    """Where the server is: the base URL (ending in `/v1`), the key it asks for, the model's name."""

    url: str
    key: str
    model: str


@contextmanager
def serving(judge: Local) -> Iterator[Address]:
    """Serve a judge's model by HTTP while the context lasts, so that other roads to it can be compared.

    The judge need not be open, and its sampling settings are for the client to send. In `reproducible` mode
    `litellm`, `endpoint` and `local` get the same log-probabilities to the bit.
    """
    key = secrets.token_urlsafe()
    engine = judge.open_engine(key)
    try:
        yield Address(f"{engine.listening_address}/v1", key, judge.model)
    finally:
        del engine  # its destructor ends the requests and closes the port
