/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Inside trunk/: one trunk, and what its files tell each other. */
#ifndef TRUNK_INSIDE_H
#define TRUNK_INSIDE_H

#include "base/list.h"
#include "base/map.h"
#include "sip/digest.h"
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

struct peer {
	struct trunks *of;
	struct link link; /* in order of id */
	struct map_node by_id, by_ip;
	uint64_t id;
	size_t ncalls;
	bool is_there; /* in the model and enabled: else it lives on for its calls only */
	bool is_online;
	char reason[TRUNK_REASON_BYTES];
	int64_t since_us, expires_at_us;
	struct flow flow;
	uint32_t expires; /* seconds asked for: ours, or what the provider wants at least */
	unsigned nfailed; /* registrations in a row */
	struct probe registration,
		options; /* accept_register: the registration's timer is its end */
	bool is_by_ip;
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
	struct map by_id, by_ip;
	size_t nnetworks; /* trunks that have some */
	struct sip_digest *digest;
	struct buf lines; /* of the answer being written */
};

const struct trunk *peer_trunk(const struct peer *p); /* NULL: gone */
void peer_is_online(struct peer *p, bool is_online, const char *reason);
/* Its requests come from there, and calls to it go there; until peer_unreach(). */
void peer_reach(struct peer *p, const struct flow *flow);
void peer_unreach(struct peer *p);
void peer_reason(char dst[TRUNK_REASON_BYTES], const struct sip_msg *resp, int err);

/* registering.c, asking.c: from now on, with what the model says now; stopped: nothing runs any more. */
void registering_start(struct peer *p);
void registering_stop(struct peer *p); /* the binding there runs out by itself */
void asking_start(struct peer *p);
void asking_stop(struct peer *p);
/* accepting.c: gateways that register with us. */
int accepting_open(struct trunks *t) MUST_USE;
void accepting_start(struct peer *p);
void accepting_stop(struct peer *p);
/* What it proved at its registration, it would prove still. */
bool accepting_holds(const struct peer *p, const struct trunk *t);
/* Send a request of a probe to the trunk; lines: more header lines. */
int probe_send(struct peer *p, struct probe *pr, enum sip_method method, struct str user,
	       struct str lines, bool has_contact, sip_response_h *fn) MUST_USE;
void probe_stop(struct peer *p, struct probe *pr);

#endif
