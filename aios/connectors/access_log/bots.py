"""Machines among the visitors, by what they call themselves and by what they do.

By name: whatever says that it is a bot, crawler, spider, library, monitor or preview, and whatever says nothing at all.
By behaviour, for one visitor on one day: asking for robots.txt, probing for holes (`/wp-login.php`, `/.env`), or more
pages than a person reads. What a visitor did before it was found out is taken back.
"""

from __future__ import annotations

import re

MOST_PAGES = 300  # that one person looks at in a day
_NAMES = re.compile(
    r"bot\b|bot[/;_-]|crawl|spider|slurp|scrap|archive|fetch|monitor|uptime|pingdom|statuscake|check(?:er|ly)|scan|"
    r"curl/|wget/|libwww|lwp|python|aiohttp|httpx|requests/|go-http|java/|okhttp|axios|node|undici|ruby|perl|php/|guzzle|"
    r"headless|phantomjs|selenium|playwright|puppeteer|lighthouse|pagespeed|"
    r"facebookexternalhit|whatsapp|telegram|slack|discord|embedly|preview|validator|feed|rss|"
    r"ia_archiver|mediapartners|google-|apis-google|bingpreview|yandex|baidu|sogou|ahrefs|semrush|dataprovider|"
    r"gpt|claude|anthropic|perplexity|ccbot|bytespider|cohere|\+https?://",
    re.IGNORECASE,
)
_PROBES = re.compile(
    r"/(?:\.(?:env|git|aws|ssh|svn|ds_store|vscode|well-known/security)|wp-(?:login|admin|includes|content|json|config)|"
    r"xmlrpc\.php|phpmyadmin|pma/|cgi-bin|vendor/|actuator|solr/|boaform|owa/|autodiscover|hnap1|console/|"
    r"server-status|telescope|_ignition|\.\./)|\.(?:php\d?|aspx?|jsp|cgi|bak|sql|env|ini|ya?ml|zip|tar|gz|rar)(?:$|[?/])",
    re.IGNORECASE,
)


def is_bot_by_name(agent: str) -> bool:
    return not agent.strip() or len(agent) < 8 or _NAMES.search(agent[:512]) is not None


def gives_itself_away(path: str) -> bool:
    """Would no reader ask for this?"""
    return path == "/robots.txt" or _PROBES.search(path[:512]) is not None
