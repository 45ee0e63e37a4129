/**
 * A server of a test's own: otariad in a fresh directory, on free loopback ports, with an operator logged in.
 *
 *     struct trial t;
 *     trial_begin(&t);                        // OTARIA_CONFIG points into the trial's directory from here on
 *     trial_product(&t, "lamp", "internal,rest");
 *     trial_release(&t, "lamp", "1.1.0", "110");
 *     trial_end(&t);
 *
 * Firmware is a placeholder image of `otaria image make` for esp32c3, signed with the trial's own key.
 */
#ifndef TRIAL_H
#define TRIAL_H

#include "background.h"
#include "cli_run.h"
#include "temp_dir.h"

struct trial {
    struct temp_dir dir;
    struct background server;
    char device_url[64], operator_url[64];
    char ca[PATH_MAX], admin_token[PATH_MAX], key[PATH_MAX], log[PATH_MAX];
};

/** Server up, key made, logged in as admin. Fails the test otherwise. */
void trial_begin(struct trial *t);
/** Stops the server and removes everything. The server must end well: a sanitizer's report fails the test. */
void trial_end(struct trial *t);

/** Path of a file in the trial's directory: PREFIX + NAME + SUFFIX. Good until the fourth call after this one. */
const char *trial_path(struct trial *t, const char *prefix, const char *name, const char *suffix);

/** A product that trusts the trial's key, and its enrolment token in the file NAME.token. */
void trial_product(struct trial *t, const char *name, const char *rings);
/** NAME-VERSION.bin, signed; for hardware revisions 0, 1 and 2. */
void trial_image(struct trial *t, const char *product, const char *version, const char *release);
/** The same, pushed. */
void trial_release(struct trial *t, const char *product, const char *version, const char *release);
/** NAME.flash: a chip that leaves the factory with PRODUCT-1.0.0.bin; `device` may be NULL for a template. */
void trial_flash(struct trial *t, const char *name, const char *product, const char *hw_rev,
                 const char *device);

/** Value of NAME in the reply: malloc'ed; "" when absent. Drops the reference. */
char *take_text(json_t *take_reply, const char *name);
/** A whole file; malloc'ed, NUL-terminated. Fails the test when it cannot be read. */
char *read_text(const char *path);
void write_text(const char *path, const char *text);

#endif
