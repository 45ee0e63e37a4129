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
      {"hw_rev": 0, "share": 50, "flash": "factory-rev0.flash"},
      {"hw_rev": 1, "share": 30, "flash": "factory-rev1.flash"},
      {"hw_rev": 2, "share": 20, "flash": "factory-rev2.flash"}
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

demo_wait_for_devices() # COUNT
{
    local tries=600 n=0
    while [ "$tries" -gt 0 ]; do
        n=$("$otaria" device list --product lamp --count)
        [ "$n" -ge "$1" ] && return 0
        tries=$((tries - 1))
        sleep 0.1
    done
    echo "only $n of $1 devices came up; see $trial_dir" >&2
    return 1
}

demo_rollout() # VERSION
{
    "$otaria" rollout create --product lamp --release "$1" --soak-s 4 --stale-after-s 20 --lease-s 20 --start \
        --json >"$trial_dir/rollout-$1.json"
    "$otaria" rollout watch "$(trial_field "$trial_dir/rollout-$1.json" id)"
}

demo_fleet() # DEVICES
{
    say "A signing key, three releases, and what the factory flashes"
    "$otaria" key generate --scheme rsa3072 --out "$trial_dir/signing.pem"
    demo_image 1.0.0 100
    demo_image 1.1.0 110
    demo_image 1.2.0 120
    demo_factory
    demo_scenario "$1"

    say "The server: TLS from the first start, a product with three rings"
    trial_server
    "$otaria" product create lamp --trust "$trial_dir/signing.pem" --rings internal,10%,rest
    "$otaria" token create --role enrol --product lamp --out "$trial_dir/enrol.token"
    "$otaria" release push "$trial_dir/lamp-1.0.0.bin" --product lamp
    "$otaria" release push "$trial_dir/lamp-1.1.0.bin" --product lamp

    say "$1 devices come up on 1.0.0"
    trial_background sim "$otaria_sim" run "$trial_dir/scenario.json" --server "$device_url" --ca "$ca" \
        --token "$trial_dir/enrol.token" --state "$trial_dir/fleet" --json
    demo_wait_for_devices "$1"
    printf 'ring internal:'
    demo_internal

    say "1.1.0: internal, then 10 %, then the rest"
    demo_rollout 1.1.0

    say "1.2.0 passed QA. It crashes on hardware revision 2, which QA did not have"
    "$otaria" release push "$trial_dir/lamp-1.2.0.bin" --product lamp
    if demo_rollout 1.2.0; then
        echo "1.2.0 went through: that must not happen" >&2
        return 1
    fi

    say "What every device really runs"
    demo_settle
    "$otaria_sim" table "$trial_dir/fleet"
    "$otaria" rollout list --product lamp
}
