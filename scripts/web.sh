# What builds the web UI. Sourced by run and test after lib.sh.
# shellcheck shell=bash disable=SC2154 # lib.sh sets root

# What Node.js is installed with.
# shellcheck disable=SC2034 # used where this is sourced
node_packages=(python3-venv)

# Node.js and npm in a directory of their own beside what cargo builds, installed anew when their
# version changes.
need_node() {
    local list=$root/scripts/node.txt
    node_dir=$(target_dir)/node
    if ! cmp -s "$list" "$node_dir/installed"; then
        say "installing Node.js into $node_dir"
        rm -rf "$node_dir"
        python3 -m venv "$node_dir"
        "$node_dir/bin/pip" install --quiet --disable-pip-version-check --requirement "$list"
        cp "$list" "$node_dir/installed"
    fi
    # It has certificates of its own, and does not look where everybody else does.
    if [[ -n ${SSL_CERT_FILE:-} ]]; then
        export NODE_EXTRA_CA_CERTS=${NODE_EXTRA_CA_CERTS:-$SSL_CERT_FILE}
    fi
}

# Runs a command of Node.js in web/.
in_web() {
    (cd "$root/web" && PATH=$node_dir/bin:$PATH "$@" >&2)
}

need_web_packages() {
    # npm's own note of what it has installed is older than a lock file that has changed since.
    if [[ ! $root/web/node_modules/.package-lock.json -nt $root/web/package-lock.json ]]; then
        say "installing the packages of web/"
        in_web npm ci --no-audit --no-fund --loglevel=error
    fi
}

# Whether the UI was built after all that it is built from was changed.
ui_is_current() {
    local page=$root/web/dist/index.html
    [[ -e $page ]] || return 1
    local newer
    newer=$(find "$root/web" -mindepth 1 \
        \( -path "$root/web/node_modules" -o -path "$root/web/dist" \) -prune -o \
        -newer "$page" -print -quit)
    [[ -z $newer ]]
}

build_ui() {
    say "building the web UI"
    if ! in_web npm run --silent build; then
        # What was half written would be taken for a whole.
        rm -rf "$root/web/dist"
        fail "the web UI could not be built"
    fi
}

# Builds the UI where that was not done, or not since its sources changed.
need_ui() {
    ui_is_current && return
    need_node
    need_web_packages
    build_ui
}
