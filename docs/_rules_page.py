"""A Sphinx extension that fills the page of rules from the table that messages are made of.

It imports nothing of Sphinx, so that the tests can look at it where only what they need is installed.
"""

import re
from typing import Any

from yorch_async._rules import RULES, Rule


def setup(app: Any) -> None:
    """Write the rules of a stage where their page has `% rules: stage`."""
    app.connect("source-read", fill)


def fill(_app: Any, page: str, source: list[str]) -> None:
    """Change the text of a page before it is parsed."""
    if page == "rules":
        source[0] = re.sub(r"^% rules: (\w+)$", lambda found: entries(found[1]), source[0], flags=re.MULTILINE)


def entries(stage: str) -> str:
    """All rules of a stage."""
    return "\n".join(entry(rule) for rule in RULES.values() if rule.stage == stage)


def entry(rule: Rule) -> str:
    """One rule."""
    return f"### {rule.id}\n\n*where*: {sentence(rule.says)}.\n\n**Instead:** {sentence(rule.remedy)}.\n"


def sentence(template: str) -> str:
    """A template as Markdown: its facts in italics, all else as it is."""
    text = re.sub(r"`[^`]*`|[\\*_<\[\]]", lambda found: found[0] if found[0][0] == "`" else f"\\{found[0]}", template)
    text = text.replace("{{", "\0").replace("}}", "\1")
    text = re.sub(r"(?<=\w)\{", " {", text)  # a fact that goes right on from a word begins with a space of its own
    return re.sub(r"\{(\w+)\}", r"*\1*", text).replace("\0", "{").replace("\1", "}")
