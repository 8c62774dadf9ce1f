"""The rules by name, and a finding: a line that breaks a rule."""

from __future__ import annotations

from dataclasses import dataclass

RULES = {
    "syntax": "a parser does not accept it",
    "outside-subset": "Bicep that the rules do not understand, and so do not accept",
    "missing-comma": "two properties, items or arguments on one line with nothing between them",
    "duplicate-symbol": "a name declared twice in a file, or a property twice in an object",
    "undefined-symbol": "a name that nothing declares",
    "unused-symbol": "a parameter, variable or existing resource that nothing uses",
    "cycle": "declarations, or modules, that need each other",
    "unknown-function": "a function that Bicep does not have",
    "argument-count": "too few or too many arguments",
    "unknown-decorator": "a decorator that Bicep does not have, or not in this place",
    "missing-file": "a file to load that is not there, or not JSON",
    "missing-module": "a module's file that is not there",
    "unknown-parameter": "a parameter that the module does not have",
    "missing-parameter": "a parameter without a default that the module is not given",
    "unknown-output": "an output that the module does not have",
    "wrong-scope": "a module or resource that cannot be deployed at that scope",
    "wrong-parent": (
        "a parent whose type is not the child's own without its last segment, or a name with too"
        " many segments"
    ),
    "unknown-type": "a resource type that the type data does not hold",
    "unknown-api-version": "a known resource type in an unknown api-version",
    "unknown-property": "a property that the type does not have",
    "missing-property": "a required property that is not there",
    "read-only-property": "a property that Azure sets",
    "runtime-value": (
        "a name, condition or loop that is only known while deploying, or a default that needs more"
        " than parameters"
    ),
    "wrong-type": "a literal of another kind than the type",
    "wrong-value": "a literal that the type or its bounds do not allow",
}


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """`line` counts from 1; `path` is relative to the folder that is checked."""

    path: str
    line: int
    rule: str
    message: str

    def __post_init__(self) -> None:
        if self.rule not in RULES:
            raise ValueError(f"no such rule: {self.rule}")

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.rule}: {self.message}"
