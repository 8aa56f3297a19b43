"""A budget for the network on screen: where it stands, and proposals that meet it."""

from __future__ import annotations

from typing import Any

from explorer.fit import fit
from explorer.network import EditError
from explorer.report import Report
from explorer.shape import ShapeError
from explorer.ui import words
from explorer.ui.desk import Desk, Optimizer, Quantity, Target, read

Data = dict[str, Any]


def aim(desk: Desk, quantity: Quantity, value: int | None) -> None:
    """Sets what the network is to meet; None: nothing."""
    desk.session["target"] = None if value is None else Target(quantity=quantity, value=value)
    desk.session["fit"] = None


def propose(desk: Desk) -> None:
    """Finds the networks of the grid that meet the target best. Raises EditError where there is nothing to fit."""
    session, target = desk.session, desk.session["target"]
    if target is None:
        raise EditError("There is no budget to fit to; set one first.")
    try:
        found = fit(desk.network, target["quantity"], target["value"], session["batch"], session["optimizer"])
    except ShapeError as error:
        raise EditError(f"only a stack that fits together can be fitted: {error}") from None
    session["fit"] = {
        **_situation(desk),
        "grid": found.grid,
        "proposals": [
            {
                "label": proposal.label,
                "changes": list(proposal.changes),
                "params": proposal.params,
                "macs": proposal.macs,
                "memory": proposal.memory,
                "meets": proposal.meets,
                "network": proposal.network.token(),
            }
            for proposal in found.proposals
        ],
    }


def adopt(desk: Desk, number: int) -> None:
    """Takes a proposal on screen. Raises EditError where the network or the target is no longer theirs."""
    found = current(desk)
    if found is None:
        raise EditError("These proposals were made for another network or budget; ask for new ones.")
    if number >= len(found["proposals"]):
        raise EditError("There is no such proposal.")
    desk.settle(read(found["proposals"][number]["network"]), f"fitted to {_written(found['target'])}")
    desk.session["fit"] = None


def current(desk: Desk) -> Data | None:
    """The proposals, if they are for what is on screen."""
    found = desk.session["fit"]
    return found if found is not None and _situation(desk).items() <= found.items() else None


def _situation(desk: Desk) -> Data:
    """What proposals depend on."""
    session = desk.session
    return {
        "token": desk.token,
        "target": session["target"],
        "batch": session["batch"],
        "optimizer": session["optimizer"],
    }


def gauge(desk: Desk, report: Report) -> Data | None:
    """Where the network stands against its target."""
    target = desk.session["target"]
    if target is None:
        return None
    quantity, most = target["quantity"], target["value"]
    number = _amount(report, quantity, desk.session["optimizer"])
    left = most - number
    if left < 0:
        text = f"{_roughly(quantity, -left)} over"
    else:
        text = f"{_roughly(quantity, left)} left" if left else "met exactly"
    return {
        "quantity": quantity,
        "target": most,
        "written": _written(target),
        "number": _number(quantity, number),
        "share": round(number / most, 4),
        "state": "over" if left < 0 else "within",
        "text": f"{text} so far" if report.error else text,
    }


def proposals(desk: Desk, report: Report) -> Data | None:
    """The proposals as the page shows them, each with its change against the network on screen."""
    found = current(desk)
    if found is None:
        return None
    quantity = found["target"]["quantity"]
    now = _amount(report, quantity, desk.session["optimizer"])
    return {
        "quantity": quantity,
        "target": _number(quantity, found["target"]["value"]),
        "grid": found["grid"],
        "proposals": [
            {
                "label": each["label"],
                "changes": each["changes"],
                "params": words.plain(each["params"]),
                "macs": words.compact(each["macs"]),
                "memory": words.memory(each["memory"]),
                "change": words.change(each[quantity], now, _WRITTEN_AS[quantity]),
                "meets": each["meets"],
            }
            for each in found["proposals"]
        ],
    }


_WRITTEN_AS: dict[Quantity, str] = {"params": "plain", "macs": "compact", "memory": "memory"}


def _amount(report: Report, quantity: Quantity, optimizer: Optimizer) -> int:
    if quantity == "memory":
        return report.memory(optimizer).total
    return report.params if quantity == "params" else report.macs


def _number(quantity: Quantity, number: int) -> str:
    return {"params": words.plain, "macs": words.compact, "memory": words.memory}[quantity](number)


def _roughly(quantity: Quantity, number: int) -> str:
    """Parameters too in three digits: how much is left stands beside the target, in a narrow column."""
    return words.compact(number) if quantity == "params" else _number(quantity, number)


def _written(target: Target) -> str:
    match target:
        case {"quantity": "params", "value": value}:
            return f"{words.plain(value)} parameters"
        case {"quantity": "macs", "value": value}:
            return words.compact(value, "MACs")
    return words.memory(target["value"])
