#!/usr/bin/env bash
# Plans before they become rollouts: preview by ring and kind, and every plan that makes no sense refused, with nothing
# half created.
#
#   tests/e2e/plans.sh
set -euo pipefail
cd "$(dirname "$0")/../.."
. scripts/lib/trial.sh

trial_begin
"$otaria" key generate --scheme ecdsa256 --out "$trial_dir/key.pem" >/dev/null
for n in 1 2; do
    "$otaria" image make --chip esp32c3 --project lamp --version "1.$n.0" --release "$((100 + n))" --hw-rev 0,1,2 \
        --size 65536 --out "$trial_dir/raw.bin" >/dev/null
    "$otaria" image sign "$trial_dir/raw.bin" --key "$trial_dir/key.pem" --out "$trial_dir/lamp-1.$n.0.bin" >/dev/null
done
trial_server --patch-bases 0
"$otaria" product create lamp --trust "$trial_dir/key.pem" --rings internal,10%,rest >/dev/null
"$otaria" token create --role enrol --product lamp --out "$trial_dir/enrol.token" >/dev/null
python3 tests/e2e/plans.py --otaria "$otaria" --dir "$trial_dir" --device "$device_url" --operator "$operator_url" || {
    echo "log and database: $trial_dir" >&2
    exit 1
}
trial_end
rm -rf "$trial_dir"
