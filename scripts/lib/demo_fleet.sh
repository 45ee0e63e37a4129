# Sourced by scripts/demo: 300 lamps of three hardware revisions, a good release and a bad one.

demo_image() # VERSION RELEASE
{
    "$otaria" image make --chip esp32c3 --project lamp --version "$1" --release "$2" --hw-rev 0,1,2 --size 262144 \
        --out "$trial_dir/lamp-$1.raw.bin" >/dev/null
    "$otaria" image sign "$trial_dir/lamp-$1.raw.bin" --key "$trial_dir/signing.pem" --out "$trial_dir/lamp-$1.bin" \
        >/dev/null
}

demo_factory() # one flash template per hardware revision: what leaves the factory
{
    local rev
    "$otaria" partition build packaging/partitions/otaria-4mb.csv --flash-size 4MB --out "$trial_dir/table.bin" >/dev/null
    for rev in 0 1 2; do
        "$otaria" flash create --table "$trial_dir/table.bin" --flash-size 4MB --slot "ota_0=$trial_dir/lamp-1.0.0.bin" \
            --otadata 1:valid,- --hw-rev "$rev" --product lamp --trust "$trial_dir/signing.pem" \
            --out "$trial_dir/factory-rev$rev.flash" >/dev/null
    done
}

demo_scenario() # DEVICES
{
    cat >"$trial_dir/scenario.json" <<JSON
{
  "poll_s": 2,
  "self_test_s": 0,
  "fleet": {
    "count": $1, "prefix": "lamp", "seed": 7, "start_spread_ms": 3000,
    "hardware": [
      {"hw_rev": 0, "share": 40, "flash": "factory-rev0.flash"},
      {"hw_rev": 1, "share": 30, "flash": "factory-rev1.flash"},
      {"hw_rev": 2, "share": 30, "flash": "factory-rev2.flash"}
    ],
    "regions": {"eu": 50, "us": 30, "apac": 20},
    "links": {"wifi": 80, "cellular": 20}
  },
  "behaviours": [
    {"match": {"version": "1.2.0", "hw_rev": [2]}, "does": "crash_at_once"}
  ]
}
JSON
}

# Devices for ring 0: within reach, and (as so often) not one of the revision that will fail.
demo_internal()
{
    local id
    for id in $("$otaria_sim" plan "$trial_dir/scenario.json" --hw-rev 0,1 --first 5); do
        "$otaria" device tag "$id" internal --product lamp >/dev/null
        printf ' %s' "$id"
    done
    echo
}

demo_wait_for_devices() # PRODUCT COUNT
{
    local tries=600 n=0
    while [ "$tries" -gt 0 ]; do
        n=$("$otaria" device list --product "$1" --count)
        [ "$n" -ge "$2" ] && return 0
        tries=$((tries - 1))
        sleep 0.1
    done
    echo "only $n of $2 devices came up; see $trial_dir" >&2
    return 1
}

demo_wait_for_version() # PRODUCT VERSION COUNT: until exactly so many devices say they run it
{
    local tries=600 n=-1
    while [ "$tries" -gt 0 ]; do
        n=$("$otaria" device list --product "$1" --running "$2" --count)
        [ "$n" = "$3" ] && return 0
        tries=$((tries - 1))
        sleep 0.1
    done
    echo "$n devices run $2, not $3; see $trial_dir" >&2
    return 1
}

demo_rollout() # PRODUCT VERSION: returns what `rollout watch` returns
{
    "$otaria" rollout create --product "$1" --release "$2" --soak-s 3 --stale-after-s 30 --lease-s 30 --override "a demonstration" --start \
        --json >"$trial_dir/rollout-$2.json"
    demo_id=$(trial_field "$trial_dir/rollout-$2.json" id)
    "$otaria" rollout watch "$demo_id"
}

demo_stop_fleet()
{
    trial_stop sim
    sed -n '/^running/,$p' "$trial_dir/sim.out"
}

# The bad release must have stopped by itself, harmed few, and left nobody on it that it does not suit.
demo_check_halt() # DEVICES
{
    local harmed never
    "$otaria" rollout show "$demo_id" --json >"$trial_dir/halted.json"
    grep -Eq '"state": "(halted|held)"' "$trial_dir/halted.json" || { echo "1.2.0 was not stopped" >&2; return 1; }
    harmed=$("$otaria" rollout show "$demo_id" | sed -n 's/.* harmed *\([0-9]*\) *soaked.*/\1/p' | awk '{n += $1} END {print n + 0}')
    echo "1.2.0 was stopped by itself; devices harmed: $harmed of $1, each back on 1.1.0 by itself"
    never=$("$otaria" rollout show "$demo_id" | sed -n 's/^ *rest *waiting *\([0-9]*\) .*/\1/p')
    [ -n "$never" ] || { echo "ring rest was opened for 1.2.0" >&2; return 1; }
    echo "ring rest was never opened: its $never devices never saw 1.2.0"
    [ "$harmed" -ge 2 ] && [ "$harmed" -le $(($1 / 10)) ] || { echo "that is not few" >&2; return 1; }
}

demo_fleet() # DEVICES
{
    say "A signing key, two releases, and what the factory flashes"
    "$otaria" key generate --scheme rsa3072 --out "$trial_dir/signing.pem" >/dev/null
    demo_image 1.0.0 100
    demo_image 1.1.0 110
    demo_image 1.2.0 120
    demo_factory
    demo_scenario "$1"
    echo "lamp 1.0.0, 1.1.0 and 1.2.0 for esp32c3, hardware revisions 0, 1 and 2, signed with RSA-3072"

    say "The server: TLS from the first start, a product with three rings"
    trial_server --poll-s 2
    "$otaria" product create lamp --trust "$trial_dir/signing.pem" --rings internal,10%,rest
    "$otaria" product set lamp --strata hw_rev
    "$otaria" token create --role enrol --product lamp --out "$trial_dir/enrol.token" >/dev/null
    "$otaria" release push "$trial_dir/lamp-1.0.0.bin"
    "$otaria" release push "$trial_dir/lamp-1.1.0.bin"

    say "$1 devices come up on 1.0.0"
    trial_background sim "$otaria_sim" run "$trial_dir/scenario.json" --server "$device_url" --ca "$ca" \
        --token "$trial_dir/enrol.token" --state "$trial_dir/fleet" --summary "$trial_dir/summary.json"
    demo_wait_for_devices lamp "$1"
    printf 'ring internal:'
    demo_internal

    say "Patches from what the fleet runs, made and proved in the background"
    "$otaria" release show 1.1.0 --product lamp --wait-s 60

    say "1.1.0: internal, then 10 %, then the rest, some of each hardware revision in every ring"
    "$otaria" rollout preview --product lamp --release 1.1.0
    demo_rollout lamp 1.1.0
    demo_wait_for_version lamp 1.1.0 "$1"
    demo_good=$demo_id

    say "1.2.0 passes QA, but crashes on hardware revision 2, which QA did not have"
    "$otaria" release push "$trial_dir/lamp-1.2.0.bin"
    if demo_rollout lamp 1.2.0; then
        echo "1.2.0 went through: that must not happen" >&2
        return 1
    fi
    "$otaria" rollout show "$demo_id"

    say "What every device really runs"
    demo_settle
    demo_stop_fleet
    demo_check_halt "$1"
    demo_savings
}

# 1.1.0 went as a patch: what that saved.
demo_savings()
{
    "$otaria" rollout show "$demo_good" --json >"$trial_dir/finished.json"
    "$otaria" rollout show "$demo_good" | sed -n 's/^ *\([0-9]* devices by patch\)/1.1.0: \1/p'
    local patched
    patched=$(sed -n 's/.*"by_patch": \([0-9]*\).*/\1/p' "$trial_dir/finished.json")
    [ "$patched" -gt 0 ] || { echo "1.1.0 did not go as a patch" >&2; return 1; }
}

# Until nothing is in flight and every device has said what it runs.
demo_settle()
{
    local tries=300 open=1
    while [ "$tries" -gt 0 ] && [ "$open" -gt 0 ]; do
        "$otaria" rollout show "$demo_id" --json >"$trial_dir/settling.json"
        open=$(sed -n 's/.*"in_flight": \([0-9]*\).*/\1/p' "$trial_dir/settling.json" | sed 1d | awk '{n += $1} END {print n + 0}')
        tries=$((tries - 1))
        sleep 0.2
    done
    sleep 2.5 # one poll: what they run now is known
}
