/**
 * The routes: every one is in api_routes with the permission it needs; a route that is not there does not exist.
 * docs/protocol.md is the contract.
 */
#ifndef API_API_H
#define API_API_H

#include "fleet/fleet.h"
#include "http/http.h"

/** What a route asks of its caller. */
enum api_permission {
    API_NOBODY = 0, /* health checks */
    API_ENROL = 1,  /* an enrolment token */
    API_DEVICE = 2, /* a device token */
    API_VIEW = 3,
    API_UPLOAD = 4,
    API_ADMIN = 5,
    API_ADMIN_ALL = 6, /* admin of all products */
};

struct api {
    struct fleet *fleet;
    struct waiting_list *waiting; /* long polls */
};

extern const struct http_route api_routes[];
extern const size_t api_route_count;

/** http_config.authorize: fills in the identity (struct fleet_token * or struct fleet_device *). */
int api_authorize(void *app, struct http_request *req, const struct http_route *route, const char *token);

/** Once a second: answers long polls that are due. */
void api_tick(struct api *api);

#endif
