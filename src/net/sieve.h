/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Thinning out new calls in the kernel: a filter before a datagram socket that reads the beginning of each datagram, drops a share of the
 * INVITEs at random, and lets pass whatever else there is (flow_thinning says what must never be dropped).
 *
 * It errs on the side of letting pass: what looks like one of our tags (in the first 800 bytes) or like credentials (in the first 1,500) is
 * enough; both limits are lower where the kernel has little memory for filters.  Escaped digits of a number are not known.
 *
 * Thread     any; the kernel puts the whole filter in place at once
 * Errors     ENOSPC: more than FLOW_THIN_NUMBERS; EINVAL: the mark is not FLOW_THIN_MARK bytes; ENOMEM: beyond net.core.optmem_max
 * Sources    TRN-5; socket(7) SO_ATTACH_FILTER; ADR 0035
 */
#ifndef NET_SIEVE_H
#define NET_SIEVE_H

#include "base/flow.h"

/* NULL: everything comes through again. */
int sieve_set(int fd, const struct flow_thinning *t) MUST_USE;

#endif
