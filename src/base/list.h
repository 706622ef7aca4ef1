/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Doubly linked list whose links live in the members.  A link that is in no list points to itself (or is zeroed).
 *
 * Thread     one owner
 * Ownership  none: the list never frees
 */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include "base/defs.h"

struct link {
	struct link *next, *prev;
};

static inline void list_init(struct link *l)
{
	l->next = l->prev = l;
}
static inline bool list_empty(const struct link *l)
{
	return l->next == l || !l->next;
}
static inline bool link_linked(const struct link *l)
{
	return l->next && l->next != l;
}
static inline void list_add_before(struct link *at, struct link *l)
{
	l->prev = at->prev;
	l->next = at;
	at->prev->next = l;
	at->prev = l;
}
static inline void list_append(struct link *head, struct link *l)
{
	list_add_before(head, l);
}
static inline void list_prepend(struct link *head, struct link *l)
{
	list_add_before(head->next, l);
}
static inline void list_remove(struct link *l)
{
	if (!link_linked(l))
		return;
	l->prev->next = l->next;
	l->next->prev = l->prev;
	list_init(l);
}
#define LIST_FIRST(head, type, member) \
	(list_empty(head) ? NULL : CONTAINER_OF((head)->next, type, member))
#define LIST_EACH(it, head) \
	for (struct link *it = (head)->next; it && it != (head); it = it->next)
/* The member may be removed (and freed) in the body. */
#define LIST_EACH_SAFE(it, tmp, head)                                            \
	for (struct link *it = (head)->next, *tmp = it ? it->next : NULL;        \
	     it && it != (head); it = tmp, tmp = it->next)

#endif
