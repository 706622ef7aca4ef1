/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/addr.h"
#include "base/map.h"

_Static_assert(sizeof(struct addr) == 20, "no hidden padding: compared and hashed as bytes");

static const uint8_t mapped_prefix[12] = {[10] = 0xff, [11] = 0xff};

static void set_v6(struct addr *a, const uint8_t ip[16], uint16_t port)
{
	*a = (struct addr){.family = 6, .port = port};
	if (!memcmp(ip, mapped_prefix, sizeof(mapped_prefix))) {
		a->family = 4;
		memcpy(a->ip, ip + 12, 4);
	} else {
		memcpy(a->ip, ip, 16);
	}
}

int addr_parse(struct addr *a, struct str ip, uint16_t port)
{
	char text[INET6_ADDRSTRLEN];
	uint8_t raw[16];

	if (ip.n >= 2 && ip.p[0] == '[' && ip.p[ip.n - 1] == ']') {
		ip.p++;
		ip.n -= 2;
		if (!memchr(ip.p, ':', ip.n))
			return EINVAL;
	}
	/* A NUL inside would hide what follows it. */
	if (!ip.n || memchr(ip.p, '\0', ip.n) || str_copy(text, sizeof(text), ip))
		return EINVAL;
	if (inet_pton(AF_INET, text, raw) == 1) {
		*a = (struct addr){.family = 4, .port = port};
		memcpy(a->ip, raw, 4);
		return 0;
	}
	if (inet_pton(AF_INET6, text, raw) == 1) {
		set_v6(a, raw, port);
		return 0;
	}
	return EINVAL;
}

int addr_parse_hostport(struct addr *a, struct str hostport, uint16_t default_port)
{
	struct str host = hostport, port = STR_NONE;
	const char *end;
	uint32_t number = default_port;

	if (hostport.n && hostport.p[0] == '[') {
		end = memchr(hostport.p, ']', hostport.n);
		if (!end)
			return EINVAL;
		host.n = (size_t)(end - hostport.p) + 1;
	} else {
		end = hostport.n ? memchr(hostport.p, ':', hostport.n) : NULL;
		/* A second colon: an IPv6 address without brackets, so without port. */
		if (end && !memchr(end + 1, ':', hostport.n - (size_t)(end - hostport.p) - 1))
			host.n = (size_t)(end - hostport.p);
	}
	if (host.n < hostport.n) {
		if (hostport.p[host.n] != ':')
			return EINVAL;
		port = (struct str){hostport.p + host.n + 1, hostport.n - host.n - 1};
		if (str_u32(port, &number) || number > UINT16_MAX)
			return EINVAL;
	}
	return addr_parse(a, host, (uint16_t)number);
}

int addr_from_sockaddr(struct addr *a, const struct sockaddr *sa)
{
	if (sa->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)sa;

		*a = (struct addr){.family = 4, .port = ntohs(in->sin_port)};
		memcpy(a->ip, &in->sin_addr, 4);
		return 0;
	}
	if (sa->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)sa;

		if (in6->sin6_scope_id)
			return EINVAL;
		set_v6(a, in6->sin6_addr.s6_addr, ntohs(in6->sin6_port));
		return 0;
	}
	return EAFNOSUPPORT;
}

socklen_t addr_to_sockaddr(const struct addr *a, struct sockaddr_storage *ss)
{
	struct sockaddr_in *in = (struct sockaddr_in *)ss;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ss;

	memset(ss, 0, sizeof(*ss));
	if (a->family == 6) {
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons(a->port);
		memcpy(&in6->sin6_addr, a->ip, 16);
		return sizeof(*in6);
	}
	in->sin_family = AF_INET;
	in->sin_port = htons(a->port);
	memcpy(&in->sin_addr, a->ip, 4);
	return sizeof(*in);
}

bool addr_eq(const struct addr *a, const struct addr *b)
{
	return a->port == b->port && addr_ip_eq(a, b);
}

bool addr_ip_eq(const struct addr *a, const struct addr *b)
{
	return a->family == b->family && !memcmp(a->ip, b->ip, sizeof(a->ip));
}

bool addr_is_any(const struct addr *a)
{
	static const uint8_t any[16];

	return a->family && !memcmp(a->ip, any, sizeof(any));
}

bool addr_is_loopback(const struct addr *a)
{
	static const uint8_t one[16] = {[15] = 1};

	return (a->family == 4 && a->ip[0] == 127) ||
	       (a->family == 6 && !memcmp(a->ip, one, sizeof(one)));
}

uint64_t addr_hash(const struct addr *a)
{
	struct addr clean = *a;

	clean.pad = 0;
	return map_hash(&clean, sizeof(clean));
}

/* By hand: each message has several, and printf would be a tenth of its cost. */
static char *put_number(char *p, unsigned v)
{
	char digits[10];
	size_t n = 0;

	do
		digits[n++] = (char)('0' + v % 10);
	while (v /= 10);
	while (n)
		*p++ = digits[--n];
	return p;
}

/* The end of what was written. */
static char *put_ip(char *p, const struct addr *a)
{
	if (a->family == 4) {
		for (size_t i = 0; i < 4; i++) {
			p = put_number(p, a->ip[i]);
			*p++ = i < 3 ? '.' : 0;
		}
		return p - 1;
	}
	if (!a->family || !inet_ntop(AF_INET6, a->ip, p, INET6_ADDRSTRLEN))
		memcpy(p, "-", 2);
	return p + strlen(p);
}

_Static_assert(ADDR_STR_BYTES >= INET6_ADDRSTRLEN + 2 + 6, "brackets, colon, port");

const char *addr_ip_str(char dst[ADDR_STR_BYTES], const struct addr *a)
{
	put_ip(dst, a);
	return dst;
}

static char *put_host(char *p, const struct addr *a)
{
	if (a->family != 6)
		return put_ip(p, a);
	*p++ = '[';
	p = put_ip(p, a);
	*p++ = ']';
	*p = 0;
	return p;
}

const char *addr_host_str(char dst[ADDR_STR_BYTES], const struct addr *a)
{
	put_host(dst, a);
	return dst;
}

const char *addr_str(char dst[ADDR_STR_BYTES], const struct addr *a)
{
	char *p = put_host(dst, a);

	*p++ = ':';
	*put_number(p, a->port) = 0;
	return dst;
}

/* ---- networks ---- */

static unsigned bits_of(const struct addr *a)
{
	return a->family == 4 ? 32 : 128;
}

struct addr addr_first(const struct addr *a, unsigned bits)
{
	struct addr first = {.family = a->family};
	unsigned whole = bits / 8, rest = bits % 8;

	memcpy(first.ip, a->ip, whole);
	if (rest)
		first.ip[whole] = (uint8_t)(a->ip[whole] & (0xff00 >> rest));
	return first;
}

/* "24", or for IPv4 "255.255.255.0". */
static int parse_mask(struct str s, const struct addr *of, unsigned *bitsp)
{
	struct addr mask;
	uint32_t number, bits = 0;

	if (!str_u32(s, &number) && number <= bits_of(of)) {
		*bitsp = number;
		return 0;
	}
	if (of->family != 4 || addr_parse(&mask, s, 0) || mask.family != 4)
		return EINVAL;
	for (unsigned i = 0; i < 4; i++)
		bits = bits << 8 | mask.ip[i];
	if (~bits & (~bits + 1)) /* ones after a zero */
		return EINVAL;
	*bitsp = bits ? (unsigned)__builtin_popcount(bits) : 0;
	return 0;
}

int addr_net_parse(struct addr_net *net, struct str s)
{
	struct str ip = str_cut(&s, '/');
	struct addr a, first;
	unsigned bits;

	if (addr_parse(&a, ip, 0) || ip.p[0] == '[')
		return EINVAL;
	bits = bits_of(&a);
	if (s.p && parse_mask(s, &a, &bits))
		return EINVAL;
	first = addr_first(&a, bits);
	if (!addr_ip_eq(&first, &a))
		return EINVAL;
	*net = (struct addr_net){first, bits};
	return 0;
}

bool addr_net_has(const struct addr_net *net, const struct addr *a)
{
	struct addr first;

	if (a->family != net->addr.family)
		return false;
	first = addr_first(a, net->bits);
	return addr_ip_eq(&first, &net->addr);
}

const char *addr_net_str(char dst[ADDR_STR_BYTES], const struct addr_net *net)
{
	char ip[ADDR_STR_BYTES];

	snprintf(dst, ADDR_STR_BYTES, "%.50s/%u", addr_ip_str(ip, &net->addr), net->bits);
	return dst;
}

bool addr_is_private(const struct addr *a)
{
	static const char *const networks[] = {
		"10.0.0.0/8",	  "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "127.0.0.0/8",
		"169.254.0.0/16", "fc00::/7",	   "fe80::/10",	     "::1/128",
	};
	struct addr_net net;

	for (size_t i = 0; i < ARRAY_LEN(networks); i++)
		if (!addr_net_parse(&net, str_of(networks[i])) && addr_net_has(&net, a))
			return true;
	return false;
}
