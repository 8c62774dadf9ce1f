"""Checks the deployment where there is no Bicep compiler. Not deployed itself.

docs/infra-checks.md says what it finds and what only the compiler finds.
"""
