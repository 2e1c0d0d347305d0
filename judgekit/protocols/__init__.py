"""Protocols: how ONE call is asked and read back.

A `Sheet` holds the criteria that are asked together and all of the prompt that does not depend
on the item; `read` turns a reply into one outcome for each answer asked for.
"""

from judgekit.protocols.read import read
from judgekit.protocols.sheet import Form, Protocol, Sheet, sheet_of

__all__ = ["Form", "Protocol", "Sheet", "read", "sheet_of"]
