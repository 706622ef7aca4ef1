/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Trunks as they are now: whose host sent a request, are we registered there, does it answer, how many calls it carries.
 *
 * A trunk that registers, and one whose gateway registers with us, is online while its registration holds; one that is asked with
 * OPTIONS while it answers; any other always.
 * A host that is a name may have many addresses (RFC 3263): requests of all are its, calls are shared among them by priority and
 * weight, and one that does not answer is left out until it does.
 * Each change is told once, on the bus, with what the provider said.
 *
 * Thread     core
 * Ownership  views are borrowed until the next event; calls keep a trunk's id
 * Errors     as noted.  A trunk that cannot be set up (memory) is logged and stays offline
 * Sources    RFC 3261 10 (registering), 11 (OPTIONS), 22 (digest); RFC 7616; RFC 3263 4.3 (failover); TRK-2, TRK-3, TRK-12
 */
#ifndef TRUNK_TRUNKS_H
#define TRUNK_TRUNKS_H

#include "base/locate.h"
#include "model/model.h"
#include "registrar/registrar.h"
#include "sip/sip.h"

struct trunks;
struct bus;

struct trunks_conf {
	struct env env;
	struct sip *sip;
	struct flow_edge *edge;
	struct locator *locator; /* NULL: hosts are addresses only */
	struct model *model;
	struct registrar *registrar; /* offers REGISTERs of gateways; NULL none */
	struct record_sink *records; /* their contacts, under tenant 0; NULL none */
	struct bus *bus;	     /* TRUNK_CONNECTED, TRUNK_DISCONNECTED; NULL none */
};
int trunks_alloc(struct trunks **tp, const struct trunks_conf *conf) MUST_USE;
struct trunks *trunks_free(struct trunks *t); /* before the model and the stack */

/* Trunks to which a request from there belongs: *pos starts at 0; 0 at the end. */
uint64_t trunks_of_source(const struct trunks *t, const struct flow *from, size_t *pos);

enum trunk_ready { TRUNK_READY, TRUNK_OFFLINE, TRUNK_FULL };
enum trunk_ready trunks_ready(const struct trunks *t, uint64_t trunk_id);
/* A call takes a place, and gives it back. */
void trunks_hold(struct trunks *t, uint64_t trunk_id);
void trunks_release(struct trunks *t, uint64_t trunk_id);

/* What it is told of where we are (our_address, via_public). */
struct flow_faces trunks_faces(const struct trunks *t, uint64_t trunk_id);
/* Where its next call goes; false: there is no such trunk, or nobody knows its address. */
bool trunks_flow(const struct trunks *t, uint64_t trunk_id, struct flow *flow);
/* A call to that address of it failed: no answer (resp NULL), or 503.  True: another address may do, trunks_flow() tells it. */
bool trunks_failed(struct trunks *t, uint64_t trunk_id, const struct flow *to,
		   const struct sip_msg *resp);
/* "Route: …" lines of requests to it, of its outbound proxy; may be none. */
void trunks_routes(const struct trunks *t, uint64_t trunk_id, struct buf *lines);
/* What follows the '@' of a Request-URI there, and the domain of From and To. */
void trunks_names(const struct trunks *t, uint64_t trunk_id, struct buf *target,
		  struct buf *domain);
/* The name that we go by there (contact_host), else NULL: our address. */
const char *trunks_own_name(const struct trunks *t, uint64_t trunk_id);
/* Is a request of its source that asks for `uri` meant for it?  Who shares that source is told apart by the name called. */
bool trunks_is_meant(const struct trunks *t, uint64_t trunk_id, struct str uri);
/* A gateway's contact that was in the journal: called before traffic starts. */
void trunks_restore(struct trunks *t, const struct contact_record *c);
/* The header that answers its 401 or 407.  EPERM: it is not the trunk's own host that asks, or it has no password;
 * those of sip_challenge_read(). */
int trunks_answer(struct trunks *t, uint64_t trunk_id, const struct sip_msg *resp, struct str uri,
		  struct buf *out) MUST_USE;

struct trunk_view {
	uint64_t id;
	bool is_online;
	const char *reason; /* what was heard last: "200 OK", "403 Forbidden", "no answer" … */
	int64_t since_us;   /* of the state */
	size_t ncalls;
	int64_t expires_at_us; /* registration; 0 none */
};
/* In order of id: the first after `after`. */
bool trunks_next(const struct trunks *t, uint64_t after, struct trunk_view *view);

#endif
