"""A page is fetched from public places only, whole, in time, and as what it says it is."""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Sequence

import pytest

from aios.connectors.files.fetch import Fetched, Network, Web
from aios.errors import AiosError, RefusedError, TransientError
from tests.connectors.web import Answer, serving

HERE: list[Network] = [ipaddress.ip_network("127.0.0.0/8")]
PAGE = b"<html><body><p>Hello.</p></body></html>"


def at(*addresses: str) -> Web:
    """The web where every host has these addresses."""
    return Web(resolve=lambda *_: addresses)


def here(*, limit: int = 10_000, timeout: float = 5.0) -> Web:
    return Web(HERE, limit, timeout)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.8.8.8",
        "0.0.0.0",  # noqa: S104  this machine, as some systems read it
        "10.0.0.1",
        "172.16.5.4",
        "192.168.1.1",
        "100.64.0.1",
        "169.254.169.254",  # what clouds tell their machines, credentials among it
        "192.0.2.1",
        "198.18.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1%eth0",
        "fc00::1",
        "fd00:ec2::254",
        "ff02::1",
        "::ffff:10.0.0.1",
        "::ffff:169.254.169.254",
        "::127.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "2001:0:7f00:1::",
    ],
)
def test_what_is_not_public_is_refused(address: str) -> None:
    with pytest.raises(RefusedError, match="not public") as caught:
        at(address).fetch("https://pages.example/")
    assert "private_networks" in caught.value.hint


@pytest.mark.parametrize("addresses", [("93.184.216.34", "10.0.0.1"), ("10.0.0.1", "93.184.216.34")])
def test_one_private_address_among_public_ones_refuses_the_host(addresses: Sequence[str]) -> None:
    with pytest.raises(RefusedError, match=r"10\.0\.0\.1, which is not public"):
        at(*addresses).fetch("https://pages.example/")


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost/",
        "http://2130706433/",  # 127.0.0.1 as one number
        "http://0x7f.1/",
        "http://0177.0.0.1/",
        "http://127.1/",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[0:0:0:0:0:ffff:a9fe:a9fe]/",
    ],
)
def test_other_spellings_of_a_private_address_gain_nothing(url: str) -> None:
    with pytest.raises(RefusedError, match="not public"):
        Web(timeout=2).fetch(url)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://pages.example/x",
        "file:///etc/passwd",
        "gopher://pages.example/",
        "https://user:word@pages.example/",
        "https://user@pages.example/",
        "https://",
        "https:///x",
        "https://pages.example:0/",
        "https://pages.example:99999/",
        "https://[::1/",
        "https://pages.example/a b",
        "https://pages.example/a\r\nHost: other.example",
        "https://pages.example/\x00",
        f"https://{'a' * 70}.example/",
    ],
)
def test_what_is_no_plain_address_is_refused_before_anything_is_asked(url: str) -> None:
    asked: list[str] = []

    def resolve(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return ["93.184.216.34"]

    with pytest.raises(RefusedError):
        Web(resolve=resolve).fetch(url)
    assert asked == []


@pytest.mark.parametrize("port", [22, 25, 53, 110, 139, 445, 993])
def test_ports_of_other_services_are_refused(port: int) -> None:
    with pytest.raises(RefusedError, match=f"port {port}"):
        at("93.184.216.34").fetch(f"http://pages.example:{port}/")


@pytest.mark.parametrize(
    "target",
    [
        "http://10.0.0.1/",
        "//192.168.1.1/admin",
        "http://[::ffff:169.254.169.254]/latest/meta-data/",
        "http://169.254.169.254/latest/meta-data/iam/",
        "file:///etc/passwd",
        "http://user:word@127.0.0.1/",
        "http://127.0.0.1:22/",
    ],
)
def test_a_redirect_goes_through_the_same_door(target: str) -> None:
    with serving(Answer(status="302 Found", headers=[f"Location: {target}"])) as site, pytest.raises(RefusedError):
        here().fetch(site.url)
    assert len(site.asked) == 1


def test_redirects_are_followed_to_where_they_end() -> None:
    moved = Answer(status="301 Moved", headers=["Location: /new page?q=ü"])
    with serving(moved, Answer(PAGE)) as site:
        page = here().fetch(f"{site.url}/old")
    assert page.url.startswith(f"{site.url}/new%20page?q=")
    assert site.asked[1].startswith("GET /new%20page?q=")


def test_redirects_end_some_time() -> None:
    with serving(Answer(status="302 Found", headers=["Location: /again"])) as site:
        with pytest.raises(RefusedError, match="redirects more than 5 times"):
            here().fetch(site.url)
        assert len(site.asked) == 6


@pytest.mark.parametrize("target", ["http://[nowhere", "https://x:port/"])
def test_a_redirect_to_what_is_no_address_is_said_to_be_one(target: str) -> None:
    with (
        serving(Answer(status="302 Found", headers=[f"Location: {target}"])) as site,
        pytest.raises(AiosError, match="no address"),
    ):
        here().fetch(site.url)


def test_a_name_is_asked_once_and_what_it_said_is_where_we_go() -> None:
    said = iter([["127.0.0.1"], ["10.0.0.1"]])
    with serving(Answer(PAGE)) as site:
        port = site.url.rpartition(":")[2]
        page = Web(HERE, resolve=lambda *_: next(said)).fetch(f"http://changing.example:{port}/")
    assert page.content == PAGE
    assert f"Host: changing.example:{port}" in site.asked[0]


def test_where_the_first_address_is_silent_the_next_is_tried() -> None:
    with serving(Answer(PAGE)) as site:
        port = site.url.rpartition(":")[2]
        page = Web(HERE, resolve=lambda *_: ["127.0.0.99", "127.0.0.1"]).fetch(f"http://two.example:{port}/")
    assert page.content == PAGE


def test_nothing_of_ours_is_sent_along() -> None:
    with serving(Answer(PAGE)) as site:
        here().fetch(f"{site.url}/a?b=c#part")
    lines = site.asked[0].strip().splitlines()
    assert lines[0] == "GET /a?b=c HTTP/1.1"
    assert {line.partition(":")[0] for line in lines[1:]} == {"Host", "User-Agent", "Accept", "Accept-Encoding"}


@pytest.mark.parametrize("answer", [Answer(held=True), Answer(PAGE * 50, drip=True)])
def test_a_slow_server_has_as_long_as_was_said_and_no_longer(answer: Answer) -> None:
    with serving(answer) as site:
        began = time.monotonic()
        with pytest.raises(TransientError, match=r"no answer within 0\.4 s"):
            here(timeout=0.4).fetch(site.url)
        assert 0.3 < time.monotonic() - began < 3


def test_a_head_that_comes_byte_by_byte_for_ever_ends_at_the_deadline_too() -> None:
    slow = Answer(PAGE, headers=[f"X-{number}: {'a' * 50}" for number in range(40)], drip=True)
    with serving(slow) as site, pytest.raises(TransientError, match="no answer within"):
        here(timeout=0.4).fetch(site.url)


def test_redirects_share_one_deadline() -> None:
    slow = Answer(b"x" * 10, status="302 Found", headers=["Location: /again"], drip=True)
    with serving(slow) as site:
        began = time.monotonic()
        with pytest.raises(TransientError):
            here(timeout=0.6).fetch(site.url)
        assert time.monotonic() - began < 3


def test_what_is_too_large_is_refused_while_it_is_read() -> None:
    with serving(Answer(b"x" * 4_000)) as site, pytest.raises(RefusedError, match="larger than 2 KiB"):
        here(limit=2_048).fetch(site.url)


def test_an_answer_that_breaks_off_is_no_answer() -> None:
    with serving(Answer(PAGE, length=5_000)) as site, pytest.raises(TransientError, match="ends before its end"):
        here().fetch(site.url)


@pytest.mark.parametrize(
    ("answer", "kind", "message"),
    [
        (Answer(status="404 Not Found"), AiosError, "404 Not Found"),
        (Answer(status="403 Nice\x1b[31m try"), AiosError, r"403 Nice\[31m try"),
        (Answer(status="503 Busy"), TransientError, "503"),
        (Answer(b"x", headers=["Content-Type: application/pdf"]), RefusedError, "application/pdf"),
        (Answer(b"x", headers=["Content-Type: image/svg+xml"]), RefusedError, "image/svg"),
        (Answer(b"x", headers=["Content-Type: text/html", "Content-Encoding: gzip"]), AiosError, "compressed"),
    ],
)
def test_what_is_no_page_is_said_to_be_what_it_is(answer: Answer, kind: type[AiosError], message: str) -> None:
    with serving(answer) as site, pytest.raises(kind, match=message) as caught:
        here().fetch(site.url)
    assert caught.value.message.isprintable()


@pytest.mark.parametrize(("wait", "seconds"), [("7", 7.0), ("soon", None), ("٣", None), ("-1", None)])
def test_how_long_to_wait_is_believed_only_where_it_is_a_number(wait: str, seconds: float | None) -> None:
    headers = [f"Retry-After: {wait}".encode().decode("latin-1")]
    with serving(Answer(status="429 Slow down", headers=headers)) as site, pytest.raises(TransientError) as caught:
        here().fetch(site.url)
    assert caught.value.retry_after == seconds


@pytest.mark.parametrize(
    ("header", "media_type", "charset"),
    [
        ("text/html; charset=ISO-8859-1", "text/html", "iso-8859-1"),
        ("application/xhtml+xml", "text/html", ""),
        ("text/markdown;charset=utf-8", "text/markdown", "utf-8"),
        ("text/plain", "text/plain", ""),
    ],
)
def test_a_page_is_what_its_server_says(header: str, media_type: str, charset: str) -> None:
    with serving(Answer(PAGE, headers=[f"Content-Type: {header}"])) as site:
        assert here().fetch(site.url) == Fetched(site.url, PAGE, media_type, charset)
