"""The one line that says how the gateway was started. No secret is in it."""

from app import __version__
from app.config import Settings


def start_line(settings: Settings) -> str:
    """For the log: ``poegate 0.2.0 starts: mode=token keys=3 ...``."""
    state = "redis" if settings.state_url else settings.state_dir
    facts = {
        "mode": "token" if settings.is_token_mode else "pass-through",
        "keys": len(dict.fromkeys(settings.poe_api_keys)),
        "tokens": len(settings.access_tokens) + len(settings.tokens),
        "stored_tokens": settings.stored_tokens,
        "rate_limit": settings.rate_limit,
        "own_bots": len(settings.bot_urls),
        "state": state,
        "ledger": settings.ledger,
        "admin": settings.admin_token is not None,
        "metrics": settings.metrics_token is not None,
        "workers": settings.web_concurrency,
        "address": f"{settings.host}:{settings.port}",
    }
    words = " ".join(f"{name}={value}" for name, value in facts.items())
    return f"poegate {__version__} starts: {words}"
