"""Notebooks -> downloads: single files, one archive for each tab, and links to hosts like Colab."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from urllib.parse import quote

from bookc.config import Config
from bookc.run.requirements import LOCK

FOLDER = "_notebooks"  # in the site
EPOCH = (1980, 1, 1, 0, 0, 0)  # the first date that an archive knows: equal files, equal archives
PACKED = (".png", ".jpg", ".jpeg", ".gif", ".webp", ".zip", ".gz", ".npz")  # do not get smaller
LIBRARY = "library"  # the book's own package, in the archive
README = """\
{title}: all notebooks for {tab}

With Python 3.11, in this folder:

    python -m venv .venv
    .venv/bin/pip install -r requirements.txt
    .venv/bin/jupyter lab

(on Windows .venv\\Scripts instead of .venv/bin). requirements.txt names {what}.
"""
PROJECT = """\
[build-system]
requires = ["setuptools>=68"]
build-backend = "setuptools.build_meta"

[project]
name = "{name}"
version = "{version}"

[tool.setuptools.packages.find]
include = ["{name}*"]

[tool.setuptools.package-data]
"*" = ["**/*"]
"""


def notebook_file(tab: str, path: str) -> str:
    """A section's notebook, relative to the site's folder."""
    return f"{FOLDER}/{tab}/{path}.ipynb"


def archive_file(config: Config, tab: str) -> str:
    """The archive of a tab's notebooks, relative to the site's folder."""
    return f"{FOLDER}/{config.name}-{tab}.zip"


def hosts(config: Config, tab: str, path: str) -> list[tuple[str, str]]:
    """Where a notebook can be opened without installing anything: names and addresses.

    These are the notebooks of the repositories that config.ini names, as d2lbook lays them out.
    """
    file, branch = f"{quote(path)}.ipynb", quote(config.notebook_branch)
    links = []
    if repository := config.colab.get(tab):
        github = f"{repository}/blob/{branch}/{file}"
        links += [
            ("Colab", f"https://colab.research.google.com/github/{github}"),
            ("Kaggle", f"https://kaggle.com/kernels/welcome?src=https://github.com/{github}"),
            ("Binder", f"https://mybinder.org/v2/gh/{repository}/{branch}?labpath={file}"),
        ]
    if repository := config.sagemaker.get(tab):
        studio = "https://studiolab.sagemaker.aws/import/github"
        links.append(("Studio Lab", f"{studio}/{repository}/blob/{branch}/{file}"))
    return links


def make_archive(
    config: Config, tab: str, inside: Mapping[str, bytes], package: Mapping[str, bytes], lock: str
) -> bytes:
    """All notebooks of one tab with what they need, as a zip file; equal input, equal bytes.

    Args:
        inside: notebooks and the pictures that they show, by path.
        package: the files of the package that the notebooks import, by path; may be empty.
        lock: pip's requirements that the record was made with; "" if none is known.
    """
    module, install, _ = *config.frameworks.get(tab, ("", "")), ""
    what = "the versions that the book's outputs were made with"
    if not lock:
        what = "the framework, in any version: the book says of none that it was run"
        lock = (
            f"{module}\njupyterlab\n" if module and "." in install else f"{install}\njupyterlab\n"
        )
    files = dict(inside)
    if package and config.library is not None:
        name = config.library.name
        files |= {f"{LIBRARY}/{path}": data for path, data in package.items()}
        project = PROJECT.format(name=name, version=config.release or "0")
        files[f"{LIBRARY}/pyproject.toml"] = project.encode()
        lock += f"./{LIBRARY}\n"
    files[LOCK] = lock.encode()
    files["README.txt"] = README.format(title=config.title, tab=tab, what=what).encode()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for path, data in sorted(files.items()):
            entry = zipfile.ZipInfo(f"{config.name}-{tab}/{path}", EPOCH)
            entry.external_attr = 0o644 << 16
            method = zipfile.ZIP_STORED if path.endswith(PACKED) else zipfile.ZIP_DEFLATED
            archive.writestr(entry, data, method, 1)
    return packed.getvalue()
