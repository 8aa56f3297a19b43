"""Prints what the analysis costs against its peers, in one run: `make bench` (`--markdown` for the docs).

Seconds are of process CPU time, the least of several rounds; ratios compare figures of this run alone. PyTorch runs on
one thread, so that none of its work hides on another core.
"""

import argparse
import platform
import sys
import tracemalloc
import warnings
from collections.abc import Callable

import torch

from benchmarks.clock import Line, at_least, at_most, cpu_time, milliseconds, table
from explorer import Network, Shape, analyze, blocks, presets


def cold(network: Network, repeats: int = 15) -> float:
    """CPU seconds from a network to all its totals, with nothing remembered from before."""
    return cpu_time(lambda: count(network), repeats, before=analyze.cache_clear)[0]


def count(network: Network) -> tuple[object, ...]:
    """Every total of a report, since some are made when they are read."""
    report = analyze(network)
    return report.params, report.macs, report.elements, report.saved_bytes, report.receptive_field, report.cards


def against_peers() -> list[Line]:
    """ResNet-50 and an edit of it against the tools that count it; each builds its module within the clock."""
    from benchmarks import peers

    network = presets.load("resnet50")
    assert analyze(network).params == peers.torchinfo_on_meta() == 25_557_032
    assert analyze(network).macs == peers.flop_counter() == 4_089_184_256

    ours = cold(network, repeats=30)
    torchinfo = cpu_time(peers.torchinfo_on_cpu, 5)[0]
    lines = [
        at_least(
            "ResNet-50, cold", milliseconds(ours), f"torchinfo, CPU {milliseconds(torchinfo)}", torchinfo / ours, 30
        )
    ]
    timed: list[tuple[str, Callable[[], int], float | None]] = [
        ("torchinfo, meta", peers.torchinfo_on_meta, 12),
        ("fvcore", peers.fvcore, None),
        ("FlopCounterMode, meta", peers.flop_counter, None),
    ]
    for name, peer, target in timed:
        seconds = cpu_time(peer, 5)[0]
        lines.append(compared("ResNet-50, cold", ours, f"{name} {milliseconds(seconds)}", seconds / ours, target))

    edited = edit_of_a_stage(network)
    peer = f"torchinfo, CPU {milliseconds(torchinfo)}"
    lines.append(at_least("an edited stage of three blocks", milliseconds(edited), peer, torchinfo / edited, 150))
    return lines


def compared(what: str, ours: float, peer: str, ratio: float, target: float | None) -> Line:
    """A line with a target or without."""
    if target is None:
        return Line(what, milliseconds(ours), peer, ratio, "", None)
    return at_least(what, milliseconds(ours), peer, ratio, target)


def edit_of_a_stage(network: Network) -> float:
    """CPU seconds of all totals after an edit to ResNet-50's first stage of three; no edit comes twice."""
    count(network)
    widths = iter(range(65, 8192))
    edited: list[Network] = []

    def edit() -> None:
        edited.append(network.apply({"op": "set", "at": 1, "fields": {"mid": next(widths)}}))

    return cpu_time(lambda: count(edited[-1]), 60, before=edit)[0]


def other_networks() -> list[Line]:
    """Networks that are deep by repetition, or wide by branches."""
    seconds = {name: cold(presets.load(name)) for name in ("resnet50", "resnet152", "googlenet", "cifar_resnet20")}
    seconds["cifar_resnet1202"] = cold(presets.load("cifar_resnet1202"))
    against = f"ResNet-50 {milliseconds(seconds['resnet50'])}"
    shallow = f"CIFAR ResNet-20 {milliseconds(seconds['cifar_resnet20'])}"
    deep = seconds["cifar_resnet1202"]
    return [
        *(
            Line(title, milliseconds(seconds[name]), against, seconds[name] / seconds["resnet50"], "", None)
            for title, name in (("ResNet-152, cold", "resnet152"), ("GoogLeNet, cold", "googlenet"))
        ),
        at_most("CIFAR ResNet-1202, cold", milliseconds(deep), shallow, deep / seconds["cifar_resnet20"], 6),
    ]


def distinct(number: int, offset: int = 0) -> Network:
    """A stack of as many basic blocks, no two of them alike."""
    stack = (blocks.Stem(form="cifar", channels=16), *(blocks.Basic(channels=16 + offset + at) for at in range(number)))
    return Network(input=Shape(3, 32, 32), blocks=(*stack, blocks.Classifier(classes=10)))


def distinct_blocks() -> list[Line]:
    """Time must grow as the number of distinct blocks does, and memory must stay bounded however many were counted."""
    seconds = {number: cold(distinct(number), repeats=5) for number in (150, 300, 600)}
    lines = [
        at_most(
            f"{number} distinct blocks, each",
            milliseconds(seconds[number] / number),
            f"150 distinct blocks, each {milliseconds(seconds[150] / 150)}",
            seconds[number] / number / (seconds[150] / 150),
            1.3,
        )
        for number in (300, 600)
    ]
    analyze.cache_clear()
    tracemalloc.start()
    held = []
    for turn in range(8):
        count(distinct(600, offset=700 * turn))
        held.append(tracemalloc.get_traced_memory()[0])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    analyze.cache_clear()
    lines.append(
        at_most(
            "memory held after 8 × 600 distinct blocks",
            f"{held[-1] / 2**20:.1f} MiB (peak {peak / 2**20:.1f})",
            f"after 4 × 600 {held[3] / 2**20:.1f} MiB",
            held[-1] / held[3],
            1.25,
        )
    )
    return lines


def main() -> int:
    """Print the table; 1 if a target is missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--markdown", action="store_true", help="print the table as docs/benchmarks.md has it")
    parser.add_argument("--no-server", action="store_true", help="leave out the server, which takes a browser")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore", category=DeprecationWarning)  # fvcore compiles by torch.jit as it is imported
    from benchmarks.loop import lines as training_steps
    from benchmarks.queue import lines as queue

    lines = [*against_peers(), *other_networks(), *distinct_blocks(), *training_steps(), *queue()]
    if not arguments.no_server:
        from benchmarks.compare import views as compared_side_by_side
        from benchmarks.editor import drags
        from benchmarks.inspect import views
        from benchmarks.server import edit_by_button

        lines += [edit_by_button(), *drags(), *views(), *compared_side_by_side()]
    print(f"Python {platform.python_version()}, torch {torch.__version__}, {platform.machine()}, process CPU time\n")
    print(table(lines, arguments.markdown))
    return int(any(line.met is False for line in lines))


if __name__ == "__main__":
    sys.exit(main())
