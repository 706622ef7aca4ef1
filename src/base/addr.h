/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An IP address and port, IPv4 or IPv6, small and comparable with memcmp.
 *
 * IPv4-mapped IPv6 addresses are turned into IPv4, so one peer has one form.  Link-local zones are refused.
 */
#ifndef BASE_ADDR_H
#define BASE_ADDR_H

#include <sys/socket.h>
#include "base/str.h"

struct addr {
	uint8_t family; /* 0 none, 4, 6 */
	uint8_t pad;
	uint16_t port;	/* host order */
	uint8_t ip[16]; /* network order; IPv4 in the first four, rest 0 */
};

#define ADDR_STR_BYTES 64 /* "[ipv6]:port" and terminator fit */

/* "192.0.2.1", "2001:db8::1", "[2001:db8::1]"; never resolves names.  EINVAL otherwise. */
int addr_parse(struct addr *a, struct str ip, uint16_t port) MUST_USE;
int addr_parse_hostport(struct addr *a, struct str hostport, uint16_t default_port) MUST_USE;
int addr_from_sockaddr(struct addr *a, const struct sockaddr *sa) MUST_USE;
socklen_t addr_to_sockaddr(const struct addr *a, struct sockaddr_storage *ss);
bool addr_eq(const struct addr *a, const struct addr *b);    /* with port */
bool addr_ip_eq(const struct addr *a, const struct addr *b); /* without */
bool addr_is_any(const struct addr *a);
bool addr_is_loopback(const struct addr *a);
bool addr_is_private(
	const struct addr
		*a); /* nobody on the Internet reaches it, and its own network without a NAT */
uint64_t addr_hash(const struct addr *a); /* with port, under map_hash's key */

/* A network: an address whose bits after the first `bits` are zero; its port is 0. */
struct addr_net {
	struct addr addr;
	unsigned bits;
};
/* "192.0.2.7" (one address), "192.0.2.0/24", "192.0.2.0/255.255.255.0", "2001:db8::/32".  EINVAL, also when bits are set
 * after the prefix: "10.1.2.3/8" is a mistake more often than it is meant. */
int addr_net_parse(struct addr_net *net, struct str s) MUST_USE;
struct addr addr_first(const struct addr *a, unsigned bits); /* the network it is in */
bool addr_net_has(const struct addr_net *net, const struct addr *a);
const char *addr_net_str(char dst[ADDR_STR_BYTES], const struct addr_net *net); /* "192.0.2.0/24" */

/* Text: ip (IPv6 without brackets) · host as in a URI (IPv6 in brackets) · host:port */
const char *addr_ip_str(char dst[ADDR_STR_BYTES], const struct addr *a);
const char *addr_host_str(char dst[ADDR_STR_BYTES], const struct addr *a);
const char *addr_str(char dst[ADDR_STR_BYTES], const struct addr *a);

#endif
