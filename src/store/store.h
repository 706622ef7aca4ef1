/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The store: configuration and records in SQLite or PostgreSQL, behind one interface.
 *
 * One writer thread owns every write; a pool of readers serves lists and look-ups.  A change is one transaction: it checks
 * references, uniqueness and limits, increments the tenant's revision, writes the rows and one `change` row, and after
 * the commit hands the new object to the core (apply); when the core has applied it the caller hears of it (done).
 *
 * Thread     store_open, store_close: main.  Requests: any; answers arrive on the asker's own ring.
 * Ownership  a request's blobs move with it; an answer's blobs belong to the asker.  reply_to stays until store_close(): who
 *            pushed an answer may still be looking at the ring when it is read
 * Errors     ENOBUFS: the queue is full.  Answers carry an errno: EINVAL (field errors), ENOENT, EEXIST (field errors: taken, in_use),
 *            EBUSY (If-Match failed), EAGAIN (database away: nothing was changed), ENOSPC
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "base/ring.h"
#include "schema/types.h"

struct addr;
struct backup_order;
struct store;

struct store_conf {
	const char *url;      /* "sqlite:/var/lib/offhook/offhook.db" or "postgresql://…" */
	const char *data_dir; /* journal and master key live here, mode 0700 */
	unsigned readers;     /* threads; 0 = 2 */
	uint64_t node;	      /* sends what it writes into the outbox */
	const struct addr
		*own; /* what we listen on: an address_rule may not block it; kept by the caller */
	size_t nown;
	uint16_t sip_port, tls_port; /* where SIP is served by transports that name no port */
	struct ring *news;	     /* of struct store_news, for whoever tells; NULL: nobody */
};

/* How a backup or its restoring gets on, at most a few in a second; or that the database went away, and is back (PostgreSQL). */
enum store_news_kind { NEWS_OF_BACKUP, NEWS_DATABASE_LOST, NEWS_DATABASE_BACK };
struct store_news {
	enum store_news_kind kind; /* of the database: nothing else is said */
	uint64_t tenant_id;	   /* 0: of the system */
	uint64_t id;
	bool is_restore;
	bool is_over;
	unsigned percent;
	char why[64]; /* it failed */
};

/* Opens the database, migrates it, refuses a newer schema naming both versions. */
int store_open(struct store **sp, const struct store_conf *conf) MUST_USE;
struct store *store_close(struct store *s);

/* Who asks, for the change log. */
struct store_actor {
	uint64_t tenant_id; /* of the person acting; 0 = system */
	uint64_t user_id;
	char name[64];
	char from[64];	  /* address */
	uint64_t role_id; /* limits whom it may make; 0: nothing does */
};

/* What `json` holds and what is answered:
 * CREATE, UPDATE  the body → the object.  GET, DELETE  nothing → the object, nothing.  A secret that CREATE made up because the
 *         body had none is in its answer, this once.  CREATE of a tenant also takes its first user's "username" (or its name)
 *         and "password".  CREATE of an extension makes its account; DELETE of a tenant deletes all it has.
 * LIST    {"limit":50,"cursor":"…","q":"text","sort":"-number","filter":{"field":"value"}} → {"items":[…],"next":"…"|null};
 *         a sort or filter name that is no field: EINVAL.  Values are text as in the URL, ids decimal.
 * EXPORT  as LIST, without limit and cursor → CSV (schema/csv.h), not JSON
 * IMPORT  CSV → {"items":[…]}, each as CREATE answers it; all lines or none: errors name "line[7].number"
 * ACT     arguments → answer, as acts.def says for the name in `query`
 * UNDO    of the change `id` (a revision): {"refuse":["trunks",…]}, resources that the asker may not touch → {"changes","revision"}.
 *         EEXIST "changed_since": something else has changed it meanwhile
 * RESTORE the tenant's configuration as it was: {"at":µs,"refuse":[…]} → {"changes","revision"}; all or nothing
 * BACKUP  what store/backup_ops.def says of the name in `query`
 * APPLY   of what `backup` says (store/backup_impl.h): for the backups' own thread
 * FEED    others have changed the tenant (STORE_ALL: any): the store's own, nobody is answered
 * PAST    the tenant's configuration after its revision `id`, as objects given to `past` → reply.past; EINVAL: there is no such
 *         revision in the log
 * QUERY   arguments → answer, as queries.def says for the name in `query`
 * LOGIN   {"username","password","domain"?,"token_hash","ttl_seconds"} → {"tenant_id","user_id","username","expires_at"};
 *         without domain: tenant 0, else a tenant by that name.  Verifies argon2id (a few at a time, also for users that
 *         do not exist), stores the session under token_hash.  EACCES whatever was wrong.  EAGAIN: too many at once.
 * LOGOUT  {"token_hash"} → nothing; ENOENT */
enum store_op {
	STORE_CREATE,
	STORE_UPDATE,
	STORE_DELETE,
	STORE_GET,
	STORE_LIST,
	STORE_EXPORT,
	STORE_IMPORT,
	STORE_ACT,
	STORE_UNDO,
	STORE_RESTORE,
	STORE_PAST,
	STORE_QUERY,
	STORE_BACKUP,
	STORE_APPLY,
	STORE_FEED,
	STORE_LOGIN,
	STORE_LOGOUT
};

/* Where a configuration of the past goes, object by object, on a reader's thread. */
struct store_change;
struct store_past {
	int (*open)(void **pastp);
	int (*load)(struct store_change *change, void *past); /* a store_load_h */
	void (*close)(void *past);
};

/* One request.  `reply_to` receives a struct store_reply with the same token. */
#define STORE_ALL UINT64_MAX
struct store_request {
	enum store_op op;
	uint64_t token;
	struct ring *reply_to;
	uint64_t tenant_id; /* first, always: a query without a tenant cannot be written */
	const struct resource *res;
	uint64_t id;
	uint64_t if_revision; /* 0: any */
	bool is_admin;
	uint64_t owner_id; /* of trunks and pools: only what is that tenant's own, of tenants: that
			    * dealer's, of accounts: that extension's; 0: any */
	bool is_own;	   /* an extension's owner, or a dealer's user, changes itself */
	struct store_actor actor;
	char *json; /* owned: body of POST/PATCH; or list options / query arguments */
	size_t njson;
	const char *
		query; /* STORE_QUERY: a name from queries.def; STORE_ACT: acts.def; STORE_BACKUP: backup_ops.def */
	uint64_t offset;		   /* STORE_BACKUP: of the bytes read or written */
	const struct backup_order *backup; /* STORE_APPLY; borrowed until it is answered */
	const struct store_past *past;	   /* STORE_PAST; lives as long as the store */
	/* CREATE with an Idempotency-Key, both hex of SHA-256: who, where and key · the body.  Kept for 24 h in the same
	 * transaction as the object.  Seen before with this body: the first answer again (is_replay); with another: EBADMSG. */
	char idem_key[65], idem_body[65];
};

struct store_reply {
	uint64_t token;
	int err;
	uint64_t id;
	uint64_t revision;
	bool is_replay;
	char *json; /* owned by the receiver: the object, page or answer; or {"errors":[…]} when err */
	size_t njson;
	void *past; /* STORE_PAST: the receiver's, to be closed */
};

int store_post(struct store *s, const struct store_request *req) MUST_USE;
/* GET, LIST, and queries of who somebody is that were asked for at some generation would be answered alike at the same one, but
 * for what ends by the clock.  0: nobody knows, as others write to the database too, and are not heard now. */
uint64_t store_generation(const struct store *s);

/* The core's end: committed changes waiting to be applied.  main wires the ring to model_apply(); after applying, the
 * core calls store_applied() with the change's token, once for each change, and the asker's reply is released.
 * Nothing comes here before store_load() has returned, and nothing that store_load() gave; all that comes is to be applied. */
struct store_change {
	enum store_change_kind {
		STORE_CHANGED, /* for model_apply() */
		STORE_LOADED,  /* for model_load() */
		STORE_RELOAD, /* of tenant_id, STORE_ALL for every one, what is there comes again now … */
		STORE_RELOADED, /* … and what did not come is gone */
		STORE_STORAGE /* revision: bytes of its disk quota that tenant_id uses; store_applied() is not called */
	} kind;
	uint64_t token;
	uint64_t tenant_id;
	uint64_t revision;
	const struct resource *res;
	uint64_t id;
	struct object *after; /* owned by the receiver */
};
struct ring *store_changes(struct store *s);
void store_applied(struct store *s, uint64_t token);

/* Everything at start, on the calling thread: one call per object, in the order of resources.def.  change->revision is
 * the tenant's last one (an object may be older: o->revision).  fn takes change->after by setting it to NULL. */
typedef int store_load_h(struct store_change *change, void *arg);
int store_load(struct store *s, store_load_h *fn, void *arg) MUST_USE;

/* Is there any of this resource of the system?  For start-up work, before store_load(). */
int store_has_now(struct store *s, const struct resource *res, bool *yes) MUST_USE;
/* Same-thread create for start-up work (demo tenant, first administrator): waits for the commit.  Before store_load(). */
int store_create_now(struct store *s, uint64_t tenant_id, const struct resource *res,
		     const char *json, uint64_t *idp, struct field_errors *errs) MUST_USE;

#endif
