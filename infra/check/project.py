"""All rules over all Bicep files of a folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from infra.check import modules, names
from infra.check.bodies import Bodies
from infra.check.findings import Finding
from infra.check.infer import Project
from infra.check.source import Source, read
from infra.check.type_data import TypeData


@dataclass(frozen=True, slots=True)
class Result:
    findings: list[Finding]
    sources: list[Source]
    files: int

    def resources(self) -> list[tuple[str, str, str]]:
        """(file, symbol, type@version) of everything that a deployment makes."""
        return [
            (s.name, each.name, each.of)
            for s in self.sources
            for each in s.of_kind("resource")
            if not each.existing
        ]


def check(folder: Path, types: TypeData | None = None) -> Result:
    """Raises FileNotFoundError where there is nothing to check: no file is not the same
    as no finding."""
    project = Project(types or TypeData.load())
    findings: list[Finding] = []
    files = sorted(folder.rglob("*.bicep"))
    if not files:
        raise FileNotFoundError(f"there is no .bicep file in {folder}")
    for path in files:
        source, found = read(path, path.relative_to(folder).as_posix())
        findings += found
        if source is not None:
            project.sources[path.resolve()] = source
    for source in project.sources.values():
        findings += names.check(project, source)
        findings += Bodies(project, source).check()
        findings += modules.check(project, source)
    findings += modules.file_rings(project)
    return Result(sorted(set(findings)), list(project.sources.values()), len(files))
