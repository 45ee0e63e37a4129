#!/usr/bin/env bash
# Every kind of wrong image, pushed at a real server: refused with the exit code, the code for machines and a message for
# people that names the reason; the list of releases and the directory of artifacts stay as they were.
set -euo pipefail
cd "$(dirname "$0")/../.."
. scripts/lib/trial.sh
get=tests/e2e/json_get
cases=0

trial_begin
trap 'trial_end; rm -rf "$trial_dir"' EXIT
images=$trial_dir/images
mkdir "$images"

key() # NAME...
{
    local name
    for name in "$@"; do
        "$otaria" key generate --scheme ecdsa256 --out "$trial_dir/$name.pem" >/dev/null
    done
}

# FILE [KEY...] -- options of `image make` that differ from a good image's
make_image()
{
    local out=$images/$1 keys=()
    shift
    while [ "$1" != -- ]; do
        keys+=("$trial_dir/$1.pem")
        shift
    done
    shift
    "$otaria" image make --chip esp32c3 --project lamp --version 1.0.0 --release 100 --hw-rev 1,2 --size 70000 \
        --out "$out" "$@" >/dev/null
    [ ${#keys[@]} -eq 0 ] || "$otaria" image sign "$out" --key "${keys[@]}" --out "$out" >/dev/null
}

flip() # FROM TO OFFSET: one bit
{
    local byte
    cp "$images/$1" "$images/$2"
    byte=$(od -An -tu1 -j "$3" -N 1 "$images/$1")
    printf "\\x$(printf %02x $((byte ^ 4)))" | dd of="$images/$2" bs=1 seek="$3" conv=notrunc status=none
}

cut_to() # FROM TO BYTES
{
    head -c "$3" "$images/$1" >"$images/$2"
}

artifacts()
{
    (cd "$trial_dir/server/artifacts" && printf '%s\n' *)
}

# What the server has after something was accepted; nothing that is refused from there on may change it.
remember()
{
    artifacts >"$trial_dir/artifacts"
    "$otaria" release list --product lamp --json >"$trial_dir/releases"
}

check_releases()
{
    "$otaria" release list --product lamp --json | cmp -s - "$trial_dir/releases" ||
        fail "before $1: something that was refused is in the list of releases"
}

fail()
{
    printf '%s\n' "$*" >&2
    exit 1
}

# NAME EXIT CODE TEXT FILE [options of release push]
refused()
{
    local name=$1 want_exit=$2 want_code=$3 text=$4 file=$5 got=0 code message
    shift 5
    "$otaria" release push "$images/$file" "$@" --json >"$trial_dir/push.json" 2>"$trial_dir/push.err" || got=$?
    [ "$got" = "$want_exit" ] || fail "$name: exit code $got, not $want_exit: $(cat "$trial_dir/push.err")"
    code=$(trial_field "$trial_dir/push.json" code)
    message=$($get "$trial_dir/push.json" error.message)
    [ "$code" = "$want_code" ] || fail "$name: code $code ($message), not $want_code"
    [[ $message == *"$text"* ]] || fail "$name: the message does not say '$text': $message"
    grep -qF "otaria: $message" "$trial_dir/push.err" || fail "$name: standard error does not carry the message"
    artifacts | cmp -s - "$trial_dir/artifacts" || fail "$name: the artifact was stored"
    printf '%-44s %-22s %s\n' "$name" "$code" "$message"
    cases=$((cases + 1))
}

# The same, judged by the server alone: with --product the command sends whatever it is given.
lamp_refuses()
{
    refused "$@" --product lamp
}

accepted() # NAME FILE [options]
{
    local name=$1 file=$2
    shift 2
    check_releases "$name"
    "$otaria" release push "$images/$file" "$@" --json >"$trial_dir/push.json" 2>"$trial_dir/push.err" ||
        fail "$name: refused: $(cat "$trial_dir/push.err")"
    printf '%-44s accepted\n' "$name"
    remember
}

tm_C09_truncated_at_upload()
{
    local size image at
    size=$(stat -c %s "$images/good")
    image=$(stat -c %s "$images/raw")
    for at in 1 23 31 287 800 20000 $((image - 1)) $((size - 4095)) $((size - 1)); do
        cut_to good cut "$at"
        lamp_refuses "$FUNCNAME $at of $size" 1 image_truncated "ends before its own structure" cut
    done
    : >"$images/cut"
    lamp_refuses "$FUNCNAME 0 of $size" 1 image_truncated "empty" cut
    cut_to good cut $((image + 1)) # the image is whole: what follows is no signature
    lamp_refuses "$FUNCNAME in the padding" 1 image_trailing "after the end" cut
    cut_to good cut 20000
    refused "$FUNCNAME told by the command itself" 1 image_truncated "ends before its own structure" cut
}

tm_C01_unsigned_at_upload()
{
    make_image raw --
    lamp_refuses "$FUNCNAME" 1 unsigned "no signature" raw
    local size
    size=$(stat -c %s "$images/raw")
    { cat "$images/raw"; head -c $((8192 - size % 4096)) /dev/zero | tr '\0' '\377'; } >"$images/blank"
    lamp_refuses "$FUNCNAME: an empty sector" 1 unsigned "no signature" blank
}

tm_C03_keys_at_upload()
{
    make_image stranger stranger -- --version 1.0.1
    lamp_refuses "$FUNCNAME: unknown key" 1 key_unknown "keys that are not trusted" stranger
}

tm_C06_signature_of_another_image_at_upload()
{
    local at
    make_image other trusted -- --version 1.0.2
    at=$(($(stat -c %s "$images/good") - 4096))
    { head -c $at "$images/good"; tail -c 4096 "$images/other"; } >"$images/swapped"
    lamp_refuses "$FUNCNAME" 1 signature_digest "made for another image" swapped
}

tm_C10_one_bit_flipped_at_upload()
{
    local size
    size=$(stat -c %s "$images/good")
    flip good bent 0
    lamp_refuses "$FUNCNAME: magic" 1 image_magic "not an ESP app image" bent
    flip good bent 30000
    lamp_refuses "$FUNCNAME: code" 1 image_checksum "checksum" bent
    flip good bent 300
    lamp_refuses "$FUNCNAME: descriptor" 1 image_checksum "checksum" bent
    flip good bent 4 # the entry address, which the checksum does not cover
    lamp_refuses "$FUNCNAME: header" 1 image_digest "does not match" bent
    flip good bent $((size - 4096 - 1))
    lamp_refuses "$FUNCNAME: padding" 1 image_padding "not 0xFF" bent
    flip good bent $((size - 4096 + 110))
    lamp_refuses "$FUNCNAME: signature" 1 signature_crc "wrong CRC" bent
}

tm_C20_trailing_bytes_at_upload()
{
    local n
    for n in 1 15 16 4096; do
        { cat "$images/good"; head -c "$n" /dev/zero; } >"$images/long"
        lamp_refuses "$FUNCNAME: $n" 1 image_trailing "after the end" long
    done
}

tm_C08_wrong_product_at_upload()
{
    make_image oven trusted -- --project oven
    lamp_refuses "$FUNCNAME" 1 wrong_product '"oven", not for lamp' oven
    refused "$FUNCNAME: none of that name" 4 not_found "no such product" oven
}

not_an_image_at_upload()
{
    echo "release notes" >"$images/notes"
    lamp_refuses "$FUNCNAME: text" 1 image_magic "not an ESP app image" notes
    make_image tampered trusted -- --undescribed
    lamp_refuses "$FUNCNAME: without descriptor" 1 undescribed "no Otaria descriptor" tampered
    lamp_refuses "$FUNCNAME: described, pushed as undescribed" 1 described "without --undescribed" good \
        --undescribed --version 9 --release 900
    cp "$images/good" "$images/huge"
    truncate -s $((17 * 1024 * 1024 + 1)) "$images/huge"
    lamp_refuses "$FUNCNAME: more than any slot holds" 1 read "more than the 17825792 allowed" huge
}

tm_C11_lengths_at_upload()
{
    local value
    for value in 00000001 fcffff7f ffffffff; do
        cp "$images/good" "$images/length"
        printf "\\x${value:0:2}\\x${value:2:2}\\x${value:4:2}\\x${value:6:2}" |
            dd of="$images/length" bs=1 seek=28 conv=notrunc status=none
        lamp_refuses "$FUNCNAME: first segment $value" 1 image_segment_length "segment length" length
    done
}

# A device of revision 1 with slots of 320 KiB checks in.
device_runs() # PRODUCT IMAGE
{
    "$otaria" partition build tests/e2e/small_slots.csv --flash-size 1MB --out "$trial_dir/table.bin" >/dev/null
    "$otaria" flash create --table "$trial_dir/table.bin" --flash-size 1MB --slot "ota_0=$images/$2" \
        --otadata 1:valid,- --device-id "$1-0001" --hw-rev 1 --product "$1" --out "$trial_dir/$1.flash" >/dev/null
    "$otaria" token create --role enrol --product "$1" --out "$trial_dir/$1.token" >/dev/null
    "$otaria" device run --flash "$trial_dir/$1.flash" --server "$device_url" --ca "$ca" \
        --token "$trial_dir/$1.token" --once --max-seconds 60 >"$trial_dir/device.log"
}

# From here on the product has a release, 100, and an esp32c3 that runs it.
product_with_a_device()
{
    accepted "a good image" good
    accepted "the same bytes again" good
    device_runs lamp good
}

tm_B15_same_version_other_bytes()
{
    make_image changed trusted -- --size 90000
    lamp_refuses "$FUNCNAME" 5 exists "version 1.0.0 already has another image" changed
    make_image renumbered trusted -- --release 101
    lamp_refuses "$FUNCNAME: another number" 5 exists "version 1.0.0 is release 100, not 101" renumbered
}

tm_C07_numbers_only_rise_at_upload()
{
    make_image old trusted -- --version 0.9.0 --release 90
    lamp_refuses "$FUNCNAME: lower" 1 release_order "release 90 is not above release 100 (1.0.0)" old
    make_image equal trusted -- --version 1.0.1 --release 100
    lamp_refuses "$FUNCNAME: equal" 1 release_order "release 100 is not above release 100" equal
}

tm_C08_wrong_hardware_at_upload()
{
    make_image s3 trusted -- --chip esp32s3 --version 1.0.5 --release 105
    lamp_refuses "$FUNCNAME: chip" 1 wrong_chip "no device of lamp is an esp32s3 (lamp-0001 is an esp32c3)" s3
    make_image rev3 trusted -- --hw-rev 3,4 --version 1.0.5 --release 105
    lamp_refuses "$FUNCNAME: revision" 1 wrong_hardware "lamp-0001 has revision 1" rev3
}

tm_C16_too_large_at_upload()
{
    make_image large trusted -- --size 290000 --version 1.0.5 --release 105
    lamp_refuses "$FUNCNAME" 1 image_too_large "it needs 331776 bytes, a slot of lamp-0001 has 327680" large
    make_image demanding trusted -- --min-slot 327681 --version 1.0.5 --release 105
    lamp_refuses "$FUNCNAME: by its own demand" 1 slot_size "it needs 327681 bytes" demanding
}

# What is judged by the devices there are can be overruled, for those that are to come.
hardware_to_come()
{
    accepted "$FUNCNAME: --any-device" s3 --any-device
    accepted "$FUNCNAME: the next image of that release" rev3 --any-device
}

# 1.1.0: floor 108; the keys are `trusted` and `next` from now on, `leaked` is retired.
release_that_retires_a_key()
{
    make_image leaked leaked -- --version 1.0.9 --release 109
    cp "$images/leaked" "$images/before"
    make_image retires trusted -- --version 1.1.0 --release 110 --floor 108 \
        --trust-key "$trial_dir/trusted.pem" --trust-key "$trial_dir/next.pem" --revoke "$trial_dir/leaked.pem"
    make_image next next -- --version 1.2.0 --release 120
    lamp_refuses "$FUNCNAME: a key before it is named" 1 key_unknown "not trusted" next
    accepted "$FUNCNAME" retires
}

tm_K02_revoked_key_at_upload()
{
    lamp_refuses "$FUNCNAME" 1 key_revoked "only by revoked keys" leaked
    make_image both leaked trusted -- --version 1.1.5 --release 115
    accepted "$FUNCNAME: signed by a good key as well" both
    accepted "$FUNCNAME: a key that the release named" next
    "$otaria" product list --json >"$trial_dir/products.json"
    "$otaria" key digest "$trial_dir/leaked.pem" --json >"$trial_dir/key.json"
    [ "$($get "$trial_dir/products.json" products.0.revoked.0)" = "$($get "$trial_dir/key.json" digest)" ] ||
        fail "$FUNCNAME: the product does not show the key as revoked"
}

tm_C07_below_floor_at_upload()
{
    make_image sunken trusted -- --version 1.0.7 --release 107
    lamp_refuses "$FUNCNAME" 1 below_floor "release 107 is below the floor of 108 that 1.1.0 sets" sunken
}

# A server that has no release yet, but a device that remembers: floor 60 of its image, 3 of its chip.
tm_C07_what_devices_have_confirmed_at_upload()
{
    "$otaria" product create oven --trust "$trial_dir/trusted.pem" --rings rest >/dev/null
    make_image oven60 trusted -- --project oven --version 6.0.0 --release 60 --floor 60
    echo '{"chip": "esp32c3", "secure_version": 3}' >"$trial_dir/oven.flash.efuse"
    device_runs oven oven60
    make_image oven50 trusted -- --project oven --version 5.0.0 --release 50 --secure-version 3
    refused "$FUNCNAME: floor" 1 below_floor "(oven-0001: floor 60)" oven50 --product oven
    make_image oven70 trusted -- --project oven --version 7.0.0 --release 70 --secure-version 2
    refused "$FUNCNAME: secure_version" 1 secure_version "secure_version 2 (oven-0001: 3)" oven70 --product oven
}

# Revocations and floors are facts of the database, not of the process.
server_restarts()
{
    trial_stop otariad
    trial_server --poll-s 1 --patch-bases 0 >/dev/null
}

key trusted leaked stranger next
trial_server --poll-s 1 --patch-bases 0
"$otaria" product create lamp --trust "$trial_dir/trusted.pem" "$trial_dir/leaked.pem" --rings rest >/dev/null
make_image good trusted --
remember

tm_C01_unsigned_at_upload
tm_C03_keys_at_upload
tm_C06_signature_of_another_image_at_upload
tm_C08_wrong_product_at_upload
tm_C09_truncated_at_upload
tm_C10_one_bit_flipped_at_upload
tm_C11_lengths_at_upload
tm_C20_trailing_bytes_at_upload
not_an_image_at_upload
product_with_a_device
tm_B15_same_version_other_bytes
tm_C07_numbers_only_rise_at_upload
tm_C08_wrong_hardware_at_upload
tm_C16_too_large_at_upload
hardware_to_come
release_that_retires_a_key
server_restarts
tm_K02_revoked_key_at_upload
tm_C07_below_floor_at_upload
tm_C07_what_devices_have_confirmed_at_upload
check_releases "the end"
echo "$cases uploads refused, nothing of them kept"
