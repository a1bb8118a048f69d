"""The page of the documentation that shows the figures, and the picture on it, made of the data of one run of the benchmarks."""

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from statistics import median
from typing import Any

from . import concurrent, earning, scaling

__all__ = ["write"]

DOCS = Path(__file__).parent.parent / "docs"

TEMPLATE = Path(__file__).with_suffix(".md")


def write(results: dict[str, Any]) -> None:
    """Write the page and the picture."""
    _draw(results["scaling"], DOCS / "_static" / "scaling.svg")
    (DOCS / "benchmarks.md").write_text(_page(results), "utf-8")


def _page(results: dict[str, Any]) -> str:
    execution = results["execution"]
    costs = [[name, f"{cost:.2f}"] for name, cost in execution["fixed"].items()]
    costs += [[f"{name}, a node", f"{max(cost, 0):.2f}"] for name, cost in execution["adapters"].items()]
    return TEMPLATE.read_text("utf-8").format(
        machine=execution["machine"],
        scenarios=_scenarios(execution["rows"]),
        fixed=_table(["", "us"], costs),
        concurrent=_concurrent(results["concurrent"]["rows"]),
        waited=_missed(concurrent.misses([concurrent.Row(**row) for row in results["concurrent"]["rows"]])),
        elements=_elements(results["graphs"]["elements"]),
        joined=_joined(results["graphs"]["joined"]),
        reduced=_reduced(results["graphs"]["memory"]),
        gathered=_missed(results["graphs"]["misses"]),
        missed=_missed(execution["misses"]),
        costly=_missed(earning.misses([earning.Row(**row) for row in results["earning"]])),
        grown=_missed(scaling.misses([scaling.Row(**row) for row in results["scaling"]])),
        earned=results["earned"],
        earning=_earning(results["earning"]),
        scaling=_scaling(results["scaling"]),
        peers=_peers(results.get("peers") or []),
    )


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _scenarios(rows: list[dict[str, Any]]) -> str:
    by_name: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        by_name.setdefault(row["scenario"], []).append(row)
    found: list[list[str]] = []
    for name, ways in by_name.items():
        cells = [name, f"{ways[0]['by_hand_per_node']:.3f}"]
        for way in ways:
            cells += [f"{way['net']:.2f}", "" if way["target"] is None else f"{way['target']:.2f}"]
        found.append(cells)
    return _table(["", "by hand, us a node", "generated", "target", "interpreted", "target"], found)


def _concurrent(rows: list[dict[str, Any]]) -> str:
    found: list[list[str]] = []
    for row in rows:
        is_ours = row["contestant"] == "yorch_async"
        ratio, target = "" if is_ours else f"{row['ratio']:.2f}", "" if row["target"] is None else f"{row['target']:.2f}"
        found.append([f"{row['children']}, {row['loop']}", row["contestant"], f"{row['per_child']:.2f}", ratio, target])
    return _table(["", "run by", "us a child", "this library takes", "target"], found)


def _elements(rows: list[dict[str, Any]]) -> str:
    cells = [
        [
            f"{row['work']}, {row['loop']}",
            row["policy"],
            f"{row['by_hand']:.3f}",
            f"{row['ours']:.3f}",
            f"{row['ratio']:.2f}",
            f"{row['target']:.1f}",
        ]
        for row in rows
    ]
    return _table(["", "policy", "by hand, us", "this library, us", "ratio", "target"], cells)


def _joined(rows: list[dict[str, Any]]) -> str:
    names = ("register", "compile", "run", "run_concurrent")
    cells = [[f"{row['nodes']:,}", *(f"{row[name]:.2f}" for name in names)] for row in rows]
    return _table(["nodes", "register", "compile", "a run", "a concurrent run"], cells)


def _reduced(rows: list[dict[str, Any]]) -> str:
    cells = [[row["policy"], f"{row['elements']:,}", f"{row['peak']:.1f}"] for row in rows]
    return _table(["", "elements", "peak of the process, MiB"], cells)


def _missed(misses: list[str]) -> str:
    if not misses:
        return "Every target is met.\n"
    return "Missed, with what was measured:\n\n" + "".join(f"- {miss}\n" for miss in misses)


def _earning(rows: list[dict[str, Any]]) -> str:
    cells = [
        [row["scenario"], f"{row['generate']:.0f}", f"{row['saved']:.3f}", f"{row['runs']:.0f}", f"{row['stretch']:.1f}"]
        for row in rows
    ]
    head = ["", "code, us a node", "saves, us a node and run", "pays after runs", "stretch, ms"]
    return _table(head, [*cells, ["median", "", "", f"{median(row['runs'] for row in rows):.0f}", ""]])


def _scaling(rows: list[dict[str, Any]]) -> str:
    head = [
        "",
        "nodes",
        "register",
        "compile",
        "first run",
        "run",
        "generate",
        "run code",
        "tree, B",
        "plan, B",
        "peak, MiB",
    ]
    times = ("register", "compile", "first_run", "run", "generate", "run_generated")
    found: list[list[str]] = []
    for row in rows:
        cells = ["-" if row[name] is None else f"{row[name]:.2f}" for name in times]
        # Of a small tree the memory of the process tells nothing.
        sizes = [f"{row[name]:.0f}" if row["nodes"] >= 10_000 else "-" for name in ("tree_bytes", "plan_bytes")]
        found.append([row["shape"], f"{row['nodes']:,}", *cells, *sizes, f"{row['peak']:.0f}"])
    return _table(head, found)


def _peers(peers: list[dict[str, Any]]) -> str:
    found: list[list[str]] = [[peer["name"], "", peer["failure"], "", ""] for peer in peers if peer["failure"]]
    for row in (row for peer in peers for row in peer["rows"]):
        name = f"{row['peer']} {row['version']}"
        if row["failure"]:
            found.append([name, row["shape"], row["failure"], "", ""])
        else:
            build = row["build_us_per_node"]
            figures = [_short(row["us_per_node"]), _short(row["times_hand_written"]), "" if build is None else _short(build)]
            found.append([name, row["shape"], *figures])
    return _table(["", "shape", "us a node", "times by hand", "building, us a node"], found)


def _short(number: float) -> str:
    """Three digits, or all of those before the point."""
    return f"{number:,.0f}" if number >= 100 else f"{number:.3g}"


def _draw(rows: list[dict[str, Any]], target: Path) -> None:
    """Time per node, and the memory of the process, over the number of nodes: the times are level where growth is linear."""
    plt: Any = import_module("matplotlib.pyplot")  # by name: who only checks the types has no need of it
    plt.switch_backend("svg")  # draws into files, and looks for no screen
    figure, (times, memory) = plt.subplots(1, 2, figsize=(10, 4))
    shown = (("register", "registering"), ("compile", "compiling"), ("first_run", "first run"), ("run", "a run"))
    for style, shape in (("-", "chain"), ("--", "siblings")):
        line = [row for row in rows if row["shape"] == shape]
        nodes = [row["nodes"] for row in line]
        for color, (name, words) in enumerate(shown):
            times.plot(nodes, [row[name] for row in line], style, color=f"C{color}", marker=".", label=f"{words}, {shape}")
        memory.plot(nodes, [row["peak"] for row in line], style, color="C4", marker=".", label=shape)
    times.set(xscale="log", yscale="log", xlabel="nodes", ylabel="us per node")
    memory.set(xscale="log", yscale="log", xlabel="nodes", ylabel="peak of the process, MiB")
    for axes, place in ((times, "center right"), (memory, "upper left")):
        axes.grid(visible=True, which="major", alpha=0.3)
        axes.legend(fontsize="small", loc=place)
    figure.savefig(target, metadata={"Date": None}, bbox_inches="tight")
    plt.close(figure)
