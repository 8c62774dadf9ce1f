"""`remediator package`: the zip that is deployed. The same files give the same bytes.

.funcignore alone decides what belongs in it, as with Azure's own tools. Any other file
at the top of the project is an error, so that nothing is shipped by accident.
"""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import click
import pathspec

ROOT = Path(__file__).resolve().parents[1]
DEPLOYED = ("LICENSE", "function_app.py", "functions", "host.json", "requirements.txt", "shared")
EPOCH = (1980, 1, 1, 0, 0, 0)
"""The oldest time that a zip can hold. A file's own time would change the bytes."""
FILE_MODE = 0o100644


@click.command()
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("dist/azure-backup-remediator.zip"),
    show_default=True,
    help="Where the zip goes.",
)
def package(output: Path) -> None:
    """Make the zip that is deployed, without tests, simulator, local host and command
    line.

    \b
    Example:  remediator package
              az functionapp deployment source config-zip -g GROUP -n APP \\
                --src dist/azure-backup-remediator.zip --build-remote true
    """
    names = build(ROOT, output)
    content = output.read_bytes()
    click.echo(
        f"{output}: {len(names)} files, {len(content):,} bytes, SHA-256"
        f" {hashlib.sha256(content).hexdigest()}"
    )


def build(root: Path, output: Path) -> list[str]:
    """Write the zip and return the names in it. Raises UsageError for a file at the top
    that is neither deployed nor ignored."""
    names = sorted(list_deployed(root))
    output.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(output, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name in names:
            info = zipfile.ZipInfo(name, EPOCH)
            info.compress_type, info.create_system, info.external_attr = (
                zipfile.ZIP_DEFLATED,
                3,
                FILE_MODE << 16,
            )
            archive.writestr(info, (root / name).read_bytes())
    return names


def list_deployed(root: Path) -> Iterator[str]:
    """Paths with forward slashes, relative to `root`."""
    ignored = pathspec.GitIgnoreSpec.from_lines(
        (root / ".funcignore").read_text(encoding="utf-8").splitlines()
    )
    missing = [name for name in DEPLOYED if not (root / name).exists()]
    if missing:
        raise click.UsageError(f"{', '.join(missing)} is missing in {root}")
    for top in sorted(root.iterdir()):
        if ignored.match_file(f"{top.name}/" if top.is_dir() else top.name):
            continue
        if top.name not in DEPLOYED:
            raise click.UsageError(
                f"{top.name} is neither part of what is deployed nor in .funcignore: decide which"
                " it is"
            )
        files = sorted(top.rglob("*")) if top.is_dir() else [top]
        names = (each.relative_to(root).as_posix() for each in files if each.is_file())
        yield from (name for name in names if not ignored.match_file(name))
