# Sourced by scripts/demo and tests/e2e: a private trial installation in a directory of its own.
#
#   trial_build              build the programs (build/)
#   trial_begin [DIR]        make DIR (default: a new temporary one); stops everything it started on exit
#   trial_server             start otariad on free loopback ports, log in as admin
#   trial_stop NAME          stop a background process started with trial_background NAME COMMAND...
#
# Sets: trial_dir, otaria, otariad, otaria_sim, device_url, operator_url, ca.

trial_pids=()

trial_build()
{
    cmake -S . -B build -DCMAKE_BUILD_TYPE=RelWithDebInfo -DOTARIA_TESTS=OFF >/dev/null
    cmake --build build -j"$(nproc)" >build/build.log 2>&1 || { tail -30 build/build.log >&2; return 1; }
}

trial_begin()
{
    trial_dir=${1:-}
    [ -n "$trial_dir" ] || trial_dir=$(mktemp -d "${TMPDIR:-/tmp}/otaria-demo.XXXXXX")
    mkdir -p "$trial_dir"
    trial_dir=$(cd "$trial_dir" && pwd)
    local bin=${OTARIA_BIN:-$PWD/build}
    otaria=$bin/cli/otaria
    otariad=$bin/server/otariad
    otaria_sim=$bin/sim/otaria-sim
    export OTARIA_CONFIG="$trial_dir/otaria-login.json"
    trap trial_end EXIT
    trap 'exit 130' INT TERM
}

trial_end()
{
    local pid
    for pid in "${trial_pids[@]}"; do
        kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null
    done
    trial_pids=()
}

trial_background() # NAME COMMAND...
{
    local name=$1
    shift
    "$@" >"$trial_dir/$name.out" 2>"$trial_dir/$name.log" &
    trial_pids+=($!)
    printf -v "pid_$name" %s $!
}

trial_wait_for_file() # FILE SECONDS WHAT
{
    local tenths=$(($2 * 10))
    while [ ! -s "$1" ]; do
        tenths=$((tenths - 1))
        [ "$tenths" -gt 0 ] || { echo "$3 did not come up; see $trial_dir" >&2; return 1; }
        sleep 0.1
    done
}

trial_stop() # NAME
{
    local pid=pid_$1
    kill "${!pid}" 2>/dev/null || return 0
    wait "${!pid}" 2>/dev/null || true
}

trial_image_field() # IMAGE FIELD
{
    "$otaria" image info "$1" --json >"$trial_dir/info.json"
    trial_field "$trial_dir/info.json" "$2"
}

# The value of a top-level string field of a small JSON file, without a JSON tool.
trial_field() # FILE FIELD
{
    sed -n "s/.*\"$2\": *\"\\([^\"]*\\)\".*/\\1/p" "$1" | head -1
}

trial_server() # [extra otariad options]
{
    rm -f "$trial_dir/ready.json"
    trial_background otariad "$otariad" --data "$trial_dir/server" --device-listen 127.0.0.1:0 \
        --operator-listen 127.0.0.1:0 --ready-file "$trial_dir/ready.json" "$@"
    trial_wait_for_file "$trial_dir/ready.json" 20 "otariad"
    device_url=$(trial_field "$trial_dir/ready.json" device)
    operator_url=$(trial_field "$trial_dir/ready.json" operator)
    ca=$trial_dir/server/tls/ca.pem
    "$otaria" login "$operator_url" --token-file "$trial_dir/server/admin.token" --ca "$ca"
}
