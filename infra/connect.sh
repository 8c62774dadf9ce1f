#!/bin/sh
# After the code is deployed: sign-in without a secret, then the road from the alerts to the app (events.bicep). Safe to run again.
# azd runs it by itself and passes the outputs of main.bicep; by hand it reads them from the deployment named in DEPLOYMENT.
set -eu

HERE="$(cd "$(dirname "$0")" && pwd)"
DEPLOYMENT="${DEPLOYMENT:-backup-remediator}"

fail() { echo "connect.sh: $1" >&2; exit 2; }
command -v az >/dev/null || fail "the Azure CLI (az) is needed: https://learn.microsoft.com/cli/azure/install-azure-cli"
[ -n "${SIGN_IN_CLIENT_ID:-}" ] || fail "set SIGN_IN_CLIENT_ID to the application id that ./infra/sign-in.sh printed"
output() { az deployment sub show --name "$DEPLOYMENT" --query "properties.outputs.$1.value" --output tsv; }
RESOURCE_GROUP="${RESOURCE_GROUP:-$(output RESOURCE_GROUP)}"
FUNCTION_APP="${FUNCTION_APP:-$(output FUNCTION_APP)}"
TOPIC="${TOPIC:-$(output TOPIC)}"
STORAGE_ACCOUNT="${STORAGE_ACCOUNT:-$(output STORAGE_ACCOUNT)}"
SIGN_IN_REDIRECT="${SIGN_IN_REDIRECT:-$(output SIGN_IN_REDIRECT)}"
IDENTITY_PRINCIPAL_ID="${IDENTITY_PRINCIPAL_ID:-$(output IDENTITY_PRINCIPAL_ID)}"
INSTALLATION_NAME="${INSTALLATION_NAME:-$(output INSTALLATION_NAME)}"
DELIVERY="${REMEDIATOR_DELIVERY:-$(output REMEDIATOR_DELIVERY)}"
for name in RESOURCE_GROUP FUNCTION_APP TOPIC STORAGE_ACCOUNT SIGN_IN_REDIRECT IDENTITY_PRINCIPAL_ID INSTALLATION_NAME DELIVERY; do
  eval "value=\$$name"
  [ -n "$value" ] || fail "the deployment $DEPLOYMENT has no output $name: deploy infra/main.bicep first, or set DEPLOYMENT to its name"
done
case "$DELIVERY" in function|queue) ;; *) fail "REMEDIATOR_DELIVERY is '$DELIVERY'; it takes function or queue" ;; esac

echo "1 of 3: sign-in of $SIGN_IN_CLIENT_ID, without a secret"
KEPT="$(az ad app show --id "$SIGN_IN_CLIENT_ID" --query web.redirectUris --output tsv)"
if ! printf '%s\n' "$KEPT" | grep -qxF "$SIGN_IN_REDIRECT"; then
  # The option replaces the list, so the addresses of other installations are passed again. Addresses hold no spaces.
  # shellcheck disable=SC2086
  az ad app update --id "$SIGN_IN_CLIENT_ID" --web-redirect-uris $KEPT "$SIGN_IN_REDIRECT"
fi
LOGIN="$(az cloud show --query endpoints.activeDirectory --output tsv)"
TENANT="$(az account show --query tenantId --output tsv)"
KNOWN="$(az ad app federated-credential list --id "$SIGN_IN_CLIENT_ID" --query "[?subject=='$IDENTITY_PRINCIPAL_ID'].name" --output tsv)"
if [ -z "$KNOWN" ]; then
  az ad app federated-credential create --id "$SIGN_IN_CLIENT_ID" --output none --parameters "{\"name\": \"$FUNCTION_APP\",
    \"issuer\": \"${LOGIN%/}/$TENANT/v2.0\", \"subject\": \"$IDENTITY_PRINCIPAL_ID\", \"audiences\": [\"api://AzureADTokenExchange\"]}"
fi

echo "2 of 3: action groups may ask for a token"
AZNS=461e8683-5575-4561-ac7f-899cc907d62a # Azure Monitor's own application
az ad sp show --id "$AZNS" --output none 2>/dev/null || az ad sp create --id "$AZNS" --output none

echo "3 of 3: Event Grid subscription, action group, alert processing rule"
az deployment group create --resource-group "$RESOURCE_GROUP" --name "$DEPLOYMENT-events" --template-file "$HERE/events.bicep" --output none --parameters \
  name="$INSTALLATION_NAME" functionApp="$FUNCTION_APP" topic="$TOPIC" storageAccount="$STORAGE_ACCOUNT" delivery="$DELIVERY" signInClientId="$SIGN_IN_CLIENT_ID" \
  signInObjectId="$(az ad app show --id "$SIGN_IN_CLIENT_ID" --query id --output tsv)"
echo "connected. Check that everything is there: remediator doctor --subscription $(az account show --query id --output tsv) --resource-group $RESOURCE_GROUP"
