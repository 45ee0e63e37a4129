/** Long polls: requests for a rollout's timeline that wait for something to happen. Private to server/api. */
#ifndef API_WAITING_H
#define API_WAITING_H

#include "common.h"

/** Answer now if there is something behind `after` (or nothing to wait for), else within `wait_s` seconds. */
void waiting_add(struct api *api, struct http_request *req, struct fleet_rollout *rollout, int64_t after,
                 unsigned wait_s);

#endif
