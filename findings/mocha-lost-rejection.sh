#!/usr/bin/env bash
# mocha 10.8.2, 11.7.5, 12.0.3 (Node 20): a promise that rejects in a test while nobody awaits it.
# Likely guess: the test fails, or the run ends as a plain Node process does since version 15, with code 1.
# Behaviour: the test passes, nothing is printed, and the run ends with 0, serially and with --parallel: mocha's own
# listener keeps Node from ending, and hands the reason on to listeners that are not there. A listener of one's own that
# throws makes it a failure; in --parallel it has to be added for each file, since a worker removes all after each.
# Seen: "plain node ends with 1, mocha with 0, mocha --parallel with 0", of each version
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
npm init -y > /dev/null
for version in 10.8.2 11.7.5 12.0.3; do
  npm install --no-audit --no-fund --silent "mocha@$version"
  cat > lost.test.mjs <<'JS'
const lose = async () => {
  void Promise.reject(new Error('lost'));
  await new Promise((resolve) => setTimeout(resolve, 50));
};
if (typeof it === 'undefined') await lose();
else it('loses a rejection', lose);
JS
  plain=0; node lost.test.mjs > plain.txt 2>&1 || plain=$?
  serial=0; npx mocha lost.test.mjs > serial.txt 2>&1 || serial=$?
  parallel=0; npx mocha --parallel lost.test.mjs > parallel.txt 2>&1 || parallel=$?
  echo "mocha $version, lost rejection: plain node ends with $plain, mocha with $serial, mocha --parallel with $parallel"
  [ "$plain $serial $parallel" = '1 0 0' ] || { echo changed; exit 1; }
done
