/* Wire names and text rules: see names.h. */
#include "names.h"

#include "otaria/chip.h"
#include "otaria/otadata.h"

#include <string.h>

const struct wire_name wire_event_kinds[] = {{OT_EVENT_DOWNLOADING, "downloading"},
                                             {OT_EVENT_INSTALLED, "installed"},
                                             {OT_EVENT_SWITCHING, "switching"},
                                             {OT_EVENT_BOOTED, "booted"},
                                             {OT_EVENT_CONFIRMED, "confirmed"},
                                             {OT_EVENT_REVERTED, "reverted"},
                                             {OT_EVENT_REJECTED, "rejected"},
                                             {OT_EVENT_NO_FALLBACK, "no_fallback"},
                                             {OT_EVENT_FAILED, "failed"},
                                             {OT_EVENT_WITHDRAWN, "withdrawn"},
                                             {OT_EVENT_LATE_REVERT, "late_revert"},
                                             {OT_EVENT_KEY_KEPT, "key_kept"},
                                             {0, NULL}};

const struct wire_name wire_resets[] = {{OT_RESET_UNKNOWN, "unknown"},       {OT_RESET_POWER_ON, "power_on"},
                                        {OT_RESET_SOFTWARE, "software"},     {OT_RESET_PANIC, "panic"},
                                        {OT_RESET_WATCHDOG, "watchdog"},     {OT_RESET_BROWNOUT, "brownout"},
                                        {OT_RESET_DEEP_SLEEP, "deep_sleep"}, {0, NULL}};

const struct wire_name wire_ways[] = {{OT_WAY_NONE, "none"},
                                      {OT_WAY_FULL, "full"},
                                      {OT_WAY_PATCH, "patch"},
                                      {OT_WAY_COMPRESSED, "compressed"},
                                      {0, NULL}};

const struct wire_name wire_bootloaders[] = {{OT_BOOTLOADER_UNKNOWN, "unknown"},
                                             {OT_BOOTLOADER_ROLLBACK, "rollback"},
                                             {OT_BOOTLOADER_PLAIN, "plain"},
                                             {0, NULL}};

const struct wire_name wire_asks[] = {
    {OT_ASK_NOTHING, "nothing"}, {OT_ASK_OFFER, "offer"}, {OT_ASK_SWITCH, "switch"}, {0, NULL}};

const struct wire_name wire_switches[] = {{OT_SWITCH_GO, "go"}, {OT_SWITCH_NO, "no"}, {0, NULL}};

const struct wire_name wire_ota_states[] = {{OT_OTA_NEW, "new"},
                                            {OT_OTA_PENDING, "pending"},
                                            {OT_OTA_VALID, "valid"},
                                            {OT_OTA_INVALID, "invalid"},
                                            {OT_OTA_ABORTED, "aborted"},
                                            {OT_OTA_UNDEFINED, "undefined"},
                                            {0, NULL}};

static bool same(const char *a, const char *b)
{
    size_t n = strlen(a);
    return strlen(b) == n && memcmp(a, b, n) == 0;
}

const char *ot_wire_name_of(const struct wire_name *table, uint32_t value)
{
    for (; table->name != NULL; table++) {
        if (table->value == value)
            return table->name;
    }
    return NULL;
}

uint32_t ot_wire_read_name(struct json_reader *r, const struct wire_name *table)
{
    char text[24];
    ot_json_string(r, text, sizeof text);
    for (; table->name != NULL; table++) {
        if (same(table->name, text))
            return table->value;
    }
    ot_json_fail(r, OT_E_WIRE_TEXT);
    return 0;
}

void ot_wire_put_name(struct json_writer *w, const char *field, const struct wire_name *table, uint32_t value)
{
    const char *name = ot_wire_name_of(table, value);
    if (name == NULL)
        ot_json_refuse(w, OT_E_WIRE_RANGE);
    else
        ot_json_put_string(w, field, name);
}

static bool all_of(const char *s, size_t max, const char *punctuation, bool upper)
{
    size_t len = strlen(s);
    for (size_t i = 0; i < len; i++) {
        char c = s[i];
        bool ok = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (upper && c >= 'A' && c <= 'Z');
        for (const char *p = punctuation; *p != '\0'; p++)
            ok = ok || *p == c;
        if (!ok)
            return false;
    }
    return len > 0 && len <= max;
}

/* Characters that reorder text, hide in it or break its line: U+061C, U+200B..F, U+2028..E, U+2060..F, U+FEFF. */
static bool is_hidden(const uint8_t *p, size_t n)
{
    if (n == 2)
        return p[0] == 0xD8 && p[1] == 0x9C;
    if (n != 3)
        return false;
    if (p[0] == 0xE2 && p[1] == 0x80)
        return (p[2] >= 0x8B && p[2] <= 0x8F) || (p[2] >= 0xA8 && p[2] <= 0xAE);
    if (p[0] == 0xE2 && p[1] == 0x81)
        return p[2] >= 0xA0 && p[2] <= 0xAF;
    return p[0] == 0xEF && p[1] == 0xBB && p[2] == 0xBF;
}

/* UTF-8 without C0, DEL, C1 and hidden characters. */
static bool is_printable(const char *s, size_t max)
{
    const uint8_t *p = (const uint8_t *)s;
    size_t len = strlen(s);
    if (len == 0 || len > max)
        return false;
    for (size_t i = 0; i < len;) {
        size_t n = ot_json_utf8_length(p + i, len - i);
        if (n == 0 || p[i] < 0x20 || p[i] == 0x7F || (p[i] == 0xC2 && p[i + 1] < 0xA0))
            return false;
        if (is_hidden(p + i, n))
            return false;
        i += n;
    }
    return true;
}

bool ot_wire_is_device_id(const char *s)
{
    return all_of(s, OT_DEVICE_ID_MAX, "._:-", true);
}

bool ot_wire_is_product(const char *s)
{
    return all_of(s, OT_PRODUCT_MAX, "._-", true);
}

bool ot_wire_is_attempt_id(const char *s)
{
    return all_of(s, OT_ATTEMPT_ID_MAX, "-", true);
}

bool ot_wire_is_version(const char *s)
{
    return is_printable(s, OT_VERSION_MAX);
}

bool ot_wire_is_attribute_name(const char *s)
{
    return all_of(s, OT_ATTRIBUTE_MAX, "_", false);
}

bool ot_wire_is_attribute_value(const char *s)
{
    return is_printable(s, OT_ATTRIBUTE_MAX);
}

bool ot_wire_is_check_name(const char *s)
{
    return all_of(s, OT_CHECK_NAME_MAX, "_", false);
}

bool ot_wire_is_metric_name(const char *s)
{
    return all_of(s, OT_METRIC_NAME_MAX, "_", false);
}

void ot_wire_read_text(struct json_reader *r, char *out, size_t cap, wire_text_rule *rule)
{
    ot_json_string(r, out, cap);
    if (r->status == OT_OK && !rule(out))
        ot_json_fail(r, OT_E_WIRE_TEXT);
}

void ot_wire_put_text(struct json_writer *w, const char *field, const char *value, wire_text_rule *rule)
{
    if (!rule(value))
        ot_json_refuse(w, OT_E_WIRE_TEXT);
    else
        ot_json_put_string(w, field, value);
}

void ot_wire_read_chip(struct json_reader *r, uint16_t *chip_id)
{
    char name[16];
    ot_json_string(r, name, sizeof name);
    const struct ot_chip *chip = r->status == OT_OK ? ot_chip_by_name(name) : NULL;
    if (chip == NULL)
        ot_json_fail(r, OT_E_WIRE_TEXT);
    else
        *chip_id = chip->id;
}

void ot_wire_put_chip(struct json_writer *w, uint16_t chip_id)
{
    const struct ot_chip *chip = ot_chip_by_id(chip_id);
    if (chip == NULL)
        ot_json_refuse(w, OT_E_WIRE_RANGE);
    else
        ot_json_put_string(w, "chip", chip->name);
}

void ot_wire_read_attributes(struct json_reader *r, struct ot_wire_attribute *list, uint8_t *count)
{
    bool first = true;
    char name[OT_ATTRIBUTE_MAX + 1];
    *count = 0;
    if (!ot_json_object_begin(r))
        return;
    while (ot_json_next_field(r, &first, name, sizeof name)) {
        if (!ot_wire_is_attribute_name(name))
            ot_json_fail(r, OT_E_WIRE_TEXT);
        for (uint8_t i = 0; i < *count; i++) {
            if (same(list[i].name, name))
                ot_json_fail(r, OT_E_WIRE_DUPLICATE);
        }
        if (*count == OT_WIRE_ATTRIBUTES_MAX)
            ot_json_fail(r, OT_E_WIRE_TOO_MANY);
        if (r->status != OT_OK)
            return;
        memcpy(list[*count].name, name, sizeof name);
        ot_wire_read_text(r, list[*count].value, sizeof list[*count].value, ot_wire_is_attribute_value);
        (*count)++;
    }
}

void ot_wire_put_attributes(struct json_writer *w, const struct ot_wire_attribute *list, uint8_t count)
{
    if (count > OT_WIRE_ATTRIBUTES_MAX)
        ot_json_refuse(w, OT_E_WIRE_TOO_MANY);
    if (count == 0 || w->status != OT_OK)
        return;
    ot_json_put_begin(w, "attributes", '{');
    for (uint8_t i = 0; i < count; i++) {
        if (!ot_wire_is_attribute_name(list[i].name))
            ot_json_refuse(w, OT_E_WIRE_TEXT);
        ot_wire_put_text(w, list[i].name, list[i].value, ot_wire_is_attribute_value);
    }
    ot_json_put_end(w, '}');
}

void ot_wire_open(struct json_reader *r, const char *json, size_t len)
{
    ot_json_open(r, json, len);
    if (len > OT_WIRE_MESSAGE_MAX)
        ot_json_fail(r, OT_E_WIRE_RANGE);
}

void ot_wire_once(struct json_reader *r, uint32_t *seen, uint32_t bit)
{
    if ((*seen & bit) != 0)
        ot_json_fail(r, OT_E_WIRE_DUPLICATE);
    *seen |= bit;
}

void ot_wire_require(struct json_reader *r, uint32_t seen, uint32_t wanted)
{
    if ((seen & wanted) != wanted)
        ot_json_fail(r, OT_E_WIRE_MISSING);
}

int ot_wire_field(const char *const *names, const char *name)
{
    for (int i = 0; names[i] != NULL; i++) {
        if (same(names[i], name))
            return i;
    }
    return -1;
}

void ot_wire_read_version(struct json_reader *r)
{
    uint64_t version = ot_json_number(r, 1000000);
    if (r->status == OT_OK && version != OT_WIRE_VERSION)
        ot_json_fail(r, OT_E_WIRE_VERSION);
}

const char *ot_event_kind_name(enum ot_event_kind kind)
{
    const char *name = ot_wire_name_of(wire_event_kinds, (uint32_t)kind);
    return name != NULL ? name : "none";
}

const char *ot_reset_reason_name(enum ot_reset_reason reason)
{
    const char *name = ot_wire_name_of(wire_resets, (uint32_t)reason);
    return name != NULL ? name : "unknown";
}

const char *ot_way_name(enum ot_way way)
{
    const char *name = ot_wire_name_of(wire_ways, (uint32_t)way);
    return name != NULL ? name : "none";
}

const char *ot_bootloader_name(enum ot_wire_bootloader bootloader)
{
    const char *name = ot_wire_name_of(wire_bootloaders, (uint32_t)bootloader);
    return name != NULL ? name : "unknown";
}

bool ot_event_is_outcome(enum ot_event_kind kind)
{
    return kind >= OT_EVENT_CONFIRMED && kind <= OT_EVENT_WITHDRAWN;
}
