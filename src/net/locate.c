/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * DESIGN  A finding is worked out from its question each time anew over what is known: where something is not known yet, it
 * is asked for, the rest of what can be asked at once too, and when all of that is there the finding is worked out again.  So
 * RFC 3263 stands here as a plain function, without states; answers live at least DNS_LEAST_S, so it comes to an end.
 */
#include <string.h>

#include "base/ids.h"
#include "base/mem.h"
#include "base/thread.h"
#include "net/locate.h"

enum { MAX_FINDINGS = 20000, MAX_WAITS = 48, MAX_ROUNDS = 8, MAX_SERVICES = 6 };

struct finding {
	struct net_locator *of;
	oid id;
	struct locate_question q;
	char host[LOCATE_NAME_BYTES];
	located_h *fn;
	void *arg;
	unsigned rounds;
	size_t nwaits, npending;
	struct dns_wait waits[MAX_WAITS];
	bool has_failed; /* a name server did not answer */
	struct located found;
};

struct net_locator {
	struct locator locator; /* first */
	struct dns *dns;
	locate_reaches_h *reaches;
	void *arg;
	struct ids *findings;
};

struct service { /* SRV records to ask for */
	enum flow_transport transport;
	char name[LOCATE_NAME_BYTES];
};

static void ready(void *arg);

static bool reaches(const struct finding *f, enum flow_transport t)
{
	return f->of->reaches(t, 4, f->of->arg) || f->of->reaches(t, 6, f->of->arg);
}

/* The records, or NULL: none, or not yet (then f waits). */
static const struct dns_records *get(struct finding *f, enum dns_type type, const char *name)
{
	const struct dns_records *r;
	struct dns_wait *w;
	int err;

	if (f->nwaits == MAX_WAITS)
		return NULL;
	w = &f->waits[f->nwaits];
	*w = (struct dns_wait){.fn = ready, .arg = f};
	err = dns_get(f->of->dns, type, str_of(name), w, &r);
	if (!err) {
		if (r->ttl_s < f->found.ttl_s)
			f->found.ttl_s = r->ttl_s;
		return r;
	}
	if (err == EINPROGRESS) {
		f->nwaits++;
		f->npending++;
	} else if (err != ENOENT && err != EINVAL) {
		f->has_failed = true;
	}
	return NULL;
}

/* ---- RFC 3263 ---- */

static void add_addresses(struct finding *f, enum dns_type type, const char *host,
			  struct locate_target t)
{
	const struct dns_records *r;

	if (!f->of->reaches(t.transport, type == DNS_A ? 4 : 6, f->of->arg))
		return;
	r = get(f, type, host);
	for (size_t i = 0; r && i < r->n && f->found.n < LOCATE_MAX; i++) {
		uint16_t port = t.addr.port;

		t.addr = r->addr[i];
		t.addr.port = port;
		f->found.target[f->found.n++] = t;
	}
}

static void add_host(struct finding *f, const char *host, uint16_t port, struct locate_target t)
{
	struct addr a;

	t.addr = (struct addr){.port = port};
	if (!addr_parse(&a, str_of(host), port)) {
		t.addr = a;
		if (f->found.n < LOCATE_MAX)
			f->found.target[f->found.n++] = t;
		return;
	}
	add_addresses(f, DNS_A, host, t);
	add_addresses(f, DNS_AAAA, host, t);
}

static size_t naptr_services(struct finding *f, struct service *s)
{
	static const struct {
		const char *service;
		enum flow_transport transport;
	} known[] = {{"SIP+D2U", FLOW_UDP}, {"SIP+D2T", FLOW_TCP}, {"SIPS+D2T", FLOW_TLS}};
	const struct dns_records *r = get(f, DNS_NAPTR, f->host);
	size_t n = 0;

	for (size_t i = 0; r && i < r->n; i++)
		for (size_t k = 0; k < ARRAY_LEN(known) && n < MAX_SERVICES; k++) {
			const struct dns_naptr *x = &r->naptr[i];

			if (!str_ieq(str_of(x->flags), STR("s")) ||
			    !str_ieq(str_of(x->service), str_of(known[k].service)) ||
			    !reaches(f, known[k].transport))
				continue;
			s[n].transport = known[k].transport;
			memcpy(s[n++].name, x->replacement, LOCATE_NAME_BYTES);
		}
	return n;
}

static size_t usual_services(const struct finding *f, struct service *s)
{
	static const char *const prefixes[] = {
		[FLOW_UDP] = "_sip._udp.", [FLOW_TCP] = "_sip._tcp.", [FLOW_TLS] = "_sips._tcp."};
	const struct locate_question *q = &f->q;
	size_t n = 0;

	/* TLS is never taken because it is there: who wants it says so, or the NAPTR records do. */
	for (enum flow_transport t = FLOW_UDP; t <= FLOW_TLS; t++) {
		size_t k = strlen(prefixes[t]);

		if (q->is_any_transport ? t == FLOW_TLS || !reaches(f, t) : t != q->transport)
			continue;
		if (k + strlen(f->host) >= LOCATE_NAME_BYTES)
			continue;
		s[n].transport = t;
		memcpy(s[n].name, prefixes[t], k);
		memcpy(s[n++].name + k, f->host, strlen(f->host) + 1);
	}
	return n;
}

/* The hosts of SRV records; true when there are such records, whatever becomes of their hosts. */
static bool add_service(struct finding *f, const struct service *s, size_t rank)
{
	const struct dns_records *r = get(f, DNS_SRV, s->name);
	struct dns_srv srv[DNS_MAX_RECORDS];
	size_t n = r ? r->n : 0;

	if (n)
		memcpy(srv, r->srv,
		       n * sizeof(srv[0])); /* the next question may end what is borrowed */
	for (size_t i = 0; i < n; i++) {
		struct locate_target t = {.transport = s->transport,
					  .priority = (uint32_t)(rank << 16) | srv[i].priority,
					  .weight = srv[i].weight,
					  .host = (uint16_t)(rank * DNS_MAX_RECORDS + i)};

		if (srv[i].host[0])
			add_host(f, srv[i].host, srv[i].port, t);
	}
	return n > 0;
}

static void work_out(struct finding *f)
{
	struct service services[MAX_SERVICES];
	struct locate_target plain = {.transport = f->q.transport};
	bool has_srv = false;
	size_t n = 0;

	f->found = (struct located){.ttl_s = DNS_MAX_TTL_S};
	f->has_failed = false;
	if (f->q.port) {
		add_host(f, f->host, f->q.port, plain);
		return;
	}
	if (f->q.is_any_transport) {
		n = naptr_services(f, services);
		if (f->npending)
			return; /* what else to ask depends on it */
	}
	if (!n)
		n = usual_services(f, services);
	for (size_t i = 0; i < n; i++)
		has_srv |= add_service(f, &services[i], i);
	if (!has_srv && !f->npending)
		add_host(f, f->host, locate_default_port(plain.transport), plain);
}

/* ---- life of a finding ---- */

static struct finding *finding_free(struct finding *f)
{
	if (!f)
		return NULL;
	for (size_t i = 0; i < f->nwaits; i++)
		list_remove(&f->waits[i].link);
	if (f->id)
		ids_remove(f->of->findings, f->id);
	return mem_free(f);
}

/* EINPROGRESS: it waits. */
static int go_on(struct finding *f)
{
	f->nwaits = f->npending = 0;
	work_out(f);
	if (f->npending && ++f->rounds < MAX_ROUNDS)
		return EINPROGRESS;
	if (f->npending)
		f->has_failed = true;
	if (f->found.n)
		return 0;
	return f->has_failed ? EAGAIN : ENOENT;
}

static void ready(void *arg)
{
	struct finding *f = arg;
	located_h *fn = f->fn;
	struct located found;
	void *fn_arg = f->arg;
	int err;

	if (--f->npending)
		return;
	err = go_on(f);
	if (err == EINPROGRESS)
		return;
	found = f->found;
	finding_free(f);
	fn(err ? NULL : &found, err, fn_arg);
}

static int finding_alloc(struct finding **fp, struct net_locator *l,
			 const struct locate_question *q)
{
	struct str host = q->host;
	struct finding *f;
	int err;

	if (host.n && host.p[host.n - 1] == '.')
		host.n--;
	if (!dns_is_name(host))
		return EINVAL;
	f = mem_alloc(sizeof(*f));
	if (!f)
		return ENOMEM;
	f->of = l;
	f->q = *q;
	str_fit(f->host, sizeof(f->host), host);
	f->q.host = str_of(f->host);
	err = ids_add(l->findings, f, &f->id);
	if (err)
		finding_free(f);
	else
		*fp = f;
	return err == ENOSPC ? ENOBUFS : err;
}

static int find(struct locator *locator, const struct locate_question *q, struct located *found,
		located_h *fn, void *arg, oid *idp)
{
	struct finding *f;
	int err;

	ON_THREAD(THREAD_CORE);
	if (locate_literal(q, found))
		return 0;
	err = finding_alloc(&f, (struct net_locator *)locator, q);
	if (err)
		return err;
	f->fn = fn;
	f->arg = arg;
	err = go_on(f);
	if (err == EINPROGRESS) {
		*idp = f->id;
		return err;
	}
	*found = f->found;
	finding_free(f);
	return err;
}

static void forget(struct locator *locator, oid id)
{
	ON_THREAD(THREAD_CORE);
	finding_free(ids_get(((struct net_locator *)locator)->findings, id));
}

int locate_open(struct locator **lp, struct dns *d, locate_reaches_h *reaches_fn, void *arg)
{
	struct net_locator *l = mem_alloc(sizeof(*l));
	int err;

	if (!l)
		return ENOMEM;
	l->locator = (struct locator){find, forget};
	l->dns = d;
	l->reaches = reaches_fn;
	l->arg = arg;
	err = ids_alloc(&l->findings, MAX_FINDINGS);
	if (err)
		mem_free(l);
	else
		*lp = &l->locator;
	return err;
}

struct locator *locate_close(struct locator *locator)
{
	struct net_locator *l = (struct net_locator *)locator;
	struct finding *f;
	size_t pos = 0;
	oid id;

	if (!l)
		return NULL;
	while ((f = ids_next(l->findings, &pos, &id)))
		finding_free(f);
	ids_free(l->findings);
	mem_free(l);
	return NULL;
}
