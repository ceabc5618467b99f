/*
 * What a name may look like: region keys and ids, nodes, tenants, endpoints.
 *
 * The catalog checks every name that enters with these, so that later a name can
 * stand in an environment variable, a URL, a slot name or a log line as it is.
 * Each *_problem() returns NULL when the text can be used, else one sentence.
 */
#ifndef MR_IDENTIFIER_H
#define MR_IDENTIFIER_H

#include "core/mr_limits.h"

#define MR_TENANT_SIZE 256   /* tenant id, with its NUL */
#define MR_ENDPOINT_SIZE 256 /* URL of an API or CDN endpoint, with its NUL */
#define MR_LABEL_SIZE 128    /* display name of a region, with its NUL */

/* A region's key in upper case: US_EAST. */
extern const char *mr_region_key_problem(const char *text);

/* A region's id in lower case: us-east-1. */
extern const char *mr_region_id_problem(const char *text);

/* A residency zone's name in upper case: EU. */
extern const char *mr_zone_problem(const char *text);

/* A node's name: us-east-1-a. Case matters. */
extern const char *mr_node_name_problem(const char *text);

/* A tenant's id: any text without control characters. Case matters. */
extern const char *mr_tenant_problem(const char *text);

/* A region's display name. */
extern const char *mr_label_problem(const char *text);

/* An http or https URL without user, password or blanks. */
extern const char *mr_endpoint_problem(const char *text);

/*
 * Copy in upper or lower case (ASCII letters only; all else stays). False, with out
 * empty, when the text does not fit: no name is that long.
 */
extern bool mr_text_upper(const char *text, char *out, size_t size);
extern bool mr_text_lower(const char *text, char *out, size_t size);

#endif /* MR_IDENTIFIER_H */
