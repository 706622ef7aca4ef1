/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The RTP port pairs of a range (even port RTP, the next RTCP): taken at random, so that nobody can guess where the next
 * call's media will be, and left alone for a while when returned, so that packets still under way to a call that has
 * ended do not reach the next.
 *
 * Thread     one owner (core)
 * Units      _ms
 * Errors     ports_alloc EINVAL (no pair in the range), ENOMEM; ports_take ENOSPC
 * Sources    RFC 3550 11 (pairs), RFC 6056 (randomness)
 */
#ifndef MEDIA_PORTS_H
#define MEDIA_PORTS_H

#include "base/rng.h"

enum { PORTS_COOL_MS = 5000 }; /* cut short when there is no other port */

struct ports;

int ports_alloc(struct ports **pp, uint16_t min, uint16_t max, struct rng *rng) MUST_USE;
struct ports *ports_free(struct ports *p);
int ports_take(struct ports *p, uint64_t now_ms, uint16_t *port) MUST_USE;
void ports_return(struct ports *p, uint16_t port, uint64_t now_ms);
size_t ports_in_use(const struct ports *p);
size_t ports_total(const struct ports *p);

#endif
