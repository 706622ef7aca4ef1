/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The flood guard: who is heard at all, decided before anything is parsed (SEC-1, SEC-2).
 *
 * A source is an IP address (IPv6: a /64).  It is blocked for a while when it sends too many packets, leaves challenges
 * unanswered or guesses passwords; then it gets no answer at all.  A source from which somebody has proved who they are is
 * an office behind one NAT: it is never blocked whole.  Of such a one, packets beyond the limit are dropped, and an
 * account whose password is guessed there is refused there, and only there.
 *
 * Rules of the operator come first: a source that one allows is never counted, one that one blocks is never heard;
 * where both match, it is allowed.
 *
 * Everything is bounded: above max_sources the one not heard of for longest is forgotten.  Cost per packet is one look-up;
 * the rules are looked at once per source and change of the rules.
 *
 * Thread     core
 * Units      _ms, wall_us
 * Ownership  views are values
 * Errors     none to the sender; ENOMEM while a source is added lets it through uncounted
 * Sources    SEC-1, SEC-2; RFC 3261 26.3.2.4
 */
#ifndef SIP_SHIELD_H
#define SIP_SHIELD_H

#include "base/addr.h"
#include "base/env.h"

struct shield;

struct shield_limits { /* counts of zero: that limit is off */
	uint64_t period_ms;
	uint32_t wrong;	     /* wrong credentials within the period, each answer counted once */
	uint32_t unanswered; /* challenges not answered within the period */
	uint64_t block_ms;
	uint32_t level2_packets, level1_packets; /* per second */
	uint64_t level2_block_ms, level1_block_ms;
};

enum shield_cause {
#define X(name, text) SHIELD_##name,
#include "sip/shield.def"
#undef X
	SHIELD_NCAUSES
};
const char *shield_cause_text(enum shield_cause cause);

struct shield_conf {
	struct env env;
	struct shield_limits limits;
	size_t max_sources; /* 0 = 65536 */
	size_t max_rules;   /* 0 = 100000 */
};
int shield_alloc(struct shield **sp, const struct shield_conf *conf) MUST_USE;
struct shield *shield_free(struct shield *s);

/* Somebody who is blocked now. */
struct shield_view {
	uint64_t id;
	struct addr from;
	char account[64]; /* "": the source as a whole */
	enum shield_cause cause;
	int64_t since_us, until_us;
};
/* A source was blocked (or longer than before), or an account is refused from there; false: it was freed before its time.
 * ENOSPC above 4. */
typedef void shield_changed_h(const struct shield_view *v, bool is_blocked, void *arg);
int shield_on_changed(struct shield *s, shield_changed_h *fn, void *arg) MUST_USE;
/* One that was blocked when the program ended; nobody is told.  ENOMEM, EINVAL: its time is over. */
int shield_restore(struct shield *s, const struct shield_view *v) MUST_USE;
void shield_limit(struct shield *s, const struct shield_limits *limits); /* from now on */

/* Rules, by the caller's own id; one with the same id is replaced.  expires_us: wall clock, 0 = never.
 * ENOSPC, ENOMEM: the rule is not there. */
int shield_rule(struct shield *s, uint64_t id, const struct addr_net *net, bool is_allowed,
		int64_t expires_us) MUST_USE;
/* Never counted or blocked, unless a rule of the operator blocks it: somebody whom the configuration names. */
int shield_exempt(struct shield *s, uint64_t id, const struct addr_net *net) MUST_USE;
void shield_no_rule(struct shield *s, uint64_t id);

/* One packet or message came.  False: it is not to be looked at. */
bool shield_admits(struct shield *s, const struct addr *from);
void shield_challenged(struct shield *s, const struct addr *from);
/* Credentials came for a challenge of ours, right or wrong. */
void shield_answered(struct shield *s, const struct addr *from);
void shield_proved(struct shield *s, const struct addr *from, struct str account);
/* Wrong credentials; `answer` as it came: the same one again is not a second try. */
void shield_failed(struct shield *s, const struct addr *from, struct str account,
		   struct str answer);
/* Seconds for which credentials of this account are not looked at when they come from there; 0: they are. */
uint32_t shield_refuses(struct shield *s, const struct addr *from, struct str account);

/* Those blocked now, in the order in which they were: after 0 the first.  False: no more. */
bool shield_next(struct shield *s, uint64_t after, struct shield_view *view);
void shield_each(struct shield *s, shield_changed_h *fn, void *arg); /* all of them */
int shield_unblock(struct shield *s, uint64_t id);		     /* ENOENT */
size_t shield_count(const struct shield *s);			     /* sources known */

#endif
