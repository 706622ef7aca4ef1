/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Every operation of the API in one table: the fixed ones of routes.def and six for each resource.  Dispatch, rights, OpenAPI
 * and the tests read it.
 *
 * Thread     any once made: constant
 */
#ifndef API_ROUTE_H
#define API_ROUTE_H

#include "schema/schema.h"

enum access { ACCESS_PUBLIC, ACCESS_METRICS, ACCESS_USER };
enum op { OP_LIST, OP_CREATE, OP_GET, OP_UPDATE, OP_DELETE, OP_COUNT };
enum right { RIGHT_NO, RIGHT_OWN, RIGHT_ALL };
enum role { ROLE_ADMIN, ROLE_TENANT, ROLE_EXTENSION, ROLE_DEALER, ROLE_COUNT };

enum takes {
	TAKES_ID = 1,
	TAKES_BODY = 2,
	TAKES_PAGE = 4, /* limit, cursor */
	TAKES_LIST = 8, /* q, sort and a filter for each field of the resource */
	TAKES_IF_MATCH = 16,
	TAKES_IDEMPOTENCY = 32,
	TAKES_TENANT = 64, /* lives within a tenant: an administrator must give X-Tenant */
	TAKES_CDR_FILTER = 128,
	TAKES_AUDIT_FILTER = 256,
	TAKES_MESSAGE_FILTER = 512,
	TAKES_EVENT_FILTER = 4096,
	TAKES_DELIVERY_FILTER = 8192,
	TAKES_MAIL_FILTER = 1 << 22,
	TAKES_RECORDING_FILTER = 1 << 23,
	TAKES_EVENTS = 2048, /* topics, since, access_token */
	TAKES_CSV = 1024,    /* a body of text/csv */
	TAKES_OFFSET = 1 << 20,
	TAKES_BYTES = 1 << 21, /* a body of application/octet-stream */
	TAKES_TENANT_NAME = 1 << 25,
	TAKES_FIELDS = 16384,	   /* fields: a partial answer */
	TAKES_RANGE = 65536,	   /* from, to */
	TAKES_SYNC = 32768,	   /* since */
	TAKES_EXTENSION = 1 << 24, /* extension_number, required */
	IS_TOLD = 1 << 26, /* the audit log says who did it: no change of configuration does */
};

struct ask;
typedef void route_start_h(struct ask *k);

struct route {
	const char *method, *path;
	const char *operation_id, *tag, *summary;
	enum access access;
	const char *what; /* with op: the row of rights.def */
	enum op op;
	route_start_h *fn;
	unsigned takes;
	unsigned status;	    /* of success */
	const char *input, *output; /* schema, or media type when it has a slash; NULL none */
	const struct resource *res; /* NULL: a fixed one */
	enum right right[ROLE_COUNT];
};

struct routes {
	struct route *v;
	size_t n;
	char *text; /* of made names */
};

/* "user" of "users": the name of one in operation ids and schemas. */
void route_singular(char dst[64], const struct resource *res);
int routes_make(struct routes *r) MUST_USE;
void routes_close(struct routes *r);
/* The route, or NULL; then *allow has the methods that the path knows ("GET, POST"; empty: no such path).  HEAD is GET. */
const struct route *route_match(const struct routes *r, struct str method, struct str path,
				uint64_t *idp, struct buf *allow);
/* What an extension sees of the resource is for the store to say: its own, what stands in its phone books,
 * members of its groups. */
bool route_tells_own(const struct route *r);
enum right right_of(const char *what, enum op op, enum role role);

#endif
