"""Item banks: what is known of items, so that some of them place a new system.

A bank is fitted to the scores of earlier systems (`fit`), kept as JSON (`save`, `load`), and says where a new
one stands by its answers to a part of the items (`place`), which to ask (`pick`), and which are two tests of
one difficulty (`forms`).
"""

from judgekit.face import lazily

__getattr__, __dir__ = lazily(__name__)
