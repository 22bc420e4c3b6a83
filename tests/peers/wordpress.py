"""WordPress as Debian packages it, on PHP's own web server, with a MariaDB of its own on a socket: no service of the
machine is touched. It is made once for all tests; each of them begins with an empty site.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from tests.connectors.stands import Stand
from tests.connectors.stands.wordpress import SECRET, settings

CORE, CONTENT = Path("/usr/share/wordpress"), Path("/var/lib/wordpress/wp-content")
_PATIENCE = 60.0  # seconds
_CONFIG = """<?php
define('DB_NAME', 'wp'); define('DB_USER', 'root'); define('DB_PASSWORD', ''); define('DB_HOST', 'localhost:{socket}');
define('DB_CHARSET', 'utf8mb4'); define('DB_COLLATE', '');
foreach (['AUTH', 'SECURE_AUTH', 'LOGGED_IN', 'NONCE'] as $k) {{ define($k . '_KEY', $k); define($k . '_SALT', $k); }}
$host = $_SERVER['HTTP_HOST'] ?? '127.0.0.1';
define('WP_HOME', "http://$host"); define('WP_SITEURL', "http://$host");
define('WP_ENVIRONMENT_TYPE', 'local'); // application passwords without https
define('WP_HTTP_BLOCK_EXTERNAL', true); define('DISABLE_WP_CRON', true); define('AUTOMATIC_UPDATER_DISABLED', true);
$table_prefix = 'wp_';
if (!defined('ABSPATH')) define('ABSPATH', __DIR__ . '/');
require_once ABSPATH . 'wp-settings.php';
"""
_INSTALL = """<?php
define('WP_INSTALLING', true); $_SERVER += ['HTTP_HOST' => '127.0.0.1', 'REQUEST_URI' => '/'];
require __DIR__ . '/www/wp-load.php'; require ABSPATH . 'wp-admin/includes/upgrade.php';
function wp_mail() {{ return true; }}
wp_install('Test site', 'root', 'root@example.com', true, '', 'unused');
update_option('permalink_structure', '/%postname%/'); switch_theme('plain');
foreach (['ann' => 'administrator', 'bob' => 'author', 'sue' => 'subscriber'] as $name => $role) {{
  $id = wp_insert_user(['user_login' => $name, 'user_pass' => 'unused', 'role' => $role,
    'display_name' => ucfirst($name)]);
  [, $item] = WP_Application_Passwords::create_new_application_password($id, ['name' => 'aios']);
  $item['password'] = wp_hash_password(preg_replace('/[^a-z\\d]/i', '', '{secret}'));
  update_user_meta($id, WP_Application_Passwords::USERMETA_KEY_APPLICATION_PASSWORDS, [$item]);
}}
"""
# The least that a theme can be: Debian has those of WordPress in packages of their own.
_THEME = {
    "style.css": "/* Theme Name: Plain */\n",
    "index.php": """<!doctype html><html><head><?php wp_head(); ?><title><?php the_title(); ?></title></head><body>
<?php while (have_posts()) { the_post(); ?><div class="entry-content"><?php the_content(); ?></div><?php } ?>
</body></html>
""",
}
_ROUTER = """<?php
$path = parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH); $file = $_SERVER['DOCUMENT_ROOT'] . $path;
if ($path !== '/' && is_file($file)) return false;
$_SERVER['SCRIPT_NAME'] = '/index.php'; require $_SERVER['DOCUMENT_ROOT'] . '/index.php';
"""
_EMPTY = """
delete from wp_posts; delete from wp_postmeta; delete from wp_term_relationships;
delete from wp_terms where term_id > 1;
delete from wp_term_taxonomy where term_id > 1;
"""


@dataclass
class Site:
    """One that runs: `address` is `host:port`."""

    folder: Path
    address: str
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def sql(self, text: str) -> list[list[str]]:
        """The rows of the last statement."""
        command = ["mariadb", "--no-defaults", "-u", "root", "-S", str(self.folder / "db.sock"), "-N", "-B", "wp"]
        done = subprocess.run([*command, "-e", text], capture_output=True, check=True)
        return [line.split("\t") for line in done.stdout.decode().splitlines()]

    def permalinks(self, pattern: str) -> None:
        where = "where option_name = 'permalink_structure'"
        self.sql(f"update wp_options set option_value = '{pattern}' {where}")  # noqa: S608  the tests' own
        self.sql("delete from wp_options where option_name = 'rewrite_rules'")

    def get(self, path: str) -> tuple[int, str]:
        """What a reader is shown."""
        connection = HTTPConnection(self.address, timeout=30)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def snapshot(self) -> Any:
        posts = "select ID, post_type, post_status, post_name, post_title, post_content, post_excerpt, post_modified"
        return self.sql(f"{posts} from wp_posts order by ID"), self.sql("select * from wp_terms order by term_id")

    def count(self) -> Counter[str]:
        """Posts that readers find, by slug."""
        return Counter(
            row[0]
            for row in self.sql("select post_name from wp_posts where post_type='post' and post_status='publish'")
        )

    def stop(self) -> None:
        for process in reversed(self.processes):
            os.killpg(process.pid, signal.SIGTERM)  # PHP's workers are processes of their own
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        shutil.rmtree(self.folder)


_RUNNING: list[Site] = []


def running() -> Site:
    """The one of this test session, started when it is first asked for."""
    if not _RUNNING:
        _RUNNING.append(_start())
    return _RUNNING[0]


def serve_real() -> Stand:
    """It, emptied."""
    site = running()
    site.sql(_EMPTY)
    site.permalinks("/%postname%/")
    shutil.rmtree(site.folder / "www/wp-content/uploads", ignore_errors=True)
    return Stand(site.address, settings, site.count, site.snapshot, lambda: None)


def stop() -> None:
    while _RUNNING:
        _RUNNING.pop().stop()


def _start() -> Site:
    folder = Path(tempfile.mkdtemp(prefix="wordpress-"))
    site = Site(folder, "")
    try:
        _database(site)
        _files(folder)
        _serve(site)
    except BaseException:
        site.stop()
        raise
    return site


def _database(site: Site) -> None:
    folder = site.folder
    user = subprocess.run(["id", "-un"], capture_output=True, check=True).stdout.decode().strip()
    own = ["--no-defaults", f"--user={user}", f"--datadir={folder}/db"]
    install = ["mariadb-install-db", *own, "--skip-test-db", "--auth-root-authentication-method=normal"]
    subprocess.run(install, capture_output=True, check=True)
    light = ["--innodb-buffer-pool-size=32M", "--innodb-flush-log-at-trx-commit=0", "--skip-log-bin"]
    command = [
        "mariadbd",
        *own,
        f"--socket={folder}/db.sock",
        "--skip-networking",
        f"--pid-file={folder}/db.pid",
        *light,
    ]
    _launch(site, command, "db.log")
    ping = ["mariadb-admin", "--no-defaults", "-u", "root", "-S", f"{folder}/db.sock"]
    _until(site, lambda: subprocess.run([*ping, "ping"], capture_output=True, check=False).returncode == 0)
    subprocess.run([*ping, "create", "wp"], capture_output=True, check=True)


def _files(folder: Path) -> None:
    www = folder / "www"
    shutil.copytree(CORE, www, ignore=shutil.ignore_patterns("wp-config.php", "wp-content"))
    shutil.copytree(CONTENT, www / "wp-content", ignore_dangling_symlinks=True)
    (www / "wp-content/uploads").mkdir(exist_ok=True)
    (www / "wp-content/themes/plain").mkdir(parents=True, exist_ok=True)
    for name, text in _THEME.items():
        (www / "wp-content/themes/plain" / name).write_text(text)
    (www / "wp-config.php").write_text(_CONFIG.format(socket=folder / "db.sock"))
    (folder / "router.php").write_text(_ROUTER)
    (folder / "install.php").write_text(_INSTALL.format(secret=SECRET))
    done = subprocess.run(["php", folder / "install.php"], capture_output=True, check=False)
    assert done.returncode == 0, (done.stdout + done.stderr).decode()


def _serve(site: Site) -> None:
    folder = site.folder
    # PHP says which port it took only with one that it was given: it is asked for one after another.
    for port in range(20_000 + os.getpid() % 20_000, 60_000):
        site.address = f"127.0.0.1:{port}"
        process = _launch(site, ["php", "-S", site.address, "-t", f"{folder}/www", f"{folder}/router.php"], "www.log")
        _until(site, lambda server=process: server.poll() is not None or _answers(site))  # type: ignore[misc]
        if process.poll() is None:
            return
        site.processes.remove(process)
    raise AssertionError("no port is free")


def _answers(site: Site) -> bool:
    try:
        return site.get("/wp-json/")[0] == 200
    except OSError:
        return False


def _launch(site: Site, command: list[str], log: str) -> subprocess.Popen[bytes]:
    with (site.folder / log).open("wb") as said:
        process = subprocess.Popen(command, stdout=said, stderr=said, start_new_session=True)
    site.processes.append(process)
    return process


def _until(site: Site, ready: Callable[[], bool]) -> None:
    until = time.monotonic() + _PATIENCE
    while not ready():
        assert time.monotonic() < until, [
            path.read_text(errors="replace")[-2_000:] for path in site.folder.glob("*.log")
        ]
        time.sleep(0.05)  # nothing else tells that it listens
