# shellcheck shell=bash
# Installs and fetches what the build and the tests need. Sourced by `dev`, from the root of the project.
#
# There is no state of its own: a Debian package is there when dpkg says so, a fetched folder is there when it
# exists under a name that holds its version or the hash of its pins. Folders are made beside and renamed when
# whole, so an interrupted fetch leaves nothing that looks finished. When all is there this takes milliseconds.

cache=${WINDROW_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/windrow}
scratch=

say() { printf '%s\n' "$*" >&2; }
die() {
  printf 'dev: %s\n' "$*" >&2
  exit 2
}

# --- what the machine must have --------------------------------------------------------------------------------

check_prerequisites() {
  local missing=0 tool package
  while read -r tool package; do
    command -v "$tool" >/dev/null && continue
    say "dev: $tool is missing: apt-get install $package"
    missing=1
  done <<'EOT'
git git
g++ g++
cmake cmake
python3 python3
node nodejs
npm npm
cargo cargo
EOT
  if command -v python3 >/dev/null && ! python3 -c 'import pip' 2>/dev/null; then
    say "dev: pip for python3 is missing: apt-get install python3-pip"
    missing=1
  fi
  ((missing == 0)) || die "install what is missing and run again"
}

absent_packages() {  # absent_packages KIND…: those of tools/packages.txt that are not installed, one a line
  local kinds=" $* " wanted
  wanted=$(awk -v kinds="$kinds" '/^[a-z]/ && index(kinds, " " $1 " ") {print $2}' tools/packages.txt)
  # shellcheck disable=SC2086  # names without blanks, one argument each
  comm -23 <(sort <<<"$wanted") \
    <(dpkg-query -W -f='${db:Status-Status} ${Package}\n' $wanted 2>/dev/null | sed -n 's/^installed //p' | sort)
}

install_packages() {  # install_packages KIND…
  local absent as_root=() command
  command -v dpkg-query >/dev/null || die "this is not Debian: install the packages in tools/packages.txt by hand"
  mapfile -t absent < <(absent_packages "$@")
  ((${#absent[@]} > 0)) || return 0
  grep -q '^VERSION_CODENAME=bookworm' /etc/os-release ||
    say "dev: this is not Debian bookworm: its package versions are not those the project is tested with"
  command="apt-get install -y --no-install-recommends ${absent[*]}"
  if ((EUID != 0)); then
    if sudo -n true 2>/dev/null; then
      as_root=(sudo -n)
    else
      say "dev: Debian packages are missing, and installing them needs root. Run this as root, then try again:"
      say "  $command"
      exit 2
    fi
  fi
  say "setup: installing ${#absent[@]} Debian packages: ${absent[*]}"
  local log=$scratch/apt.log apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300)
  if ! { "${apt[@]}" update && "${apt[@]}" install -y --no-install-recommends "${absent[@]}"; } \
    >"$log" 2>&1 </dev/null; then
    tail -20 "$log" >&2
    die "apt-get failed: see above; to try by hand, as root: apt-get update && $command"
  fi
}

# --- what is fetched: each file is in cmake/pins.txt with its checksum -----------------------------------------

pinned() {  # pinned NAME: version and sha256
  awk -v name="$1" '$2 == name {print $3, $4; found = 1} END {exit !found}' cmake/pins.txt ||
    die "cmake/pins.txt has no \"$1\""
}

verify() {  # verify FILE SHA256
  sha256sum --check --status - <<<"$2  $1" ||
    die "checksum of $(basename "$1") is $(sha256sum "$1" | cut -d' ' -f1), but $2 is pinned: not used"
}

fetch_npm() {  # fetch_npm NAME: the verified package, unpacked in $scratch/package
  local pin version sum log=$scratch/npm.log archive
  pin=$(pinned "$1")
  read -r version sum <<<"$pin"
  mkdir -p "$scratch/npm"
  npm pack --silent --pack-destination "$scratch/npm" "$1@$version" >"$log" 2>&1 </dev/null || {
    cat "$log" >&2
    die "cannot fetch $1@$version with npm"
  }
  archive=$(echo "$scratch"/npm/*.tgz)
  verify "$archive" "$sum"
  rm -rf "$scratch/package"
  tar -xzf "$archive" -C "$scratch"
  rm -rf "$scratch/npm"
}

architecture() {
  case $(uname -m) in
    x86_64) echo x64 ;;
    aarch64) echo arm64 ;;
    *) die "there is no DuckDB library for $(uname -m): x86_64 and aarch64 are supported" ;;
  esac
}

duckdb_package() {
  local arch
  arch=$(architecture)
  echo "@duckdb/node-bindings-linux-$arch"
}

# The folder given to CMake as WINDROW_DEPS: duckdb/lib and duckdb/include, rdkafka/lib and rdkafka/include.
deps_folder() {
  local package pin kafka
  package=$(duckdb_package)
  pin=$(pinned "$package")
  kafka=$(pinned rdkafka-sys)
  echo "$cache/deps-${pin%% *}-${kafka%% *}"
}

fetch_crate() {  # fetch_crate NAME VERSION: unpacked in $scratch/crate/vendor/NAME
  local crate=$scratch/crate
  rm -rf "$crate"
  mkdir -p "$crate/src"
  printf '[package]\nname = "headers"\nversion = "0.0.0"\n[dependencies]\n%s = "=%s"\n' "$1" "$2" >"$crate/Cargo.toml"
  touch "$crate/src/lib.rs"
  (cd "$crate" && cargo vendor --quiet vendor >cargo.log 2>&1 </dev/null) || {
    cat "$crate/cargo.log" >&2
    die "cannot fetch $1 $2 with cargo"
  }
}

# Without WITH_SASL there is no Cyrus SASL, which only Kerberos needs; SCRAM is librdkafka's own.
# Into $scratch/deps. Debian's is too old to log in to Kafka 4 with SCRAM, so it is built from source.
fetch_rdkafka() {
  local pin version sum source=$scratch/crate/vendor/rdkafka-sys/librdkafka log=$scratch/rdkafka.log
  pin=$(pinned rdkafka-sys)
  read -r version sum <<<"$pin"
  say "setup: building librdkafka ${version#*+}"
  fetch_crate rdkafka-sys "$version"
  (cd "$source" && find . -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum) >"$scratch/rdkafka.sums"
  verify "$scratch/rdkafka.sums" "$sum"
  {
    cmake -S "$source" -B "$scratch/rdkafka" -G Ninja -DCMAKE_BUILD_TYPE=Release -DRDKAFKA_BUILD_STATIC=ON \
      -DRDKAFKA_BUILD_EXAMPLES=OFF -DRDKAFKA_BUILD_TESTS=OFF -DCMAKE_POSITION_INDEPENDENT_CODE=ON -DWITH_SSL=ON \
      -DWITH_SASL=OFF -DWITH_SASL_SCRAM=ON -DWITH_CURL=OFF -DWITH_ZSTD=ON -DWITH_ZLIB=ON -DENABLE_LZ4_EXT=OFF &&
      ninja -C "$scratch/rdkafka" rdkafka
  } >"$log" 2>&1 </dev/null || {
    tail -20 "$log" >&2
    die "librdkafka cannot be built: see above"
  }
  mkdir -p "$scratch/deps/rdkafka/lib" "$scratch/deps/rdkafka/include/librdkafka"
  mv "$scratch/rdkafka/src/librdkafka.a" "$scratch/deps/rdkafka/lib/"
  cp "$source/src/rdkafka.h" "$scratch/deps/rdkafka/include/librdkafka/"
}

fetch_deps() {
  local final package pin version sum crate=$scratch/crate
  final=$(deps_folder)
  [[ -d $final ]] && return
  package=$(duckdb_package)
  say "setup: fetching DuckDB"
  fetch_npm "$package"
  mkdir -p "$scratch/deps/duckdb/lib"
  mv "$scratch/package/libduckdb.so" "$scratch/deps/duckdb/lib/"

  pin=$(pinned libduckdb-sys)
  read -r version sum <<<"$pin"
  fetch_crate libduckdb-sys "$version"
  verify "$crate/vendor/libduckdb-sys/duckdb.tar.gz" "$sum"
  tar -xzf "$crate/vendor/libduckdb-sys/duckdb.tar.gz" -C "$crate" duckdb/src/include
  mv "$crate/duckdb/src/include" "$scratch/deps/duckdb/include"
  fetch_rdkafka
  mv -T "$scratch/deps" "$final"
}

# The folder given to CMake as WINDROW_LEXICON: the words and emoji that VADER knows, and VADER itself as judge.
lexicon_folder() {
  local pin
  pin=$(pinned vaderSentiment)
  echo "$cache/vader-${pin%% *}"
}

fetch_lexicon() {
  local final pin version sum log=$scratch/pip.log wheel
  final=$(lexicon_folder)
  [[ -d $final ]] && return
  say "setup: fetching VADER's lexicon"
  pin=$(pinned vaderSentiment)
  read -r version sum <<<"$pin"
  python3 -m pip download --quiet --disable-pip-version-check --no-input --no-deps --only-binary :all: \
    --dest "$scratch/lexicon" "vaderSentiment==$version" >"$log" 2>&1 </dev/null || {
    cat "$log" >&2
    die "cannot fetch vaderSentiment $version with pip"
  }
  wheel=$(echo "$scratch"/lexicon/*.whl)
  verify "$wheel" "$sum"
  python3 -m zipfile -e "$wheel" "$scratch/lexicon"
  mv -T "$scratch/lexicon/vaderSentiment" "$final"
}

movies_folder() {
  local pin
  pin=$(pinned vega-datasets)
  echo "$cache/vega-datasets-${pin%% *}"
}

fetch_movies() {
  local final
  final=$(movies_folder)
  [[ -d $final ]] && return
  say "setup: fetching 3,201 films"
  fetch_npm vega-datasets
  mkdir "$scratch/movies"
  mv "$scratch/package/data/movies.json" "$scratch/movies/"
  mv -T "$scratch/movies" "$final"
}

# The web page's packages, in web/node_modules, where every tool of theirs looks; as the lock file has them, each with its
# checksum. The build calls this too, when the lock file has changed.
page_packages() {
  local log
  page_packages_there && return
  mkdir -p "$cache"
  log=$(mktemp)
  # No script of theirs is run. Two of us at once: the second waits and finds everything there.
  (
    flock 9
    page_packages_there && exit
    say "setup: fetching the page's packages"
    cd web && npm ci --ignore-scripts --no-audit --no-fund >"$log" 2>&1 </dev/null && touch node_modules/.package-lock.json
  ) 9>>"$cache/page.lock" || {
    cat "$log" >&2
    rm -f "$log"
    die "npm cannot install web/package-lock.json"
  }
  rm -f "$log"
}

page_packages_there() { [[ web/node_modules/.package-lock.json -nt web/package-lock.json ]]; }

# --- what the tests need: other programs that judge what Windrow does -------------------------------------------

# croner says when a cron expression is due.
croner_folder() {
  local pin
  pin=$(pinned croner)
  echo "$cache/croner-${pin%% *}"
}

fetch_croner() {
  local final
  final=$(croner_folder)
  [[ -d $final ]] && return
  say "setup: fetching croner"
  fetch_npm croner
  mkdir "$scratch/croner"
  mv "$scratch/package/dist/croner.js" "$scratch/croner/croner.mjs"
  mv -T "$scratch/croner" "$final"
}

venv_folder() { echo "$cache/venv-$(sha256sum tools/requirements.txt tools/setup.sh | sha256sum | cut -c1-12)"; }

# A virtual environment holds its own path, so it is made in place and marked when whole. It is made without pip
# (Debian keeps ensurepip in a package of its own) and filled by the pip that is there.
make_venv() {
  local final platform wheel
  final=$(venv_folder)
  [[ -f $final/whole ]] && return
  say "setup: installing the Python packages of the tests"
  rm -rf "$final"
  python3 -m venv --without-pip "$final"
  python3 -m pip --python "$final/bin/python" install --quiet --disable-pip-version-check --no-input \
    --require-hashes --only-binary :all: -r tools/requirements.txt >&2 </dev/null ||
    die "pip cannot install tools/requirements.txt: see above"

  # DuckDB looks for an extension at FOLDER/VERSION/PLATFORM/NAME.duckdb_extension.
  platform=linux_amd64
  [[ $(architecture) == arm64 ]] && platform=linux_arm64
  for wheel in "$final"/lib/python3*/site-packages/duckdb_extension_*/extensions/v*/*.duckdb_extension; do
    local version
    version=$(basename "$(dirname "$wheel")")
    mkdir -p "$final/extensions/$version/$platform"
    mv "$wheel" "$final/extensions/$version/$platform/"
  done
  touch "$final/whole"
}

# --- all of it -------------------------------------------------------------------------------------------------

setup() {  # setup KIND…: of build, lint, tests, servers
  local kinds=" build $* "
  check_prerequisites
  mkdir -p "$cache" || die "cannot write to the cache $cache: set WINDROW_CACHE to another folder"
  exec {lock}>"$cache/lock"
  flock "$lock"  # two of us at once: the second waits and finds everything there
  rm -rf "$cache"/work.*  # what a killed set-up left
  scratch=$(mktemp -d "$cache/work.XXXXXX")
  trap 'rm -rf "$scratch"' EXIT
  # shellcheck disable=SC2086  # words
  install_packages $kinds
  fetch_deps
  fetch_lexicon
  fetch_movies
  page_packages
  if [[ $kinds == *" tests "* ]]; then
    make_venv
    fetch_croner
  fi
  rm -rf "$scratch"
  trap - EXIT
  exec {lock}>&-
}
