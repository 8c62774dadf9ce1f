"""Faults put into a copy of infra/, one at a time; the rule of each has to find it. A
rule that never finds anything checks nothing."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from infra.check.findings import RULES
from infra.check.project import check
from infra.check.source import parse_tree, run_pycep, syntax_errors


@dataclass(frozen=True, slots=True)
class Fault:
    """`old` is in `file` exactly once; `rule` must find what `new` makes of it.
    `listed`: one of the 18 that both parsers were tried with."""

    what: str
    file: str
    rule: str
    old: str
    new: str
    listed: bool = True


@dataclass(frozen=True, slots=True)
class Outcome:
    fault: Fault
    pycep: bool
    tree_sitter: bool
    rules: frozenset[str]

    @property
    def found(self) -> bool:
        return self.fault.rule in self.rules


MAIN, STORAGE, APP, ACCESS = (
    "main.bicep",
    "modules/storage.bicep",
    "modules/function-app.bicep",
    "modules/access.bicep",
)
TOPIC, WATCH, ROLES, ROAD = (
    "modules/topic.bicep",
    "modules/watch.bicep",
    "modules/roles.bicep",
    "modules/event-subscription.bicep",
)

FAULTS = (
    Fault("a brace is missing", STORAGE, "syntax",
          "  sku: { name: sku }", "  sku: { name: sku"),
    Fault("a keyword is misspelt", MAIN, "syntax",
          "param alwaysReady int", "parm alwaysReady int"),
    Fault("an interpolation is not closed", MAIN, "syntax",
          "name: 'id-${name}'", "name: 'id-${name'"),
    Fault("targetScope is not one", MAIN, "syntax",
          "targetScope = 'subscription'", "targetScope = 'subscriptions'"),
    Fault("a symbol is not declared", MAIN, "undefined-symbol",
          "tags: allTags\n    sku:", "tags: allTag\n    sku:"),
    Fault("an argument too many", MAIN, "argument-count",
          "replace(toLower(name), '-', '')", "replace(toLower(name), '-', '', '')"),
    Fault("a value of the wrong type", STORAGE, "wrong-type",
          "allowBlobPublicAccess: false", "allowBlobPublicAccess: 'false'"),
    Fault("a module's parameter is misspelt", MAIN, "unknown-parameter",
          "    retentionDays: logRetentionDays", "    retentionDay: logRetentionDays"),
    Fault("a module's file is not there", MAIN, "missing-module",
          "'modules/topic.bicep'", "'modules/topics.bicep'"),
    Fault("a resource property that is none", APP, "unknown-property",
          "httpsOnly: true", "httpOnly: true"),
    Fault("a required resource property is missing", STORAGE, "missing-property",
          "  kind: 'StorageV2'\n", ""),
    Fault("a module's output is misspelt", MAIN, "unknown-output",
          "storage.outputs.queueEndpoint", "storage.outputs.queuesEndpoint"),
    Fault("an api-version that is none", TOPIC, "unknown-api-version",
          "topics@2025-02-15", "topics@2025-02-16"),
    Fault("a symbol is declared twice", ACCESS, "duplicate-symbol",
          "var blobDataOwner", "var eventGridDataSender"),
    Fault("a function that is none", MAIN, "unknown-function",
          "uniqueString(", "uniqString("),
    Fault("two variables need each other", MAIN, "cycle",
          "var changes = mode == 'approve'", "var changes = unique == 'approve' || changes"),
    Fault("a resource group's module at subscription scope", MAIN, "wrong-scope",
          "  name: 'topic'\n  scope: group\n", "  name: 'topic'\n"),
    Fault("a comma is missing on one line", TOPIC, "missing-comma",
          "{ category: 'DeliveryFailures', enabled", "{ category: 'DeliveryFailures' enabled"),
    Fault("a lambda, which is not judged", MAIN, "outside-subset",
          "union(tags, {", "map(tags, x => {", listed=False),
    Fault("a property twice in an object", STORAGE, "duplicate-symbol",
          "    accessTier: 'Hot'\n",
          "    accessTier: 'Hot'\n    accessTier: 'Cool'\n", listed=False),
    Fault("a parameter that nothing uses", MAIN, "unused-symbol",
          "\nvar unique =", "\nparam nobody string = ''\nvar unique =", listed=False),
    Fault("two files that use each other", TOPIC, "cycle",
          "resource logs ",
          "module m '../main.bicep' = {\n  name: 'm'\n}\n\nresource logs ", listed=False),
    Fault("a decorator that is none", MAIN, "unknown-decorator",
          "@minLength(3)", "@minimumLength(3)", listed=False),
    Fault("a file to load is not there", WATCH, "missing-file",
          "lock-not-back.kql", "locks-not-back.kql", listed=False),
    Fault("a file to load as JSON is none", ROLES, "missing-file",
          "'../roles.json'", "'../main.bicep'", listed=False),
    Fault("a role list that the JSON file does not have", ROLES, "unknown-property",
          "roles.optional.logQuery", "roles.optional.logQueries", listed=False),
    Fault("a module is not given what it needs", MAIN, "missing-parameter",
          "    retentionDays: logRetentionDays\n", "", listed=False),
    Fault("a parent of the wrong type", STORAGE, "wrong-parent",
          "  parent: seals\n", "  parent: blobs\n", listed=False),
    Fault("a name with a segment too many", STORAGE, "wrong-parent",
          "name: 'audit-heads'", "name: 'default/audit-heads'", listed=False),
    Fault("a resource type that is none", TOPIC, "unknown-type",
          "Microsoft.EventGrid/topics@", "Microsoft.EventGrids/topics@", listed=False),
    Fault("a property that Azure sets", STORAGE, "read-only-property",
          "    accessTier: 'Hot'\n",
          "    accessTier: 'Hot'\n    provisioningState: 'Succeeded'\n", listed=False),
    Fault("a value that is not allowed", STORAGE, "wrong-value",
          "minimumTlsVersion: 'TLS1_2'", "minimumTlsVersion: 'TLS12'", listed=False),
    Fault("a name that is only known while deploying", ACCESS, "runtime-value",
          "name: guid(topic.id, appPrincipalId",
          "name: guid(topic.properties.endpoint, appPrincipalId", listed=False),
    Fault("a default that needs a variable", MAIN, "runtime-value",
          "param tags object = {}", "param tags object = { of: unique }", listed=False),
    Fault("a scope that is a variable", ACCESS, "wrong-scope",
          "  scope: topic\n", "  scope: blobDataOwner\n", listed=False),
    Fault("a text where a symbol is needed", MAIN, "wrong-type",
          "dependsOn: [access]", "dependsOn: ['access']", listed=False),
    Fault("two resources of one name", APP, "duplicate-symbol",
          "name: 'scm'", "name: 'ftp'", listed=False),
    Fault("a backslash before nothing", STORAGE, "syntax",
          "'Tags.'", "'Tags\\q.'", listed=False),
    Fault("a method of a resource", TOPIC, "outside-subset",
          "output endpoint string = topic.properties.endpoint",
          "output endpoint string = topic.listKeys().key1", listed=False),
    Fault("a decorator on the wrong type", MAIN, "unknown-decorator",
          "@minValue(30)", "@minLength(30)", listed=False),
    Fault("nothing where something is required", STORAGE, "wrong-type",
          "sku: { name: sku }", "sku: { name: null }", listed=False),
    Fault("a text that is too long", WATCH, "wrong-value",
          "groupShortName: 'bkp-people'", "groupShortName: 'backup-people'", listed=False),
    Fault("a kind of destination that is none", ROAD, "wrong-value",
          "endpointType: 'StorageQueue'", "endpointType: 'StorageQueues'", listed=False),
    Fault("a fault in a variable that a resource uses", ROAD, "unknown-property",
          "maxDeliveryAttempts: 30", "maxDeliveryAttempt: 30", listed=False),
    Fault("a module is given a value that it does not allow", MAIN, "wrong-value",
          "param mode string = 'observe'", "param mode string = 'observer'", listed=False),
    Fault("a default below its minimum", MAIN, "wrong-value",
          "param logRetentionDays int = 90", "param logRetentionDays int = 7", listed=False),
    Fault("a property read that is none", TOPIC, "unknown-property",
          "topic.identity.principalId", "topic.identity.principal", listed=False),
    Fault("a resource of a group at subscription scope", MAIN, "wrong-scope",
          "Microsoft.Resources/resourceGroups@2025-04-01",
          "Microsoft.EventGrid/topics@2025-02-15", listed=False),
)  # fmt: skip


def run(fault: Fault, infra: Path) -> Outcome:
    """Raises ValueError where the text to change is not there exactly once: infra/
    changed, and so must the fault."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "infra"
        shutil.copytree(infra, copy, ignore=shutil.ignore_patterns("check"))
        path = copy / fault.file
        before = path.read_text()
        if before.count(fault.old) != 1:
            raise ValueError(
                f"{fault.what}: {fault.old!r} is {before.count(fault.old)} times in {fault.file},"
                " not once"
            )
        path.write_text(before.replace(fault.old, fault.new))
        findings = check(copy).findings
        after = path.read_text()
    return Outcome(
        fault,
        bool(run_pycep(after, fault.file)),
        bool(syntax_errors(parse_tree(after.encode()))),
        frozenset(each.rule for each in findings),
    )


def table(outcomes: list[Outcome]) -> str:
    """Markdown: each fault, and what finds it."""

    def mark(yes: bool) -> str:
        return "yes" if yes else "no"

    rows = [
        f"| {each.fault.what} | {mark(each.pycep)} | {mark(each.tree_sitter)} |"
        f" {f'`{each.fault.rule}`' if each.found else '**no**'} |"
        for each in sorted(outcomes, key=lambda one: not one.fault.listed)
    ]
    return "\n".join(["| fault | pycep | tree-sitter | this check |", "|---|---|---|---|", *rows])


def rules_without_fault() -> list[str]:
    return sorted(set(RULES) - {each.rule for each in FAULTS})
