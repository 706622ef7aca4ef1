/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Inside trunk/: one trunk, and what its files tell each other. */
#ifndef TRUNK_INSIDE_H
#define TRUNK_INSIDE_H

#include "base/list.h"
#include "base/locate.h"
#include "base/map.h"
#include "sip/digest.h"
#include "sip/shield.h"
#include "trunk/trunks.h"

enum { TRUNK_TAG_BYTES = 128, TRUNK_REASON_BYTES = 96, TRUNK_TARGET_BYTES = 256 };

/* What is asked of a trunk again and again: its registration, or an OPTIONS. */
struct probe {
	struct timer timer;
	oid trans; /* 0: none under way */
	char call_id[TRUNK_TAG_BYTES], tag[TRUNK_TAG_BYTES];
	uint32_t cseq;
	bool is_authorized; /* this round has answered a challenge */
};

struct peer;

struct probe_request {
	enum sip_method method;
	struct str user;
	struct str lines; /* more header lines */
	bool has_contact;
	sip_response_h *fn;
	void *arg;
};

/* One address of a trunk's host. */
struct way {
	struct map_node by_ip;
	struct peer *peer;
	struct locate_target target;
};

/* service_route.c */
struct service {
	struct buf lines;  /* "Route: …"; empty: none was told */
	struct flow first; /* where the first is; remote.family 0: where the trunk is */
	oid finding;	   /* its name is being looked up */
	uint32_t whom;
};

struct peer {
	struct trunks *of;
	struct link link; /* in order of id */
	struct map_node by_id;
	uint64_t id;
	size_t ncalls;
	bool is_there; /* in the model and enabled: else it lives on for its calls only */
	bool is_online;
	char reason[TRUNK_REASON_BYTES];
	int64_t since_us, expires_at_us;
	struct flow flow; /* its home: one of its ways, and where we are registered */
	size_t nways;	  /* 0: nobody knows where it is */
	struct way ways[LOCATE_MAX];
	struct link checks; /* of those that are left out for a while */
	struct timer find_timer;
	oid finding; /* its name is being looked up */
	bool is_by_name;
	uint32_t whom;	    /* whom its certificates must name, when that is not the address */
	uint64_t exempt_id; /* first of the flood guard's rules about it */
	uint32_t expires;   /* seconds asked for: ours, or what the provider wants at least */
	unsigned nfailed;   /* registrations in a row */
	oid conn;	  /* the connection it is registered over, and may be called on; 0: none */
	unsigned nclosed; /* how often that ended soon, in a row */
	int64_t registered_at_us;
	struct service service;
	struct probe registration,
		options; /* accept_register: the registration's timer is its end */
	/* accept_register: what the gateway's last registration said */
	char target[TRUNK_TARGET_BYTES]; /* "host:port;params" of its Contact */
	char contact[TRUNK_TARGET_BYTES];
	char reg_call_id[TRUNK_TARGET_BYTES];
	uint32_t reg_cseq;
	uint64_t credentials; /* hash of host, user and password it was proved with */
};

struct trunks {
	struct trunks_conf conf;
	struct link peers;
	struct map by_id, by_ip; /* peers; their ways */
	uint64_t last_exempt_id;
	size_t nnetworks; /* trunks that have some */
	struct sip_digest *digest;
	struct buf lines; /* of the answer being written */
};

const struct trunk *peer_trunk(const struct peer *p); /* NULL: gone */
struct flow_faces peer_faces(const struct peer *p);
void peer_is_online(struct peer *p, bool is_online, const char *reason);
/* A registration of so many seconds lives on it.  The connection, 0: none. */
oid peer_keep(struct peer *p, const struct flow *flow, uint32_t seconds);
const char *peer_name(const struct peer *p);
/* It has addresses, the first ones or others; it has none. */
void peer_found(struct peer *p, bool is_first);
void peer_lost(struct peer *p, const char *why);
enum flow_transport peer_transport(const struct trunk *t);
struct flow peer_flow(const struct peer *p, const struct locate_target *t);
/* What follows the '@' of a Request-URI that goes there, and the domain of From and To. */
void peer_names(const struct peer *p, const struct flow *flow, struct buf *target,
		struct buf *domain);
/* The name that we go by there; NULL: none, our address stands instead. */
const char *peer_own_name(const struct peer *p);
/* "Route: …" of its outbound proxy, or nothing. */
void peer_route(const struct peer *p, struct buf *lines);
void peer_reason(char dst[TRUNK_REASON_BYTES], const struct sip_msg *resp, int err);

/* ways.c: where its host is, until ways_stop() */
void ways_start(struct peer *p, const struct trunk *t);
void ways_stop(struct peer *p);
/* Its outbound proxy, else its host; *port 0: none is said. */
struct str ways_host(const struct trunk *t, uint16_t *port);
void ways_part(struct peer *p); /* it is told no more over TLS */
/* One that says itself where it is: its requests come from there, and calls to it go there. */
void ways_set(struct peer *p, const struct flow *flow);
void ways_refind(struct peer *p);			 /* name servers have changed */
bool ways_pick(const struct peer *p, struct flow *flow); /* for one call; false: there is none */
/* It did not answer (resp NULL), or said 503.  True: there is another that may. */
bool ways_failed(struct peer *p, const struct flow *to, const struct sip_msg *resp);
bool ways_are_closed(const struct peer *p); /* all have asked for peace */
bool ways_have(const struct peer *p, const struct addr *a, bool with_port);
uint64_t way_hash(const struct addr *a); /* of the IP address */

/* registering.c, asking.c: from now on, with what the model says now; stopped: nothing runs any more. */
void registering_start(struct peer *p);
void registering_stop(struct peer *p);	 /* the binding there runs out by itself */
void registering_closed(struct peer *p); /* p->conn is gone */
void asking_start(struct peer *p);
void asking_stop(struct peer *p);
/* service_route.c: what a 200 to our REGISTER says of the way that calls go; none holds any more; where they go, false: to the trunk. */
void service_take(struct peer *p, const struct sip_msg *resp);
void service_drop(struct peer *p);
bool service_flow(const struct peer *p, struct flow *flow);
/* accepting.c: gateways that register with us. */
void accepting_open(struct trunks *t);
void accepting_closed(struct peer *p); /* the connection that it came over is gone */
void accepting_start(struct peer *p);
void accepting_stop(struct peer *p);
/* What it proved at its registration, it would prove still. */
bool accepting_holds(const struct peer *p, const struct trunk *t);
void registering_again(struct peer *p); /* now, where its home is now */
/* Send a request of a probe to an address of the trunk. */
int probe_send(struct peer *p, struct probe *pr, const struct flow *to,
	       const struct probe_request *r) MUST_USE;
void probe_init(struct peer *p, struct probe *pr);
void probe_stop(struct peer *p, struct probe *pr);

#endif
