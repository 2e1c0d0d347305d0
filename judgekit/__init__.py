"""judgekit: LLM-as-judge and rubric scoring that says how far its judges can be trusted.

    rubric + items -> calls -> replies -> verdicts + abstentions -> scores

Names are loaded when they are first used, so that importing the package costs nothing.
"""

from judgekit.face import lazily

__version__ = "0.7.0"

__getattr__, __dir__ = lazily(__name__)
__all__ = tuple(__dir__())
