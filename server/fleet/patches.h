/**
 * Patches and compressed images of releases: which ones the fleet wants, which there are, which one a device is offered, what
 * they save.
 *
 * Wanted is a patch from each image that devices run now to each image that they would be given: by the newest release, and
 * by releases of rollouts that are not over. Most common base first, at most `patch_bases` for one image. Only bases whose
 * bytes are here (an image of one of the product's releases) can have one.
 */
#ifndef FLEET_PATCHES_H
#define FLEET_PATCHES_H

#include "fleet.h"

#define FLEET_PATCH_PROFILE 1u /* what tools/delta makes */

enum fleet_patch_state {
    PATCH_MADE = 1,
    PATCH_DROPPED = 2,   /* not worth it: no smaller than what else would be sent */
    PATCH_FAILED = 3,    /* not kept: tried again by the next process */
    PATCH_WITHDRAWN = 4, /* devices could not use it */
};

/* A patch is withdrawn when this many devices had to do without it, and more than one in so many of those that tried. */
#define FLEET_PATCH_REFUSALS       3u
#define FLEET_PATCH_REFUSED_ONE_IN 10u

struct fleet_patch {
    struct ot_digest base;   /* identity of the image that runs; zero: of none, the image compressed */
    struct ot_digest sha256; /* of the patch */
    uint32_t bytes;
    uint8_t profile;
    enum fleet_patch_state state;
    char reason[120]; /* of a failure */
    uint32_t taken,
        refused; /* devices that have installed by it, or in spite of it; counted since the start */
};

/**
 * One patch to make: names of artifacts, and what it must stay below. Copies: no lock needed to use it. `base_sha256` is zero
 * for a compressed image.
 */
struct fleet_patch_job {
    struct ot_digest base_sha256, target_sha256;
    uint32_t target_bytes, worth_below;
    char product[OT_PRODUCT_MAX + 1];
    uint32_t release, base_release;
    struct fleet_patch patch; /* base is set; the maker fills in the rest */
};

/**
 * The compressed image that would serve most devices and is not there, because patches must be smaller; when all are there
 * the patch that would. Takes the lock.
 */
bool fleet_patch_next(struct fleet *f, struct fleet_patch_job *job);
/**
 * What became of it: into memory and, unless it failed, onto disk. A compressed image drops patches that are no smaller. Takes
 * the lock.
 */
void fleet_patch_put(struct fleet *f, const struct fleet_patch_job *job);

/* --- with the lock held --- */

/** A row of the database: to every image with these bytes. */
void fleet_patch_add(struct fleet *f, const struct ot_digest *target_sha256, const struct fleet_patch *patch);
/** The patch that this device can be offered to get this image; NULL: none. */
const struct fleet_patch *fleet_patch_for(const struct fleet_image *image,
                                          const struct ot_wire_check_in *facts);
/** The compressed image that it can be offered; NULL: none. */
const struct fleet_patch *fleet_compressed_for(const struct fleet_image *image,
                                               const struct ot_wire_check_in *facts);
/** ... that there is, whatever became of it; NULL: not made (yet). */
const struct fleet_patch *fleet_compressed_of(const struct fleet_image *image);
/** How many patches there are, compressed images not counted. */
size_t fleet_patch_count(const struct fleet_image *image);
/** A device has said `installed`, `why` the first smaller way it was offered was not the way (OT_OK: it was, or none was). */
void fleet_patch_note(const struct fleet *f, struct store_batch *batch, const struct fleet_image *image,
                      const struct ot_wire_check_in *facts, enum ot_way way, enum ot_status why);
bool fleet_patch_is_of(const struct fleet_image *image, const struct ot_digest *sha256);

/** Are patches made for this release: is it the newest, or in a rollout that is not over? */
bool fleet_patch_wanted(const struct fleet_release *release);

/** The devices an image is for, by what they run now. */
struct fleet_patch_base {
    struct ot_digest digest;
    const struct fleet_release *release; /* of the base; NULL: its bytes are not here */
    const struct fleet_patch *patch;     /* NULL: not made (yet) */
    uint32_t devices;
    uint32_t patchable;    /* of them, whose agent takes patches */
    uint32_t compressible; /* ... compressed images */
    uint32_t both;
};
/** Most common first. `*list` is owned by the caller. Devices that run the image already are not in it. */
size_t fleet_patch_bases(const struct fleet_release *release, const struct fleet_image *image,
                         struct fleet_patch_base **list);

#endif
