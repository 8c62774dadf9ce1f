"""Checks Bicep files where no Bicep compiler can be had. Not deployed.
docs/infra-checks.md says what it finds and what it does not."""
