"""The client of REST services: what its errors say of a request that went wrong, and what they never say."""

from __future__ import annotations

import base64
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from aios.connectors.http import Answer as Told
from aios.connectors.http import AnswerError, Service, segment
from aios.errors import AiosError, CredentialsError, RefusedError, TransientError
from tests.connectors.web import Answer, serving

KEY = "k3y-of-nobody"  # no key at all
JSON = ("Content-Type: application/json",)


def service(url: str, **more: Any) -> Service:
    return Service("it", url, credentials=lambda: {"Authorization": f"Bearer {KEY}"}, **more)


def failing(answer: Answer, method: str = "POST", **more: Any) -> AiosError:
    with serving(answer) as site, pytest.raises(AiosError) as caught:
        service(site.url, **more).ask(method, "/things", json={"a": 1} if method == "POST" else None)
    assert KEY not in str(caught.value)
    assert len(str(caught.value)) < 400
    return caught.value


@contextmanager
def cutting(after: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server that does something with each connection and hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            peer, _ = server.accept()
            with peer:
                after(peer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        thread.join(5)


def test_it_asks_in_json_and_says_who_asks() -> None:
    with serving(Answer(b'{"id": 7}', headers=JSON)) as site:
        answer = service(site.url).ask("POST", "/things", params={"q": "a b&c"}, json={"näme": 1})
    assert (answer.status, answer.data, answer.headers["content-type"]) == (200, {"id": 7}, "application/json")
    asked = site.asked[0].splitlines()
    assert asked[0] == "POST /things?q=a+b%26c HTTP/1.1"
    assert f"Authorization: Bearer {KEY}" in asked
    assert "Accept-Encoding: identity" in asked


def test_parameters_that_are_keys_are_sent_and_in_no_message() -> None:
    refusal = Answer(f'{{"error": "no such key: {KEY}"}}'.encode(), status="400 Bad Request", headers=JSON)
    with serving(refusal) as site, pytest.raises(AnswerError) as caught:
        Service("it", site.url, signature=lambda: {"api_key": KEY}).ask("GET", "/things", params={"page": 2})
    assert f"GET /things?page=2&api_key={KEY} " in site.asked[0]
    assert str(caught.value) == "it answers 400: no such key: […]"


def test_a_password_that_the_service_repeats_is_in_no_message() -> None:
    basic = base64.b64encode(f"ann:{KEY}".encode()).decode()
    told = f"{KEY} is wrong, Basic {basic} too, and {basic}"
    with (
        serving(Answer(f'{{"message": "{told}"}}'.encode(), status="401 No", headers=JSON)) as site,
        pytest.raises(CredentialsError) as caught,
    ):
        Service("it", site.url, credentials=lambda: {"Authorization": f"Basic {basic}"}).ask("GET", "/")
    assert caught.value.message == "it answers 401: […] is wrong, […] too, and […]"


@pytest.mark.parametrize("key", ["ab\ncd-of-nobody", "abcd-öf-nobody", " abcd-of-nobody"])
def test_a_key_that_cannot_be_sent_is_refused_without_telling_it(key: str) -> None:
    with pytest.raises(RefusedError, match="X-Key holds a character that cannot be sent") as caught:
        Service("it", "http://127.0.0.1:9", credentials=lambda: {"X-Key": key}).ask("GET", "/")
    assert "nobody" not in str(caught.value)


@pytest.mark.parametrize("base", ["ftp://x.example", "http://", "x.example", "https://[::1", "http://a b.example"])
def test_what_is_no_address_is_refused(base: str) -> None:
    with pytest.raises(AiosError) as caught:
        Service("it", base, timeout=1).ask("GET", "/v1?token=abcdef")
    assert not getattr(caught.value, "sent", False)
    assert "abcdef" not in str(caught.value)


def test_a_refused_connection_says_that_nothing_was_sent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(TransientError, match="cannot be reached") as caught:
        service(f"http://127.0.0.1:{port}").ask("POST", "/things", json={})
    assert caught.value.sent is False


def _hear(peer: socket.socket) -> None:
    peer.recv(65_536)


def _half(peer: socket.socket) -> None:
    peer.recv(65_536)
    peer.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"id":')


def _noise(peer: socket.socket) -> None:
    peer.recv(65_536)
    peer.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")


@pytest.mark.parametrize("after", [lambda _: None, _hear, _half, _noise])
def test_a_connection_that_is_cut_may_have_sent_everything(after: Callable[[socket.socket], None]) -> None:
    with cutting(after) as url, pytest.raises(TransientError, match="broke off") as caught:
        service(url).ask("POST", "/things", json={})
    assert caught.value.sent is True


@pytest.mark.parametrize(
    "answer", [Answer(held=True), Answer(b"[" + b"1," * 5_000 + b"1]", drip=True), Answer(drip=True)]
)
def test_an_answer_has_a_deadline_however_slowly_it_drips(answer: Answer) -> None:
    begun = time.monotonic()
    error = failing(answer, timeout=0.3)
    assert time.monotonic() - begun < 2
    assert isinstance(error, TransientError)
    assert error.sent is True
    assert error.message == "it did not answer within 0.3 s"


@pytest.mark.parametrize(
    ("body", "said"), [(b'"' + b"x" * 2_000 + b'"', "more than 1000 bytes"), (b"<html>", "no JSON"), (b"NaN", "no")]
)
def test_an_answer_that_cannot_be_read_leaves_open_whether_it_was_done(body: bytes, said: str) -> None:
    done = failing(Answer(body), limit=1_000)
    assert isinstance(done, TransientError)
    assert done.sent is True
    read = failing(Answer(body), "GET", limit=1_000)
    assert type(read) is AiosError
    for error in (done, read):
        assert said in error.message
        assert error.hint


def test_no_content_is_no_data() -> None:
    with serving(Answer(status="204 No Content")) as site:
        assert service(site.url).ask("DELETE", "/things/1").data is None


@pytest.mark.parametrize("status", ["301 Moved", "307 Temporary", "308 Permanent"])
def test_it_is_led_nowhere_and_says_where_to(status: str) -> None:
    with serving(Answer(), Answer()) as other:
        where = f"Location: {other.url}/v2/things?key=abcdef"
        error = failing(Answer(status=status, headers=(where,)))
        assert other.asked == []
    assert isinstance(error, RefusedError)
    assert error.message.endswith(f"and leads to {other.url}/v2/things")
    assert error.hint == "write the address that it leads to"


@pytest.mark.parametrize("status", ["302 Found", "303 See Other"])
def test_what_is_done_first_and_redirected_then_may_have_been_done(status: str) -> None:
    error = failing(Answer(status=status, headers=("Location: /login",)))
    assert isinstance(error, TransientError)
    assert error.sent is True
    assert isinstance(failing(Answer(status=status), "GET"), RefusedError)


@pytest.mark.parametrize("status", [401, 403])
def test_who_is_not_let_in_is_told_where_to_look(status: int) -> None:
    error = failing(Answer(b'{"detail": "not you"}', status=f"{status} No", headers=JSON))
    assert isinstance(error, CredentialsError)
    assert error.message == f"it answers {status}: not you"
    assert "aios connectors test it" in error.hint


@pytest.mark.parametrize("status", [400, 404, 405, 409, 410, 422, 501, 505])
def test_a_refusal_is_one_and_keeps_what_was_said(status: int) -> None:
    error = failing(Answer(b'{"errors": [{"message": "gone\\u202e\\n"}]}', status=f"{status} No", headers=JSON))
    assert isinstance(error, AnswerError)
    assert (error.status, error.data["errors"][0]["message"]) == (status, "gone\u202e\n")
    assert error.message == f"it answers {status}: gone"


@pytest.mark.parametrize(
    ("status", "sent"),
    [(408, True), (425, False), (429, False), *((n, True) for n in (500, 502, 503, 504, 520, 524, 599))],
)
def test_what_may_work_later_says_whether_it_was_looked_at(status: int, sent: bool) -> None:
    error = failing(Answer(b"<h1>oops</h1>", status=f"{status} Oops"))
    assert isinstance(error, TransientError)
    assert error.sent is sent
    assert error.message == f"it answers {status}"


DATE = "Date: Mon, 09 Mar 2026 12:00:00 GMT"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        (("Retry-After: 7",), 7.0),
        ((DATE, "Retry-After: Mon, 09 Mar 2026 12:01:30 GMT"), 90.0),
        ((DATE, "Retry-After: Mon, 09 Mar 2026 11:00:00 GMT"), 0.0),
        (("Retry-After: Mon, 09 Mar 2026 12:01:30 GMT",), None),
        ((DATE, "Retry-After: soon"), None),
        (("Retry-After: -5",), None),
        ((f"Retry-After: {'9' * 400}",), 30 * 86_400.0),
        ((), None),
    ],
)
def test_a_service_says_when_to_come_back(headers: tuple[str, ...], seconds: float | None) -> None:
    error = failing(Answer(status="429 Too Many Requests", headers=headers))
    assert isinstance(error, TransientError)
    assert error.retry_after == seconds


def test_every_answer_is_told_whatever_it_says() -> None:
    heard: list[Told] = []
    with serving(Answer(b"{}"), Answer(status="429 Later", headers=("X-Left: 0",))) as site:
        it = service(site.url, told=heard.append)
        it.ask("GET", "/")
        with pytest.raises(TransientError):
            it.ask("GET", "/")
    assert [(answer.status, answer.headers.get("x-left")) for answer in heard] == [(200, None), (429, "0")]


@pytest.mark.parametrize(("text", "part"), [("a/b c", "a%2Fb%20c"), ("ä?#%", "%C3%A4%3F%23%25"), ("...", "...")])
def test_a_part_of_a_path_stays_one(text: str, part: str) -> None:
    assert segment(text) == part


@pytest.mark.parametrize("text", ["", ".", ".."])
def test_what_would_be_another_path_is_refused(text: str) -> None:
    with pytest.raises(RefusedError, match="cannot be a part"):
        segment(text)


def test_before_the_connection_is_safe_nothing_is_sent() -> None:
    with cutting(lambda _: None) as url, pytest.raises(TransientError) as caught:
        service(url.replace("http:", "https:")).ask("POST", "/", json={})
    assert caught.value.sent is False
