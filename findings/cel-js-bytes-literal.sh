#!/usr/bin/env bash
# @marcbachmann/cel-js 8.0.0: a bytes literal with a letter that is not ASCII.
# Likely guess: b"é" is the two bytes of its UTF-8, c3 a9, as CEL's specification says and as cel-go has it.
# Behaviour: it is one byte, e9: each character up to U+00FF is taken as a byte.
# Seen: size of b"é": 1; equal to its UTF-8: false
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
npm init -y > /dev/null; npm install --no-audit --no-fund --silent @marcbachmann/cel-js@8.0.0
cat > look.mjs <<'JS'
import { evaluate } from '@marcbachmann/cel-js';
const size = evaluate('size(b"é")');
const same = evaluate('b"é" == b"\\xc3\\xa9"');
console.log(`size of b"é": ${size}; equal to its UTF-8: ${same}`);
process.exit(size === 1n && same === false ? 0 : 1);
JS
node look.mjs
