/* The permission table: every route, its method, what it needs, how long a body it takes. */
#include "common.h"

#include "base/crypto_openssl.h"

#include <string.h>

#define SMALL (64u << 10)
#define IMAGE (17u << 20) /* a slot is at most 16 MiB, and its signature sector is in it */

const struct http_route api_routes[] = {
    {HTTP_DEVICE, "POST", "/device/v1/enrol", API_ENROL, OT_WIRE_MESSAGE_MAX, api_enrol},
    {HTTP_DEVICE, "POST", "/device/v1/check-in", API_DEVICE, OT_WIRE_MESSAGE_MAX, api_check_in},
    {HTTP_DEVICE, "GET", "/device/v1/artifacts/{sha256}", API_DEVICE, 0, api_artifact},
    {HTTP_DEVICE, "GET", "/device/v1/artifacts/{sha256}/blocks", API_DEVICE, 0, api_blocks},
    {HTTP_OPERATOR, "GET", "/healthz", API_NOBODY, 0, api_health},
    {HTTP_OPERATOR, "GET", "/api/v1/whoami", API_VIEW, 0, api_whoami},
    {HTTP_OPERATOR, "GET", "/api/v1/products", API_VIEW, 0, api_product_list},
    {HTTP_OPERATOR, "POST", "/api/v1/products", API_ADMIN_ALL, SMALL, api_product_create},
    {HTTP_OPERATOR, "GET", "/api/v1/products/{product}", API_VIEW, 0, api_product_show},
    {HTTP_OPERATOR, "PATCH", "/api/v1/products/{product}", API_ADMIN, SMALL, api_product_set},
    {HTTP_OPERATOR, "GET", "/api/v1/products/{product}/attributes", API_VIEW, 0, api_product_attributes},
    {HTTP_OPERATOR, "POST", "/api/v1/tokens", API_ADMIN, SMALL, api_token_create},
    {HTTP_OPERATOR, "GET", "/api/v1/products/{product}/devices", API_VIEW, 0, api_device_list},
    {HTTP_OPERATOR, "GET", "/api/v1/products/{product}/devices/{device}", API_VIEW, 0, api_device_show},
    {HTTP_OPERATOR, "GET", "/api/v1/products/{product}/devices/{device}/explain", API_VIEW, 0,
     api_device_explain},
    {HTTP_OPERATOR, "GET", "/api/v1/products/{product}/devices/{device}/history", API_VIEW, 0,
     api_device_history},
    {HTTP_OPERATOR, "POST", "/api/v1/products/{product}/devices/{device}/tags", API_ADMIN, SMALL,
     api_device_tags},
    {HTTP_OPERATOR, "POST", "/api/v1/products/{product}/releases", API_UPLOAD, IMAGE, api_release_push},
    {HTTP_OPERATOR, "GET", "/api/v1/products/{product}/releases", API_VIEW, 0, api_release_list},
    {HTTP_OPERATOR, "GET", "/api/v1/products/{product}/releases/{version}", API_VIEW, 0, api_release_show},
    {HTTP_OPERATOR, "POST", "/api/v1/products/{product}/rollouts", API_ADMIN, SMALL, api_rollout_create},
    {HTTP_OPERATOR, "GET", "/api/v1/products/{product}/rollouts", API_VIEW, 0, api_rollout_list},
    {HTTP_OPERATOR, "GET", "/api/v1/rollouts/{rollout}", API_VIEW, 0, api_rollout_show},
    {HTTP_OPERATOR, "POST", "/api/v1/rollouts/{rollout}/start", API_ADMIN, SMALL, api_rollout_start},
    {HTTP_OPERATOR, "POST", "/api/v1/rollouts/{rollout}/pause", API_ADMIN, SMALL, api_rollout_pause},
    {HTTP_OPERATOR, "POST", "/api/v1/rollouts/{rollout}/resume", API_ADMIN, SMALL, api_rollout_resume},
    {HTTP_OPERATOR, "POST", "/api/v1/rollouts/{rollout}/widen", API_ADMIN, SMALL, api_rollout_widen},
    {HTTP_OPERATOR, "POST", "/api/v1/rollouts/{rollout}/retry", API_ADMIN, SMALL, api_rollout_retry},
    {HTTP_OPERATOR, "POST", "/api/v1/rollouts/{rollout}/abort", API_ADMIN, SMALL, api_rollout_abort},
    {HTTP_OPERATOR, "POST", "/api/v1/rollouts/{rollout}/recall", API_ADMIN, SMALL, api_rollout_recall},
    {HTTP_OPERATOR, "GET", "/api/v1/rollouts/{rollout}/events", API_VIEW, 0, api_rollout_events},
    {HTTP_OPERATOR, "GET", "/api/v1/rollouts/{rollout}/explain", API_VIEW, 0, api_rollout_explain},
    {HTTP_OPERATOR, "GET", "/api/v1/rollouts/{rollout}/devices/{device}/explain", API_VIEW, 0,
     api_rollout_explain_device},
    {HTTP_OPERATOR, "GET", "/api/v1/audit", API_ADMIN_ALL, 0, api_audit},
};

const size_t api_route_count = sizeof api_routes / sizeof api_routes[0];

static bool role_allows(const struct fleet_token *t, enum api_permission permission)
{
    switch (permission) {
    case API_VIEW:
        return t->role == ROLE_VIEWER || t->role == ROLE_UPLOADER || t->role == ROLE_ADMIN;
    case API_UPLOAD:
        return t->role == ROLE_UPLOADER || t->role == ROLE_ADMIN;
    case API_ADMIN:
        return t->role == ROLE_ADMIN;
    case API_ADMIN_ALL:
        return t->role == ROLE_ADMIN && t->product == NULL;
    case API_ENROL:
        return t->role == ROLE_ENROL;
    case API_NOBODY:
    case API_DEVICE:
    default:
        return false;
    }
}

/* While nothing can be stored: looking works, and so does stopping a rollout; its reply waits for the disk. */
static bool is_possible_when_full(const struct http_route *route)
{
    return strcmp(route->method, "GET") == 0 || route->handler == api_rollout_pause ||
           route->handler == api_rollout_abort;
}

/* Tokens are looked up by their SHA-256: what an attacker could time is a digest he cannot choose. */
int api_authorize(void *app, struct http_request *req, const struct http_route *route, const char *token)
{
    struct api *api = app;
    struct ot_digest digest;
    char hex[OT_DIGEST_HEX_BYTES];
    enum api_permission permission = (enum api_permission)route->permission;
    if (permission == API_NOBODY)
        return 0;
    if (token == NULL || strlen(token) > 200)
        return 401;
    ot_sha256_of(crypto_openssl(), (const uint8_t *)token, strlen(token), &digest);
    ot_digest_to_hex(&digest, hex);
    fleet_lock(api->fleet);
    struct fleet_device *d = strmap_get(&api->fleet->device_tokens, hex);
    struct fleet_token *t = strmap_get(&api->fleet->tokens, hex);
    fleet_unlock(api->fleet);
    int result;
    if (permission == API_DEVICE) {
        http_set_identity(req, d);
        result = d != NULL ? 0 : t != NULL ? 403 : 401;
    } else {
        http_set_identity(req, t);
        result = t == NULL ? (d != NULL ? 403 : 401) : role_allows(t, permission) ? 0 : 403;
    }
    return result == 0 && fleet_is_full(api->fleet) && !is_possible_when_full(route) ? 503 : result;
}
