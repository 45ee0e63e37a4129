/**
 * One device's flash out of a factory template: a sparse copy with the device's own identity in its factory data.
 */
#ifndef SIM_STAMP_H
#define SIM_STAMP_H

#include "base/error.h"

/**
 * Copy `template_path` to `path` (which must not exist) and write `device_id` into its factory page; what else the
 * template's page says (product, hardware revision, trust) stays. 0, or -1 with a message and no file left behind.
 */
int stamp_flash(const char *template_path, const char *path, const char *device_id, struct error *err);

#endif
