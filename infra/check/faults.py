"""Faults put into a copy of infra/, one at a time, each of which has to be found by its
rule: a check that cannot fail is none."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from infra.check.findings import RULES
from infra.check.project import check
from infra.check.source import pycep, refused, tree


@dataclass(frozen=True, slots=True)
class Fault:
    """`old` is in `file` exactly once; `rule` must find what `new` makes of it.
    `listed`: one of the 18 that both parsers were tried with."""

    what: str
    file: str
    old: str
    new: str
    rule: str
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
    Fault("a brace is missing", STORAGE, "  sku: { name: sku }", "  sku: { name: sku", "syntax"),
    Fault("a keyword is misspelt", MAIN, "param alwaysReady int", "parm alwaysReady int", "syntax"),
    Fault("an interpolation is not closed", MAIN, "name: 'id-${name}'", "name: 'id-${name'", "syntax"),
    Fault("targetScope is not one", MAIN, "targetScope = 'subscription'", "targetScope = 'subscriptions'", "syntax"),
    Fault("a symbol is not declared", MAIN, "tags: allTags\n    sku:", "tags: allTag\n    sku:", "undefined-symbol"),
    Fault("an argument too many", MAIN, "replace(toLower(name), '-', '')", "replace(toLower(name), '-', '', '')", "argument-count"),
    Fault("a value of the wrong type", STORAGE, "allowBlobPublicAccess: false", "allowBlobPublicAccess: 'false'", "wrong-type"),
    Fault("a module's parameter is misspelt", MAIN, "    retentionDays: logRetentionDays", "    retentionDay: logRetentionDays", "unknown-parameter"),
    Fault("a module's file is not there", MAIN, "'modules/topic.bicep'", "'modules/topics.bicep'", "missing-module"),
    Fault("a resource property that is none", APP, "httpsOnly: true", "httpOnly: true", "unknown-property"),
    Fault("a required resource property is missing", STORAGE, "  kind: 'StorageV2'\n", "", "missing-property"),
    Fault("a module's output is misspelt", MAIN, "storage.outputs.queueEndpoint", "storage.outputs.queuesEndpoint", "unknown-output"),
    Fault("an api-version that is none", TOPIC, "topics@2025-02-15", "topics@2025-02-16", "unknown-api-version"),
    Fault("a symbol is declared twice", ACCESS, "var blobDataOwner", "var eventGridDataSender", "duplicate-symbol"),
    Fault("a function that is none", MAIN, "uniqueString(", "uniqString(", "unknown-function"),
    Fault("two variables need each other", MAIN, "var changes = mode == 'approve'", "var changes = unique == 'approve' || changes", "cycle"),
    Fault("a resource group's module at subscription scope", MAIN, "  name: 'topic'\n  scope: group\n", "  name: 'topic'\n", "wrong-scope"),
    Fault("a comma is missing on one line", TOPIC, "{ category: 'DeliveryFailures', enabled", "{ category: 'DeliveryFailures' enabled", "missing-comma"),
    Fault("a lambda, which is not judged", MAIN, "union(tags, {", "map(tags, x => {", "outside-subset", False),
    Fault("a property twice in an object", STORAGE, "    accessTier: 'Hot'\n", "    accessTier: 'Hot'\n    accessTier: 'Cool'\n", "duplicate-symbol", False),
    Fault("a parameter that nothing uses", MAIN, "\nvar unique =", "\nparam nobody string = ''\nvar unique =", "unused-symbol", False),
    Fault("two files that use each other", TOPIC, "resource logs ", "module m '../main.bicep' = {\n  name: 'm'\n}\n\nresource logs ", "cycle", False),
    Fault("a decorator that is none", MAIN, "@minLength(3)", "@minimumLength(3)", "unknown-decorator", False),
    Fault("a file to load is not there", WATCH, "lock-not-back.kql", "locks-not-back.kql", "missing-file", False),
    Fault("a file to load as JSON is none", ROLES, "'../roles.json'", "'../main.bicep'", "missing-file", False),
    Fault("a role list that the JSON file does not have", ROLES, "roles.optional.guestCommands", "roles.optional.guestCommand", "unknown-property", False),
    Fault("a module is not given what it needs", MAIN, "    retentionDays: logRetentionDays\n", "", "missing-parameter", False),
    Fault("a parent of the wrong type", STORAGE, "  parent: seals\n", "  parent: blobs\n", "wrong-parent", False),
    Fault("a name with a segment too many", STORAGE, "name: 'audit-heads'", "name: 'default/audit-heads'", "wrong-parent", False),
    Fault("a resource type that is none", TOPIC, "Microsoft.EventGrid/topics@", "Microsoft.EventGrids/topics@", "unknown-type", False),
    Fault("a property that Azure sets", STORAGE, "    accessTier: 'Hot'\n", "    accessTier: 'Hot'\n    provisioningState: 'Succeeded'\n", "read-only-property", False),
    Fault("a value that is not allowed", STORAGE, "minimumTlsVersion: 'TLS1_2'", "minimumTlsVersion: 'TLS12'", "wrong-value", False),
    Fault("a name that is only known while deploying", ACCESS, "name: guid(topic.id, appPrincipalId", "name: guid(topic.properties.endpoint, appPrincipalId", "runtime-value", False),
    Fault("a default that needs a variable", MAIN, "param tags object = {}", "param tags object = { of: unique }", "runtime-value", False),
    Fault("a condition that is no truth value", ROLES, "= if (changes) {", "= if (name) {", "wrong-type", False),
    Fault("a truth value compared with a text", MAIN, "logQuery ? monitoring", "logQuery == 'yes' ? monitoring", "wrong-type", False),
    Fault("an argument of the wrong type", MAIN, "toLower(name)", "toLower(alwaysReady)", "wrong-type", False),
    Fault("a scope that is a variable", ACCESS, "  scope: topic\n", "  scope: blobDataOwner\n", "wrong-scope", False),
    Fault("a text where a symbol is needed", MAIN, "dependsOn: [access]", "dependsOn: ['access']", "wrong-type", False),
    Fault("two resources of one name", APP, "name: 'scm'", "name: 'ftp'", "duplicate-symbol", False),
    Fault("a backslash before nothing", STORAGE, "'Tags.'", "'Tags\\q.'", "syntax", False),
    Fault("a method of a resource", TOPIC, "output endpoint string = topic.properties.endpoint", "output endpoint string = topic.listKeys().key1", "outside-subset", False),
    Fault("a decorator on the wrong type", MAIN, "@minValue(30)", "@minLength(30)", "unknown-decorator", False),
    Fault("a suffix that no cloud has", APP, "environment().authentication.loginEndpoint", "environment().suffixes.loginEndpoint", "unknown-property", False),
    Fault("nothing where something is required", STORAGE, "sku: { name: sku }", "sku: { name: null }", "wrong-type", False),
    Fault("a text that is too long", WATCH, "groupShortName: 'bkp-people'", "groupShortName: 'backup-people'", "wrong-value", False),
    Fault("a kind of destination that is none", ROAD, "endpointType: 'StorageQueue'", "endpointType: 'StorageQueues'", "wrong-value", False),
    Fault("a fault in a variable that a resource uses", ROAD, "maxDeliveryAttempts: 30", "maxDeliveryAttempt: 30", "unknown-property", False),
    Fault("a module is given a value that it does not allow", MAIN, "param mode string = 'observe'", "param mode string = 'observer'", "wrong-value", False),
    Fault("a default below its minimum", MAIN, "param logRetentionDays int = 90", "param logRetentionDays int = 7", "wrong-value", False),
    Fault("a property read that is none", TOPIC, "topic.identity.principalId", "topic.identity.principal", "unknown-property", False),
    Fault("an output of the wrong type", TOPIC, "output name string = topic.name", "output name int = topic.name", "wrong-type", False),
    Fault("a resource of a group at subscription scope", MAIN, "Microsoft.Resources/resourceGroups@2025-04-01", "Microsoft.EventGrid/topics@2025-02-15", "wrong-scope", False),
)  # fmt: skip


def run(fault: Fault, infra: Path) -> Outcome:
    """Raises ValueError where the text to change is not there exactly once: infra/
    changed, and so must the fault."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "infra"
        shutil.copytree(infra, copy)
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
        bool(pycep(after, fault.file)),
        bool(refused(tree(after.encode()))),
        frozenset(each.rule for each in findings),
    )


def table(outcomes: list[Outcome]) -> str:
    """Markdown: each fault, and who finds it."""

    def mark(yes: bool) -> str:
        return "yes" if yes else "no"

    rows = [
        f"| {each.fault.what} | {mark(each.pycep)} | {mark(each.tree_sitter)} |"
        f" {f'`{each.fault.rule}`' if each.found else '**no**'} |"
        for each in sorted(outcomes, key=lambda one: not one.fault.listed)
    ]
    return "\n".join(["| fault | pycep | tree-sitter | this check |", "|---|---|---|---|", *rows])


def uncovered() -> list[str]:
    return sorted(set(RULES) - {each.rule for each in FAULTS})
