/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Counted memory for objects that live and die with calls, dialogs, transactions and registrations: the server's own byte
 * counter (METRIC_CORE_BYTES) that must be back where it was when all is quiet.  Not for tables that only grow.
 *
 * Test builds can let the Nth allocation fail: mem_fail(n) makes the n-th from now fail (1 = the next), and with `forever`
 * all after it.  Containers of base ask mem_fault() too, so the loop "fail 1, 2, 3 … until all succeeds" meets them all.
 *
 * Thread     any; what others count meanwhile may be missed.  mem_fail: the thread whose allocations shall fail
 * Ownership  what mem_alloc gives goes back with mem_free, never free()
 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include "base/str.h"

void *mem_alloc(size_t n) MUST_USE; /* zeroed; NULL without memory */
void *mem_realloc(void *p,
		  size_t n) MUST_USE; /* NULL: p is as it was; bytes beyond the old size are zero */
void *mem_dup(const void *p, size_t n) MUST_USE;
char *mem_str(struct str s) MUST_USE; /* with terminator */
void *mem_free(void *p);	      /* NULL allowed; returns NULL */
uint64_t mem_bytes(void);	      /* as asked for */
uint64_t mem_objects(void);

#ifdef OFFHOOK_TEST_BUILD
void mem_fail(uint64_t nth, bool forever); /* 0: no more failures */
bool mem_failed(void);			   /* did one fail since mem_fail()? */
bool mem_fault(void);			   /* counts one allocation: true = it shall fail */
#else /* never fails on purpose; callers compile all the same */
static inline void mem_fail(uint64_t nth, bool forever)
{
}
static inline bool mem_failed(void)
{
	return false;
}
static inline bool mem_fault(void)
{
	return false;
}
#endif

#endif
