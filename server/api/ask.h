/**
 * What a rollout is asked to be: read in one place for creation, preview and forecast, so that what one of them refuses
 * the others refuse, too. Private to server/api.
 */
#ifndef API_ASK_H
#define API_ASK_H

#include "common.h"

struct api_ask {
    struct fleet_product *product;
    struct fleet_release *release;
    struct rollout_plan plan; /* without rings: the product's */
    bool supersede;
};

/** The body of a request whose path names the product. False after having replied. */
bool api_read_ask(struct api *api, struct http_request *req, struct api_ask *out);

/** Who would be in it, and where; nothing is created (preview.c). */
void api_preview(struct api *api, struct http_request *req, struct api_ask *ask);
/** What it would cost and how long it would take; nothing is created (forecast.c). */
void api_forecast(struct api *api, struct http_request *req, struct api_ask *ask);

#endif
