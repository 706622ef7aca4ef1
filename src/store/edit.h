/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One request that changes something, inside a transaction that the writer holds: everything it checks, the rows it writes,
 * the revisions it takes and the `change` rows it leaves.  Either all of it is done, or an error says what was wrong.
 *
 * Every object changed takes one revision of its tenant: (tenant_id, revision) names a change.
 *
 * Thread     writer
 * Ownership  edit_close() frees what was not taken out of the struct (changes' objects, the reply's JSON)
 * Errors     EINVAL, EEXIST with errs · ENOENT · EBUSY If-Match · EBADMSG key used for another body · those of db.h.
 *            EEXIST without errs: a unique index spoke first (another node was faster); the next try sees who it was.
 */
#ifndef STORE_EDIT_H
#define STORE_EDIT_H

#include "store/store_impl.h"

struct edit {
	struct rows *rows;
	const struct store_request *req;
	int64_t now_us;
	struct field_errors errs;
	struct store_change *changes; /* in order; for the core after the commit */
	size_t nchanges, cap;
	struct store_reply reply;
};

int edit_run(struct edit *e) MUST_USE;
void edit_close(struct edit *e);
/* Did this change reach the database?  Asked when a connection broke while committing. */
int edit_is_committed(struct rows *r, const struct store_change *c, int64_t now_us,
		      bool *yes) MUST_USE;

/* ---- for the files that make up an edit ---- */

/* Check, write, log; take the object. */
int edit_create(struct edit *e, struct object **op) MUST_USE;
int edit_update(struct edit *e, const struct object *before, struct object **afterp) MUST_USE;
int edit_delete(struct edit *e, const struct object *before) MUST_USE;

/* From a body as POST takes it, with all that comes along; *madep is borrowed from e->changes. */
int edit_create_from(struct edit *e, json_t *body, const struct object **madep) MUST_USE;
/* As the answer to that body shows it: with what was generated. */
json_t *edit_shown(const struct object *o, const json_t *body) MUST_USE;
/* edit_import.c */
int edit_import(struct edit *e) MUST_USE;

/* edit_check.c */
int edit_check_refs(struct edit *e, const struct object *o) MUST_USE;
int edit_check_unique(struct edit *e, const struct object *o) MUST_USE;
int edit_check_limit(struct edit *e, const struct object *o) MUST_USE;
int edit_check_unused(struct edit *e, const struct object *o) MUST_USE;
/* edit_follow.c: after the body was read, what the object takes from its template; what others take from it. */
int edit_follow(struct edit *e, const struct object *before, struct object *o,
		const json_t *body) MUST_USE;
int edit_followers(struct edit *e, const struct object *before,
		   const struct object *after) MUST_USE;
/* What the object takes from its template as that is now, its overrides as they are. */
int edit_take_template(struct edit *e, struct object *o) MUST_USE;
/* edit_take_in.c: a tenant out of an archive, its ids as they were where they are free */
int edit_take_in(struct edit *e) MUST_USE;
/* edit_undo.c */
int edit_undo(struct edit *e) MUST_USE;
int edit_restore(struct edit *e) MUST_USE;
/* edit_addresses.c */
int edit_check_address_rule(struct edit *e, const struct object *o) MUST_USE;
bool edit_is_host_port(struct str s); /* also when empty */
/* edit_transports.c */
int edit_check_certificate(struct edit *e, struct object *o, const struct object *before) MUST_USE;
int edit_check_transport(struct edit *e, struct object *o, const struct object *before) MUST_USE;
int edit_needs_transport(struct edit *e, const char *field, const char *protocol) MUST_USE;
void edit_check_roots(struct edit *e, const char *field, const char *pem);
int edit_check_outbound_proxy(struct edit *e, struct object *o,
			      const struct object *before) MUST_USE;
int edit_transport_unused(struct edit *e, const struct object *o) MUST_USE;
/* edit_rules.c: what trunks, pools and routing must fulfil; may write numbers as they are compared. */
int edit_check_codecs(struct edit *e, struct object *o, const struct object *before) MUST_USE;
int edit_check_network_setting(struct edit *e, struct object *o,
			       const struct object *before) MUST_USE;
/* edit_headers.c */
int edit_check_header_rules(struct edit *e, struct object *o, const struct object *before) MUST_USE;
/* edit_pools.c: trunks and pools */
/* ENOENT, EPERM: it is not the own of who asks. */
int edit_check_owner(struct edit *e, const struct object *o) MUST_USE;
int edit_owners_trunks_gone(struct edit *e, uint64_t tenant_id) MUST_USE; /* with their tenant */
struct did_why;
/* edit_pbx.c */
int edit_check_pbx_pool(struct edit *e, const struct did_pool *p) MUST_USE;
int edit_check_pbx_trunk(struct edit *e, const struct trunk *t, const struct trunk *was) MUST_USE;
int edit_check_pbx_tenant(struct edit *e, struct object *o, const struct object *before) MUST_USE;
/* edit_destinations.c: the destination in `field` of an object, and its number, in FIELD_number. */
int edit_check_destination(struct edit *e, const struct object *of, const char *field,
			   const struct dest *d, const char *number) MUST_USE;
int edit_check_forwards(struct edit *e, const struct object *of, const struct object_list *forwards,
			const struct object_list *exceptions) MUST_USE;
int edit_check_time_check(struct edit *e, struct object *o, const struct object *before) MUST_USE;
int edit_check_ring_group(struct edit *e, struct object *o, const struct object *before) MUST_USE;
int edit_check_did_pool(struct edit *e, struct object *o, const struct object *before) MUST_USE;
int edit_check_trunk(struct edit *e, struct object *o, const struct object *before) MUST_USE;
int edit_check_domain(struct edit *e, struct object *o, const struct object *before) MUST_USE;
void edit_fault(struct edit *e, const char *field, const struct did_why *why);
/* The tenant's pool on a trunk: ENOENT none. */
int edit_pool_on(struct edit *e, uint64_t tenant_id, uint64_t trunk_id,
		 struct did_pool **pp) MUST_USE;
void edit_needs_pool(struct edit *e, uint64_t tenant_id, uint64_t trunk_id, const char *field,
		     int *errp);
/* What a query by ($1 tenant, $2 trunk, $3 did when given) finds; free(*idsp). */
int edit_ids_of(struct edit *e, const char *sql, const struct object *o, uint64_t trunk_id,
		struct str did, uint64_t **idsp, size_t *np) MUST_USE;
/* edit_rules.c */
int edit_check_rules(struct edit *e, struct object *o, const struct object *before) MUST_USE;
int edit_rules_unused(struct edit *e, const struct object *o) MUST_USE;
/* "extension 101": for messages.  dst of at least 96 bytes. */
void edit_label(char *dst, size_t dst_bytes, const struct object *o);
void edit_label_of(struct edit *e, const struct resource *res, uint64_t tenant_id, uint64_t id,
		   char *dst, size_t dst_bytes);

/* edit_log.c */
/* Before the first look at what is to be changed: nobody else changes the tenant until the commit. */
int edit_lock_tenant(struct edit *e) MUST_USE;
int edit_next_id(struct edit *e, uint64_t tenant_id, uint64_t *idp) MUST_USE;
int edit_next_revision(struct edit *e, uint64_t tenant_id, uint64_t *revisionp) MUST_USE;
/* Writes the change row and keeps the change for the core; takes *afterp (NULL: it is gone). */
int edit_log(struct edit *e, const struct object *before, struct object **afterp) MUST_USE;
/* A line of the log that says that a secret of *op was shown; takes it. */
int edit_log_shown(struct edit *e, struct object **op, const char *field) MUST_USE;
/* For the core only: the tenant's log goes with the tenant. */
int edit_announce(struct edit *e, const struct object *before, uint64_t revision,
		  struct object **afterp) MUST_USE;

/* edit_hooks.c: what a resource brings with it. */
/* Before the body is read: what is not the resource's own is taken out of it, and kept in *aside for the second. */
int edit_hook_body(struct edit *e, json_t *body, json_t **aside) MUST_USE;
/* Whoever makes it: the request, or what brings it along. */
int edit_hook_made(struct edit *e, const struct object *o) MUST_USE;
int edit_hook_created(struct edit *e, const struct object *o, const json_t *aside) MUST_USE;
int edit_hook_updated(struct edit *e, const struct object *before,
		      const struct object *after) MUST_USE;
/* Of a request, after the change has been logged: objects that change along. */
int edit_hook_changed(struct edit *e, const struct object *before,
		      const struct object *after) MUST_USE;
/* Before the row goes: the objects that it owns. */
int edit_hook_deleting(struct edit *e, const struct object *o) MUST_USE;
/* Columns that refer to an object which does not keep it: its owned children. */
bool edit_hook_owns(const struct resource *owner, const struct resource *child);

/* edit_devices.c: hooks and rules of extensions' accounts */
int edit_devices_created(struct edit *e, const struct object *o, const json_t *aside) MUST_USE;
int edit_devices_changed(struct edit *e, const struct object *before,
			 const struct object *after) MUST_USE;
int edit_devices_deleting(struct edit *e, const struct object *o) MUST_USE;
int edit_account_changed(struct edit *e, const struct object *before,
			 const struct object *after) MUST_USE;
int edit_check_alerting(struct edit *e, struct object *o, const struct object *before) MUST_USE;
int edit_check_devices(struct edit *e, const struct object *o) MUST_USE;
int edit_check_account(struct edit *e, struct object *o, const struct object *before) MUST_USE;
/* edit_secrets.c */
int edit_check_sip_password(struct edit *e, struct object *o, const struct object *before) MUST_USE;
/* edit_branding.c */
int edit_check_branding(struct edit *e, struct object *o, const struct object *before) MUST_USE;
/* edit_codes.c */
int edit_check_codes(struct edit *e, struct object *o, const struct object *before) MUST_USE;
/* edit_dealers.c */
int edit_check_dealer(struct edit *e, struct object *o, const struct object *before) MUST_USE;
int edit_check_dealer_of(struct edit *e, struct object *o,
			 const struct object *before) MUST_USE; /* a tenant */
/* edit_webhooks.c */
int edit_check_webhook(struct edit *e, struct object *o, const struct object *before) MUST_USE;
int edit_webhook_deleting(struct edit *e, const struct object *o) MUST_USE;
/* edit_acts.c: the lines of acts.def */
struct args;
typedef int act_h(struct edit *e, const struct args *a);
#define X(name, arguments, answer) act_h act_##name;
#include "store/acts.def"
int edit_act(struct edit *e) MUST_USE;
/* edit_mail.c */
int edit_check_mail_server(struct edit *e, struct object *o, const struct object *before) MUST_USE;
int edit_check_missed_call_mail(struct edit *e, const struct extension *x,
				const struct object *before) MUST_USE;
int edit_check_mail_template(struct edit *e, struct object *o,
			     const struct object *before) MUST_USE;
/* edit_people.c: users, keys, roles */
int edit_check_role(struct edit *e, struct object *o, const struct object *before) MUST_USE;
int edit_check_api_key(struct edit *e, struct object *o, const struct object *before) MUST_USE;
int edit_check_user(struct edit *e, struct object *o, const struct object *before) MUST_USE;
int edit_user_deleting(struct edit *e, const struct object *o) MUST_USE;
int edit_user_made(struct edit *e, const struct object *o) MUST_USE;
int edit_user_updated(struct edit *e, const struct object *before,
		      const struct object *after) MUST_USE;
/* Those that sql finds by ($1 tenant, $2 the object), one after the other. */
int edit_those_gone(struct edit *e, const struct resource *res, const struct object *x,
		    const char *sql) MUST_USE;
int edit_make_owner(struct edit *e, const struct extension *x) MUST_USE;
/* edit_dids.c: the inbound rule of its own number (EXT-4) */
int edit_make_did(struct edit *e, const struct extension *x) MUST_USE;
int edit_owners_gone(struct edit *e, const struct object *x) MUST_USE;
/* edit_owned.c: personal contacts, favourites, holidays of extensions */
int edit_check_holiday(struct edit *e, struct object *o, const struct object *before) MUST_USE;
int edit_check_personal_contact(struct edit *e, struct object *o,
				const struct object *before) MUST_USE;
int edit_check_favourite(struct edit *e, struct object *o, const struct object *before) MUST_USE;
int edit_contact_deleting(struct edit *e, const struct object *o) MUST_USE; /* of either kind */
int edit_owned_gone(struct edit *e, const struct object *extension) MUST_USE;
/* edit_directory.c: the LDAP phone book */
int edit_check_ldap_server(struct edit *e, struct object *o, const struct object *before) MUST_USE;
int edit_check_directory(struct edit *e, struct object *o,
			 const struct object *before) MUST_USE; /* a tenant */
int edit_check_published(struct edit *e, struct object *o,
			 const struct object *before) MUST_USE; /* an extension */
/* edit_groups.c: of extension groups */
int edit_make_default_group(struct edit *e, uint64_t tenant_id) MUST_USE;
int edit_check_groups(struct edit *e, struct object *o, const struct object *before) MUST_USE;
int edit_check_extension_group(struct edit *e, struct object *o,
			       const struct object *before) MUST_USE;
int edit_deleting_extension_group(struct edit *e, const struct object *o) MUST_USE;

/* idem.c: POST with an Idempotency-Key. */
int idem_find(struct edit *e, bool *is_replay) MUST_USE;
int idem_keep(struct edit *e) MUST_USE;

/* session.c */
int session_begin(struct edit *e) MUST_USE; /* LOGIN, whose password has been verified */
int session_end(struct edit *e) MUST_USE;   /* LOGOUT */
int session_end_all_of(struct edit *e, uint64_t tenant_id, uint64_t user_id) MUST_USE;

#endif
