/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Accounts and their contacts: who a request comes from, and where a device is reached now.
 *
 * Thread     core
 * Ownership  contacts belong to the registrar; borrowed until the next message: keep ids
 * Errors     answered to the device as SIP statuses; see registrar_identify()
 * Sources    RFC 3261 10, 22; RFC 5626 (flows, instance, reg-id); RFC 3327 (Path); RFC 3581
 */
#ifndef REGISTRAR_REGISTRAR_H
#define REGISTRAR_REGISTRAR_H

#include "model/model.h"
#include "schema/record.h"
#include "sip/auth.h"
#include "sip/sip.h"

struct registrar;
struct bus;

struct registrar_conf {
	struct env env;
	struct sip *sip;
	struct model *model;
	struct record_sink *records;
	struct bus *bus;	  /* REGISTERED, UNREGISTERED; NULL none */
	const char *system_realm; /* for accounts served by their system-wide name */
	size_t max_contacts;	  /* of the whole node; 0 = 500000 */
	uint32_t nonce_seconds;	  /* 0 = 300 */
};

int registrar_alloc(struct registrar **rp, const struct registrar_conf *conf) MUST_USE;
struct registrar *registrar_free(struct registrar *r);

struct contact {
	oid id;
	uint64_t record_id;
	uint64_t tenant_id, account_id;
	const char *uri;    /* as registered: Request-URI of calls to it */
	const char *routes; /* "Route: …\r\n" lines from Path, or "" */
	struct flow flow;   /* where its requests came from: where calls go */
	unsigned q;	    /* thousandths */
	const char *user_agent;
	int64_t registered_at_us, expires_at_us; /* wall clock */
};

/* Contacts of an account, highest q first, the latest first among equals: *pos starts at 0, NULL at the end.
 * Of a device with several flows (RFC 5626) the one registered last. */
const struct contact *registrar_contacts(struct registrar *r, uint64_t tenant_id,
					 uint64_t account_id, size_t *pos);
const struct contact *registrar_contact(struct registrar *r, oid id);
/* How requests to it go: as the contact says, or through its account's outbound proxy (ACC-8).  routes (NULL allowed) gets
 * the Route lines. */
void registrar_way(const struct registrar *r, const struct contact *c, struct flow *flow,
		   struct buf *routes);
/* Of the same device, over another flow (RFC 5626): the one registered last.  NULL: none, or it is no flow.  Also of a contact that is just gone
 * (registrar_changed_h). */
const struct contact *registrar_other_flow(const struct contact *c);
/* RFC 5626 5.3: a request to this contact was answered 430, or by nobody.  A flow is no contact any more; what is left of its device is
 * registrar_other_flow(). */
const struct contact *registrar_flow_failed(struct registrar *r, oid id);
size_t registrar_count(const struct registrar *r);
/* Page through a tenant's contacts (0: all) in order of record_id: the page of `GET registrations`.  after 0: the first. */
const struct contact *registrar_next(struct registrar *r, uint64_t tenant_id,
				     uint64_t after_record_id);

/* What becomes of a contact: open forks, calls and presence listen. */
enum registrar_change {
	REGISTRAR_ADDED,     /* registered anew */
	REGISTRAR_REFRESHED, /* registered again: who did not answer is there now */
	REGISTRAR_CONNECTED, /* on a connection of its own that it was not on before, or (c->flow.conn 0) its own is lost: calls that it
				has go on there */
	REGISTRAR_REMOVED,
};
/* was: of CONNECTED, the connection before; 0: none. */
typedef void registrar_changed_h(const struct contact *c, enum registrar_change what, oid was,
				 void *arg);
int registrar_watch(struct registrar *r, registrar_changed_h *fn, void *arg) MUST_USE;
/* The same for what is one device of an account: by its instance and reg-id (RFC 5626), else while it is the same contact.  Never 0. */
uint64_t registrar_device(const struct contact *c);

/* Who sent this request, outside of any dialog?  When it answers itself (challenge, 403, 400 …) the result is false and the transaction is over. */
struct identity {
	const struct tenant *tenant;
	const struct account *account;
	const struct extension *extension; /* NULL: account without extension */
};
bool registrar_identify(struct registrar *r, struct sip_strans *st, const struct sip_msg *req,
			struct identity *who);

/* Names that mean this server besides those in the model: of the certificate in the configuration file (pem_names()).  ENOMEM */
int registrar_own_names(struct registrar *r, struct str names) MUST_USE;
/* Does the host of a URI mean somebody else than this server, as that device (proved) names it? */
bool registrar_is_elsewhere(struct registrar *r, const struct identity *who, struct str host);

/* A REGISTER for a domain that is no tenant's is offered here first; true: it was answered. */
typedef bool registrar_foreign_h(struct sip_strans *st, const struct sip_msg *req, void *arg);
void registrar_on_foreign(struct registrar *r, registrar_foreign_h *fn, void *arg);
/* For who took it: has its sender proved to know this user's password?  If not it was challenged (or refused), and wrong
 * passwords are counted as those of accounts are.  password STR_NONE: there is no such user. */
bool registrar_prove(struct registrar *r, struct sip_strans *st, const struct sip_msg *req,
		     struct str realm, struct str username, struct str password);

/* A request within a dialog of that account's device, when those are challenged too (sip_settings): has its sender proved to be
 * the account?  Else it was challenged.  Always true when they are not. */
bool registrar_prove_within(struct registrar *r, struct sip_strans *st, const struct sip_msg *req,
			    uint64_t tenant_id, uint64_t account_id);

/* A contact that was in the journal: called before traffic starts. */
int registrar_restore(struct registrar *r, const struct contact_record *c);
/* A source of SIP that was blocked.  EINVAL: its time is over. */
int registrar_restore_block(struct registrar *r, const struct block_record *rec);

#endif
