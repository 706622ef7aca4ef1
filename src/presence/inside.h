/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Presence from inside.
 *
 *   subscribe.c  SUBSCRIBE: judged, then a subscription made, refreshed or ended
 *   sub.c        one subscription: the machine of sub.def and its NOTIFY
 *   list.c       a subscription to many things at once
 *   topic.c      what is watched, and by whom
 *   presence.c   life; what happens elsewhere becomes changed topics
 *   dialog.c …   a package each: what a topic's document says
 *
 *	SUBSCRIBE → subscribe.c → sub ──watch──▶ topic ◀── a call, a registration … changes it
 *				   ▲                │
 *				   └──── CHANGE ────┘     queue → NOTIFY, some at a time
 *
 * Thread     core
 * Ownership  presence owns subscribers and their subscriptions; a topic lives as long as somebody watches it
 */
#ifndef PRESENCE_INSIDE_H
#define PRESENCE_INSIDE_H

#include "base/buf.h"
#include "base/list.h"
#include "base/idmap.h"
#include "presence/presence.h"
#include "sip/dialog.h"

enum {
	SUB_MIN_SECONDS = 60,
	SUB_MAX_SECONDS = 3600,
	SUB_EVENT_ID_BYTES = 128,
	DATAGRAM_DOCUMENT = 900, /* what fits into a datagram beside the headers of a NOTIFY */
};

#define SUB_MIN_LINE "Min-Expires: 60\r\n" /* SUB_MIN_SECONDS */

/* ---- packages ---- */

struct topic;

enum package_of { OF_EXTENSION, OF_ACCOUNT, OF_GROUP }; /* what a topic's id is of */

struct package {
	enum package_of of;
	bool has_lists;		  /* a group's number names its members */
	const char *event;	  /* "dialog" */
	const char *content_type; /* of its documents */
	/* Whose state a URI's user part names, and may this one see it?  0 and *id, or the status to refuse with. */
	unsigned (*find)(struct presence *p, const struct identity *who, struct str user,
			 uint64_t *id);
	/* state is the package's, zeroed, of this size. */
	size_t state_bytes;
	void (*close)(struct topic *t);
	/* Bring the state up to date with the world: called before documents are written, at most once for each change. */
	void (*look)(struct topic *t);
	/* The whole of it, or, when `since` is one that the package has given out and the whole is long, what is newer.
	 * Where the version stands: write_version().  Errors: the buf's. */
	void (*write)(struct topic *t, struct buf *out, uint32_t since);
};

#define X(ID, symbol) extern const struct package package_##symbol;
#include "presence/packages.def"
#undef X
extern const struct package *const packages[];
extern const size_t npackages;

/* dialog.c: perhaps the tenant's night mode. */
void dialog_night_changed(struct presence *p, uint64_t tenant_id);

/* ---- topics ---- */

/* A document with a hole where each subscriber's version goes. */
struct document {
	struct buf text;
	size_t version_at; /* SIZE_MAX: it has no version */
	uint32_t since;	   /* 0: the whole */
	bool is_fresh;
};

struct topic {
	struct map_node node;
	struct presence *p;
	const struct package *package;
	uint64_t tenant_id, id;
	struct link watches;
	uint32_t seq;  /* grows with each change */
	bool is_stale; /* look() is due */
	struct document whole, part;
	max_align_t state[]; /* the package's */
};

struct watch { /* a subscription's interest in a topic */
	struct link link;
	struct topic *topic;
	struct sub *sub;
	uint32_t seen;	  /* topic->seq when it was told last; 0: never */
	uint32_t telling; /* of a list: what the NOTIFY being written says; 0: it is not in it */
	uint32_t version; /* of the next document */
};

int topic_watch(struct presence *p, const struct package *package, uint64_t tenant_id, uint64_t id,
		struct watch *w) MUST_USE;
void topic_unwatch(struct watch *w);
/* NULL: nobody watches it. */
struct topic *topic_find(const struct presence *p, const struct package *package,
			 uint64_t tenant_id, uint64_t id);
void topic_changed(struct topic *t);
/* What every watcher that was told anything has been told. */
uint32_t topic_seen_by_all(const struct topic *t);
/* It is no more: whoever watches it is told. */
void topic_gone(struct topic *t); /* lists hear of it from their group */
/* What to tell this watcher. */
const struct document *topic_document(struct topic *t, uint32_t since);
/* It, with the watcher's version in its hole; adds to out. */
void topic_write(const struct document *doc, uint32_t version, struct buf *out);
void write_version(struct buf *out, struct topic *t);

/* ---- subscriptions ---- */

#define SUB_STATES(X)                                                                              \
	X(QUIET)                                                                                   \
	X(DUE)                                                                                     \
	X(TELLING)                                                                                 \
	X(TELLING_AGAIN)                                                                           \
	X(TELLING_LAST)                                                                            \
	X(WAITING)                                                                                 \
	X(LAST_DUE)                                                                                \
	X(LAST)                                                                                    \
	X(OVER)
#define SUB_EVENTS(X)                                                                              \
	X(CHANGE)                                                                                  \
	X(END)                                                                                     \
	X(TURN)                                                                                    \
	X(TOLD)                                                                                    \
	X(NOT_NOW)                                                                                 \
	X(RETRY)                                                                                   \
	X(DEAD)

enum sub_state {
#define X(name) SUB_##name,
	SUB_STATES(X)
#undef X
		SUB_NSTATES
};
enum sub_event {
#define X(name) SUB_EV_##name,
	SUB_EVENTS(X)
#undef X
		SUB_NEVENTS
};

/* RFC 6665 4.1.3: why it is terminated. */
enum sub_end { SUB_TIMEOUT, SUB_DEACTIVATED, SUB_NORESOURCE, SUB_REJECTED };

struct subscriber {	      /* an account that has subscriptions */
	struct idmap_key key; /* tenant and account */
	struct link subs;
	size_t nsubs;
};

struct sub {
	struct presence *p;
	struct subscriber *by;
	struct link in_account, in_queue;
	const struct package *package;
	enum sub_state st;
	enum sub_end why; /* from LAST_DUE on */
	struct sip_dialog *d;
	struct timer expiry, retry; /* retry: or until it may be told again */
	uint64_t expires_at_ms;
	oid notify; /* the transaction of our NOTIFY; 0: none */
	unsigned nretries, retry_s;
	uint64_t
		told_until_ms; /* grows by a second with each NOTIFY: far ahead of now, it has to wait */
	bool wants_all;	       /* it has asked anew: the whole state is due */
	char event_id[SUB_EVENT_ID_BYTES]; /* parameter of its Event; "" none */
	bool is_list;
	struct watch own;      /* what it is about; of a list: the group (package_group) */
	struct watch *members; /* of a list, in the group's order */
	size_t nmembers;
};

/* Where a subscription comes from: what a SUBSCRIBE has been found to ask for. */
struct sub_wish {
	const struct package *package;
	struct str event_id;
	uint64_t tenant_id, account_id; /* who */
	uint64_t id;			/* of what it wants to watch */
	bool is_list;			/* the members of this group */
	uint32_t seconds;
};

struct subscriber *subscriber_find(const struct presence *p, uint64_t tenant_id,
				   uint64_t account_id); /* NULL: has none */
int sub_alloc(struct sub **sp, struct presence *p, const struct sub_wish *wish) MUST_USE;
struct sub *sub_free(struct sub *s);
/* May free it: the last thing done with it.  Returns whether the event was expected. */
bool sub_event(struct sub *s, enum sub_event ev);
/* It is over, for that reason. */
void sub_end(struct sub *s, enum sub_end why);
/* From now on for so many seconds. */
void sub_lasts(struct sub *s, uint32_t seconds);
bool sub_is_ending(const struct sub *s);
/* It is due, and does not wait for the time at which it may be told again. */
void sub_hurry(struct sub *s);

/* ---- lists ---- */

extern const struct package package_group;

/* Watch those who are in the group now, and no others.  0; ENOMEM: as it was */
int list_follow(struct sub *s) MUST_USE;
void list_unwatch(struct sub *s);
/* A multipart document and its Content-Type.  list_told(): it was sent; true: not all was in it. */
int list_write(struct sub *s, struct buf *out, struct buf *type) MUST_USE;
bool list_told(struct sub *s);

struct presence {
	struct presence_conf conf;
	struct map topics;
	struct map subscribers;
	struct map publishers; /* publish.c */
	struct map inboxes;    /* inbox.c */
	struct map holders;    /* tenants with texts that wait: inbox.c */
	size_t ntexts;
	uint64_t id_salt, last_text_id;
	size_t nsubs;
	struct link queue; /* subscriptions to be told */
	struct timer turn;
	bool is_draining;
	struct buf events;	      /* "dialog, …": all packages */
	struct buf body, lines, type; /* being written */
};

/* sip_request_h of SUBSCRIBE */
void subscribe_request(struct sip_strans *st, const struct sip_msg *req, void *presence);
sip_dialog_request_h subscribe_in_dialog;
/* Contact header value of ours towards a flow.  ENOMEM; errno of the edge */
int presence_contact(struct presence *p, struct buf *out, const struct flow *flow,
		     struct str user) MUST_USE;

/* 0, or the status to refuse with.  *seconds 0: it wants an end, or to be told once. */
unsigned subscribe_read_expires(const struct sip_msg *req, uint32_t *seconds);

/* ---- what packages hear ---- */
void mailbox_registered(struct presence *p, const struct contact *c);
void reginfo_changed(struct presence *p, const struct contact *c, bool is_added);

/* ---- documents ---- */
void xml_text(struct buf *out, struct str s);
/* sip:number@domain of the tenant, escaped for XML */
void xml_sip_uri(struct buf *out, const struct presence *p, uint64_t tenant_id, const char *number);

/* The extension that a URI's user part names; NULL: none */
const struct extension *presence_extension(const struct presence *p, uint64_t tenant_id,
					   struct str user);

#endif
