"""Costs over HTTP."""

from __future__ import annotations

from holdfast.model.costs import Estimate, PriceList
from triggers.costing import EstimateCosts, estimated
from triggers.routes import Call, Reply, route


@route(
    "POST",
    "costs/estimate",
    "What a policy will store, move, run and pay a month, before it is saved or after",
    takes=EstimateCosts,
    gives=Estimate,
)
def estimate_costs(call: Call) -> Reply:
    return Reply(estimated(call.app, call.body(EstimateCosts)).model_dump(mode="json"))


@route("GET", "costs/prices", "The prices that estimates are made with", gives=PriceList)
def get_prices(call: Call) -> Reply:
    return Reply(call.app.prices.model_dump(mode="json"))
