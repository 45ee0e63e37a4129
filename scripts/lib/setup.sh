# Sourced by scripts/demo and scripts/test: install what is missing with the distribution's package manager.
#
#   setup_need main     what building and running Otaria needs
#   setup_need test     what the tests need besides
#
# Debian 12 names. Says what it installs; does nothing where everything is there. Uses sudo when not root.

packages_main="gcc libc6-dev make cmake pkg-config libssl-dev libsqlite3-dev libcurl4-openssl-dev libjansson-dev libdivsufsort-dev
    libevent-dev libinih-dev ca-certificates"
packages_test="libcmocka-dev clang llvm lld libclang-rt-14-dev clang-format gcovr git openssl procps python3
    qemu-user gcc-s390x-linux-gnu libc6-dev-s390x-cross"

setup_say() { printf '%s\n' "$*" >&2; }

setup_as_root()
{
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null 2>&1; then
        sudo "$@"
    else
        setup_say "This needs root and there is no sudo: run as root: $*"
        return 1
    fi
}

setup_missing()
{
    for package in "$@"; do
        dpkg-query -W -f '${Status}\n' "$package" 2>/dev/null | grep -q '^install ok installed$' || printf '%s ' "$package"
    done
}

setup_need()
{
    case "$1" in
    main) wanted=$packages_main ;;
    test) wanted="$packages_main $packages_test" ;;
    *) setup_say "setup_need: unknown set $1"; return 2 ;;
    esac
    if ! command -v dpkg-query >/dev/null 2>&1 || ! command -v apt-get >/dev/null 2>&1; then
        setup_say "No apt-get here: please install the equivalents of: $(echo $wanted)"
        return 0
    fi
    # shellcheck disable=SC2086
    missing=$(setup_missing $wanted)
    [ -n "$missing" ] || return 0
    setup_say "Installing with apt-get: $missing"
    # shellcheck disable=SC2086
    setup_install $missing
}

setup_install()
{
    export DEBIAN_FRONTEND=noninteractive
    if ! setup_as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" \
        >/dev/null 2>&1; then
        setup_say "Refreshing the package lists first (apt-get update)"
        setup_as_root apt-get update -qq
        setup_as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
    fi
}
