"""Published ZIP files: fetched once, checked by their SHA-256, and unpacked into the user's cache."""

import logging
import re
import tempfile
from pathlib import Path
from zipfile import BadZipFile, ZipFile

from template3d.runtime.errors import InputError

log = logging.getLogger(__name__)

SCHEMES = ("https://", "http://")
ADDRESS = re.compile(r"(?P<url>https?://[^#]+)#sha256=(?P<sha256>[0-9a-f]{64})", re.IGNORECASE)
FORM = "https://<host>/<file>.zip#sha256=<64 hexadecimal digits>"


def is_address(text: str) -> bool:
    """Whether a text is an address on the web and not a path."""
    return text.lower().startswith(SCHEMES)


def folder() -> Path:
    """The folder of this user's cache, which need not exist yet: ``~/.cache/template3d`` on Linux."""
    import pooch  # slow to import, and most commands fetch nothing

    return Path(pooch.os_cache("template3d"))


def unpacked(address: str) -> Path:
    """The folder with the content of the ZIP file at ``address``, which has the form FORM.

    It is fetched only if it is not in the cache yet. Raises InputError if the address has another form, if the file
    cannot be fetched or unpacked, and if its SHA-256 is another one.
    """
    if not (parts := ADDRESS.fullmatch(address)):
        raise InputError(f"{address}: must have the form {FORM}; who published the file also gives its SHA-256")
    url, sha256 = parts["url"], parts["sha256"].lower()
    target = folder() / sha256
    if target.is_dir():
        return target
    log.info("fetching %s into %s", url, target)
    try:
        with tempfile.TemporaryDirectory(prefix=".fetching-", dir=_made(target.parent)) as beside:
            archive, content = _fetched(url, sha256, Path(beside)), Path(beside, "content")
            with ZipFile(archive) as opened:
                opened.extractall(content)
            if not target.is_dir():  # another process was not faster
                content.rename(target)
    except BadZipFile as error:
        raise InputError(
            f"{url}: is no ZIP file ({error}); give the address of one, as export-model writes it"
        ) from error
    except OSError as error:
        raise InputError(f"{url}: cannot be fetched into {target} ({error}); is there a network, and space?") from error
    return target


def _made(path: Path) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    return path


def _fetched(url: str, sha256: str, to: Path) -> Path:
    import pooch

    pooch.get_logger().setLevel("WARNING")
    try:
        return Path(pooch.retrieve(url, f"sha256:{sha256}", fname="fetched", path=to, progressbar=False))
    except ValueError as error:  # pooch deletes the file
        raise InputError(
            f"{url}: was fetched, but is not the file with that SHA-256 ({error}); nothing was used"
        ) from error
