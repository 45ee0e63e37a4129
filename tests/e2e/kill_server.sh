#!/usr/bin/env bash
# otariad killed with -9 at random moments while rollouts run, and started again on the same directory and ports.
# Nothing that was acknowledged is missing, in-flight never exceeds its bound, the rollouts go on and finish.
#
#   tests/e2e/kill_server.sh [--devices N] [--kills N] [--seed N]      60 devices, 10 kills
set -euo pipefail
cd "$(dirname "$0")/../.."
. scripts/lib/trial.sh
. scripts/lib/demo_fleet.sh

devices=60 kills=10 seed=$RANDOM
while [ $# -gt 0 ]; do
    case "$1" in
    --devices) devices=${2:?} ;;
    --kills) kills=${2:?} ;;
    --seed) seed=${2:?} ;;
    *) echo "usage: kill_server.sh [--devices N] [--kills N] [--seed N]" >&2; exit 2 ;;
    esac
    shift 2
done

releases=$((1 + kills / 10)) # rollouts long enough to die in
trial_begin
"$otaria" key generate --scheme rsa3072 --out "$trial_dir/signing.pem" >/dev/null
for n in $(seq 0 "$releases"); do
    demo_image "1.$n.0" $((100 + n))
done
demo_factory
trial_server --poll-s 1
"$otaria" product create lamp --trust "$trial_dir/signing.pem" --rings internal,25%,rest >/dev/null
"$otaria" token create --role enrol --product lamp --out "$trial_dir/enrol.token" >/dev/null
for n in $(seq "$releases"); do
    "$otaria" release push "$trial_dir/lamp-1.$n.0.bin" >/dev/null
done
trial_stop otariad
python3 tests/e2e/kill_server.py --otariad "$otariad" --sim "$otaria_sim" --dir "$trial_dir" --server "$device_url" \
    --operator "$operator_url" --devices "$devices" --kills "$kills" --releases "$releases" --seed "$seed" || {
    echo "logs, flashes and database: $trial_dir" >&2
    exit 1
}
rm -rf "$trial_dir"
