/* The eFuse file: see efuse_file.h. */
#include "base/efuse_file.h"

#include "base/file.h"
#include "otaria/chip.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#define CHIP_ESP32C2 0x000Cu

static int read_chip(const json_t *v, struct efuses *out)
{
    const char *name = json_string_value(v);
    const struct ot_chip *chip = name != NULL ? ot_chip_by_name(name) : NULL;
    if (chip == NULL)
        return -1;
    out->has_chip = true;
    out->chip_id = chip->id;
    return 0;
}

static int read_mac(const json_t *v, struct efuses *out)
{
    unsigned m[6];
    int end = 0;
    const char *text = json_string_value(v);
    if (text == NULL || strlen(text) != 17 ||
        sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x%n", &m[0], &m[1], &m[2], &m[3], &m[4], &m[5], &end) != 6 ||
        end != 17)
        return -1;
    for (int i = 0; i < 6; i++)
        out->mac[i] = (uint8_t)m[i];
    return 0;
}

static int read_digests(const json_t *v, struct efuses *out)
{
    if (!json_is_array(v) || json_array_size(v) > EFUSE_DIGESTS)
        return -1;
    for (size_t i = 0; i < json_array_size(v); i++) {
        const json_t *item = json_array_get(v, i);
        if (json_is_null(item))
            continue;
        const char *hex = json_string_value(item);
        if (hex == NULL || ot_digest_from_hex(hex, strlen(hex), &out->digest[i]) != OT_OK)
            return -1;
        out->has_digest[i] = true;
    }
    return 0;
}

static int read_revoked(const json_t *v, struct efuses *out)
{
    if (!json_is_array(v) || json_array_size(v) > EFUSE_DIGESTS)
        return -1;
    for (size_t i = 0; i < json_array_size(v); i++) {
        if (!json_is_boolean(json_array_get(v, i)))
            return -1;
        out->revoked[i] = json_is_true(json_array_get(v, i));
    }
    return 0;
}

static int read_field(const char *key, const json_t *v, struct efuses *out)
{
    if (strcmp(key, "chip") == 0)
        return read_chip(v, out);
    if (strcmp(key, "mac") == 0)
        return read_mac(v, out);
    if (strcmp(key, "digests") == 0)
        return read_digests(v, out);
    if (strcmp(key, "revoked") == 0)
        return read_revoked(v, out);
    if (strcmp(key, "secure_boot") == 0 && json_is_boolean(v)) {
        out->secure_boot = json_is_true(v);
        return 0;
    }
    json_int_t n = json_integer_value(v);
    if (strcmp(key, "secure_version") == 0 && json_is_integer(v) && n >= 0 && n <= 32) {
        out->secure_version = (uint32_t)n;
        return 0;
    }
    return -1;
}

int efuse_file_load(const char *path, struct efuses *out, struct error *err)
{
    uint8_t *bytes = NULL;
    size_t len = 0;
    json_error_t json_error;
    const char *key;
    json_t *value;
    int result = 0;
    memset(out, 0, sizeof *out);
    if (file_read(path, 65536, &bytes, &len, err) != 0)
        return -1;
    json_t *root = json_loadb((const char *)bytes, len, JSON_REJECT_DUPLICATES, &json_error);
    free(bytes);
    if (!json_is_object(root)) {
        json_decref(root);
        return error_set(err, "%s: not a JSON object", path);
    }
    json_object_foreach(root, key, value)
    {
        if (result == 0 && read_field(key, value, out) != 0)
            result = error_set(err, "%s: unknown or malformed field %.40s", path, key);
    }
    json_decref(root);
    return result;
}

static bool keeps(const struct efuses *old, const struct efuses *fuses)
{
    bool ok = fuses->secure_version >= old->secure_version && (fuses->secure_boot || !old->secure_boot);
    for (unsigned i = 0; i < EFUSE_DIGESTS; i++) {
        ok = ok && (fuses->revoked[i] || !old->revoked[i]);
        ok = ok && (!old->has_digest[i] ||
                    (fuses->has_digest[i] && ot_digest_equal(&old->digest[i], &fuses->digest[i])));
    }
    return ok;
}

static json_t *to_json(const struct efuses *f)
{
    char mac[18], hex[OT_DIGEST_HEX_BYTES];
    const struct ot_chip *chip = f->has_chip ? ot_chip_by_id(f->chip_id) : NULL;
    json_t *root = json_object(), *digests = json_array(), *revoked = json_array();
    snprintf(mac, sizeof mac, "%02x:%02x:%02x:%02x:%02x:%02x", f->mac[0], f->mac[1], f->mac[2], f->mac[3],
             f->mac[4], f->mac[5]);
    if (chip != NULL)
        json_object_set_new(root, "chip", json_string(chip->name));
    json_object_set_new(root, "mac", json_string(mac));
    json_object_set_new(root, "secure_boot", json_boolean(f->secure_boot));
    json_object_set_new(root, "secure_version", json_integer(f->secure_version));
    for (unsigned i = 0; i < EFUSE_DIGESTS; i++) {
        ot_digest_to_hex(&f->digest[i], hex);
        json_array_append_new(digests, f->has_digest[i] ? json_string(hex) : json_null());
        json_array_append_new(revoked, json_boolean(f->revoked[i]));
    }
    json_object_set_new(root, "digests", digests);
    json_object_set_new(root, "revoked", revoked);
    return root;
}

int efuse_file_save(const char *path, const struct efuses *fuses, struct error *err)
{
    struct efuses old;
    if (access(path, F_OK) == 0) {
        if (efuse_file_load(path, &old, err) != 0)
            return -1;
        if (!keeps(&old, fuses))
            return error_set(err, "%s: an eFuse cannot be cleared", path);
    }
    json_t *root = to_json(fuses);
    char *text = json_dumps(root, JSON_INDENT(2));
    json_decref(root);
    if (text == NULL)
        return error_set(err, "%s: out of memory", path);
    int result = file_write_atomic(path, text, strlen(text), 0644, err);
    free(text);
    return result;
}

uint8_t efuses_key_bytes(const struct efuses *fuses)
{
    const bool halves =
        fuses->has_chip && fuses->chip_id == CHIP_ESP32C2; /* all its one key block has room for */
    return halves ? OT_DIGEST_BYTES / 2 : OT_DIGEST_BYTES;
}

bool efuses_equal(const struct efuses *a, const struct efuses *b)
{
    bool same = a->has_chip == b->has_chip && (!a->has_chip || a->chip_id == b->chip_id) &&
                memcmp(a->mac, b->mac, sizeof a->mac) == 0 && a->secure_boot == b->secure_boot &&
                a->secure_version == b->secure_version;
    for (unsigned i = 0; i < EFUSE_DIGESTS; i++) {
        same = same && a->has_digest[i] == b->has_digest[i] && a->revoked[i] == b->revoked[i] &&
               (!a->has_digest[i] || ot_digest_equal(&a->digest[i], &b->digest[i]));
    }
    return same;
}

int efuses_random(struct efuses *out, struct error *err)
{
    memset(out, 0, sizeof *out);
    if (getrandom(out->mac, sizeof out->mac, 0) != (ssize_t)sizeof out->mac)
        return error_set(err, "no random numbers: %s", strerror(errno));
    out->mac[0] = (uint8_t)((out->mac[0] & 0xFCu) | 0x02u); /* locally administered, unicast */
    return 0;
}
