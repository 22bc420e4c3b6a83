"""Debian's exim4 and dovecot as processes of their own: mail handed to the one lies in the folders of the other.

Users are ann and ben @mail.test. `nobody` has no mailbox; `later` is taken from the second attempt on, once the file
of that name is there. Both speak TLS with a certificate that is made here. Only root can start them; they then work as
users of their own, who must be let into the folder: it is a new one in /tmp.
"""

from __future__ import annotations

import imaplib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.connectors.stands import Stand
from tests.connectors.stands.mail import PASSWORD, settings
from tests.peers import program

_EXIM = """
primary_hostname = mail.test
spool_directory = {top}/spool
log_file_path = {top}/spool/%slog
pid_file_path = {top}/spool/exim.pid
daemon_smtp_ports = {smtp} : {smtps}
tls_on_connect_ports = {smtps}
local_interfaces = 127.0.0.1
tls_advertise_hosts = *
tls_certificate = {top}/cert.pem
tls_privatekey = {top}/key.pem
domainlist local_domains = mail.test
acl_smtp_rcpt = rcpt
acl_smtp_mail = accept
acl_smtp_data = data
host_lookup =
rfc1413_query_timeout = 0s
keep_environment =
message_size_limit = 4M
queue_only = false
bounce_return_message = true
begin acl
rcpt:
  deny !authenticated = *
       message = authentication required
  defer local_parts = later
       condition = ${{if exists{{{top}/later}}{{0}}{{1}}}}
       message = greylisted, come back later
  accept domains = ! +local_domains
         condition = ${{if eq{{$domain}}{{broken.test}}}}
  deny domains = ! +local_domains
       message = relay not permitted
  require verify = recipient
  accept
data:
  deny condition = ${{if match{{$h_subject:}}{{spam}}}}
       message = this looks like spam
  accept
begin routers
broken:
  driver = redirect
  domains = broken.test
  allow_fail
  data = :fail: no such user here
local:
  driver = accept
  domains = +local_domains
  local_parts = ann : ben : later
  transport = maildir
begin transports
maildir:
  driver = appendfile
  maildir_format
  directory = {top}/mail/$local_part_data
  create_directory
  user = Debian-exim
  group = Debian-exim
  return_path_add
begin retry
*  *  F,1h,1m
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_set_id = $auth2
  server_condition = ${{if and{{{{match{{$auth2}}{{@mail.test\\$}}}}{{eq{{$auth3}}{{{password}}}}}}}}}
"""
_DOVECOT = """
base_dir = {top}/dovecot
state_dir = {top}/dovecot
log_path = {top}/dovecot.log
protocols = imap
ssl = yes
ssl_cert = <{top}/cert.pem
ssl_key = <{top}/key.pem
disable_plaintext_auth = no
listen = 127.0.0.1
default_internal_user = dovecot
default_login_user = dovenull
mail_location = maildir:{top}/mail/%n
first_valid_uid = 1
auth_failure_delay = 0
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid=Debian-exim gid=Debian-exim home={top}/mail/%n
}}
service imap-login {{
  inet_listener imap {{
    address = 127.0.0.1
    port = {imap}
  }}
  inet_listener imaps {{
    address = 127.0.0.1
    port = {imaps}
    ssl = yes
  }}
}}
namespace inbox {{
  inbox = yes
  separator = /
  mailbox "Gesendete Entwürfe" {{
    auto = subscribe
    special_use = \\Sent
  }}
}}
"""
_USER = "Debian-exim"
_PATIENCE = 20.0  # seconds
_CERTIFICATE = (
    "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=mail.test "
    "-addext subjectAltName=IP:127.0.0.1,DNS:localhost"
)


@dataclass(frozen=True)
class Mailserver(Stand):
    """`smtps`, `imap` and `imaps` are addresses like `address`; `ca` is the certificate to trust."""

    smtps: str
    imap: str
    imaps: str
    top: Path

    @property
    def ca(self) -> Path:
        return self.top / "cert.pem"

    def messages(self, user: str, folder: str = "INBOX") -> list[EmailMessage]:
        """What lies in a folder, as Python's own parser reads it."""
        found = []
        with closing_imap(self.imap, user) as session:
            session.select(f'"{folder}"', readonly=True)
            for uid in session.uid("SEARCH", "ALL")[1][0].split():
                data: Any = session.uid("FETCH", uid.decode(), "(BODY.PEEK[] FLAGS)")[1]
                message = message_from_bytes(data[0][1], policy=default)
                assert isinstance(message, EmailMessage)
                assert b"\\Seen" not in data[-1] or folder != "INBOX"
                found.append(message)
        return found

    def arrived(self, user: str, count: int) -> list[EmailMessage]:
        """The messages of a user, once there are so many and exim has nothing left to deliver."""
        until = time.monotonic() + _PATIENCE
        while time.monotonic() < until:
            if not any((self.top / "spool/input").glob("*-H")) and len(found := self.messages(user)) >= count:
                return found
            time.sleep(0.05)  # nothing tells that it was delivered
        raise AssertionError((self.top / "spool/mainlog").read_text())

    def put(self, user: str, content: bytes) -> None:
        """Something that arrived from elsewhere, as it is."""
        with closing_imap(self.imap, user) as session:
            assert session.append("INBOX", "", "", content)[0] == "OK"


@contextmanager
def closing_imap(address: str, user: str) -> Iterator[imaplib.IMAP4]:
    host, _, port = address.rpartition(":")
    session = imaplib.IMAP4(host, int(port))
    session.login(f"{user}@mail.test", PASSWORD)
    try:
        yield session
    finally:
        session.logout()


@contextmanager
def serving() -> Iterator[Mailserver]:
    """Both servers, until the block ends."""
    with TemporaryDirectory(prefix="mail-", dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        with _started(Path(folder)) as stand:
            yield stand


@contextmanager
def _started(top: Path) -> Iterator[Mailserver]:
    subprocess.run(
        ["openssl", *_CERTIFICATE.split(), "-keyout", top / "key.pem", "-out", top / "cert.pem"],
        check=True,
        capture_output=True,
    )
    for name in ("spool", "mail", "dovecot"):
        (top / name).mkdir()
        shutil.chown(top / name, _USER, _USER)
    shutil.chown(top / "key.pem", _USER)
    ports = dict(zip(("smtp", "smtps", "imap", "imaps"), _free(4), strict=True))
    said = {"top": top, "password": PASSWORD, **ports}
    (top / "exim.conf").write_text(_EXIM.format(**said))
    (top / "dovecot.conf").write_text(_DOVECOT.format(**said))
    commands = (
        [str(program("exim4")), "-C", str(top / "exim.conf"), "-bdf", "-q1m"],
        [str(program("dovecot")), "-F", "-c", str(top / "dovecot.conf")],
    )
    with (top / "out").open("wb") as out:
        started = [subprocess.Popen(each, stdout=out, stderr=out, start_new_session=True) for each in commands]
        try:
            for port in ports.values():
                _wait(port, started, top)
            yield _stand(top, ports)
        finally:
            for process in started:
                process.terminate()
            for process in started:
                with suppress(subprocess.TimeoutExpired):
                    process.wait(10)
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def _stand(top: Path, ports: dict[str, int]) -> Mailserver:
    at = {name: f"127.0.0.1:{port}" for name, port in ports.items()}

    def count() -> Counter[str]:
        """By what exim logged of each message that it took: nothing of it depends on us."""
        log = top / "spool/mainlog"
        lines = log.read_text().splitlines() if log.exists() else []
        return Counter(line.split(" id=")[1].split(" ")[0] for line in lines if " <= " in line and " id=" in line)

    def snapshot() -> Any:
        return sorted((path.name, path.read_bytes()) for path in (top / "mail").rglob("*,S=*"))

    return Mailserver(
        address=at["smtp"],
        settings=lambda address: settings(address, at["imap"]),
        count=count,
        snapshot=snapshot,
        stop=lambda: None,
        smtps=at["smtps"],
        imap=at["imap"],
        imaps=at["imaps"],
        top=top,
    )


def _free(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def _wait(port: int, started: list[subprocess.Popen[bytes]], top: Path) -> None:
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until:
        with suppress(OSError), closing(socket.create_connection(("127.0.0.1", port), 1)):
            return
        assert all(process.poll() is None for process in started), (top / "out").read_text()
        time.sleep(0.02)
    raise AssertionError((top / "out").read_text())
