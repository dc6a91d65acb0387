# shellcheck shell=bash
# The documentation as a site. Sourced by `dev`, after tools/setup.sh: a set-up of its own, which only `./dev docs` needs.

site_venv_folder() { echo "${cache:?set by tools/setup.sh}/site-$(sha256sum tools/docs-requirements.txt | cut -c1-12)"; }

# The folder with what runs in the reader's browser: mermaid.js, iframe-worker.js.
site_scripts() {
  local mermaid worker
  mermaid=$(pinned mermaid)
  worker=$(pinned iframe-worker)
  echo "$cache/site-scripts-${mermaid%% *}-${worker%% *}"
}

fetch_site_scripts() {
  local final
  final=$(site_scripts)
  [[ -d $final ]] && return
  say "setup: fetching the scripts of the site"
  mkdir "$scratch/scripts"
  fetch_npm mermaid
  mv "$scratch/package/dist/mermaid.min.js" "$scratch/scripts/mermaid.js"
  fetch_npm iframe-worker
  mv "$scratch/package/shim/index.js" "$scratch/scripts/iframe-worker.js"
  mv -T "$scratch/scripts" "$final"
}

make_site_venv() {
  local final
  final=$(site_venv_folder)
  [[ -f $final/whole ]] && return
  say "setup: installing the Python packages of the site"
  rm -rf "$final"
  python3 -m venv --without-pip "$final"
  python3 -m pip --python "$final/bin/python" install --quiet --disable-pip-version-check --no-input \
    --require-hashes --only-binary :all: -r tools/docs-requirements.txt >&2 </dev/null ||
    die "pip cannot install tools/docs-requirements.txt: see above"
  touch "$final/whole"
}

docs() {
  local venv scripts
  mkdir -p "$cache" build
  exec {lock}>"$cache/lock"
  flock "$lock"
  scratch=$(mktemp -d "$cache/work.XXXXXX")
  trap 'rm -rf "$scratch"' EXIT
  make_site_venv
  fetch_site_scripts
  rm -rf "$scratch"
  trap - EXIT
  exec {lock}>&-
  venv=$(site_venv_folder)
  scripts=$(site_scripts)
  python3 -B tools/links.py
  # Not --quiet: what it does not say it does not count as a warning either.
  NO_MKDOCS_2_WARNING=1 PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=tools WINDROW_SITE_SCRIPTS=$scripts \
    "$venv/bin/mkdocs" build --strict >build/docs.log 2>&1 || {
    grep -v '^INFO' build/docs.log >&2
    return 1
  }
  say "build/site/index.html"
}
