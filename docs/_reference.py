"""A Sphinx extension that leads readers to the reference, and shows public names as users see them."""

import sys
from typing import get_args

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.pycode import ModuleAnalyzer
from sphinx.transforms import SphinxTransform

import yorch_async
import yorch_async.testing
import yorch_async.views

DOORS = [yorch_async, yorch_async.testing, yorch_async.views]
PUBLIC = {name: f"{door.__name__}.{name}" for door in DOORS for name in door.__all__}
VALUES = {
    "Backoff",
    "Concurrent",
    "Context",
    "ManualClock",
    "Problem",
    "Recorder",
    "RetryFixed",
    "RetryFixedPassthrough",
    "RetryForever",
}
VALUES |= {"SerialDfs", "StepResult", "SteppedClock", "TaskTree"}
RECORDS = {"Failure", "InputInfo", "LeftOut", "Outcome", *(event.__name__ for event in get_args(yorch_async.Event))}


def setup(app: Sphinx) -> None:
    """Add what stands below."""
    read_behind_the_doors()
    app.add_transform(LinkNames)
    app.connect("missing-reference", leave_unlinked)
    app.connect("autodoc-process-signature", plain_signature)


class LinkNames(SphinxTransform):
    """Makes a link of every public name that a page shows as code: `retry`, `retry(...)`, `FromCtx[T]`."""

    default_priority = 400

    def apply(self) -> None:
        """Go through the text of one page; headings and what is a link already are left alone."""
        if self.env.docname == "reference":
            return
        for literal in list(self.document.findall(nodes.literal)):
            target = PUBLIC.get(literal.astext().partition("(")[0].partition("[")[0])
            if target is None or isinstance(literal.parent, nodes.title | nodes.reference | pending_xref):
                continue
            link = pending_xref("", refdomain="py", reftype="obj", reftarget=target, refexplicit=True, refwarn=True)
            literal.replace_self(link)
            link += literal


def leave_unlinked(_app: Sphinx, _env: object, node: pending_xref, text: nodes.TextElement) -> nodes.TextElement | None:
    """Show as plain code what is no name of ours: other libraries are not looked up over the network."""
    is_ours = node["reftarget"].startswith("yorch_async.")
    return text if node.get("refdomain") == "py" and not is_ours else None


def plain_signature(
    _app: Sphinx, what: str, name: str, _obj: object, _options: object, signature: str | None, returns: str | None
) -> tuple[str, str | None] | None:
    """Show how a class is constructed where users do, or where that lists its fields; and "not given" as it is in stubs."""
    if signature is None:
        return None
    if what in {"class", "exception"} and name.rpartition(".")[2] not in VALUES | RECORDS:
        return "", None
    return signature.replace("Unknown.TOKEN", "..."), returns


def read_behind_the_doors() -> None:
    """Let autodoc find the order of members and the docstrings of attributes: names report their door as module, not the file."""
    for door in DOORS:
        front = ModuleAnalyzer.for_module(door.__name__)
        front.analyze()
        for name in sorted(sys.modules):
            if name.startswith(f"{door.__name__}."):
                behind = ModuleAnalyzer.for_module(name)
                behind.analyze()
                first = len(front.tagorder)
                front.tagorder.update({tag: first + place for tag, place in behind.tagorder.items()})
                front.attr_docs.update(behind.attr_docs)
