/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "base/mem.h"
#include "call/attest.h"
#include "call/calls.h"
#include "call/party.h"
#include "route/index.h"
#include "schema/did.h"
#include "sip/write.h"
#include "stir/passport.h"

struct voucher { /* signer or known */
	struct link link;
	uint64_t tenant_id;
	bool is_signer;
	char url[512];
	struct stir_key *key;
};

struct attest {
	struct link certificates;
	struct stir_roots *roots;
};

/* ---- what is configured ---- */

static void empty(struct attest *a)
{
	LIST_EACH_SAFE (it, tmp, &a->certificates) {
		struct voucher *c = CONTAINER_OF(it, struct voucher, link);

		list_remove(&c->link);
		stir_key_free(c->key);
		mem_free(c);
	}
	a->roots = stir_roots_free(a->roots);
}

static int add_certificate(struct attest *a, const struct stir_certificate *o)
{
	struct voucher *c = mem_alloc(sizeof(*c));
	int err;

	if (!c)
		return ENOMEM;
	c->tenant_id = o->signs_for_id;
	c->is_signer = o->kind == STIR_KIND_SIGNER;
	str_fit(c->url, sizeof(c->url), str_of(o->url));
	err = c->is_signer && !*o->key
		      ? EINVAL
		      : stir_key_open(&c->key, o->chain, c->is_signer ? o->key : "");
	if (err)
		mem_free(c);
	else
		list_append(&a->certificates, &c->link);
	return err;
}

static void add(const struct model *m, const struct resource *res, uint64_t tenant_id, uint64_t id,
		void *arg)
{
	struct attest *a = arg;
	const struct stir_certificate *o =
		(const struct stir_certificate *)model_object(m, res, tenant_id, id);
	int err;

	if (!o)
		return;
	err = o->kind == STIR_KIND_AUTHORITY ? stir_roots_add(a->roots, o->chain)
					     : add_certificate(a, o);
	if (err)
		log_warn(NULL, LOGID_CALL, "the stir_certificate %s cannot be used: %s", o->name,
			 err == EINVAL ? "no PEM of a P-256 certificate and its key"
				       : strerror(err));
}

/* They are few, and change once a year: all are read again. */
static void changed(const struct model *m, const struct resource *res, uint64_t tenant_id,
		    uint64_t id, void *arg)
{
	struct attest *a;

	if (res != &resource_stir_certificate)
		return;
	a = ((struct calls *)arg)->attest;
	empty(a);
	if (stir_roots_alloc(&a->roots)) {
		log_error(NULL, LOGID_CALL, "no memory for the authorities of callers' numbers");
		return;
	}
	model_tell_all(m, res, 0, add, a);
}

int attest_open(struct calls *cs)
{
	struct attest *a = mem_alloc(sizeof(*a));
	int err;

	if (!a)
		return ENOMEM;
	list_init(&a->certificates);
	cs->attest = a;
	err = stir_roots_alloc(&a->roots);
	if (!err)
		err = model_watch(cs->conf.model, changed, cs);
	if (!err)
		model_tell_all(cs->conf.model, &resource_stir_certificate, 0, add, a);
	return err;
}

void attest_close(struct calls *cs)
{
	if (!cs->attest)
		return;
	model_unwatch(cs->conf.model, changed, cs);
	empty(cs->attest);
	cs->attest = mem_free(cs->attest);
}

/* ---- calls in ---- */

static const struct stir_key *key_at(const struct attest *a, const char *url)
{
	LIST_EACH (it, &a->certificates) {
		const struct voucher *c = CONTAINER_OF(it, struct voucher, link);

		if (strcmp(c->url, url) == 0)
			return c->key;
	}
	return NULL;
}

/* Of several only the one of our type; the others speak of diversions and priorities. */
static int read_identity(struct stir_token *t, const struct sip_msg *req, const char *dest)
{
	struct sip_values v;
	struct str value;
	int err = ENOENT;

	sip_values_init(&v, req, SIP_HDR_IDENTITY);
	while (err && sip_values_next(&v, &value))
		err = stir_read(t, value, dest);
	return err;
}

static void number_of_to(char dst[STIR_NUMBER_BYTES], const struct sip_msg *req)
{
	char number[128];
	struct sip_addr to;

	dst[0] = '\0';
	if (sip_to(req, &to) || calls_number_dialled(number, sizeof(number), to.uri) ||
	    stir_number(dst, str_of(number)))
		dst[0] = '\0';
}

static enum stir_verdict verdict(struct stir_token *t, const struct leg *leg,
				 const struct sip_msg *req)
{
	const struct attest *a = leg->cs->attest;
	const struct call_record *rec = &leg->call->rec;
	char orig[STIR_NUMBER_BYTES], dest[STIR_NUMBER_BYTES];
	const char *number = leg->asserted ? leg->asserted->number : rec->caller;
	int err;

	if (stir_number(dest, str_of(rec->callee)))
		dest[0] = '\0';
	err = read_identity(t, req, dest);
	if (!err && !t->has_dest) { /* the trunk may have rewritten the Request-URI */
		number_of_to(dest, req);
		err = read_identity(t, req, dest);
	}
	if (err == ENOENT || err == ENOTSUP)
		return STIR_ABSENT;
	if (err || stir_number(orig, str_of(number)))
		return STIR_INVALID;
	if (!a->roots)
		return STIR_BAD_INFO;
	return stir_check(t, key_at(a, t->url), a->roots, orig, calls_wall_us(leg->cs) / 1000000);
}

unsigned attest_check(struct leg *leg, const struct sip_msg *req)
{
	const struct trunk *trunk = leg_trunk(leg);
	struct call *call = leg->call;
	struct log_ctx ctx = leg_log(leg);
	struct stir_token t;
	enum stir_verdict v;

	if (!trunk || trunk->stir_check == STIR_CHECK_OFF)
		return 0;
	v = verdict(&t, leg, req);
	call->verstat = v == STIR_PASSED   ? "TN-Validation-Passed"
			: v == STIR_ABSENT ? "No-TN-Validation"
					   : "TN-Validation-Failed";
	if (v == STIR_PASSED)
		(void)snprintf(call->rec.attestation, sizeof(call->rec.attestation), "%c passed",
			       t.claim.attest);
	else
		(void)snprintf(call->rec.attestation, sizeof(call->rec.attestation), "%s",
			       stir_verdict_name(v));
	log_debug(&ctx, LOGID_CALL, "the caller's number is vouched for: %s",
		  call->rec.attestation);
	return v != STIR_PASSED && trunk->stir_check == STIR_CHECK_REQUIRE ? stir_status(v) : 0;
}

void attest_write(struct buf *lines, const struct leg *leg)
{
	const struct call *call = leg->call;
	const struct leg *caller = leg_get(leg->cs, call->caller);

	if (!call->verstat || !caller || caller->is_private)
		return;
	buf_cstr(lines, "P-Asserted-Identity: <sip:");
	sip_escape_user(lines, str_of(call->rec.caller));
	buf_printf(lines, ";verstat=%s@%s;user=phone>\r\n", call->verstat, call->domain);
}

/* ---- calls out ---- */

static const struct voucher *signer_of(const struct attest *a, uint64_t tenant_id)
{
	const struct voucher *found = NULL;

	LIST_EACH (it, &a->certificates) {
		const struct voucher *c = CONTAINER_OF(it, struct voucher, link);

		if (c->is_signer && c->tenant_id == tenant_id)
			return c;
		if (c->is_signer && !c->tenant_id)
			found = c;
	}
	return found;
}

/* A: the tenant's own number; B: one it may show that is not; C: we only pass the call on. */
static char attestation(const struct leg *leg)
{
	const struct call *call = leg->call;

	if (call->from_trunk_id)
		return 'C';
	return leg->cs->conf.route_index &&
			       route_index_did(leg->cs->conf.route_index, leg->trunk_id,
					       did_plain(str_of(call->plan.caller_id))) ==
				       call->rec.tenant_id
		       ? 'A'
		       : 'B';
}

static void write_date(struct buf *lines, time_t at)
{
	char text[64];
	struct tm tm;

	if (gmtime_r(&at, &tm) && strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", &tm))
		sip_write_header(lines, SIP_HDR_DATE, str_of(text));
}

void attest_sign(struct buf *lines, const struct leg *leg)
{
	const struct trunk *trunk = leg_trunk(leg);
	struct call *call = leg->call;
	struct log_ctx ctx = leg_log(leg);
	const struct voucher *c;
	struct stir_claim claim = {.iat_s = calls_wall_us(leg->cs) / 1000000};
	struct buf value = {0};
	int err;

	if (!trunk || !trunk->stir_sign)
		return;
	c = signer_of(leg->cs->attest, call->rec.tenant_id);
	if (!c || stir_number(claim.orig, str_of(call->plan.caller_id)) ||
	    stir_number(claim.dest, str_of(leg->rec.number)))
		return;
	claim.attest = attestation(leg);
	(void)snprintf(claim.origid, sizeof(claim.origid), "%08x-%04x-4%03x-8%03x-%012llx",
		       (unsigned)(call->rec.tenant_id & 0xffffffff),
		       (unsigned)(call->rec.tenant_id >> 32 & 0xffff),
		       (unsigned)(call->rec.tenant_id >> 48 & 0xfff),
		       (unsigned)(call->rec.id >> 48 & 0xfff),
		       (unsigned long long)call->rec.id & 0xffffffffffffULL);
	err = stir_sign(&value, c->key, &claim, str_of(c->url));
	if (err) {
		log_warn(&ctx, LOGID_CALL, "the call goes unsigned: %s", strerror(err));
	} else {
		write_date(lines, (time_t)claim.iat_s);
		sip_write_header(lines, SIP_HDR_IDENTITY, buf_view(&value));
		(void)snprintf(call->rec.attestation, sizeof(call->rec.attestation), "%c signed",
			       claim.attest);
	}
	buf_free(&value);
}
