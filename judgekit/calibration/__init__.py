"""Undo order effects, and map a judge's probabilities to people's labels."""

from judgekit.face import lazily

__getattr__, __dir__ = lazily(__name__)
