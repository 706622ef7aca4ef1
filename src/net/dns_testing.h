/* SPDX-License-Identifier: GPL-3.0-or-later */
/* For tests: packets as a name server sends them, and a small name server on a real socket. */
#ifndef NET_DNS_TESTING_H
#define NET_DNS_TESTING_H

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/loop.h"
#include "net/dns_answer.h"
#include "net/sock.h"

struct zone_line { /* the last has no name */
	const char *name;
	enum dns_type type;
	uint32_t ttl;
	const char *
		data; /* "127.0.0.1" · "10 60 5060 host" · "10 20 s SIP+D2U replacement" · "=alias" */
};

struct packet_writer {
	uint8_t p[2048];
	size_t n;
};

static inline void put8(struct packet_writer *w, unsigned v)
{
	if (w->n < sizeof(w->p))
		w->p[w->n++] = (uint8_t)v;
}

static inline void put16(struct packet_writer *w, unsigned v)
{
	put8(w, v >> 8);
	put8(w, v & 0xff);
}

static inline void put32(struct packet_writer *w, uint32_t v)
{
	put16(w, v >> 16);
	put16(w, v & 0xffff);
}

static inline void put_string(struct packet_writer *w, const char *s, size_t n)
{
	put8(w, (unsigned)n);
	for (size_t i = 0; i < n; i++)
		put8(w, (uint8_t)s[i]);
}

static inline void put_name(struct packet_writer *w, const char *name)
{
	while (*name && *name != '.') {
		size_t n = strcspn(name, ".");

		put_string(w, name, n);
		name += n + (name[n] == '.');
	}
	put8(w, 0);
}

/* The answer section's record; class and type 5 when data begins with '='. */
static inline void put_record(struct packet_writer *w, const char *name, enum dns_type type,
			      uint32_t ttl, const char *data)
{
	char word[5][LOCATE_NAME_BYTES] = {"", "", "", "", ""};
	size_t at;

	put_name(w, name);
	put16(w, *data == '=' ? 5 : (unsigned)type);
	put16(w, 1);
	put32(w, ttl);
	at = w->n;
	put16(w, 0);
	(void)sscanf(data, "%255s %255s %255s %255s %255s", word[0], word[1], word[2], word[3],
		     word[4]);
	if (*data == '=') {
		put_name(w, data + 1);
	} else if (type == DNS_A || type == DNS_AAAA) {
		w->n += inet_pton(type == DNS_A ? AF_INET : AF_INET6, data, w->p + w->n) == 1
				? (type == DNS_A ? 4u : 16u)
				: 0;
	} else if (type == DNS_SRV) {
		for (int i = 0; i < 3; i++)
			put16(w, (unsigned)strtoul(word[i], NULL, 10));
		put_name(w, word[3]);
	} else {
		put16(w, (unsigned)strtoul(word[0], NULL, 10));
		put16(w, (unsigned)strtoul(word[1], NULL, 10));
		put_string(w, word[2], strlen(word[2]));
		put_string(w, word[3], strlen(word[3]));
		put_string(w, "", 0);
		put_name(w, word[4]);
	}
	w->p[at] = (uint8_t)((w->n - at - 2) >> 8);
	w->p[at + 1] = (uint8_t)((w->n - at - 2) & 0xff);
}

/* The head and the question; counts are put in by write_answer(). */
static inline void put_question(struct packet_writer *w, const char *name, enum dns_type type,
				unsigned rcode)
{
	w->n = 0;
	put16(w, 0x1234);
	put16(w, 0x8180 | rcode);
	put16(w, 1);
	put16(w, 0);
	put32(w, 0);
	put_name(w, name);
	put16(w, (unsigned)type);
	put16(w, 1);
}

static inline void write_answer(struct packet_writer *w, const struct zone_line *zone,
				const char *name, enum dns_type type)
{
	unsigned n = 0;

	put_question(w, name, type, 0);
	for (const struct zone_line *z = zone; z->name; z++) {
		if (strcasecmp(z->name, name) != 0 || (z->type != type && *z->data != '='))
			continue;
		put_record(w, name, type, z->ttl, z->data);
		n++;
		if (*z->data == '=') { /* and what it leads to */
			const char *alias = z->data + 1;

			for (const struct zone_line *y = zone; y->name; y++)
				if (!strcasecmp(y->name, alias) && y->type == type) {
					put_record(w, alias, type, y->ttl, y->data);
					n++;
				}
		}
	}
	w->p[6] = (uint8_t)(n >> 8);
	w->p[7] = (uint8_t)n;
	if (n)
		return;
	w->p[3] |= 3; /* NXDOMAIN, with the SOA that says for how long */
	w->p[9] = 1;
	put_name(w, "test");
	put16(w, 6);
	put16(w, 1);
	put32(w, 30);
	put16(w, 22);
	put8(w, 0);
	put8(w, 0);
	for (int i = 0; i < 5; i++)
		put32(w, 20);
}

struct name_server {
	const struct zone_line *zone;
	unsigned nasked;
	bool is_silent, is_failing;
	int fd;
	struct loop_fd *watch;
	struct addr addr;
	char text[ADDR_STR_BYTES];
};

static inline void name_server_ready(int fd, unsigned events, void *arg)
{
	struct name_server *s = arg;
	struct packet_writer w = {.n = 0};
	uint8_t q[600];
	struct sockaddr_storage ss;
	socklen_t nss = sizeof(ss);
	ssize_t n = recvfrom(fd, q, sizeof(q), 0, (struct sockaddr *)&ss, &nss);
	char name[LOCATE_NAME_BYTES] = "";
	size_t at = 12, k = 0;

	if (n < 17)
		return;
	s->nasked++;
	if (s->is_silent)
		return;
	while (at + 5 < (size_t)n && q[at] && k + q[at] + 2 < sizeof(name)) {
		if (k)
			name[k++] = '.';
		memcpy(name + k, q + at + 1, q[at]);
		k += q[at];
		at += 1u + q[at];
	}
	name[k] = '\0';
	write_answer(&w, s->zone, name, (enum dns_type)(q[at + 1] << 8 | q[at + 2]));
	memcpy(w.p, q, 2);
	if (s->is_failing)
		w.p[3] = (uint8_t)((w.p[3] & 0xf0) | 2);
	(void)!sendto(fd, w.p, w.n, 0, (struct sockaddr *)&ss, nss);
}

static inline int name_server_open(struct name_server *s, struct loop *l,
				   const struct zone_line *zone)
{
	struct addr local;
	int err = addr_parse(&local, STR("127.0.0.1"), 0);

	s->zone = zone;
	if (!err)
		err = sock_udp(&s->fd, &local, &s->addr);
	if (!err)
		err = loop_watch(&s->watch, l, s->fd, LOOP_READ, name_server_ready, s);
	addr_str(s->text, &s->addr);
	return err;
}

static inline void name_server_close(struct name_server *s)
{
	loop_unwatch(s->watch);
	close(s->fd);
}

#endif
