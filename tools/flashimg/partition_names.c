/* Types and subtypes by name, from Espressif's documentation. */
#include "partition_names.h"

#include "tools/partition_csv.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

struct word {
    uint8_t type, number;
    const char *name;
};

static const struct word types[] = {
    {0, 0x00, "app"}, {0, 0x01, "data"}, {0, 0x02, "bootloader"}, {0, 0x03, "partition_table"}};

/* ota_0 ... ota_15 are made, not listed. */
static const struct word subtypes[] = {
    {0x00, 0x00, "factory"},  {0x00, 0x20, "test"},   {0x00, 0x30, "tee_0"},     {0x00, 0x31, "tee_1"},
    {0x01, 0x00, "ota"},      {0x01, 0x01, "phy"},    {0x01, 0x02, "nvs"},       {0x01, 0x03, "coredump"},
    {0x01, 0x04, "nvs_keys"}, {0x01, 0x05, "efuse"},  {0x01, 0x06, "undefined"}, {0x01, 0x80, "esphttpd"},
    {0x01, 0x81, "fat"},      {0x01, 0x82, "spiffs"}, {0x01, 0x83, "littlefs"},  {0x01, 0x90, "tee_ota"},
    {0x02, 0x00, "primary"},  {0x02, 0x01, "ota"},    {0x02, 0x02, "recovery"},  {0x03, 0x00, "primary"},
    {0x03, 0x01, "ota"}};

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

static bool find_word(const struct word *list, size_t count, uint8_t type, const char *word, uint8_t *out)
{
    for (size_t i = 0; i < count; i++) {
        if (list[i].type == type && strcasecmp(list[i].name, word) == 0) {
            *out = list[i].number;
            return true;
        }
    }
    return false;
}

bool partition_type_from_word(const char *word, uint8_t *out)
{
    return find_word(types, COUNT(types), 0, word, out);
}

bool partition_subtype_from_word(uint8_t type, const char *word, uint8_t *out)
{
    char name[8];
    for (unsigned i = 0; type == OT_PART_APP && i < OT_OTA_SLOTS_MAX; i++) {
        if (strcasecmp(ot_slot_name((int)i, name), word) == 0) {
            *out = (uint8_t)(OT_APP_OTA_0 + i);
            return true;
        }
    }
    return find_word(subtypes, COUNT(subtypes), type, word, out);
}

static const char *find_name(const struct word *list, size_t count, uint8_t type, uint8_t number, char buf[8])
{
    for (size_t i = 0; i < count; i++) {
        if (list[i].type == type && list[i].number == number)
            return list[i].name;
    }
    snprintf(buf, 8, "0x%02x", number);
    return buf;
}

const char *partition_type_name(uint8_t type, char buf[8])
{
    return find_name(types, COUNT(types), 0, type, buf);
}

const char *partition_subtype_name(uint8_t type, uint8_t subtype, char buf[8])
{
    if (type == OT_PART_APP && subtype >= OT_APP_OTA_0 && subtype <= OT_APP_OTA_LAST)
        return ot_slot_name(subtype - OT_APP_OTA_0, buf);
    return find_name(subtypes, COUNT(subtypes), type, subtype, buf);
}
