#!/usr/bin/env bash
# Real firmware, end to end: for each pair OLD -> NEW of real ESP32 images, OLD runs on a virtual ESP32, NEW is signed,
# pushed undescribed and rolled out over TLS; in the end the digest that runs on the device equals the release's. Where OLD
# was pushed, too, it goes as a patch, else as a compressed image.
set -euo pipefail
cd "$(dirname "$0")/../.."
. scripts/lib/trial.sh

corpus=${OTARIA_CORPUS:-../shared/corpus}
if [ ! -d "$corpus" ]; then
    echo "skipped: no corpus"
    exit 0
fi
get=tests/e2e/json_get

# Both instruction sets, all table sizes: PAIR TABLE FLASH [patch]
pairs="
lcm/esp32-0.8.1--esp32-0.8.2                  4mb 4MB patch
wled/esp32-0.14.2--esp32-0.14.3               4mb 4MB
fluidnc/esp32-3.9.7--esp32-3.9.8              4mb 4MB
nukihub/s3-20240801a--s3-20240801b            8mb 8MB
wled/c3-0.14.4--c3-0.15.0                     4mb 4MB
tasmota/c3-20260719--c3-20260724              4mb 4MB
marauder/c5-1.8.1--c5-1.8.2                   4mb 4MB
nukihub/c6-20240728--c6-20240729              8mb 8MB
nukihub/h2-9.11--h2-9.13                      8mb 8MB
oepl/c6-2.70--c6-2.75                         4mb 4MB patch
"

trial_begin
trial_server --poll-s 1
"$otaria" key generate --scheme rsa3072 --out "$trial_dir/key.pem"

roll_out() # NAME TABLE FLASH [patch]: without a patch it goes by the compressed image
{
    local dir=$corpus/$1 product want runs before way
    product=$(echo "${1%%/*}-${1##*/}" | tr -c 'A-Za-z0-9._-' '-' | cut -c1-28 | sed 's/-*$//')
    local d=$trial_dir/$product
    mkdir -p "$d"
    "$otaria" image sign "$dir/old.bin" --key "$trial_dir/key.pem" --out "$d/old.bin" >/dev/null
    "$otaria" image sign "$dir/new.bin" --key "$trial_dir/key.pem" --out "$d/new.bin" >/dev/null
    "$otaria" flash create --table "packaging/partitions/otaria-$2.csv" --flash-size "$3" --slot "ota_0=$d/old.bin" \
        --otadata 1:valid,- --device-id unit-1 --product "$product" --trust "$trial_dir/key.pem" --out "$d/flash" >/dev/null
    "$otaria" product create "$product" --trust "$trial_dir/key.pem" --rings rest >/dev/null
    "$otaria" token create --role enrol --product "$product" --out "$d/token" >/dev/null

    # The device comes up on OLD, and is known.
    "$otaria" device run --flash "$d/flash" --server "$device_url" --ca "$ca" --token "$d/token" --once >"$d/run1.log"
    "$otaria" device show unit-1 --product "$product" --json >"$d/before.json"
    before=$($get "$d/before.json" running.digest)

    [ -z "$4" ] || "$otaria" release push "$d/old.bin" --undescribed --product "$product" --version old --release 1 >/dev/null
    "$otaria" release push "$d/new.bin" --undescribed --product "$product" --version new --release 2 --json >"$d/release.json"
    want=$($get "$d/release.json" images.0.digest)
    [ "$before" != "$want" ] || { echo "$1: the device already ran the new image" >&2; return 1; }
    "$otaria" release show new --product "$product" --wait-s 100 >/dev/null
    "$otaria" rollout create --product "$product" --release new --soak-s 0 --override "a test" --start --json >"$d/rollout.json"
    "$otaria" device run --flash "$d/flash" --server "$device_url" --ca "$ca" --token "$d/token" --until-idle \
        --max-seconds 120 >"$d/run2.log"
    "$otaria" device show unit-1 --product "$product" --json >"$d/after.json"
    runs=$($get "$d/after.json" running.digest)
    if [ "$runs" != "$want" ]; then
        echo "$1: runs $runs, the release is $want" >&2
        tail -20 "$d/run2.log" >&2
        return 1
    fi
    [ "$($get "$d/after.json" attempts.0.state)" = confirmed ] || { echo "$1: outcome is not confirmed" >&2; return 1; }
    way=$($get "$d/after.json" attempts.0.way)
    [ "$way" = "${4:-compressed}" ] || { echo "$1: went by $way, not by ${4:-compressed}" >&2; return 1; }
    # ... and so says the flash itself, when the boot decision is run on it.
    "$otaria" flash boot "$d/flash" --json >"$d/boot.json"
    [ "$($get "$d/boot.json" slot)" = ota_1 ] || { echo "$1: the flash boots $($get "$d/boot.json" slot)" >&2; return 1; }
    printf '%-40s %s  %s, %s of %s bytes\n' "$1" "$runs" "$way" "$($get "$d/after.json" attempts.0.bytes)" \
        "$($get "$d/release.json" images.0.bytes)"
}

count=0
while read -r pair table flash patch; do
    [ -n "$pair" ] || continue
    roll_out "$pair" "$table" "$flash" "$patch"
    count=$((count + 1))
done <<<"$pairs"
echo "$count real pairs rolled out, each device runs the release's digest"
