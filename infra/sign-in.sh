#!/bin/sh
# Makes the Entra app registration that lets people and action groups in, and prints its application id. Safe to run again, also after it
# failed half-way: it uses the registration of exactly that name and repeats each step. One registration for each installation: give each its name.
# https://learn.microsoft.com/cli/azure/ad/app
set -eu

NAME="${1:-Azure Backup Remediator}"
HERE="$(cd "$(dirname "$0")" && pwd)"

fail() { echo "sign-in.sh: $1" >&2; exit 2; }
command -v az >/dev/null || fail "the Azure CLI (az) is needed: https://learn.microsoft.com/cli/azure/install-azure-cli"
case "$NAME" in *"'"*) fail "the name may not hold an apostrophe" ;; esac

FOUND="$(az ad app list --filter "displayName eq '$NAME'" --query '[].appId' --output tsv)"
case "$(printf '%s' "$FOUND" | grep -c .)" in
  0) CLIENT_ID="$(az ad app create --display-name "$NAME" --sign-in-audience AzureADMyOrg --query appId --output tsv)" ;;
  1) CLIENT_ID="$FOUND" ;;
  *) fail "several app registrations are named '$NAME'; give a name of your own: ./infra/sign-in.sh 'Azure Backup Remediator production'" ;;
esac

az ad app update --id "$CLIENT_ID" --identifier-uris "api://$CLIENT_ID" --enable-id-token-issuance true --app-roles "@$HERE/app-roles.json"
# Tokens of version 2: their issuer is the one that the app's sign-in is set up for.
GRAPH="$(az cloud show --query endpoints.microsoftGraphResourceId --output tsv)"
OBJECT_ID="$(az ad app show --id "$CLIENT_ID" --query id --output tsv)"
az rest --method PATCH --uri "${GRAPH%/}/v1.0/applications/$OBJECT_ID" --headers Content-Type=application/json \
  --body '{"api": {"requestedAccessTokenVersion": 2}}' --output none
az ad sp show --id "$CLIENT_ID" --output none 2>/dev/null || az ad sp create --id "$CLIENT_ID" --output none
# Only people with one of the app's roles get in; the app checks that, and Entra may check it first.
echo "$CLIENT_ID"
