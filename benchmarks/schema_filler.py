"""What a judge that always says yes answers, in whatever form it is asked: an object, a call of a tool, a word.

`Agreeable(Options(text=answer))` is the script of its server. Of what a schema allows it takes "yes", true or 1, the
first of the values listed where "yes" is none of them, and of several schemas the first.
"""

import json
from functools import cache
from typing import Any

from mock_script import Script, completion, http

WORDS = {"GRADE: C": "GRADE: C", '"score"': '{"reason": "yes", "score": 1}'}
"""What is said where the prompt alone tells the form, by what stands in it: inspect-ai's, and deepeval's."""


def filled(schema: dict[str, Any], whole: dict[str, Any] | None = None) -> Any:
    """A value that a JSON schema allows; `whole` is the schema that its references point into.

    >>> filled({"type": "object", "properties": {"label": {"enum": ["no", "yes"]}, "score": {"type": "number"}}})
    {'label': 'yes', 'score': 1}
    """
    whole = schema if whole is None else whole
    if "$ref" in schema:
        found: Any = whole
        for step in schema["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        return filled(found, whole)
    if "const" in schema:
        return schema["const"]
    if values := schema.get("enum"):
        return next((each for each in values if each in ("yes", True)), values[0])
    if several := schema.get("anyOf") or schema.get("oneOf"):
        return filled(several[0], whole)
    if "allOf" in schema:
        return filled(schema["allOf"][0], whole)
    kind = schema.get("type", "object" if "properties" in schema else "string")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object":
        return {name: filled(each, whole) for name, each in schema.get("properties", {}).items()}
    if kind == "array":
        return [filled(schema.get("items", {}), whole)] * schema.get("minItems", 0)
    plain = {"string": "yes", "boolean": True, "null": None}
    return plain[kind] if kind in plain else min(max(1, schema.get("minimum", 1)), schema.get("maximum", 1))


def answer(asked: dict[str, Any]) -> str | dict[str, Any]:
    """The text of a reply to a request's body, or the whole reply where it is a call of a tool."""
    functions = [each["function"] for each in asked.get("tools", ())] or asked.get("functions", ())
    if functions:
        chosen = asked.get("tool_choice") or asked.get("function_call")
        name = (
            (chosen.get("function") or chosen)["name"] if isinstance(chosen, dict) else functions[0]["name"]
        )
        parameters = next(each["parameters"] for each in functions if each["name"] == name)
        call = {"name": name, "arguments": json.dumps(filled(parameters))}
        if "tools" in asked:
            return completion(
                None, "tool_calls", tool_calls=[{"id": "call_0", "type": "function", "function": call}]
            )
        return completion(None, "function_call", function_call=call)
    form = asked.get("response_format") or {}
    if form.get("type") == "json_schema":
        return json.dumps(filled(form["json_schema"]["schema"]))
    prompt = str(asked["messages"][-1]["content"])
    return next((words for sign, words in WORDS.items() if sign in prompt), "yes")


@cache
def logprobs(text: str, top: int) -> dict[str, Any]:
    """What a server adds that is asked for them: of pieces of four characters, each with its alternatives."""
    pieces = [text[at : at + 4] for at in range(0, len(text), 4)]
    said = [{"token": piece, "logprob": -0.01, "bytes": list(piece.encode())} for piece in pieces]
    others = [{"token": f"no{i}", "logprob": -6.0 - i, "bytes": [110, 111]} for i in range(top)]
    return {"content": [{**each, "top_logprobs": [each, *others[1:]] if top else []} for each in said]}


class Agreeable(Script):
    """A server that says yes to whatever it is asked."""

    def spoken(self, asked: dict[str, Any]) -> bytes:
        """The answer, with probabilities of its pieces where they are asked for."""
        said = answer(asked)
        body = completion(said) if isinstance(said, str) else said
        if asked.get("logprobs") and isinstance(said, str):
            body["choices"][0]["logprobs"] = logprobs(said, asked.get("top_logprobs", 0))
        return http(200, body)
