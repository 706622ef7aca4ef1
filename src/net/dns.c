/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * DESIGN  An entry is asked, then known until its time has passed, then asked again when somebody wants it.  Entries being
 * asked are never forgotten: c-ares holds a pointer to each.  Other name servers are another channel; what the old one
 * had under way fails there and is asked of the new one.
 */
#include <ares.h>
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/metric.h"
#include "base/thread.h"
#include "net/dns.h"

enum { MAX_SOCKETS = 64, TIMEOUT_MS = 1500, TRIES = 3, SERVERS_BYTES = 512 };

struct entry {
	struct map_node by_name;
	struct link by_use; /* oldest first */
	struct link waits;
	struct dns *dns;
	bool is_asked, is_telling; /* neither may be forgotten */
	uint64_t until_ms;
	struct dns_records records;
	char name[LOCATE_NAME_BYTES];
};

struct socket {
	struct dns *dns;
	int fd;
	struct loop_fd *watch; /* NULL: free place */
};

struct dns {
	struct loop *loop;
	ares_channel channel;
	struct timer timer;
	struct map by_name;
	struct link by_use;
	size_t n;
	bool is_closing;
	char servers[SERVERS_BYTES];
	struct socket sockets[MAX_SOCKETS];
};

struct key {
	enum dns_type type;
	struct str name;
};

static uint64_t now_ms(const struct dns *d)
{
	return clock_mono_ms(loop_clock(d->loop));
}

/* ---- c-ares on the loop ---- */

static void on_timer(struct timer *t, void *arg);

static void arm(struct dns *d)
{
	struct timeval tv, *wait = ares_timeout(d->channel, NULL, &tv);

	if (!wait)
		timer_cancel(&d->timer);
	else
		timer_start(loop_wheel(d->loop), &d->timer,
			    (uint64_t)wait->tv_sec * 1000 + (uint64_t)wait->tv_usec / 1000 + 1,
			    on_timer, d);
}

static void on_timer(struct timer *t, void *arg)
{
	struct dns *d = arg;

	(void)t;
	ares_process_fd(d->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	arm(d);
}

static void on_socket(int fd, unsigned events, void *arg)
{
	struct dns *d = ((struct socket *)arg)->dns;

	ares_process_fd(d->channel, events & (LOOP_READ | LOOP_ERROR) ? fd : ARES_SOCKET_BAD,
			events & LOOP_WRITE ? fd : ARES_SOCKET_BAD);
	arm(d);
}

static struct socket *find_socket(struct dns *d, int fd)
{
	struct socket *vacant = NULL;

	for (size_t i = 0; i < MAX_SOCKETS; i++) {
		if (d->sockets[i].watch && d->sockets[i].fd == fd)
			return &d->sockets[i];
		if (!d->sockets[i].watch)
			vacant = &d->sockets[i];
	}
	return vacant;
}

/* A socket that cannot be watched: its questions run into their time-out. */
static void watch(void *arg, ares_socket_t fd, int readable, int writable)
{
	struct dns *d = arg;
	struct socket *s = find_socket(d, fd);
	unsigned events = (readable ? LOOP_READ : 0u) | (writable ? LOOP_WRITE : 0u);
	int err = 0;

	if (!s)
		return;
	if (!events) {
		s->watch = loop_unwatch(s->watch);
	} else if (s->watch) {
		err = loop_watch_change(s->watch, events);
	} else {
		s->dns = d;
		s->fd = fd;
		err = loop_watch(&s->watch, d->loop, fd, events, on_socket, s);
	}
	if (err)
		log_warn(NULL, LOGID_DNS, "a socket to a name server is not watched: %s",
			 strerror(err));
}

static int open_channel(struct dns *d, ares_channel *cp, const char *servers)
{
	char lookups[] = "b"; /* copied */
	struct ares_options o = {
		.flags = ARES_FLAG_NOSEARCH | ARES_FLAG_EDNS,
		.timeout = TIMEOUT_MS,
		.tries = TRIES,
		.lookups = lookups,
		.ednspsz = 1232,
		.sock_state_cb = watch,
		.sock_state_cb_data = d,
	};
	int status = ares_init_options(cp, &o,
				       ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES |
					       ARES_OPT_LOOKUPS | ARES_OPT_EDNSPSZ |
					       ARES_OPT_SOCK_STATE_CB | ARES_OPT_NOROTATE);

	if (status)
		return status == ARES_ENOMEM ? ENOMEM : EIO;
	if (!servers[0])
		return 0;
	status = ares_set_servers_ports_csv(*cp, servers);
	if (!status)
		return 0;
	ares_destroy(*cp);
	return status == ARES_ENOMEM ? ENOMEM : EINVAL;
}

/* ---- entries ---- */

static uint64_t hash(const struct key *k)
{
	return map_hash_u64(map_hash_istr(k->name), (uint64_t)k->type);
}

static bool same(const struct map_node *node, const void *arg)
{
	const struct entry *e = CONTAINER_OF(node, struct entry, by_name);
	const struct key *k = arg;

	return e->records.type == k->type && str_ieq(str_of(e->name), k->name);
}

static void forget(struct entry *e)
{
	LIST_EACH_SAFE (it, tmp, &e->waits)
		list_remove(it);
	list_remove(&e->by_use);
	map_remove(&e->dns->by_name, &e->by_name);
	e->dns->n--;
	free(e);
}

/* Room for one more.  False: all are being asked. */
static bool make_room(struct dns *d)
{
	if (d->n < DNS_MAX_ENTRIES)
		return true;
	LIST_EACH (it, &d->by_use) {
		struct entry *e = CONTAINER_OF(it, struct entry, by_use);

		if (!e->is_asked && !e->is_telling) {
			forget(e);
			return true;
		}
	}
	return false;
}

static int add(struct dns *d, const struct key *k, struct entry **ep)
{
	struct entry *e;

	if (!make_room(d))
		return ENOBUFS;
	e = mem_fault() ? NULL : calloc(1, sizeof(*e));
	if (!e)
		return ENOMEM;
	e->dns = d;
	e->records.type = k->type;
	str_fit(e->name, sizeof(e->name), k->name);
	list_init(&e->waits);
	list_append(&d->by_use, &e->by_use);
	map_add(&d->by_name, &e->by_name, hash(k));
	d->n++;
	*ep = e;
	return 0;
}

static void ask(struct entry *e);

static void known(struct entry *e)
{
	uint32_t s = e->records.ttl_s;

	if (e->records.err && e->records.err != ENOENT) {
		e->records.err = EAGAIN;
		s = DNS_FAILED_S;
		log_info(NULL, LOGID_DNS, "name servers do not answer for %s", e->name);
	}
	if (s < DNS_LEAST_S)
		s = DNS_LEAST_S;
	e->records.ttl_s = s;
	e->until_ms = now_ms(e->dns) + (uint64_t)s * 1000;
	e->is_asked = false;
	/* Whoever is told may ask for more, and others may leave; nobody joins one that is known. */
	e->is_telling = true;
	while (!list_empty(&e->waits)) {
		struct dns_wait *w = LIST_FIRST(&e->waits, struct dns_wait, link);

		list_remove(&w->link);
		w->fn(w->arg);
	}
	e->is_telling = false;
}

static void answered(void *arg, int status, int timeouts, unsigned char *p, int n)
{
	struct entry *e = arg;
	enum dns_type type = e->records.type;

	(void)timeouts;
	if (status == ARES_EDESTRUCTION || status == ARES_ECANCELLED) {
		if (!e->dns->is_closing)
			ask(e); /* of the servers of now */
		return;
	}
	/* A refusal comes with its packet, too: it says how long that holds. */
	if (p && n > 0)
		(void)dns_answer_parse(&e->records, type, p, (size_t)n);
	else
		e->records = (struct dns_records){.type = type, .err = EAGAIN};
	known(e);
}

static void ask(struct entry *e)
{
	struct dns *d = e->dns;

	e->is_asked = true;
	metric_add(METRIC_DNS_QUESTIONS, 1);
	ares_query(d->channel, e->name, 1 /* IN */, (int)e->records.type, answered, e);
	arm(d);
}

int dns_get(struct dns *d, enum dns_type type, struct str name, struct dns_wait *wait,
	    const struct dns_records **rp)
{
	struct key k = {type, name};
	struct map_node *node;
	struct entry *e;
	int err = 0;

	ON_THREAD(THREAD_CORE);
	if (name.n && name.p[name.n - 1] == '.')
		k.name.n--;
	if (!dns_is_name(k.name))
		return EINVAL;
	node = map_find(&d->by_name, hash(&k), same, &k);
	if (node)
		e = CONTAINER_OF(node, struct entry, by_name);
	else
		err = add(d, &k, &e);
	if (err)
		return err;
	list_remove(&e->by_use);
	list_append(&d->by_use, &e->by_use);
	if (!e->is_asked && e->until_ms <= now_ms(d))
		ask(e);
	if (e->is_asked) {
		list_append(&e->waits, &wait->link);
		return EINPROGRESS;
	}
	*rp = &e->records;
	return e->records.err;
}

size_t dns_count(const struct dns *d)
{
	return d->n;
}

size_t dns_asked(const struct dns *d, struct addr *v, size_t max)
{
	struct ares_addr_port_node *all = NULL;
	size_t n = 0;

	if (ares_get_servers_ports(d->channel, &all) != ARES_SUCCESS)
		return 0;
	for (const struct ares_addr_port_node *it = all; it && n < max; it = it->next) {
		char text[ADDR_STR_BYTES];

		if (inet_ntop(it->family, &it->addr, text, sizeof(text)) &&
		    !addr_parse(&v[n], str_of(text), (uint16_t)(it->udp_port ? it->udp_port : 53)))
			n++;
	}
	ares_free_data(all);
	return n;
}

/* ---- life ---- */

int dns_servers(struct dns *d, struct str servers)
{
	char text[SERVERS_BYTES];
	ares_channel next, old = d->channel;
	size_t n = 0;
	int err;

	ON_THREAD(THREAD_CORE);
	for (size_t i = 0; i < servers.n; i++) {
		if (servers.p[i] == ' ' || servers.p[i] == '\t')
			continue;
		if (n + 1 == sizeof(text))
			return EINVAL;
		text[n++] = servers.p[i];
	}
	text[n] = '\0';
	if (!strcmp(text, d->servers))
		return 0;
	err = open_channel(d, &next, text);
	if (err)
		return err;
	str_fit(d->servers, sizeof(d->servers), str_of(text));
	LIST_EACH_SAFE (it, tmp, &d->by_use) {
		struct entry *e = CONTAINER_OF(it, struct entry, by_use);

		if (!e->is_asked)
			forget(e);
	}
	d->channel = next;
	ares_destroy(old);
	arm(d);
	return 0;
}

int dns_open(struct dns **dp, struct loop *l)
{
	struct dns *d;
	int err;

	ON_THREAD(THREAD_CORE);
	if (ares_library_init(ARES_LIB_INIT_ALL))
		return ENOMEM;
	d = mem_fault() ? NULL : calloc(1, sizeof(*d));
	if (!d)
		return ENOMEM;
	d->loop = l;
	list_init(&d->by_use);
	err = map_init(&d->by_name);
	if (!err)
		err = open_channel(d, &d->channel, "");
	if (err)
		d = dns_close(d);
	else
		*dp = d;
	return err;
}

struct dns *dns_close(struct dns *d)
{
	if (!d)
		return NULL;
	ON_THREAD(THREAD_CORE);
	d->is_closing = true;
	timer_cancel(&d->timer);
	if (d->channel)
		ares_destroy(d->channel);
	timer_cancel(&d->timer);
	LIST_EACH_SAFE (it, tmp, &d->by_use)
		forget(CONTAINER_OF(it, struct entry, by_use));
	map_close(&d->by_name);
	free(d);
	ares_library_cleanup();
	return NULL;
}
