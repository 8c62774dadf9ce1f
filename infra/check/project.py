"""All rules over all Bicep files of a folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from infra.check import bodies, early, modules, names
from infra.check.findings import Finding
from infra.check.source import Project, Source, read
from infra.check.type_data import TypeData


@dataclass(frozen=True, slots=True)
class Result:
    findings: list[Finding]
    sources: list[Source]
    files: int

    def resources(self) -> list[tuple[str, str, str]]:
        """(file, symbol, type@version) of everything that a deployment makes."""
        return [
            (source.name, each.name, each.of)
            for source in self.sources
            for each in source.of_kind("resource")
            if not each.existing
        ]

    def used_types(self) -> set[str]:
        """type@version of every resource, existing ones too."""
        return {each.of for source in self.sources for each in source.of_kind("resource")}


def check(folder: Path) -> Result:
    """Raises FileNotFoundError where there is nothing to check: no file is not the same
    as no finding."""
    files = sorted(folder.rglob("*.bicep"))
    if not files:
        raise FileNotFoundError(f"there is no .bicep file in {folder}")
    project = Project(TypeData.load())
    findings: list[Finding] = []
    for path in files:
        source, found = read(path, path.relative_to(folder).as_posix())
        findings += found
        if source is not None:
            project.sources[path.resolve()] = source
    for source in project.sources.values():
        named = list(names.check(project, source))
        findings += named
        findings += early.check(source)
        # The others follow variables to their values, which never ends in a ring.
        if not any(each.rule == "cycle" for each in named):
            findings += bodies.check(project, source)
            findings += modules.check(project, source)
    findings += modules.check_files(project)
    return Result(sorted(set(findings)), list(project.sources.values()), len(files))
