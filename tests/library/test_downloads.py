"""Published models: fetched once from a server on this machine, checked, cached; and what is refused."""

import functools
import hashlib
import http.server
import threading
import zipfile

import pytest
from template3d.networks import model_folders
from template3d.runtime import downloads
from template3d.runtime.errors import InputError

MEMBERS = {"chairs/model.safetensors": b"weights", "chairs/model.json": b"{}"}


class Server(http.server.ThreadingHTTPServer):
    """Serves a folder, and remembers the paths."""

    def __init__(self, folder):
        self.paths = []
        super().__init__(("127.0.0.1", 0), functools.partial(Handler, directory=folder))

    def address(self, name, digest):
        return f"http://127.0.0.1:{self.server_port}/{name}#sha256={digest}"


class Handler(http.server.SimpleHTTPRequestHandler):
    def do_GET(self):
        self.server.paths.append(self.path)
        super().do_GET()

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "web").mkdir()
    with Server(tmp_path / "web") as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def published(tmp_path, members):
    """The SHA-256 of ``model.zip``, written to the server's folder."""
    with zipfile.ZipFile(tmp_path / "web/model.zip", "w") as opened:
        for name, content in members.items():
            opened.writestr(name, content)
    return hashlib.sha256((tmp_path / "web/model.zip").read_bytes()).hexdigest()


def test_a_model_is_fetched_once_and_then_needs_no_network(server, tmp_path):
    address = server.address("model.zip", published(tmp_path, MEMBERS))
    weights = model_folders.weights_of(address)
    assert weights.read_bytes() == b"weights"
    assert weights.is_relative_to(tmp_path / "cache/template3d")
    (tmp_path / "web/model.zip").unlink()
    assert model_folders.weights_of(address) == weights
    assert server.paths == ["/model.zip"]
    assert [file.name for file in (tmp_path / "cache/template3d").iterdir()] == [address[-64:]]


def test_a_file_with_another_digest_is_refused_and_not_kept(server, tmp_path):
    published(tmp_path, MEMBERS)
    with pytest.raises(InputError, match=r"model.zip: was fetched, but is not the file with that SHA-256") as refused:
        model_folders.weights_of(server.address("model.zip", 64 * "0"))
    assert "\n" not in str(refused.value)
    assert not any((tmp_path / "cache/template3d").iterdir())


def test_what_cannot_be_fetched_or_unpacked_is_a_sentence(server, tmp_path):
    with pytest.raises(InputError, match=r"missing.zip: cannot be fetched .*404"):
        model_folders.weights_of(server.address("missing.zip", 64 * "0"))
    (tmp_path / "web/text.zip").write_text("no archive")
    digest = hashlib.sha256(b"no archive").hexdigest()
    with pytest.raises(InputError, match=r"text.zip: is no ZIP file"):
        model_folders.weights_of(server.address("text.zip", digest))
    two = published(tmp_path, MEMBERS | {"sofas/model.safetensors": b"more"})
    with pytest.raises(InputError, match="holds 2 models"):
        model_folders.weights_of(server.address("model.zip", two))
    server.shutdown()
    server.server_close()
    with pytest.raises(InputError, match=r"cannot be fetched .*is there a network"):
        model_folders.weights_of(server.address("model.zip", 64 * "1"))


def test_a_member_cannot_leave_the_cache(server, tmp_path):
    address = server.address("model.zip", published(tmp_path, MEMBERS | {"../../outside": b"x"}))
    model_folders.weights_of(address)
    assert not list(tmp_path.glob("**/cache/outside"))
    assert not (tmp_path / "outside").exists()


@pytest.mark.parametrize("rest", ["", "#sha256=", "#md5=0", f"#sha256={63 * '0'}", f"#sha256={64 * 'g'}"])
def test_an_address_without_a_digest_is_refused_before_anything_is_fetched(rest):
    with pytest.raises(InputError, match=r"must have the form https://<host>/<file>.zip#sha256="):
        downloads.unpacked(f"https://template3d.invalid/model.zip{rest}")
