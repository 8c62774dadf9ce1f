#!/bin/sh
# Makes the Entra app registration that lets people and action groups in. Safe to run again: it uses the one of that name.
# https://learn.microsoft.com/cli/azure/ad/app
set -eu

NAME="${1:-Azure Backup Remediator}"
HERE="$(cd "$(dirname "$0")" && pwd)"

command -v az >/dev/null || { echo "sign-in.sh: the Azure CLI (az) is needed: https://learn.microsoft.com/cli/azure/install-azure-cli" >&2; exit 2; }

CLIENT_ID="$(az ad app list --display-name "$NAME" --query '[0].appId' --output tsv)"
if [ -z "$CLIENT_ID" ]; then
  CLIENT_ID="$(az ad app create --display-name "$NAME" --sign-in-audience AzureADMyOrg --enable-id-token-issuance true \
    --app-roles "@$HERE/app-roles.json" --query appId --output tsv)"
  az ad app update --id "$CLIENT_ID" --identifier-uris "api://$CLIENT_ID"
  az ad sp create --id "$CLIENT_ID" --output none
fi
# Nobody without one of the app's roles gets in; the app checks that, and Entra may check it first.
echo "$CLIENT_ID"
