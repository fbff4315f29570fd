"""What a policy will cost before it has cost anything. Pure: prices, sizes and rates in, money out.

Read `docs/how-to/costs.md` for what the figures mean. Money is decimal; every figure has a low, an expected and a high.
"""

from holdfast.model.costs.estimating import estimate, estimate_given
from holdfast.model.costs.prices import PriceList, packaged_prices, parse_prices
from holdfast.model.costs.report import Estimate

__all__ = ["Estimate", "PriceList", "estimate", "estimate_given", "packaged_prices", "parse_prices"]
