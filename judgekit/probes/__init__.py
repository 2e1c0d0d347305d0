"""Probes: what moves a judge that should not, and what fails to move it."""

from judgekit.face import lazily

__getattr__, __dir__ = lazily(__name__)
