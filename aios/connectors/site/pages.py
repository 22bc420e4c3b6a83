"""The pages of a site, from its articles and settings: path → text. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def render_site(settings: Mapping[str, Any], articles: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    from jinja2 import DictLoader, Environment, select_autoescape
    from markdown_it import MarkdownIt
    from markupsafe import Markup
    from mdit_py_plugins.footnote import footnote_plugin

    markdown = MarkdownIt("commonmark", {"html": False}).enable("table").use(footnote_plugin)
    environment = Environment(loader=DictLoader(_TEMPLATES), autoescape=select_autoescape(["html", "xml"], default=True))
    ordered = sorted(articles, key=lambda each: (str(each["date"]), str(each["slug"])), reverse=True)
    pages = {
        f"{each['slug']}/index.html": environment.get_template("article.html").render(
            site=settings, article=each, body=Markup(markdown.render(str(each["markdown"])))  # noqa: S704
        )
        for each in ordered
    }
    for name in ("index.html", "feed.xml", "sitemap.xml"):
        pages[name] = environment.get_template(name).render(site=settings, articles=ordered)
    return pages


_TEMPLATES = {
    "article.html": """<!doctype html>
<html lang="{{ site.language or 'en' }}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ article.title }}</title><meta name="description" content="{{ article.description }}">
<link rel="canonical" href="{{ site.url }}/{{ article.slug }}/"><style>body{font:18px/1.6 Georgia,serif;max-width:38rem;margin:2rem auto;padding:0 1rem}</style></head>
<body><nav><a href="../">{{ site.title }}</a></nav><main><article><h1>{{ article.title }}</h1><p>{{ article.date[:10] }}</p>{{ body }}</article></main></body></html>
""",
    "index.html": """<!doctype html>
<html lang="{{ site.language or 'en' }}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>{{ site.title }}</title></head>
<body><main><h1>{{ site.title }}</h1>{% for a in articles %}<h2><a href="{{ a.slug }}/">{{ a.title }}</a></h2><p>{{ a.summary }}</p>{% endfor %}</main></body></html>
""",
    "feed.xml": """<?xml version="1.0" encoding="utf-8"?>
<feed xmlns="http://www.w3.org/2005/Atom"><title>{{ site.title }}</title><id>{{ site.url }}/</id>{% for a in articles %}<entry><title>{{ a.title }}</title><id>{{ site.url }}/{{ a.slug }}/</id></entry>{% endfor %}</feed>
""",
    "sitemap.xml": """<?xml version="1.0" encoding="utf-8"?>
<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{% for a in articles %}<url><loc>{{ site.url }}/{{ a.slug }}/</loc></url>{% endfor %}</urlset>
""",
}
