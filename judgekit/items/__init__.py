"""Items: rows of files, frames and lists -> `Item`, one at a time, each checked before it is judged."""

from judgekit.items.read import FirstSkips, Skipped, Survey, read_items, survey

__all__ = ["FirstSkips", "Skipped", "Survey", "read_items", "survey"]
