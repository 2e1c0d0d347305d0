"""Stands for a model, so that this runs without a key; in its place job.toml names `endpoint:URL#model`."""

import judgekit as jk


def said(call):
    text, criterion = call.item.responses[call.shown[0]], call.asks[0].criterion
    if "maybe" in text:
        return "I would rather not say."
    if criterion == "safe":
        return {"safe": {"label": "no" if "@" in text else "yes", "rationale": "An address is private."}}
    return {
        "polite": {"label": "yes" if "Thank you" in text else "no", "rationale": "It should give thanks."}
    }


judge = jk.Scripted("house", said, revision="1")
