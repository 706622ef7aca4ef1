/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A registrar with two tenants, and a phone that talks to it: for the tests of this folder. */
#ifndef REGISTRAR_TESTING_H
#define REGISTRAR_TESTING_H

#include "model/testing.h"
#include "base/bus.h"
#include "base/metric.h"
#include "registrar/registrar.h"
#include "sip/digest.h"
#include "sip/testnet.h"

enum { TENANT = 9, OTHER = 10 };

struct world {
	struct testnet net;
	struct model *model;
	struct registrar *reg;
	struct record_sink sink; /* first of what it finds by it: see on_record */
	struct contact_record records[64];
	size_t nrecords;
	unsigned nadded, nremoved;
	unsigned nbus;
	char bus_reason[32];
	unsigned ninvites; /* let through by registrar_identify() */
	struct identity who;
	struct sip_digest *digest;
	/* what the phone sends */
	const char *user, *password, *domain, *contact, *call_id, *more, *from_user;
	unsigned cseq;
};

static inline int on_record(struct record_sink *s, enum record_kind kind, const void *rec, size_t n)
{
	struct world *w = CONTAINER_OF(s, struct world, sink);

	assert_int_equal(kind, RECORD_CONTACT);
	assert_int_equal(n, sizeof(struct contact_record));
	assert_true(w->nrecords < ARRAY_LEN(w->records));
	memcpy(&w->records[w->nrecords++], rec, n);
	return 0;
}

static inline void on_changed(const struct contact *c, enum registrar_change what, oid was,
			      void *arg)
{
	struct world *w = arg;

	assert_int_equal(c->tenant_id, TENANT);
	w->nadded += what == REGISTRAR_ADDED;
	w->nremoved += what == REGISTRAR_REMOVED;
}

static inline void on_bus(const struct bus_event *ev, void *arg)
{
	struct world *w = arg;

	w->nbus++;
	snprintf(w->bus_reason, sizeof(w->bus_reason), "%s", ev->reason);
}

static inline void on_invite(struct sip_strans *st, const struct sip_msg *req, void *arg)
{
	struct world *w = arg;

	if (!registrar_identify(w->reg, st, req, &w->who))
		return;
	w->ninvites++;
	sip_reply(st, 486, NULL, NULL);
}

static inline void put(struct world *w, const struct resource *r, uint64_t tenant, uint64_t id,
		       const char *json)
{
	testing_put(w->model, r, tenant, id, json);
}

#define EXT (&resource_extension)
#define ACC (&resource_account)
#define TEN (&resource_tenant)

static struct bus *the_bus;

static inline void open_registrar(struct world *w)
{
	struct registrar_conf conf = {
		.env = w->net.conf.env,
		.sip = w->net.sip,
		.model = w->model,
		.records = &w->sink,
		.bus = the_bus,
		.system_realm = "pbx.example.net",
	};

	assert_int_equal(registrar_alloc(&w->reg, &conf), 0);
	assert_int_equal(registrar_watch(w->reg, on_changed, w), 0);
}

static inline int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	tn_open(&w->net);
	w->sink.write = on_record;
	assert_int_equal(model_alloc(&w->model), 0);
	put(w, TEN, 0, TENANT, "{'name':'acme','domain':'acme.example'}");
	put(w, TEN, 0, OTHER, "{'name':'other','domain':'other.example'}");
	put(w, EXT, TENANT, 1, "{'number':'101'}");
	put(w, ACC, TENANT, 1,
	    "{'username':'101','password':'Geheimnis-101','extension_id':'1','system_name':'"
	    "acme101'}");
	put(w, ACC, TENANT, 2, "{'username':'solo','password':'Geheimnis-solo','max_contacts':1}");
	put(w, ACC, TENANT, 3, "{'username':'pair','password':'Geheimnis-pair','max_contacts':2}");
	put(w, ACC, OTHER, 1, "{'username':'101','password':'Anders-101'}");
	assert_int_equal(bus_alloc(&the_bus), 0);
	assert_int_equal(bus_subscribe(the_bus, on_bus, w), 0);
	open_registrar(w);
	sip_on_request(w->net.sip, SIP_INVITE, on_invite, w);
	assert_int_equal(sip_digest_alloc(&w->digest), 0);
	w->user = "101";
	w->password = "Geheimnis-101";
	w->domain = "acme.example";
	w->contact = "<sip:101@198.51.100.7:5070>";
	w->call_id = "reg1";
	w->more = "";
	*state = w;
	return 0;
}

static inline int teardown(void **state)
{
	struct world *w = *state;

	registrar_free(w->reg);
	tn_shut(&w->net);
	model_free(w->model);
	bus_free(the_bus);
	sip_digest_free(w->digest);
	free(w);
	return 0;
}

/* ---- a phone ---- */

static inline void send_request(struct world *w, const char *method, const char *authorization)
{
	static unsigned branch;
	const char *from = w->from_user ? w->from_user : w->user;
	char contact[600] = "";

	branch++;
	w->cseq++;
	if (*w->contact)
		snprintf(contact, sizeof(contact), "Contact: %s\n", w->contact);
	tn_in(&w->net,
	      "%s sip:%s SIP/2.0\n"
	      "Via: SIP/2.0/UDP 198.51.100.7:5070;branch=z9hG4bKr%u;rport\n"
	      "Max-Forwards: 70\nFrom: <sip:%s@%s>;tag=f%u\nTo: <sip:%s@%s>\n"
	      "Call-ID: %s\nCSeq: %u %s\nUser-Agent: Phone/1\n%s%s%s",
	      method, w->domain, branch, from, w->domain, branch, from, w->domain, w->call_id,
	      w->cseq, method, contact, authorization, w->more);
}

static inline void authorize(struct world *w, char *line, size_t bytes, const char *method,
			     const char *name)
{
	bool is_proxy = strcmp(method, "REGISTER") != 0;
	const char *header = is_proxy ? "Proxy-Authenticate" : "WWW-Authenticate";
	struct sip_secret secret;
	char hex[SIP_DIGEST_MAX_HEX + 1], uri[300];
	const char *realm = tn_param(&w->net, header, "realm"),
		   *nonce = tn_param(&w->net, header, "nonce");
	const char *alg = tn_param(&w->net, header, "algorithm");

	snprintf(uri, sizeof(uri), "sip:%s", w->domain);
	sip_secret_make(&secret, str_of(name), str_of(realm), str_of(w->password));
	struct sip_digest_input in = {
		.alg = strcmp(alg, "SHA-256") ? SIP_DIGEST_MD5 : SIP_DIGEST_SHA256,
		.secret = &secret,
		.method = str_of(method),
		.uri = str_of(uri),
		.nonce = str_of(nonce),
		.nc = STR("00000001"),
		.cnonce = STR("c0ffee"),
		.qop = STR("auth"),
	};
	assert_true(sip_digest_response(w->digest, hex, &in) > 0);
	snprintf(line, bytes,
		 "%s: Digest username=\"%s\", realm=\"%s\", nonce=\"%s\", uri=\"%s\", "
		 "response=\"%s\", algorithm=%s, "
		 "qop=auth, nc=00000001, cnonce=\"c0ffee\"\n",
		 is_proxy ? "Proxy-Authorization" : "Authorization", name, realm, nonce, uri, hex,
		 alg);
}

/* The challenge answered as `name`; returns the status of the second answer, which stays in net.last. */
static inline unsigned sign_in_as(struct world *w, const char *method, const char *name)
{
	char line[2000];
	unsigned status;

	send_request(w, method, "");
	status = tn_out_status(&w->net);
	if (status != 401 && status != 407)
		return status;
	authorize(w, line, sizeof(line), method, name);
	send_request(w, method, line);
	return tn_out_status(&w->net);
}

static inline unsigned sign_in(struct world *w, const char *method)
{
	return sign_in_as(w, method, w->user);
}

static inline size_t contacts_of(struct world *w, uint64_t account)
{
	size_t pos = 0, n = 0;

	while (registrar_contacts(w->reg, TENANT, account, &pos))
		n++;
	return n;
}

static inline const struct contact *first_contact(struct world *w, uint64_t account)
{
	size_t pos = 0;

	return registrar_contacts(w->reg, TENANT, account, &pos);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

#endif
