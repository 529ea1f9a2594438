#!/usr/bin/env bash
# Makes .venv with Gossamer and everything its tests need, and stamps it, so that a second `make` finds nothing to do.
# Debian packages are installed only when missing, and each is named with its reason.
set -euo pipefail
cd "$(dirname "$0")/.."
stamp=.venv/.gossamer-installed

say() { printf 'setup: %s\n' "$*"; }
die() { printf 'setup: %s\n' "$*" >&2; exit 2; }

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; elif command -v sudo >/dev/null; then sudo "$@"; else return 1; fi
}

# apt_install PACKAGE REASON
apt_install() {
    command -v apt-get >/dev/null || die "$1 is missing ($2); install it with your system's package manager"
    say "installing the Debian package $1: $2"
    as_root apt-get update -qq || die "cannot run apt-get as root; install $1 yourself ($2)"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$1" >/dev/null
}

# apt_optional PACKAGE REASON: only tests need it, and they skip, saying so, where it is absent
apt_optional() { (apt_install "$@") || say "going on without $1"; }

good_python() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

find_python() {
    local name
    for name in "${PYTHON:-}" python3 python3.13 python3.12 python3.11; do
        if [ -n "$name" ] && command -v "$name" >/dev/null && good_python "$name"; then echo "$name"; return; fi
    done
    return 1
}

main() {
    command -v g++ >/dev/null || apt_install g++ "it links the networks that the cpu target compiles"
    if ! command -v chromium >/dev/null || ! command -v chromedriver >/dev/null; then
        apt_optional chromium-driver "headless Chromium: the tests open the pages that reports and inspection write"
    fi
    if ! command -v initdb >/dev/null && ! compgen -G "/usr/lib/postgresql/*/bin/initdb" >/dev/null; then
        apt_optional postgresql "the tests run searches that share a PostgreSQL server of their own"
    fi
    command -v python3 >/dev/null || apt_install python3 "Gossamer is a Python package"
    local python
    python=$(find_python) || die "Python 3.11 or newer is needed and $(python3 --version 2>&1) was found; \
install one and name it: PYTHON=/path/to/python3.11 make"
    "$python" -c 'import venv, ensurepip' 2>/dev/null || apt_install python3-venv "it makes the virtual environment .venv"
    if [ ! -x .venv/bin/python ] || ! good_python .venv/bin/python; then
        say "making .venv with $("$python" --version)"
        "$python" -m venv --clear .venv
    fi
    rm -f "$stamp"
    say "installing Gossamer and its tools into .venv (a few minutes the first time)"
    # pip, not another installer: it is the one that honours the machine's own configured package sources.
    .venv/bin/python -m pip install --quiet --disable-pip-version-check -e '.[all,dev]' \
        || die "pip could not install the packages of pyproject.toml; its message is above"
    touch "$stamp"
    say "done"
}

# Two makes at once must not fill one .venv together.
exec 9>.setup.lock
if command -v flock >/dev/null; then flock 9; fi
if [ -f "$stamp" ] && [ "$stamp" -nt pyproject.toml ] && [ "$stamp" -nt scripts/setup.sh ]; then say "up to date"; exit 0; fi
main "$@"
