#!/bin/sh
# What a template cannot do: the software that workers fetch, the repositories' passwords, the repositories themselves.
# Run by `azd provision`; harmless when run again. Needs az (signed in), curl, and this repository's .venv (`make setup`).
set -eu

: "${HOLDFAST_SOFTWARE:?run by azd, which gives the outputs of infra/main.bicep}"
: "${HOLDFAST_VAULT:?}" "${HOLDFAST_REPOSITORY_URLS:?}" "${HOLDFAST_GROUP:?}" "${HOLDFAST_APP:?}"
cd "$(dirname "$0")/.."
account=$(printf '%s' "$HOLDFAST_SOFTWARE" | sed 's|https://\([^.]*\)\..*|\1|')
container=${HOLDFAST_SOFTWARE##*/}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

put() { # file, name; prints the blob's address and the file's SHA-256
    digest=$(sha256sum "$1" | cut -d' ' -f1)
    name=$(printf '%s' "$2" | sed "s/DIGEST/$(printf '%.16s' "$digest")/")
    az storage blob upload --auth-mode login --account-name "$account" --container-name "$container" \
        --file "$1" --name "$name" --overwrite true --only-show-errors >/dev/null
    printf '%s/%s %s\n' "$HOLDFAST_SOFTWARE" "$name" "$digest"
}

echo "worker bundle"
.venv/bin/python -m local.bundle "$work/bundle.tar.gz" >/dev/null
set -- $(put "$work/bundle.tar.gz" bundle-DIGEST.tar.gz)
bundle_url=$1 bundle_sha256=$2

# Microsoft's own address of the newest one for Linux; name a file and its SHA-256 to stay at a version.
echo "SqlPackage"
if [ -n "${SQLPACKAGE_ZIP:-}" ]; then
    cp "$SQLPACKAGE_ZIP" "$work/sqlpackage.zip"
else
    curl -fsSL -o "$work/sqlpackage.zip" https://aka.ms/sqlpackage-linux
fi
if [ -n "${SQLPACKAGE_SHA256:-}" ]; then
    printf '%s  %s\n' "$SQLPACKAGE_SHA256" "$work/sqlpackage.zip" | sha256sum -c - >/dev/null
fi
set -- $(put "$work/sqlpackage.zip" sqlpackage-DIGEST.zip)

az functionapp config appsettings set --resource-group "$HOLDFAST_GROUP" --name "$HOLDFAST_APP" --only-show-errors \
    --settings "HOLDFAST_WORKER_BUNDLE_URL=$bundle_url" "HOLDFAST_WORKER_BUNDLE_SHA256=$bundle_sha256" \
    "HOLDFAST_SQLPACKAGE_URL=$1" "HOLDFAST_SQLPACKAGE_SHA256=$2" >/dev/null

vault=$(printf '%s' "$HOLDFAST_VAULT" | sed 's|https://\([^.]*\)\..*|\1|')
for repository in $(printf '%s' "$HOLDFAST_REPOSITORY_URLS" | .venv/bin/python -c \
    'import json, sys; print(*(f"{name}={url}" for name, url in json.load(sys.stdin).items()))'); do
    name=${repository%%=*} url=${repository#*=} secret="repository-${repository%%=*}"
    # A password is made once and never shown: whoever wants to keep a copy reads it from the vault.
    if ! az keyvault secret show --vault-name "$vault" --name "$secret" --only-show-errors >/dev/null 2>&1; then
        head -c 32 /dev/urandom | base64 | tr -d '\n' >"$work/password"
        az keyvault secret set --vault-name "$vault" --name "$secret" --file "$work/password" --encoding utf-8 \
            --only-show-errors >/dev/null
    fi
    az keyvault secret show --vault-name "$vault" --name "$secret" --query value --output tsv --only-show-errors \
        >"$work/password"
    archive=""
    [ "$name" != archive ] || archive=--archive
    # One that is there already refuses; then it must open.
    code=0
    .venv/bin/holdfast repository init --repository "$url" --password-file "$work/password" $archive || code=$?
    [ "$code" = 0 ] || .venv/bin/holdfast repository stats --repository "$url" --password-file "$work/password" >/dev/null
    rm -f "$work/password"
    echo "repository $name: $url"
done
echo "Next: make the identity ${HOLDFAST_WRITER_NAME:-of the writer} a user of every source database:"
echo "  docs/how-to/permissions.md; then \`holdfast doctor\` says what is missing."
