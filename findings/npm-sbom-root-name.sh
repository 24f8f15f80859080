#!/usr/bin/env bash
# npm 11.19.1: `npm sbom --package-lock-only` of a project whose folder is not called as its package is.
# Likely guess: the root component of the CycloneDX document has the name that package.json and package-lock.json give.
# Behaviour: `metadata.component.name` is the name of the folder, while `purl` of the same component has the package's:
# the same commit gives other documents in other checkouts, and scanners show the folder.
# Seen: name "checkout-17", purl "pkg:npm/acme-shop@1.2.3"
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
npm init -y > /dev/null && npm install --no-audit --no-fund --silent npm@11.19.1
mkdir checkout-17 && cd checkout-17
echo '{"name":"acme-shop","version":"1.2.3","dependencies":{"ms":"2.1.3"}}' > package.json
npm install --package-lock-only --no-audit --no-fund --silent
../node_modules/.bin/npm sbom --package-lock-only --sbom-format cyclonedx > sbom.json
node -e '
const { name, purl } = JSON.parse(require("fs").readFileSync("sbom.json")).metadata.component;
console.log(`name "${name}", purl "${purl}"`);
process.exit(name === "checkout-17" && purl === "pkg:npm/acme-shop@1.2.3" ? 0 : 1);
' || { echo changed; exit 1; }
