#!/usr/bin/env bash
# Virtual devices killed with -9 at random moments during updates. Each device is a process of its own whose only memory
# is its flash file; whatever the moment, it ends on the target or on the previous image, and each attempt has one
# outcome in the server's database.
#
#   tests/e2e/kill_devices.sh [--devices N] [--releases N] [--seed N]      10 devices, 5 releases: 50 updates
set -euo pipefail
cd "$(dirname "$0")/../.."
. scripts/lib/trial.sh
. scripts/lib/demo_fleet.sh

devices=10 releases=5 seed=$RANDOM
while [ $# -gt 0 ]; do
    case "$1" in
    --devices) devices=${2:?} ;;
    --releases) releases=${2:?} ;;
    --seed) seed=${2:?} ;;
    *) echo "usage: kill_devices.sh [--devices N] [--releases N] [--seed N]" >&2; exit 2 ;;
    esac
    shift 2
done

trial_begin
"$otaria" key generate --scheme rsa3072 --out "$trial_dir/signing.pem" >/dev/null
for n in $(seq 0 "$releases"); do
    demo_image "1.$n.0" $((100 + n))
done
for n in $(seq "$devices"); do
    "$otaria" flash create --table packaging/partitions/otaria-4mb.csv --flash-size 4MB \
        --slot "ota_0=$trial_dir/lamp-1.0.0.bin" --otadata 1:valid,- --device-id "unit-$n" --hw-rev 0 --product lamp \
        --trust "$trial_dir/signing.pem" --out "$trial_dir/unit-$n.flash" >/dev/null
done
trial_server --poll-s 1
"$otaria" product create lamp --trust "$trial_dir/signing.pem" --rings rest >/dev/null
"$otaria" token create --role enrol --product lamp --out "$trial_dir/enrol.token" >/dev/null
for n in $(seq "$releases"); do
    "$otaria" release push "$trial_dir/lamp-1.$n.0.bin" >/dev/null
done
python3 tests/e2e/kill_devices.py --otaria "$otaria" --dir "$trial_dir" --server "$device_url" \
    --operator "$operator_url" --devices "$devices" --releases "$releases" --seed "$seed" || {
    echo "logs, flashes and database: $trial_dir" >&2
    exit 1
}
trial_stop otariad
rm -rf "$trial_dir"
