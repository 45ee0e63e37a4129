/* Units: see virtual_unit.h. An inventory is checked whole when it is read, so that no device of it is refused later. */
#include "virtual_unit.h"

#include "otaria/chip.h"

#include <stdio.h>
#include <string.h>

/* --- dealt out --- */

static void add_attribute(struct ot_wire_enrol *m, const char *name, const char *value)
{
    if (value == NULL || m->attribute_count == OT_WIRE_ATTRIBUTES_MAX)
        return;
    struct ot_wire_attribute *a = &m->attributes[m->attribute_count++];
    snprintf(a->name, sizeof a->name, "%s", name);
    snprintf(a->value, sizeof a->value, "%s", value);
}

static void deal(const struct virtual_scenario *s, uint32_t index, struct virtual_unit *out)
{
    struct plan_device who = plan_device(&s->devices, index);
    uint32_t before = 0;
    snprintf(out->who.device, sizeof out->who.device, "%s", who.id);
    out->who.chip_id = ot_chip_by_name(VIRTUAL_CHIP)->id;
    out->who.hardware_revision = who.hardware->revision;
    add_attribute(&out->who, "region", who.region);
    add_attribute(&out->who, "link", who.link);
    for (uint32_t i = 0; i < s->named_count; i++) {
        if (index >= before && index - before < s->named[i].devices)
            out->tags[out->tag_count++] = s->named[i].ring;
        before += s->named[i].devices;
    }
}

/* --- from an inventory --- */

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "";
}

static void take(const json_t *device, struct virtual_unit *out)
{
    const char *name;
    json_t *value;
    const struct ot_chip *chip = ot_chip_by_name(text_of(device, "chip"));
    json_t *attributes = json_object_get(device, "attributes"), *tags = json_object_get(device, "tags");
    snprintf(out->who.device, sizeof out->who.device, "%s", text_of(device, "id"));
    out->who.chip_id = chip != NULL ? chip->id : OT_CHIP_ID_INVALID;
    out->who.hardware_revision = (uint8_t)json_integer_value(json_object_get(device, "hw_rev"));
    json_object_foreach(attributes, name, value) add_attribute(&out->who, name, json_string_value(value));
    for (size_t i = 0; i < json_array_size(tags) && out->tag_count < VIRTUAL_TAGS_MAX; i++)
        out->tags[out->tag_count++] = json_string_value(json_array_get(tags, i));
}

uint32_t virtual_units(const struct virtual_scenario *s)
{
    return s->inventory != NULL ? (uint32_t)json_array_size(s->inventory) : s->devices.count;
}

void virtual_unit(const struct virtual_scenario *s, uint32_t index, struct virtual_unit *out)
{
    memset(out, 0, sizeof *out);
    if (s->inventory != NULL)
        take(json_array_get(s->inventory, index), out);
    else
        deal(s, index, out);
}

const char *virtual_unit_attribute(const struct virtual_unit *u, const char *name)
{
    for (uint8_t i = 0; i < u->who.attribute_count; i++) {
        if (strcmp(u->who.attributes[i].name, name) == 0)
            return u->who.attributes[i].value;
    }
    return "";
}

bool virtual_unit_matches(const struct virtual_unit *u, const struct virtual_behaviour *b)
{
    if (b->hardware_revisions != 0 && (b->hardware_revisions >> u->who.hardware_revision & 1u) == 0)
        return false;
    if (b->region[0] != '\0' && strcmp(virtual_unit_attribute(u, "region"), b->region) != 0)
        return false;
    return b->link[0] == '\0' || strcmp(virtual_unit_attribute(u, "link"), b->link) == 0;
}

/* --- reading an inventory --- */

static bool are_texts(const json_t *tags)
{
    for (size_t i = 0; i < json_array_size(tags); i++) {
        if (!json_is_string(json_array_get(tags, i)))
            return false;
    }
    return tags == NULL || json_is_array(tags);
}

static bool are_attributes(const json_t *attributes)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)attributes, name, value)
    {
        if (!ot_wire_is_attribute_name(name) || strlen(name) > OT_ATTRIBUTE_MAX || !json_is_string(value) ||
            !ot_wire_is_attribute_value(json_string_value(value)) ||
            json_string_length(value) > OT_ATTRIBUTE_MAX)
            return false;
    }
    return attributes == NULL || json_is_object(attributes);
}

static int check_device(const json_t *device, size_t index, struct error *err)
{
    const char *id = text_of(device, "id");
    const json_t *hw_rev = json_object_get(device, "hw_rev");
    if (!ot_wire_is_device_id(id))
        return error_set(err, "device %zu: no id", index + 1);
    if (ot_chip_by_name(text_of(device, "chip")) == NULL)
        return error_set(err, "device %s: chip %.20s is not known here", id, text_of(device, "chip"));
    if (!json_is_integer(hw_rev) || json_integer_value(hw_rev) < 0 || json_integer_value(hw_rev) > 63)
        return error_set(err, "device %s: hw_rev from 0 to 63 is wanted", id);
    if (!are_attributes(json_object_get(device, "attributes")))
        return error_set(err, "device %s: attributes: texts of at most %u bytes are wanted", id,
                         OT_ATTRIBUTE_MAX);
    if (!are_texts(json_object_get(device, "tags")))
        return error_set(err, "device %s: tags: a list of texts is wanted", id);
    return 0;
}

static double number_of(const json_t *device, const char *key)
{
    return (double)json_integer_value(json_object_get(json_object_get(device, "health"), key));
}

/* What happens to this fleet anyway, as far as its counters say so. */
static void learn_rates(const json_t *list, struct virtual_scenario *s)
{
    double up_s = 0, crashes = 0, losses = 0;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *device = json_array_get(list, i);
        up_s += number_of(device, "uptime_s");
        crashes += number_of(device, "panics") + number_of(device, "watchdogs");
        losses += number_of(device, "link_losses");
    }
    if (up_s < 86400) /* nobody has been up long enough to say */
        return;
    s->crashes_per_s = crashes / up_s;
    s->link_losses_per_s = losses / up_s;
}

int virtual_inventory_load(const char *path, struct virtual_scenario *s, struct error *err)
{
    json_error_t json_error;
    struct error inner = {""};
    json_t *list = json_load_file(path, JSON_REJECT_DUPLICATES, &json_error);
    if (list == NULL)
        return error_set(err, "%s: line %d: %s", path, json_error.line, json_error.text);
    int result = 0;
    if (!json_is_array(list) || json_array_size(list) == 0 || json_array_size(list) > 10000000)
        result =
            error_set(&inner, "a list of devices is wanted, as otaria device export --format json writes it");
    for (size_t i = 0; result == 0 && i < json_array_size(list); i++)
        result = check_device(json_array_get(list, i), i, &inner);
    if (result != 0) {
        json_decref(list);
        return error_set(err, "%s: %s", path, inner.text);
    }
    json_decref(s->inventory);
    s->inventory = list;
    learn_rates(list, s);
    return 0;
}
