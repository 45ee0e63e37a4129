# Sourced by scripts/demo --firmware OLD.bin NEW.bin: the user's own two images on a small fleet.

# Chip and smallest recommended flash for two images, from what they say themselves.
demo_firmware_facts() # OLD NEW
{
    local larger
    chip=$(trial_image_field "$1" chip)
    [ "$chip" = "$(trial_image_field "$2" chip)" ] || { echo "The two images are for different chips" >&2; return 1; }
    larger=$(($(stat -c %s "$1") > $(stat -c %s "$2") ? $(stat -c %s "$1") : $(stat -c %s "$2")))
    larger=$(((larger + 65535) / 65536 * 65536 + 4096)) # 64 KiB pages and a signature sector
    if [ "$larger" -le $((0x1E0000)) ]; then
        flash_size=4MB table=otaria-4mb.csv
    elif [ "$larger" -le $((0x300000)) ]; then
        flash_size=8MB table=otaria-8mb.csv
    else
        flash_size=16MB table=otaria-16mb.csv
    fi
}

demo_firmware() # OLD NEW
{
    local f
    say "Your images"
    demo_firmware_facts "$1" "$2"
    "$otaria" image info "$1"
    "$otaria" image info "$2"
    echo "Chip $chip, flash $flash_size"

    say "Signed with a trial key, put on $flash_size flashes"
    "$otaria" key generate --scheme rsa3072 --out "$trial_dir/signing.pem"
    "$otaria" image sign "$1" --key "$trial_dir/signing.pem" --out "$trial_dir/old.bin"
    "$otaria" image sign "$2" --key "$trial_dir/signing.pem" --out "$trial_dir/new.bin"
    "$otaria" flash create --table "packaging/partitions/$table" --flash-size "$flash_size" \
        --slot "ota_0=$trial_dir/old.bin" --otadata 1:valid,- --product trial --trust "$trial_dir/signing.pem" \
        --out "$trial_dir/factory.flash"
    cat >"$trial_dir/scenario.json" <<JSON
{"poll_s": 1, "self_test_s": 0,
 "fleet": {"count": 20, "prefix": "unit", "seed": 1, "start_spread_ms": 500,
           "hardware": [{"hw_rev": 0, "share": 1, "flash": "factory.flash"}]}}
JSON

    say "The server, and the release, undescribed: version and number are your word"
    trial_server --poll-s 1
    "$otaria" product create trial --trust "$trial_dir/signing.pem" --rings internal,25%,rest
    "$otaria" token create --role enrol --product trial --out "$trial_dir/enrol.token"
    trial_background sim "$otaria_sim" run "$trial_dir/scenario.json" --server "$device_url" --ca "$ca" \
        --token "$trial_dir/enrol.token" --state "$trial_dir/fleet" --summary "$trial_dir/summary.json"
    demo_wait_for_devices trial 20
    for f in $("$otaria_sim" plan "$trial_dir/scenario.json" --first 2); do
        "$otaria" device tag "$f" internal --product trial >/dev/null
    done
    "$otaria" release push "$trial_dir/new.bin" --undescribed --product trial --version new --release 2

    say "The rollout"
    demo_rollout trial new

    say "Digests compared"
    demo_wait_for_version trial new 20
    demo_stop_fleet
    demo_compare_digests "$(trial_image_field "$trial_dir/new.bin" digest)" 20
}

demo_compare_digests() # DIGEST COUNT
{
    local same
    same=$(grep -c "\"digest\": \"$1\"" "$trial_dir/summary.json")
    echo "the release: $1"
    echo "$same of $2 devices run exactly this"
    [ "$same" = "$2" ]
}
