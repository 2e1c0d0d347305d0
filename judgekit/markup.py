"""HTML of the pages that judgekit writes: text escaped, and a head under which a page can call nobody.

Whatever was judged or labelled is untrusted, and a page may hold it next to people's answers.
"""

import html

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'"
_OWN_SCRIPT = "; script-src 'unsafe-inline'"


def esc(text: object) -> str:
    """Text that is no HTML, in an attribute either.

    >>> esc('<b title="x">')
    '&lt;b title=&quot;x&quot;&gt;'
    """
    return html.escape(str(text), quote=True)


def head(title: str, style: str, *, script: bool = False) -> str:
    """The start of a page, up to its body.

    Args:
        title: Of the page, not yet escaped.
        style: Its CSS, our own: it is not escaped.
        script: Whether the page has a script of its own, in it. Every request is forbidden either way.

    >>> [line for line in head("a < b", "").splitlines() if "title" in line]
    ['<title>a &lt; b</title>']
    """
    policy = _POLICY + _OWN_SCRIPT if script else _POLICY
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<title>{esc(title)}</title>
<style>{style}</style>
</head>"""
