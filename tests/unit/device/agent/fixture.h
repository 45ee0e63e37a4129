/** Signed images and a fake device that runs one of them: what the agent's unit tests share. */
#ifndef AGENT_FIXTURE_H
#define AGENT_FIXTURE_H

#include "fake_port.h"
#include "image_support.h"
#include "sign_support.h"
#include "work.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct fixture_image {
    uint8_t *bytes;
    uint32_t size;
    struct ot_digest identity;
};

/** `lamp`, signed by the fixture's key, described unless `undescribed`. Freed at exit. */
struct fixture_image fixture_image(const char *version, uint32_t release, bool undescribed);
/** The same with this descriptor and secure_version. */
struct fixture_image fixture_described(const char *version, const struct ot_descriptor *d,
                                       uint32_t secure_version);
/** The same of this size, about; half of it repeats. */
struct fixture_image fixture_sized(const char *version, uint32_t release, uint32_t size);
void fixture_key(struct ot_digest *out);

/** A device that has been running `image` from ota_0 for long: proven, enrolled, idle. */
void fixture_device(struct fake_port *f, struct ot_agent *a, const struct fixture_image *image);
/** The reply that offers `image` as attempt "a-1", into static memory; for f->replies. */
const char *fixture_offer(const struct fixture_image *image, uint32_t release, bool undescribed);
/** The last event in the outbox. */
const struct ot_wire_event *fixture_last_event(const struct ot_agent *a);

#endif
