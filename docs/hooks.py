"""Hooks of the documentation's site: links to files of the repository outside docs/, and two checks.

A page may link to a file beside docs/, such as `../config.yaml`: a plain repository browser follows it. The site does
not hold that file, so it shows the link's text alone. Under `mkdocs build --strict`, each warning fails the build.
"""

import ast
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.plugins import get_plugin_logger
from mkdocs.structure.files import Files
from mkdocs.structure.pages import Page

log = get_plugin_logger("hooks")
LINK = re.compile(r"(?<!!)\[([^\]]+)\]\(([^)\s#]+)(#[^)\s]*)?\)")
CODE = re.compile(r"(^```.*?^```)", re.MULTILINE | re.DOTALL)
OUTSIDE = ("README.md", "CONTRIBUTING.md")
"""Pages beside docs/, whose links to files are checked, too."""


def on_config(config: MkDocsConfig) -> None:
    """Check the links of the pages beside docs/, and that docs/api has every public name."""
    root, docs = Path(config.config_file_path).parent, Path(config.docs_dir)
    for page in OUTSIDE:
        for _, target, _ in LINK.findall((root / page).read_text()):
            if ":" not in target and not (root / target).exists():
                log.warning(f"{page} links to {target}, which does not exist")
    pages = "".join(page.read_text() for page in docs.glob("api/*.md"))
    for name, module in _public_names(root / "workflow/template3d/__init__.py").items():
        if f"::: template3d.{module}.{name}\n" not in pages:
            log.warning(f"docs/api has no entry `::: template3d.{module}.{name}`, which is a public name")


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Replace each link to a file outside docs/ by its text; warn if there is no such file."""
    docs = Path(config.docs_dir)
    folder = (docs / page.file.src_uri).parent

    def shown(link: re.Match) -> str:
        target = (folder / link[2]).resolve()
        if ":" in link[2] or target.is_relative_to(docs):
            return link[0]
        if not target.exists():
            log.warning(f"docs/{page.file.src_uri} links to {link[2]}, which does not exist")
        return link[1]

    parts = CODE.split(markdown)
    parts[::2] = [LINK.sub(shown, part) for part in parts[::2]]
    return "".join(parts)


def _public_names(package: Path) -> dict[str, str]:
    """The public names of the library, each with its module, read without importing it."""
    for node in ast.parse(package.read_text()).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "PUBLIC":
            return ast.literal_eval(node.value)
    raise ValueError(f"{package} has no PUBLIC")
