/**
 * Databases of older servers: made by the migrations up to a version, with a product, a device and a running rollout as
 * that server wrote them. Failures abort the test program.
 */
#ifndef OLD_DATABASE_H
#define OLD_DATABASE_H

#include "store/schema.h"

#define OLD_DATABASE_LAST STORE_SCHEMA_VERSION

/** A new file with the schema of that version. */
void old_database_make(const char *path, int version);
/** It says it has this version, whatever it has. */
void old_database_claim(const char *path, int version);

#endif
