"""Readers of the example company: a log of the days before, as a web server writes it, with machines among them."""

from __future__ import annotations

import gzip
import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

LOG = "logs/access.log"
DAYS = 9
ROTATED = 3  # days that the server has rotated away and compressed

# Views a day and piece. Readers leave the one on trials: the weeks before, it had more than a hundred.
_PIECES = {
    "/pricing-page-teardown/": 24,
    "/announce-a-price-change/": 21,
    "/annual-or-monthly/": 12,
    "/seats-or-usage/": 11,
    "/plan-names/": 9,
    "/cancel-flow/": 8,
    "/discount-requests/": 7,
    "/free-trial-length/": 4,
    "/": 15,
}
_REFERRERS = ("-", "-", "-", "https://www.google.com/", "https://news.example/item?id=41", "https://forum.example/t/88")
# What readers look for and do not find.
_WISHES = (
    ("/?q=fair+use+limits", 200, 2),
    ("/usage-limits-and-fair-use/", 404, 2),
    ("/blog", 404, 1),
)
_MACHINES = (
    ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "/sitemap.xml"),
    ("Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)", "/pricing-page-teardown/"),
    ("python-requests/2.32.3", "/wp-login.php"),
    ("curl/8.5.0", "/.env"),
)
_BROWSERS = (
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Safari/605.1.15",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36",
)


def write_traffic(root: Path, now: datetime, *, days: int = DAYS) -> None:
    """Write the log of the `days` whole days before `now` into a company's folder; the oldest lie compressed beside it.

    The same day gives the same lines.
    """
    today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    whole = [list(_day(today - timedelta(days=back))) for back in range(days, 0, -1)]
    log = root / LOG
    log.parent.mkdir(parents=True, exist_ok=True)
    with gzip.GzipFile(log.with_name("access.log.1.gz"), "wb", mtime=0) as file:
        file.write("".join(line for lines in whole[:ROTATED] for line in lines).encode())
    log.write_text("".join(line for lines in whole[ROTATED:] for line in lines), encoding="utf-8")


def _day(day: datetime) -> Iterator[str]:
    chance = random.Random(day.toordinal())  # noqa: S311  a made-up log, the same whenever it is made
    asked: list[tuple[str, int, str, str]] = []
    for path, usual in _PIECES.items():
        views = chance.randint(round(usual * 0.85), round(usual * 1.15))
        asked += [(path, 200, chance.choice(_REFERRERS), chance.choice(_BROWSERS)) for _ in range(views)]
    for path, status, times in _WISHES:
        asked += [(path, status, "https://fernwerk.example/", chance.choice(_BROWSERS)) for _ in range(times)]
    asked += [(path, 404 if path.startswith(("/wp", "/.")) else 200, "-", agent) for agent, path in _MACHINES * 3]
    moments = sorted(chance.randrange(86_400) for _ in asked)
    chance.shuffle(asked)
    for second, (path, status, referrer, agent) in zip(moments, asked, strict=True):
        at = (day + timedelta(seconds=second)).strftime("%d/%b/%Y:%H:%M:%S +0000")
        size = chance.randint(4_000, 19_000) if status == 200 else 512
        yield f'{_address(chance)} - - [{at}] "GET {path} HTTP/1.1" {status} {size} "{referrer}" "{agent}"\n'


def _address(chance: random.Random, blocks: Sequence[str] = ("192.0.2", "198.51.100", "203.0.113")) -> str:
    """An address of the blocks that are kept for documentation."""
    return f"{chance.choice(blocks)}.{chance.randint(1, 254)}"
