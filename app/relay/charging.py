"""What an answer costs: noted for its request, and so for the ledger and the limits."""

from app.access.client import Client
from app.access.prices import PriceList
from app.config import Settings
from app.core.events import Usage

CHARS_A_TOKEN = 4
"""Where nobody counts tokens: an answer that broke off, and usage that Poe does not tell."""


def charge(
    settings: Settings, prices: PriceList, client: Client, bot: str, usage: Usage
) -> float | None:
    """Adds the usage to the client's request. The estimate of its points, None where nobody knows
    the price."""
    visit = client.visit
    visit.usage = (visit.usage or Usage(0, 0)) + usage
    if not client.has_token or settings.url_of(bot):
        return None
    points = prices.estimate(bot, usage)
    visit.add_points(points)
    return points
