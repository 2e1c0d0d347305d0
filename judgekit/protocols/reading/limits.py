"""How much of a text is looked at: in characters and steps, never in seconds.

So a reply reads alike on every machine, and no reply holds a run. What is longer than `REPLY` is
malformed; the other bounds say how far a reader looks.
"""

REPLY = 100_000
"""Characters of a reply, reasoning aside: an answer on two hundred criteria with reasons has half of them."""
THOUGHTS = 4_000_000
"""Characters of a reply with its reasoning, which is only cut out."""
PROSE = 10_000
"""Characters at a reply's end in which a verdict in words is looked for: our templates put it last."""
JUDGED = 100_000
"""Characters of judged texts that are looked through for verdicts; more are taken to hold every form."""
DEEPEST = 100
"""Brackets open at once in an object that is mended."""
FAILURES = 3
"""Objects within a text that are first tried as they stand and do not parse; of more, all are mended."""
QUOTES = 100
"""Quotations of one reply that are looked for in the material."""
CELLS = 100_000_000
"""Letters of a quotation times letters of the material, of all that is looked for fuzzily in one reply."""
CHECKED = 100_000
"""Characters of a response that a check reads the words of; on a longer one it cannot say."""
