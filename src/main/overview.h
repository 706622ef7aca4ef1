/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The system as a whole, for who administers it.
 *
 * Thread     core
 * Ownership  the caller's
 */
#ifndef MAIN_OVERVIEW_H
#define MAIN_OVERVIEW_H

#include <jansson.h>
#include <stdint.h>

struct server;

/* {"items":[{"name","state":up|down|off,"reason"}]}: of the parts that the core can tell of. */
json_t *overview_services(const struct server *s);
/* SYS-5: {"dns_servers","addresses","public_addresses","web_domain","sip_domain","ipv6","transports"}; the domain is the tenant's, null of
 * the system. */
json_t *overview_network(const struct server *s, uint64_t tenant_id);
/* {"items":[{"number","kind","id","name","state"}]}: a tenant's numbers but those of its extensions. */
json_t *overview_numbers(const struct server *s, uint64_t tenant_id);

#endif
