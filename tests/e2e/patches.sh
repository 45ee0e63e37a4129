#!/usr/bin/env bash
# Patches and compressed images, end to end: the server makes them for what the fleet runs, devices take them, and whatever goes
# wrong with one costs bytes and nothing else.
set -euo pipefail
cd "$(dirname "$0")/../.."
. scripts/lib/trial.sh
get=tests/e2e/json_get

demand() # TEXT VALUE WANTED
{
    [ "$2" = "$3" ] || { echo "$1: $2, wanted $3; see $trial_dir" >&2; exit 1; }
    echo "$1: $2"
}

image() # VERSION RELEASE SIZE
{
    "$otaria" image make --chip esp32c3 --project lamp --version "$1" --release "$2" --hw-rev 0 --size "$3" \
        --out "$trial_dir/raw.bin" >/dev/null
    "$otaria" image sign "$trial_dir/raw.bin" --key "$trial_dir/key.pem" --out "$trial_dir/$1.bin" >/dev/null
}

unit() # NAME VERSION: comes up on it, and is known
{
    "$otaria" flash create --table packaging/partitions/otaria-4mb.csv --flash-size 4MB --slot "ota_0=$trial_dir/$2.bin" \
        --otadata 1:valid,- --device-id "$1" --product lamp --trust "$trial_dir/key.pem" --out "$trial_dir/$1.flash" >/dev/null
    run "$1" --once
}

run() # NAME OPTIONS
{
    "$otaria" device run --flash "$trial_dir/$1.flash" --server "$device_url" --ca "$ca" --token "$trial_dir/token" \
        "${@:2}" >"$trial_dir/$1.log"
}

show() # VERSION PATH
{
    "$otaria" release show "$1" --wait-s 200 --json >"$trial_dir/shown.json"
    $get "$trial_dir/shown.json" "$2"
}

attempt() # NAME FIELD
{
    "$otaria" device show "$1" --json >"$trial_dir/device.json"
    $get "$trial_dir/device.json" "attempts.0.$2"
}

artifact() # BYTES: of the patch or compressed image of this size
{
    sqlite_field="SELECT lower(hex(sha256)) FROM patch WHERE bytes=$1" python3 -c "
import os, sqlite3
print(sqlite3.connect('file:$trial_dir/server/otaria.db?mode=ro', uri=True).execute(os.environ['sqlite_field']).fetchone()[0])"
}

trial_begin
trial_server --poll-s 1
"$otaria" key generate --scheme ecdsa256 --out "$trial_dir/key.pem"
image 0.1.0 10 40000
image 0.9.0 90 40000
image 1.0.0 100 40000
image 1.1.0 110 40000
image 1.2.0 120 40000
"$otaria" product create lamp --trust "$trial_dir/key.pem" --rings rest >/dev/null
"$otaria" token create --role enrol --product lamp --out "$trial_dir/token" >/dev/null

echo "== what the fleet runs decides what is made, and in which order"
for version in 0.9.0 1.0.0; do "$otaria" release push "$trial_dir/$version.bin" >/dev/null; done
unit old 0.9.0
unit most-1 1.0.0
unit most-2 1.0.0
unit spared 1.0.0
unit stranger 0.1.0 # its image was never pushed
"$otaria" release push "$trial_dir/1.1.0.bin" >/dev/null
demand "the most common base" "$(show 1.1.0 images.0.patches.0.version)" 1.0.0
demand "its devices" "$($get "$trial_dir/shown.json" images.0.patches.0.devices)" 3
demand "its patch" "$($get "$trial_dir/shown.json" images.0.patches.0.state)" made
demand "a base without bytes" "$(grep -c '"unknown_base"' "$trial_dir/shown.json")" 1
demand "made, in this order" "$(sed -n 's/.*patch.made .*base_release=\([^ ]*\) release=110 .*/\1/p' "$trial_dir/otariad.log" | tr '\n' ' ')" "100 90 "
full=$($get "$trial_dir/shown.json" images.0.bytes)
first=$($get "$trial_dir/shown.json" images.0.patches.0.bytes)
second=$(python3 -c "import json; print(next(p['bytes'] for p in json.load(open('$trial_dir/shown.json'))['images'][0]['patches'] if p['version'] == '0.9.0'))")
demand "the compressed image" "$($get "$trial_dir/shown.json" images.0.compressed.state)" made
squeezed=$($get "$trial_dir/shown.json" images.0.compressed.bytes)
[ "$squeezed" -lt "$full" ] || { echo "a compressed image of $squeezed bytes saves nothing of $full" >&2; exit 1; }
demand "before the patches" "$(sed -n 's/.* \(patch\|compressed\)\.made .* release=110 .*/\1/p' "$trial_dir/otariad.log" | head -1)" compressed
demand "all of it: by patch" "$($get "$trial_dir/shown.json" savings.by_patch)" 4
demand "by compressed image" "$($get "$trial_dir/shown.json" savings.by_compressed)" 1
demand "bytes with images alone" "$($get "$trial_dir/shown.json" savings.full_bytes)" $((5 * full))
demand "bytes as it is" "$($get "$trial_dir/shown.json" savings.bytes)" $((3 * first + second + squeezed))

echo "== devices take them, or the image"
"$otaria" rollout create --release 1.1.0 --soak-s 0 --override "a test" --start --json >"$trial_dir/rollout.json"
run most-1 --until-idle --max-seconds 100
demand "most-1 went by" "$(attempt most-1 way)" patch
demand "and took bytes" "$(attempt most-1 bytes)" "$first"
demand "and ended" "$(attempt most-1 state)" confirmed
run old --until-idle --max-seconds 100
demand "old went by" "$(attempt old way)" patch
run stranger --until-idle --max-seconds 100
demand "stranger, whose image nobody has, went by" "$(attempt stranger way)" compressed
demand "stranger took bytes" "$(attempt stranger bytes)" "$squeezed"
demand "stranger ended" "$(attempt stranger state)" confirmed

echo "== a patch that went bad on the server's disk costs its bytes, no more"
patch=$(artifact "$first")
dd if=/dev/zero of="$trial_dir/server/artifacts/$patch" bs=1 seek=$((first / 2)) count=64 conv=notrunc 2>/dev/null
run most-2 --until-idle --max-seconds 100
demand "most-2 ended" "$(attempt most-2 state)" confirmed
demand "most-2 went by" "$(attempt most-2 way)" compressed
demand "its attempts" "$("$otaria" device show most-2 --json | grep -c '"id": "a-')" 1
[ "$(attempt most-2 bytes)" -gt "$squeezed" ] || { echo "most-2 cannot have taken both" >&2; exit 1; }
"$otaria" rollout show 1 --json >"$trial_dir/shown.json"
for name in bad-1 bad-2; do
    unit "$name" 1.0.0
    run "$name" --until-idle --max-seconds 100
    demand "$name ended" "$(attempt "$name" state)" confirmed
done
demand "what devices could not use, one of four" "$(show 1.1.0 images.0.patches.0.state)" withdrawn
trial_stop otariad
trial_server --poll-s 1 >/dev/null
demand "also after a restart" "$(show 1.1.0 images.0.patches.0.state)" withdrawn
run spared --until-idle --max-seconds 100
demand "spared took bytes" "$(attempt spared bytes)" "$squeezed"

echo "== so does a compressed image"
dd if=/dev/zero of="$trial_dir/server/artifacts/$(artifact "$squeezed")" bs=1 seek=$((squeezed / 2)) count=64 conv=notrunc 2>/dev/null
unit bad-3 1.0.0
run bad-3 --until-idle --max-seconds 100
demand "bad-3 ended" "$(attempt bad-3 state)" confirmed
demand "bad-3 went by" "$(attempt bad-3 way)" full
[ "$(attempt bad-3 bytes)" -gt "$full" ] || { echo "bad-3 cannot have taken both" >&2; exit 1; }
for name in bad-4 bad-5; do
    unit "$name" 1.0.0
    run "$name" --until-idle --max-seconds 100
done
demand "what devices could not use, three of eight" "$(show 1.1.0 images.0.compressed.state)" withdrawn
"$otaria" rollout show 1 --json >"$trial_dir/shown.json"
demand "the rollout counts by patch" "$($get "$trial_dir/shown.json" transfer.by_patch)" 2
demand "by compressed image" "$($get "$trial_dir/shown.json" transfer.by_compressed)" 5
demand "and by image" "$($get "$trial_dir/shown.json" transfer.by_image)" 3

echo "== a server killed while it makes one makes it after the restart"
image 1.3.0 130 700000
image 1.4.0 140 700000
"$otaria" release push "$trial_dir/1.3.0.bin" >/dev/null
unit large 1.3.0
"$otaria" release push "$trial_dir/1.4.0.bin" >/dev/null
until pgrep -f -- "--make-patch $trial_dir/server" >/dev/null || grep -q "patch.made.* release=140 " "$trial_dir/otariad.log"; do
    sleep 0.02
done
kill -9 "$pid_otariad"
wait "$pid_otariad" 2>/dev/null || true
for _ in $(seq 100); do
    pgrep -f -- "--make-patch $trial_dir/server" >/dev/null || break
    sleep 0.1
done
demand "makers left behind" "$(pgrep -fc -- "--make-patch $trial_dir/server" || true)" 0
trial_server --poll-s 1 >/dev/null
demand "unfinished files" "$(ls "$trial_dir/server/artifacts" | grep -c '\.tmp' || true)" 0
demand "its patch" "$(show 1.4.0 images.0.patches.0.state)" made

echo "== where none are wanted, none are made"
trial_stop otariad
trial_server --poll-s 1 --patch-bases 0 >/dev/null
demand "those that are there stay" "$(show 1.4.0 images.0.patches.0.state)" made
"$otaria" release push "$trial_dir/1.2.0.bin" >/dev/null 2>&1 && exit 1 # numbers only rise
image 1.5.0 150 40000
"$otaria" release push "$trial_dir/1.5.0.bin" >/dev/null
demand "no more" "$(show 1.5.0 images.0.patches.0.state)" not_wanted
demand "nor compressed" "$($get "$trial_dir/shown.json" images.0.compressed.state)" not_wanted
echo "patches: all as promised"
