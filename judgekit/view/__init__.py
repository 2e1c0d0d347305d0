"""See a run: one page from its means to each raw reply, or the same page from a small server."""

from judgekit.view.page import Page, view_run

__all__ = ["Page", "view_run"]
