#!/usr/bin/env bash
# Compares the spec with that of the last release and of main, and fails if a client would break under the same version.
# A breaking change needs a new minor version before 1.0.0, and a new major one from then on (docs/contract.md). BASE names
# another commit to compare with; without the release and main, as in a shallow clone, nothing is compared.
set -euo pipefail
cd "$(dirname "$0")/.."
spec=api/openapi.yaml

# promise prints the part of a spec's version that changes only when clients break.
promise() {
  sed -n 's/^  version: *//p' "$1" | awk -F. '{ print ($1 == 0) ? $1 "." $2 : $1 }'
}

release=$(git tag --list 'v*' --sort=-v:refname | head -n 1)
before=$(mktemp)
trap 'rm -f "$before"' EXIT
for base in ${BASE:-$release origin/main}; do
  if ! git show "$base:$spec" >"$before" 2>/dev/null; then
    echo "no $spec in $base: not compared"
    continue
  fi
  if changes=$(go tool -modfile=tools/go.mod oasdiff breaking --flatten-allof --fail-on WARN "$before" "$spec"); then
    echo "clients of $base go on as they are"
  elif [ "$(promise "$before")" = "$(promise "$spec")" ]; then
    head -n 60 <<<"$changes"
    echo "Clients of $base would break under the same version. Keep them working, or raise info.version." >&2
    exit 1
  else
    echo "clients of $base would break, and the version says so"
  fi
done
